/** What random operations are made of: keys, ranges, values, revisions, leases; and chance itself. */
import { integerBetween } from "../../../src/support/random.ts";
import type { Random } from "../../../src/support/random.ts";
import { leasePlaceholder } from "./endpoint.ts";
import type { Run } from "./run.ts";

/**
 * Few keys, so that they meet, and no more than a range of them is sorted by insertion: beyond twelve Go's sort mixes up
 * what is equal, and then no two runs of etcd itself are alike.
 */
const keys = ["\x00", "a", "a\x00", "a/1", "a/2", "ab", "b", "b/x", "c", "d", "k", "\xff\xff"] as const;
/** Where locks and elections are: after all of the keys above but the last. */
export const lockNames = ["~lock/1", "~lock/2"] as const;

export const base64 = (latin1: string): string => Buffer.from(latin1, "latin1").toString("base64");

export const chance = (random: Random, probability: number): boolean => random.next() < probability;

export function oneOf<T>(random: Random, items: readonly T[]): T {
  const item = items[integerBetween(random, 0, items.length - 1)];
  if (item === undefined) throw new Error("there is nothing to choose from");
  return item;
}

export interface Weighted<T> {
  readonly weight: number;
  readonly item: T;
}

export function weighted<T>(random: Random, items: readonly Weighted<T>[]): T {
  let left = random.next() * items.reduce((sum, { weight }) => sum + weight, 0);
  for (const { weight, item } of items) {
    left -= weight;
    if (left < 0) return item;
  }
  throw new Error("there is nothing to choose from");
}

/** Members that are there by chance. */
export function maybe<T extends object>(random: Random, probability: number, members: () => T): T | object {
  return chance(random, probability) ? members() : {};
}

export const keyIn = (random: Random): { readonly key: string } => ({ key: base64(oneOf(random, keys)) });

const prefixEnd = (prefix: string): string =>
  prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);

/** One key, a prefix, from a key on, everything, from one to another (also the wrong way round). */
export function rangeIn(random: Random): { readonly key: string; readonly range_end?: string } {
  const key = oneOf(random, keys);
  return weighted(random, [
    { weight: 4, item: { key: base64(key) } },
    { weight: 2, item: { key: base64("a"), range_end: base64(prefixEnd("a")) } },
    { weight: 1, item: { key: base64("a/"), range_end: base64(prefixEnd("a/")) } },
    { weight: 1, item: { key: base64(key), range_end: "AA==" } },
    { weight: 1, item: { key: "AA==", range_end: "AA==" } },
    { weight: 3, item: { key: base64(key), range_end: base64(oneOf(random, keys)) } },
  ]);
}

/** Before the locks, so of at most eleven keys. */
export const sortableRange = (random: Random): { readonly key: string; readonly range_end: string } => ({
  key: oneOf(random, ["AA==", base64("a"), base64("a"), base64("b")]),
  range_end: base64(oneOf(random, ["b", "d", "~", "~"])),
});

export function valueIn(random: Random): string {
  const bytes = weighted(random, [
    { weight: 2, item: "" },
    { weight: 6, item: String(integerBetween(random, 0, 9)) },
    { weight: 1, item: '\x00\xff"\\\n' },
    { weight: 1, item: "v".repeat(integerBetween(random, 1, 3000)) },
  ]);
  return base64(bytes);
}

/** Of the past, of now, of the future; compacted ones among them. */
export function revisionOf({ random, revision, compacted }: Run): number {
  return weighted(random, [
    { weight: 6, item: Math.max(1, revision - integerBetween(random, 0, 15)) },
    { weight: 1, item: Math.max(1, compacted - integerBetween(random, 0, 2)) },
    { weight: 1, item: compacted + 1 },
    { weight: 1, item: revision },
    { weight: 1, item: revision + integerBetween(random, 1, 5) },
  ]);
}

/** An int64 as a client may send it. */
export const int64 = (random: Random, number: number): number | string =>
  chance(random, 0.5) ? number : String(number);

/** Leases that the comparison named, and those that each side named by itself. */
export const namedLeases = ["101", "102", "103", "9223372036854775807"] as const;

export function leaseIn({ random, drawnLeases }: Run): string {
  const own = drawnLeases.slice(-6).map(leasePlaceholder);
  return oneOf(random, [...namedLeases, ...namedLeases, ...own, "0", "104"]);
}
