/**
 * What a transaction says: comparisons, and what to do when all of them hold and when one does not. The words are etcd's
 * (api/etcdserverpb/rpc.proto, `TxnRequest`), so that its users find what they know. Types only, and what can be told
 * from a transaction without looking at a store.
 */
import type { ByteString, LeaseId, Revision } from "../support/brand.ts";
import { prefixEnd } from "../support/bytes.ts";
import type { Entry } from "./command.ts";

/** `end` null: the key alone. Otherwise all keys from `key` up to but not including `end`; none when `end` <= `key`. */
export interface KeyRange {
  readonly key: ByteString;
  readonly end: ByteString | null;
}

export type CompareResult = "equal" | "not-equal" | "greater" | "less";

/**
 * Holds when it holds for every key of the range. A key that does not exist has version, revisions and lease 0, and
 * compares with no value at all; a range without keys compares like such a key.
 */
export interface Compare {
  readonly range: KeyRange;
  readonly result: CompareResult;
  readonly operand:
    | { readonly type: "version" | "create" | "mod"; readonly number: number }
    /** Null: no lease. */
    | { readonly type: "lease"; readonly lease: LeaseId | null }
    | { readonly type: "value"; readonly value: Uint8Array };
}

export type SortTarget = "key" | "version" | "create" | "mod" | "value";

export interface RangeQuery {
  readonly range: KeyRange;
  /** 0: as many as fit one answer. */
  readonly limit: number;
  /** Null: the current one. */
  readonly revision: Revision | null;
  readonly sort: { readonly target: SortTarget; readonly descending: boolean };
  /** Entries come without their values. */
  readonly keysOnly: boolean;
  /** No entries, only how many there are. */
  readonly countOnly: boolean;
  /** Only entries whose mod and create revisions lie within; 0: no bound. `count` heeds none of them. */
  readonly minMod: number;
  readonly maxMod: number;
  readonly minCreate: number;
  readonly maxCreate: number;
}

export type TxnOperation =
  | {
      readonly type: "put";
      readonly key: ByteString;
      /** Null: the value stays as it is (etcd's `ignore_value`); then the key must exist. */
      readonly value: Uint8Array | null;
      /** Null: without a lease; "keep": the lease stays as it is (`ignore_lease`), and the key must exist. */
      readonly lease: LeaseId | "keep" | null;
      /** Answer with what was there before. */
      readonly previous: boolean;
    }
  | { readonly type: "delete"; readonly range: KeyRange; readonly previous: boolean }
  | { readonly type: "range"; readonly query: RangeQuery }
  | { readonly type: "txn"; readonly transaction: Transaction };

export interface Transaction {
  readonly compares: readonly Compare[];
  readonly success: readonly TxnOperation[];
  readonly failure: readonly TxnOperation[];
}

/** What each operation answers, in order. */
export type TxnResponse =
  | { readonly type: "put"; readonly previous: Entry | null }
  | { readonly type: "delete"; readonly deleted: number; readonly previous: readonly Entry[] }
  | ({ readonly type: "range" } & RangeResult)
  | { readonly type: "txn"; readonly succeeded: boolean; readonly responses: readonly TxnResponse[] };

export interface RangeResult {
  readonly entries: readonly Entry[];
  /** There are further keys than `limit` allowed, or than fit the answer. */
  readonly more: boolean;
  /** Keys in the range, whatever `limit` and the bounds say. */
  readonly count: number;
}

/** True when it can change nothing: then it is a read, and needs no slot of the log. */
export const onlyReads = ({ success, failure }: Transaction): boolean =>
  [...success, ...failure].every((one) => one.type === "range" || (one.type === "txn" && onlyReads(one.transaction)));

/** All keys that begin with `prefix`, which is not empty and does not end in the highest byte. */
export const prefixRange = (prefix: ByteString): KeyRange => ({ key: prefix, end: prefixEnd(prefix) });

export const covers = ({ key, end }: KeyRange, one: ByteString): boolean =>
  end === null ? one === key : one >= key && one < end;

interface Touched {
  readonly puts: readonly ByteString[];
  readonly deletes: readonly KeyRange[];
}

/**
 * True when some run of the transaction might put a key twice, or put and delete it: refused, because within one revision
 * a key changes once. Deleting twice is no conflict. As in etcd, the branches of one transaction exclude each other,
 * those of a nested one are both held against its neighbours.
 */
export function changesKeyTwice({ success, failure }: Transaction): boolean {
  return touchedBy(success) === null || touchedBy(failure) === null;
}

/** @returns null for a conflict. */
function touchedBy(operations: readonly TxnOperation[]): Touched | null {
  const puts = new Set<ByteString>();
  const deletes: KeyRange[] = [];
  for (const operation of operations) {
    const touched = touchedByOne(operation);
    if (touched === null) return null;
    for (const key of touched.puts) if (puts.has(key) || deletes.some((range) => covers(range, key))) return null;
    for (const range of touched.deletes) for (const key of puts) if (covers(range, key)) return null;
    for (const key of touched.puts) puts.add(key);
    deletes.push(...touched.deletes);
  }
  return { puts: [...puts], deletes };
}

function touchedByOne(operation: TxnOperation): Touched | null {
  switch (operation.type) {
    case "put":
      return { puts: [operation.key], deletes: [] };
    case "delete":
      return { puts: [], deletes: [operation.range] };
    case "range":
      return { puts: [], deletes: [] };
    case "txn": {
      const success = touchedBy(operation.transaction.success);
      const failure = touchedBy(operation.transaction.failure);
      if (success === null || failure === null) return null;
      // Either branch may run: a key that both put is put once.
      return {
        puts: [...new Set([...success.puts, ...failure.puts])],
        deletes: [...success.deletes, ...failure.deletes],
      };
    }
  }
}

/** Operations and comparisons in all, nested ones included, and how deep they nest: 1 for none nested. */
export function sizeOf({ compares, success, failure }: Transaction): {
  readonly parts: number;
  readonly depth: number;
} {
  let parts = compares.length + success.length + failure.length;
  let depth = 1;
  for (const operation of [...success, ...failure]) {
    if (operation.type !== "txn") continue;
    const inner = sizeOf(operation.transaction);
    parts += inner.parts;
    depth = Math.max(depth, 1 + inner.depth);
  }
  return { parts, depth };
}

/** True when a part of it reads at a revision of the past. */
export const readsThePast = ({ success, failure }: Transaction): boolean =>
  [...success, ...failure].some(
    (one) =>
      (one.type === "range" && one.query.revision !== null) || (one.type === "txn" && readsThePast(one.transaction)),
  );
