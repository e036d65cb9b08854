/**
 * Transactions, carried out: comparisons are judged, the branch they choose is checked as a whole against the state before
 * it, and only then is anything changed, so that it happens altogether or not at all. One revision for all changes.
 * What it answers is bounded before it is read. Used by `operations.ts`, and for reads by the store.
 */
import { assertNever } from "../support/assert.ts";
import type { ByteString, LeaseId, Revision } from "../support/brand.ts";
import { byteString } from "../support/bytes.ts";
import { limits } from "../support/limits.ts";
import type { Entry, Refusal } from "./command.ts";
import { allOf } from "./ranges.ts";
import type { Ranges } from "./ranges.ts";
import { covers } from "./transaction.ts";
import type { Compare, KeyRange, RangeQuery, Transaction, TxnOperation, TxnResponse } from "./transaction.ts";

/** The store as a transaction needs it: reading at a revision, and changing keys under the revision that is being made. */
export interface Ground {
  readonly ranges: Ranges;
  /** Why a revision cannot be read, or null. */
  unreadable(at: Revision): "compacted" | "future" | null;
  leaseExists(id: LeaseId): boolean;
}

/** A key as comparisons see it. Its value is read only when it is compared. */
interface Compared {
  readonly version: number;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly lease: LeaseId | null;
  readonly value: Uint8Array | null;
}

const absent: Compared = { version: 0, createRevision: 0, modRevision: 0, lease: null, value: null };

/** What an entry costs in an answer besides its key and value: numbers, a lease's name, punctuation. */
const entryBytes = 128;

function comparesHold(ground: Ground, at: Revision, compares: readonly Compare[]): boolean {
  return compares.every((compare) => {
    const range = compare.range;
    let any = false;
    for (const entry of ground.ranges.each(range, at, compare.operand.type !== "value")) {
      any = true;
      if (!holds(compare, entry)) return false;
    }
    return any || holds(compare, absent);
  });
}

function holds({ operand, result }: Compare, found: Compared): boolean {
  switch (operand.type) {
    case "version":
      return orderHolds(found.version - operand.number, result);
    case "create":
      return orderHolds(found.createRevision - operand.number, result);
    case "mod":
      return orderHolds(found.modRevision - operand.number, result);
    case "lease":
      return orderHolds(compareLeases(found.lease, operand.lease), result);
    case "value":
      return found.value !== null && orderHolds(compareBytes(found.value, operand.value), result);
    default:
      return assertNever(operand, "operand");
  }
}

function orderHolds(difference: number, result: Compare["result"]): boolean {
  switch (result) {
    case "equal":
      return difference === 0;
    case "not-equal":
      return difference !== 0;
    case "greater":
      return difference > 0;
    case "less":
      return difference < 0;
    default:
      return assertNever(result, "result of a comparison");
  }
}

