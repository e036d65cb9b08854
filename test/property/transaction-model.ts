/**
 * The oracle's transactions and ranges: what they mean, written down over a plain map, with no thought of pages, statements
 * or rows. Part of `store-model.ts`.
 */
import type { Entry, Refusal } from "../../src/store/command.ts";
import type {
  Compare,
  KeyRange,
  RangeQuery,
  RangeResult,
  Transaction,
  TxnOperation,
  TxnResponse,
} from "../../src/store/transaction.ts";
import { leaseId, revision } from "../../src/support/brand.ts";
import type { ByteString } from "../../src/support/brand.ts";

/** A key as the oracle keeps it. */
export interface Kept {
  readonly value: Uint8Array;
  readonly mod: number;
  readonly created: number;
  readonly version: number;
  readonly lease: string | null;
}
export type Keys = ReadonlyMap<ByteString, Kept>;

export const within = ({ key, end }: KeyRange, one: ByteString): boolean =>
  end === null ? one === key : key <= one && one < end;

export const inOrder = (keys: Keys, range: KeyRange): readonly (readonly [ByteString, Kept])[] =>
  [...keys].filter(([key]) => within(range, key)).toSorted(([a], [b]) => (a < b ? -1 : 1));

export const entryOf = (key: ByteString, kept: Kept): Entry => ({
  key,
  value: kept.value,
  createRevision: revision(kept.created),
  modRevision: revision(kept.mod),
  version: kept.version,
  lease: kept.lease === null ? null : leaseId(kept.lease),
});

// --- comparisons ---

const sign = (a: bigint, b: bigint): number => Number(a > b) - Number(a < b);

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let at = 0; at < Math.min(a.length, b.length); at += 1) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

const isNumeral = (id: string): boolean => /^(0|[1-9]\d{0,18})$/.test(id);

/** Numerals by their number, then names; no lease is 0. */
function compareLeases(a: string, b: string): number {
  if (isNumeral(a) && isNumeral(b)) return sign(BigInt(a), BigInt(b));
  if (isNumeral(a) !== isNumeral(b)) return isNumeral(a) ? -1 : 1;
  return a === b ? 0 : a < b ? -1 : 1;
}

/** @returns how `found` compares with what was asked for; null: not at all. */
function difference(found: Kept | undefined, operand: Compare["operand"]): number | null {
  switch (operand.type) {
    case "version":
      return (found?.version ?? 0) - operand.number;
    case "create":
      return (found?.created ?? 0) - operand.number;
    case "mod":
      return (found?.mod ?? 0) - operand.number;
    case "lease":
      return compareLeases(found?.lease ?? "0", operand.lease ?? "0");
    case "value":
      return found === undefined ? null : compareBytes(found.value, operand.value);
  }
}

function holds(keys: Keys, { range, result, operand }: Compare): boolean {
  const found = inOrder(keys, range).map(([, kept]) => kept);
  const judged = found.length === 0 ? [undefined] : found;
  return judged.every((one) => {
    const by = difference(one, operand);
    if (by === null) return false;
    if (result === "equal") return by === 0;
    if (result === "not-equal") return by !== 0;
    return result === "greater" ? by > 0 : by < 0;
  });
}

// --- ranges ---

function bySort({ sort }: RangeQuery, [a, one]: readonly [ByteString, Kept], [b, other]: readonly [ByteString, Kept]) {
  const byKey = a < b ? -1 : 1;
  const direction = sort.descending ? -1 : 1;
  switch (sort.target) {
    case "key":
      return direction * byKey;
    case "version":
      return direction * (one.version - other.version) || byKey;
    case "create":
      return direction * (one.created - other.created) || byKey;
    case "mod":
      return direction * (one.mod - other.mod) || byKey;
    case "value":
      return direction * compareBytes(one.value, other.value) || byKey;
  }
}

