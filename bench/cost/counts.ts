/**
 * What is counted, as the counting Worker tells it and the benchmarks read it: flat names with numbers, so that two
 * readings can be subtracted. Pure; shared by both sides.
 */

/** Names are made by `called`, `wrote`, `read`, `alarmSet`. */
export type Counts = Readonly<Record<string, number>>;

export const called = (kind: string, what: string): string => `call ${kind} ${what}`;
export const wrote = (kind: string, table: string, verb: string): string => `wrote ${kind} ${table} ${verb}`;
export const read = (kind: string): string => `read ${kind}`;

/** One answer of the counting Worker. */
export interface Reading {
  readonly counts: Counts;
  /** Timers that the Worker and its objects have set and that have neither rung nor been cleared. */
  readonly timers: number;
}

/** One object, asked after the fact: asking wakes it. */
export interface Weighed {
  readonly kind: "acceptor" | "replica";
  readonly region: string;
  readonly bytes: number;
  readonly alarmAt: number | null;
}

export function difference(after: Counts, before: Counts): Counts {
  const changed = Object.entries(after).map(([name, n]) => [name, n - (before[name] ?? 0)] as const);
  return Object.fromEntries(changed.filter(([, n]) => n !== 0));
}

const sum = (counts: Counts, matches: (words: readonly string[]) => boolean): number =>
  Object.entries(counts).reduce((total, [name, n]) => (matches(name.split(" ")) ? total + n : total), 0);

/** Requests to objects: each call, each alarm that rings, and a message of a WebSocket as a twentieth. */
export const requestsIn = (counts: Counts): number =>
  sum(counts, ([what]) => what === "call") + sum(counts, ([what]) => what === "message") / 20;
/** Rows written, each alarm that is set or deleted included. */
export const rowsWrittenIn = (counts: Counts): number => sum(counts, ([what]) => what === "wrote" || what === "alarm");
export const rowsReadIn = (counts: Counts): number => sum(counts, ([what]) => what === "read");
export const workerRequestsIn = (counts: Counts): number => counts["worker"] ?? 0;
/** Slots of the log: the rows of batches that one replica of `replicas` has written. */
export const slotsIn = (counts: Counts, replicas: number): number =>
  (counts[wrote("replica", "batches", "INSERT")] ?? 0) / replicas;

/** Rows written by object kind and table, greatest first. */
export function rowsByTable(counts: Counts): readonly (readonly [table: string, rows: number])[] {
  const found: (readonly [table: string, rows: number])[] = [];
  for (const [name, n] of Object.entries(counts)) {
    const [what, kind = "", table = "", verb = ""] = name.split(" ");
    if (what === "alarm") found.push([`${kind}: alarm`, n]);
    if (what === "wrote") found.push([`${kind}: ${table} ${verb.toLowerCase()}`, n]);
  }
  return found.toSorted(([, a], [, b]) => b - a);
}

/** Requests by who was called for what, greatest first. */
export const requestsByKind = (counts: Counts): readonly (readonly [what: string, requests: number])[] =>
  Object.entries(counts)
    .flatMap(([name, n]) => (name.startsWith("call ") ? [[name.slice("call ".length), n] as const] : []))
    .toSorted(([, a], [, b]) => b - a);
