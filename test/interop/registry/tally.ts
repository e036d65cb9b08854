/**
 * What a client was asked to do and what came of it: the counts that are printed, and the mismatches that fail a run. Used by
 * every part; knows none of them. A client whose steps throw is a mismatch too, never a crash of the run.
 */
import { isDeepStrictEqual } from "node:util";
import { setTimeout as pause } from "node:timers/promises";

/** A value to be equal to, a pattern of text, a judgement, or a list or an object of these, which may have more members. */
export type Expected = unknown;

export interface Told {
  readonly client: string;
  readonly operations: number;
  readonly assertions: number;
  readonly mismatches: readonly string[];
  /** What is worth knowing and is no mismatch. */
  readonly notes: readonly string[];
}

/** For what comes late on a slow machine; and where it is not to come, as with a twin, for the caches on the way. */
const [patienceMs, shortPatienceMs] = [30_000, 12_000];

export class Tally {
  readonly client: string;
  /** What was asked of Synod, or of what it told. */
  operations = 0;
  assertions = 0;
  readonly mismatches: string[] = [];
  readonly notes: string[] = [];

  readonly #patienceMs: number;

  constructor(client: string, hurried = false) {
    this.client = client;
    this.#patienceMs = hurried ? shortPatienceMs : patienceMs;
  }

  /** Counts a step, and carries it out. */
  async does<T>(step: () => Promise<T>): Promise<T> {
    this.operations += 1;
    return step();
  }

  like(what: string, seen: unknown, expected: Expected): boolean {
    this.assertions += 1;
    const fits = isLike(seen, expected);
    if (!fits) this.#mismatch(what, seen, expected);
    return fits;
  }

  /** Asks until it fits. What takes too long is a mismatch. */
  async comes<T>(what: string, read: () => Promise<T> | T, expected: Expected, everyMs = 100): Promise<T> {
    for (const end = Date.now() + this.#patienceMs; ;) {
      const seen = await read();
      if (isLike(seen, expected)) {
        this.assertions += 1;
        return seen;
      }
      if (Date.now() > end) {
        this.like(what, seen, expected);
        return seen;
      }
      await pause(everyMs);
    }
  }

  /** A step that is to be refused, with an error that says so. */
  async refused(what: string, step: () => Promise<unknown>, expected: Expected): Promise<void> {
    const came = await this.does(step).then(
      (value) => ({ value }),
      (error: unknown) => String(error),
    );
    this.like(what, came, expected);
  }

  add(other: Told): void {
    this.operations += other.operations;
    this.assertions += other.assertions;
    this.mismatches.push(...other.mismatches);
    this.notes.push(...other.notes);
  }

  failed(error: unknown): void {
    this.mismatches.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }

  #mismatch(what: string, seen: unknown, expected: Expected): void {
    this.mismatches.push(`${what}: ${shown(seen)} instead of ${shown(expected)}`);
  }
}

const shown = (value: unknown): string =>
  (
    JSON.stringify(value, (_, one: unknown) =>
      typeof one === "function" || one instanceof RegExp ? one.toString() : one,
    ) ?? "nothing"
  ).slice(0, 1_000);

export function isLike(seen: unknown, expected: Expected): boolean {
  if (typeof expected === "function") return (expected as (value: unknown) => unknown)(seen) === true;
  if (expected instanceof RegExp) return typeof seen === "string" && expected.test(seen);
  if (Array.isArray(expected)) {
    return Array.isArray(seen) && seen.length === expected.length && expected.every((one, at) => isLike(seen[at], one));
  }
  if (typeof expected === "object" && expected !== null) {
    if (typeof seen !== "object" || seen === null) return false;
    const members = new Map<string, unknown>(Object.entries(seen));
    return Object.entries(expected).every(([name, one]) => isLike(members.get(name), one));
  }
  return isDeepStrictEqual(seen, expected);
}

/** A list that holds something like it. */
export const holds =
  (expected: Expected) =>
  (seen: unknown): boolean =>
    Array.isArray(seen) && seen.some((one) => isLike(one, expected));

/** Follows a path into what somebody answered; undefined where it leads nowhere. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let here: unknown = value;
  for (const name of path) {
    if (typeof here !== "object" || here === null) return undefined;
    here = new Map<string, unknown>(Object.entries(here)).get(String(name));
  }
  return here;
}

export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Each member's text, in order. */
export const textsOf = (values: readonly unknown[]): readonly string[] => values.map(String).toSorted();