export function rangeOf(keys: Keys, query: RangeQuery): RangeResult {
  const all = inOrder(keys, query.range);
  if (query.countOnly) return { entries: [], more: false, count: all.length };
  const { minMod, maxMod, minCreate, maxCreate } = query;
  const chosen = all
    .filter(([, { mod, created }]) => mod >= minMod && created >= minCreate)
    .filter(([, { mod, created }]) => (maxMod === 0 || mod <= maxMod) && (maxCreate === 0 || created <= maxCreate))
    .toSorted((a, b) => bySort(query, a, b));
  const given = query.limit === 0 ? chosen : chosen.slice(0, query.limit);
  const entries = given
    .map(([key, kept]) => entryOf(key, kept))
    .map((entry) => (query.keysOnly ? { ...entry, value: new Uint8Array(0) } : entry));
  return { entries, more: given.length < chosen.length, count: all.length };
}

// --- transactions ---

/** A transaction, each branch chosen against one state. */
export interface Decided {
  readonly succeeded: boolean;
  readonly steps: readonly DecidedStep[];
}
type DecidedStep = Exclude<TxnOperation, { type: "txn" }> | { readonly type: "txn"; readonly decided: Decided };

export function decide(keys: Keys, { compares, success, failure }: Transaction): Decided {
  const succeeded = compares.every((compare) => holds(keys, compare));
  const steps = (succeeded ? success : failure).map((one): DecidedStep =>
    one.type === "txn" ? { type: "txn", decided: decide(keys, one.transaction) } : one,
  );
  return { succeeded, steps };
}

/** What the oracle asks of the state before. */
export interface Before {
  readonly keys: Keys;
  hasLease(id: string): boolean;
  /** Why a revision cannot be read by this transaction. */
  unreadable(at: number): Refusal | null;
}

/** The first reason why not all of it can be done. */
export function refusalOf(before: Before, { steps }: Decided): Refusal | null {
  for (const step of steps) {
    const refusal = step.type === "txn" ? refusalOf(before, step.decided) : refusalOfOne(before, step);
    if (refusal !== null) return refusal;
  }
  return null;
}

function refusalOfOne(before: Before, step: Exclude<DecidedStep, { type: "txn" }>): Refusal | null {
  if (step.type === "range") return step.query.revision === null ? null : before.unreadable(step.query.revision);
  if (step.type === "delete") return null;
  const keeps = step.value === null || step.lease === "keep";
  if (keeps && !before.keys.has(step.key)) return "key-not-found";
  const named = step.lease !== null && step.lease !== "keep";
  return named && !before.hasLease(step.lease) ? "lease-not-found" : null;
}

/** Keys under way to the next revision. */
export interface Draft {
  readonly keys: Keys;
  put(key: ByteString, value: Uint8Array, lease: string | null): void;
  remove(key: ByteString): void;
  /** The keys at a revision of the past. */
  at(past: number): Keys;
}

export const run = (draft: Draft, { steps }: Decided): readonly TxnResponse[] =>
  steps.map((step): TxnResponse => {
    switch (step.type) {
      case "put": {
        const current = draft.keys.get(step.key);
        const value = step.value ?? current?.value ?? new Uint8Array(0);
        draft.put(step.key, value, step.lease === "keep" ? (current?.lease ?? null) : step.lease);
        return { type: "put", previous: step.previous && current !== undefined ? entryOf(step.key, current) : null };
      }
      case "delete": {
        const found = inOrder(draft.keys, step.range);
        for (const [key] of found) draft.remove(key);
        const previous = step.previous ? found.map(([key, kept]) => entryOf(key, kept)) : [];
        return { type: "delete", deleted: found.length, previous };
      }
      case "range": {
        const { revision: past } = step.query;
        return { type: "range", ...rangeOf(past === null ? draft.keys : draft.at(past), step.query) };
      }
      case "txn":
        return { type: "txn", succeeded: step.decided.succeeded, responses: run(draft, step.decided) };
    }
  });
