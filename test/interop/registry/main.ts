/**
 * `npm run interop:registry`: the registry under the real clients of Consul and DNS, in the long form, with counts for each.
 * Fails when any of them is told anything else than it should be; who is missing is named, and not counted. With `--twins`
 * the door errs on purpose, in one thing after the other, and it fails when a client does not notice.
 */
import { parseArgs } from "node:util";
import { endLaunched } from "../../processes/launched.ts";
import { endPrograms } from "./programs.ts";
import { outcomeOf, parts } from "./run.ts";
import type { Outcome } from "./run.ts";
import { Stage } from "./stage.ts";
import { twins } from "./twins.ts";

const { values } = parseArgs({
  options: {
    short: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    twins: { type: "boolean", default: false },
  },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const columns = (cells: readonly (string | number)[]): string =>
  cells.map((cell, i) => (i === 0 ? String(cell).padEnd(22) : String(cell).padStart(12))).join("");

function tell({ client, operations, assertions, mismatches, seconds, skipped, notes }: Outcome): void {
  if (skipped !== null) return say(`${columns([client, "SKIPPED"])}  ${skipped}`);
  say(columns([client, operations, assertions, mismatches.length, seconds.toFixed(1)]));
  for (const note of notes) say(`  ${note}`);
  for (const mismatch of mismatches) say(`  MISMATCH ${mismatch}`);
}

let stage = new Stage();

async function stopped(): Promise<void> {
  await endPrograms();
  await stage.end();
  endLaunched();
  process.exit(130);
}

async function clients(): Promise<void> {
  const chosen = parts.filter(({ client }) => client.includes(values.only));
  if (chosen.length === 0) throw new Error(`--only is part of one of: ${parts.map(({ client }) => client).join(", ")}`);
  await stage.begin();
  say(columns(["client", "operations", "assertions", "mismatches", "seconds"]));
  const outcomes: Outcome[] = [];
  for (const part of chosen) {
    const outcome = await outcomeOf(part, { stage, long: !values.short });
    outcomes.push(outcome);
    tell(outcome);
  }
  const total = (count: (outcome: Outcome) => number): number => outcomes.reduce((sum, one) => sum + count(one), 0);
  const mismatches = total((one) => one.mismatches.length);
  say(columns(["all", total((one) => one.operations), total((one) => one.assertions), mismatches]));
  if (mismatches > 0) process.exitCode = 1;
}

async function mistakes(): Promise<void> {
  for (const twin of twins.filter(({ name }) => name.includes(values.only))) {
    const part = parts.find(({ client }) => client === twin.client);
    if (part === undefined) throw new Error(`${twin.name} names nobody who could notice`);
    stage = new Stage();
    await stage.begin(0, twin);
    const { mismatches, skipped } = await outcomeOf(part, { stage, long: false, twin });
    await stage.end();
    const verdict = skipped === null ? (mismatches.length > 0 ? "caught" : "SURVIVED") : "SKIPPED";
    say(
      `${twin.name.padEnd(30)} ${verdict.padEnd(9)} ${skipped ?? `by ${twin.client}: ${mismatches[0]?.slice(0, 120) ?? ""}`}`,
    );
    if (verdict === "SURVIVED") process.exitCode = 1;
  }
}

for (const name of ["SIGINT", "SIGTERM"]) process.once(name, () => void stopped());
try {
  await (values.twins ? mistakes() : clients());
} finally {
  await stage.end();
  endLaunched();
}
