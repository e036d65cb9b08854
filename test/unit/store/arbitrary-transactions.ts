/** Transactions and their parts, drawn from few keys, so that they meet. For what comes of them see `test/property`. */
import fc from "fast-check";
import { PartWriter } from "../../../src/store/changes.ts";
import type { Change } from "../../../src/store/changes.ts";
import type { Entry } from "../../../src/store/command.ts";
import type {
  Compare,
  KeyRange,
  RangeQuery,
  RangeResult,
  Transaction,
  TxnOperation,
  TxnResponse,
} from "../../../src/store/transaction.ts";
import { leaseId, revision } from "../../../src/support/brand.ts";
import type { ByteString } from "../../../src/support/brand.ts";

const key = fc.constantFrom("ka", "kb", 'k"\\', "k\0\u0001", "k\u00ff\u0080").map((text) => text as ByteString);
const value = fc.uint8Array({ maxLength: 5 });
const lease = fc.constantFrom("7", "L\0ü").map(leaseId);
const at = fc.nat({ max: 99 }).map(revision);
const none = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { freq: 3 });

export const keyRange: fc.Arbitrary<KeyRange> = fc.record({ key, end: none(key) });

export const rangeQuery: fc.Arbitrary<RangeQuery> = fc.record({
  range: keyRange,
  limit: fc.nat(),
  revision: none(at),
  sort: fc.record({
    target: fc.constantFrom("key" as const, "version" as const, "create" as const, "mod" as const, "value" as const),
    descending: fc.boolean(),
  }),
  keysOnly: fc.boolean(),
  countOnly: fc.boolean(),
  minMod: fc.nat(),
  maxMod: fc.nat(),
  minCreate: fc.nat(),
  maxCreate: fc.nat(),
});

const number = fc.integer({ min: -3, max: 99 });
const compare: fc.Arbitrary<Compare> = fc.record({
  range: keyRange,
  result: fc.constantFrom("equal" as const, "not-equal" as const, "greater" as const, "less" as const),
  operand: fc.oneof(
    fc.record({ type: fc.constantFrom("version" as const, "create" as const, "mod" as const), number }),
    fc.record({ type: fc.constant("lease" as const), lease: none(lease) }),
    fc.record({ type: fc.constant("value" as const), value }),
  ),
});

const step: fc.Arbitrary<TxnOperation> = fc.oneof(
  fc.record({
    type: fc.constant("put" as const),
    key,
    value: none(value),
    lease: none(fc.oneof(lease, fc.constant("keep" as const))),
    previous: fc.boolean(),
  }),
  fc.record({ type: fc.constant("delete" as const), range: keyRange, previous: fc.boolean() }),
  fc.record({ type: fc.constant("range" as const), query: rangeQuery }),
);

function nested(depth: number): fc.Arbitrary<Transaction> {
  const inner: fc.Arbitrary<TxnOperation> =
    depth === 0
      ? step
      : fc.oneof(
          { weight: 3, arbitrary: step },
          { weight: 1, arbitrary: fc.record({ type: fc.constant("txn" as const), transaction: nested(depth - 1) }) },
        );
  return fc.record({
    compares: fc.array(compare, { maxLength: 2 }),
    success: fc.array(inner, { maxLength: 3 }),
    failure: fc.array(inner, { maxLength: 3 }),
  });
}

export const transactions: fc.Arbitrary<Transaction> = nested(2);

// --- what they answer ---

const entry: fc.Arbitrary<Entry> = fc.record({
  key,
  value,
  createRevision: at,
  modRevision: at,
  version: fc.nat(),
  lease: none(lease),
});

export const rangeResult: fc.Arbitrary<RangeResult> = fc.record({
  entries: fc.array(entry, { maxLength: 3 }),
  more: fc.boolean(),
  count: fc.nat(),
});

function answered(depth: number): fc.Arbitrary<readonly TxnResponse[]> {
  const flat: fc.Arbitrary<TxnResponse> = fc.oneof(
    fc.record({ type: fc.constant("put" as const), previous: none(entry) }),
    fc.record({ type: fc.constant("delete" as const), deleted: fc.nat(), previous: fc.array(entry, { maxLength: 3 }) }),
    rangeResult.map((result) => ({ type: "range" as const, ...result })),
  );
  if (depth === 0) return fc.array(flat, { maxLength: 3 });
  const within = fc.record({
    type: fc.constant("txn" as const),
    succeeded: fc.boolean(),
    responses: answered(depth - 1),
  });
  return fc.array(fc.oneof<fc.Arbitrary<TxnResponse>[]>(flat, within), { maxLength: 3 });
}

export const responses: fc.Arbitrary<readonly TxnResponse[]> = answered(2);

export const changes: fc.Arbitrary<readonly Change[]> = fc.array(
  fc
    .record({
      key,
      mod: fc.integer({ min: 50, max: 99 }),
      previous: none(fc.integer({ min: 1, max: 49 })),
      deleted: fc.boolean(),
    })
    .map(({ mod, previous, ...rest }): Change => ({
      ...rest,
      mod: revision(mod),
      previous: previous === null ? null : revision(previous),
    })),
  { maxLength: 5 },
);

/** All parts that a list of changes takes. */
export function encodeChanges(list: readonly Change[]): readonly string[] {
  const parts: string[] = [];
  const writer = new PartWriter((part) => parts.push(part));
  for (const change of list) writer.add(change);
  writer.flush();
  return parts;
}