/** Granted leases are numbers, written in decimal; the others come after them, in the order of their names. */
function compareLeases(a: LeaseId | null, b: LeaseId | null): number {
  const [left, right] = [a ?? "0", b ?? "0"].map((id) =>
    /^(0|[1-9][0-9]{0,18})$/.test(id) ? id.padStart(19, "0") : `~${id}`,
  );
  if (left === undefined || right === undefined || left === right) return 0;
  return left < right ? -1 : 1;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const [left, right] = [byteString(a), byteString(b)];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/**
 * A transaction with its branches chosen: etcd judges all comparisons, nested ones too, against the state before it.
 */
export interface Chosen {
  readonly succeeded: boolean;
  readonly steps: readonly ChosenStep[];
}
export type ChosenStep =
  Exclude<TxnOperation, { readonly type: "txn" }> | { readonly type: "txn"; readonly chosen: Chosen };

/** What is carried out in the end. */
type Step = Exclude<ChosenStep, { readonly type: "txn" }>;

export function choose(ground: Ground, at: Revision, { compares, success, failure }: Transaction): Chosen {
  const succeeded = comparesHold(ground, at, compares);
  const steps = (succeeded ? success : failure).map((one): ChosenStep =>
    one.type === "txn" ? { type: "txn", chosen: choose(ground, at, one.transaction) } : one,
  );
  return { succeeded, steps };
}

/** Whether comparing and counting would look at more keys than one command may: bounds the time of an apply. */
export function looksAtTooMuch(ground: Ground, at: Revision, transaction: Transaction): boolean {
  let left: number = limits.transactionKeys;
  for (const range of rangesIn(transaction)) {
    if (range.end === null) continue;
    left -= ground.ranges.count(range, at, left + 1);
    if (left < 0) return true;
  }
  return false;
}

function* rangesIn({ compares, success, failure }: Transaction): Generator<KeyRange> {
  for (const { range } of compares) yield range;
  for (const operation of [...success, ...failure]) {
    if (operation.type === "txn") yield* rangesIn(operation.transaction);
    else if (operation.type === "range") yield operation.query.range;
  }
}

/** All steps in the order they are carried out. */
export function* flat({ steps }: Chosen): Generator<Step> {
  for (const step of steps) {
    if (step.type === "txn") yield* flat(step.chosen);
    else yield step;
  }
}

/** What earlier steps of a transaction change, as far as later ones may read it. */
interface Earlier {
  readonly puts: { readonly key: ByteString; readonly bytes: number }[];
  readonly deletes: { readonly range: KeyRange; readonly keys: number }[];
}

/** What the chosen steps do, at most. */
export interface Extent {
  /** Bytes that they answer. */
  readonly answered: number;
  /** Keys that they delete. */
  readonly deleted: number;
}

/**
 * Why the chosen steps cannot all be carried out, or how much they do at most. Against the state before them; what earlier
 * steps put is added to what later ones may read.
 */
export function check(ground: Ground, at: Revision, chosen: Chosen): Refusal | Extent {
  const earlier: Earlier = { puts: [], deletes: [] };
  let [answered, deleted] = [0, 0];
  for (const step of flat(chosen)) {
    const refusal = stepRefused(ground, at, step);
    if (refusal !== null) return refusal;
    answered += bytesAnswered(ground, at, step, earlier);
    if (answered > limits.transactionResultBytes) return "result-too-large";
    if (step.type === "put") earlier.puts.push({ key: step.key, bytes: bytesPut(ground, at, step) });
    if (step.type !== "delete") continue;
    const keys = ground.ranges.count(step.range, at, limits.deletedKeys + 1);
    earlier.deletes.push({ range: step.range, keys });
    deleted += keys;
    if (deleted > limits.deletedKeys) return "too-many-keys";
  }
  return { answered, deleted };
}

/** More entries than this are too large an answer, whatever is in them. */
const mostEntries = Math.ceil(limits.transactionResultBytes / entryBytes) + 1;

function bytesAnswered({ ranges }: Ground, at: Revision, step: Step, { puts, deletes }: Earlier): number {
  const query = readBy(step);
  if (query === null) return 0;
  const within = puts.filter(({ key }) => covers(query.range, key));
  // Each key that goes, or moves to another place in the order, may let another one through the limit.
  const gone = deletes.filter(({ range }) => overlap(range, query.range)).reduce((sum, { keys }) => sum + keys, 0);
  const atMost = query.limit === 0 ? mostEntries : Math.min(query.limit + gone + within.length, mostEntries);
  const { keys, bytes } = ranges.measure(query, query.revision ?? at, atMost);
  return bytes + keys * entryBytes + within.reduce((sum, put) => sum + put.bytes + entryBytes, 0);
}

function bytesPut({ ranges }: Ground, at: Revision, { key, value }: Extract<Step, { readonly type: "put" }>): number {
  return value === null ? ranges.measure(allOf({ key, end: null }), at, 1).bytes : key.length + value.length;
}

/** The range whose entries a step answers; null when it answers none. */
function readBy(step: Step): RangeQuery | null {
  if (step.type === "range") return step.query.countOnly ? null : step.query;
  if (!step.previous) return null;
  return allOf(step.type === "put" ? { key: step.key, end: null } : step.range);
}

/** Never false for two that share a key. */
const overlap = (a: KeyRange, b: KeyRange): boolean => a.key <= (b.end ?? b.key) && b.key <= (a.end ?? a.key);

function stepRefused(ground: Ground, at: Revision, step: Step): Refusal | null {
  switch (step.type) {
    case "put": {
      if (step.value === null || step.lease === "keep") {
        if (ground.ranges.count({ key: step.key, end: null }, at) === 0) return "key-not-found";
      }
      return step.lease === null || step.lease === "keep" || ground.leaseExists(step.lease) ? null : "lease-not-found";
    }
    case "delete":
      return null;
    case "range":
      return step.query.revision === null ? null : ground.unreadable(step.query.revision);
    default:
      return assertNever(step, "step of a transaction");
  }
}

/** How a transaction changes the store, all under one revision. */
export interface Changing {
  put(step: Extract<TxnOperation, { readonly type: "put" }>): void;
  remove(entry: Entry): void;
}

const unbounded = { limit: Number.MAX_SAFE_INTEGER - 1, maxBytes: Number.MAX_SAFE_INTEGER };

/**
 * Carries the steps out, once `check` allows it.
 * @param at where reads are made: for a transaction that changes something the revision that it makes, so that later
 * steps see what earlier ones did.
 * @param changing null for one that only reads.
 */
export function carryOut(
  ground: Ground,
  at: Revision,
  chosen: Chosen,
  changing: Changing | null,
): readonly TxnResponse[] {
  return chosen.steps.map((step): TxnResponse => {
    switch (step.type) {
      case "put": {
        const [previous = null] = step.previous ? ground.ranges.each({ key: step.key, end: null }, at, false) : [];
        changing?.put(step);
        return { type: "put", previous };
      }
      case "delete": {
        const entries = [...ground.ranges.each(step.range, at, !step.previous)];
        for (const entry of entries) changing?.remove(entry);
        return { type: "delete", deleted: entries.length, previous: step.previous ? entries : [] };
      }
      case "range":
        return { type: "range", ...ground.ranges.read(step.query, step.query.revision ?? at, unbounded) };
      case "txn":
        return {
          type: "txn",
          succeeded: step.chosen.succeeded,
          responses: carryOut(ground, at, step.chosen, changing),
        };
      default:
        return assertNever(step, "step of a transaction");
    }
  });
}
