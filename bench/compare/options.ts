/** The command line of `npm run bench`, checked. Called by `bench/main.ts` alone. */
import { parseArgs } from "node:util";

export const help = `Synod beside etcd and beside the runtime's own limits, on this machine.

  npm run bench -- [flags]

  --quick              one round of 1 s: within two minutes
  --rounds N           how often everybody has a turn (5)
  --seconds N          how long a turn is (2)
  --connections A,B    1, or multiples of 3 (1,15,63,255)
  --watchers N         of the fan-out (500)
  --only A,B           of puts, linearizable, local, mixed, batch, fan-out, disk (all)
  --json FILE          every round, for programs
`;

const parts = ["puts", "linearizable", "local", "mixed", "batch", "fan-out", "disk"] as const;

export type Part = (typeof parts)[number];

export interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly connections: readonly number[];
  readonly watchers: number;
  readonly only: ReadonlySet<Part>;
  readonly json: string | undefined;
}

/** @returns null if help is wanted. Throws a TypeError that says what is wrong. */
export function readOptions(args: readonly string[]): Options | null {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: flag,
      help: flag,
      rounds: text,
      seconds: text,
      connections: text,
      watchers: text,
      only: text,
      json: text,
    },
  });
  if (values.help === true) return null;
  const quick = values.quick === true;
  const connections = (values.connections ?? "1,15,63,255").split(",");
  return {
    rounds: count("rounds", values.rounds ?? (quick ? "1" : "5")),
    seconds: count("seconds", values.seconds ?? (quick ? "1" : "2")),
    warmUpSeconds: quick ? 0 : 1,
    connections: connections.map((one) => connectionCount(one)),
    watchers: count("watchers", values.watchers ?? "500"),
    only: new Set(values.only?.split(",").map(part) ?? parts),
    json: values.json,
  };
}

function count(name: string, text: string): number {
  if (!/^[1-9]\d{0,4}$/.test(text)) throw new TypeError(`--${name} is a whole number from 1`);
  return Number(text);
}

/** So that each gateway has as many. */
function connectionCount(text: string): number {
  const connections = count("connections", text);
  if (connections !== 1 && connections % 3 !== 0) throw new TypeError("--connections are 1 or multiples of 3");
  return connections;
}

function part(text: string): Part {
  const found = parts.find((one) => one === text);
  if (found === undefined) throw new TypeError(`--only knows ${parts.join(", ")}`);
  return found;
}
