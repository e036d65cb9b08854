/**
 * What the parts of `npm run bench:growth` share: a Synod of their own, times taken turn about, and what the process takes.
 */
import { readFileSync } from "node:fs";
import type { Client } from "../cost/client.ts";
import { inTurn, keysFrom } from "../cost/client.ts";
import type { Counted } from "../cost/counted.ts";
import { median } from "../report.ts";

export interface Ground {
  /** Starts a counted Synod on a directory of that name; the same name finds the same data again. */
  readonly start: (name: string) => Promise<Counted>;
  /** Few and small: a form that ends in seconds. */
  readonly quick: boolean;
  readonly directory: string;
}

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** Median ms of each kind of work, all of them once in every round, so that what disturbs one disturbs all. */
export async function turnAbout(
  rounds: number,
  kinds: readonly ((round: number) => Promise<unknown>)[],
): Promise<readonly number[]> {
  const times = kinds.map((): number[] => []);
  for (const [at, kind] of kinds.entries()) await timed(async () => kind(at));
  await inTurn(rounds, async (round) => {
    for (const [at, kind] of kinds.entries()) times[at]?.push(await timed(async () => kind(round)));
  });
  return times.map(median);
}

/** Fills a namespace with so many keys, a thousand in each slot. */
export async function fill(client: Client, keys: number, value = "0123456789abcdef"): Promise<void> {
  for (let at = 0; at < keys; at += 1_000) await client.batch(keysFrom(at, Math.min(1_000, keys - at)), value);
}

export function residentMiB({ single: { pid } }: Counted): number {
  const [, kib = "0"] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) / 1024;
}

/** Bytes of one replica's and of one acceptor's database, the largest of each. */
export async function sizesOf(synod: Counted, namespace: string): Promise<{ replica: number; acceptor: number }> {
  const weighed = await synod.weigh(namespace);
  const largest = (kind: string): number =>
    Math.max(...weighed.filter((one) => one.kind === kind).map(({ bytes }) => bytes));
  return { replica: largest("replica"), acceptor: largest("acceptor") };
}

export const ms = (n: number): string => n.toFixed(2);
export const mib = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1);
/** The value beside its ratio to the first. */
export const ratios = (values: readonly number[]): readonly string[] =>
  values.map((value) => `${ms(value)} (${(value / (values[0] ?? value)).toFixed(2)})`);
