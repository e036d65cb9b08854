/** Reads the command line of a chaos run: strict, with one clear sentence for what is wrong. */
import { UsageError } from "../../scripts/runtime/errors.ts";
import { readFlags, readPath } from "../../scripts/runtime/flags.ts";
import type { Options } from "./run.ts";
import { twins } from "./twins.ts";

export const help = `Chaos on a real cluster: region processes killed, stopped, cut off and starved of disk under load, and
every answer judged.

  npm run chaos -- [flags]

  --minutes M        how long the storm lasts; fractions are allowed (1)
  --seed S           which faults come when; the same seed gives the same plan (1)
  --clients N        clients of keys and values, besides one bound to each region (6)
  --report FILE      writes the report as JSON, too
  --history FILE     writes all that clients asked and were told, as JSON
  --twin NAME        ${twins.join(" or ")}: clients that err on purpose; must end in a violation
  --help             this text

Ctrl-C ends the storm early; what happened until then is judged. Exit code 0: everything promised was kept. 1: a
violation, or not decided. 2: a wrong flag.
`;

export interface CommandLine extends Options {
  readonly report: string | undefined;
  readonly history: string | undefined;
}

/** Null: only the help is wanted. */
export function readCommandLine(args: readonly string[]): CommandLine | null {
  const flags = ["minutes", "seed", "clients", "report", "history", "twin"] as const;
  const { help: wanted, values } = readFlags(flags, args);
  if (wanted) return null;
  const twin = twins.find((one) => one === values.twin) ?? null;
  if (values.twin !== undefined && twin === null) {
    throw new UsageError(`--twin must be ${twins.join(" or ")}, not "${values.twin}"`);
  }
  return {
    minutes: number("--minutes", values.minutes, 1, { from: 0.05, to: 1_440, whole: false }),
    seed: number("--seed", values.seed, 1, { from: 0, to: 1e12, whole: true }),
    clients: number("--clients", values.clients, 6, { from: 1, to: 64, whole: true }),
    report: readPath("--report", values.report),
    history: readPath("--history", values.history),
    twin,
  };
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly whole: boolean;
}

function number(flag: string, text: string | undefined, absent: number, { from, to, whole }: Range): number {
  if (text === undefined) return absent;
  const value = (whole ? /^\d+$/ : /^\d+(\.\d+)?$/).test(text) ? Number(text) : Number.NaN;
  if (value >= from && value <= to) return value;
  throw new UsageError(`${flag} must be a ${whole ? "whole " : ""}number from ${from} to ${to}, not "${text}"`);
}
