/**
 * Random logs. A draft says what a command is about relative to the state it will meet ("the revision this key has then,
 * or the one after"), so that comparisons, tokens and compactions hit as often as they miss; the oracle tells the state.
 */
import fc from "fast-check";
import { encodeBatch } from "../../src/store/batch-codec.ts";
import { encodeCommand } from "../../src/store/command-codec.ts";
import type { Batch, Command, Condition, Guard, Operation } from "../../src/store/command.ts";
import { changesKeyTwice, prefixRange } from "../../src/store/transaction.ts";
import type { Compare, KeyRange, RangeQuery, Transaction, TxnOperation } from "../../src/store/transaction.ts";
import { leaseId, logTime, requestId, revision } from "../../src/support/brand.ts";
import type { ByteString } from "../../src/support/brand.ts";
import { smallLimits, startTime } from "../unit/store/driver.ts";
import { StoreModel } from "./store-model.ts";
import { inOrder } from "./transaction-model.ts";

/** Null but for one in so many. */
const rarely = <T>(arbitrary: fc.Arbitrary<T>, oneIn: number): fc.Arbitrary<T | null> =>
  fc.oneof({ weight: oneIn - 1, arbitrary: fc.constant(null) }, { weight: 1, arbitrary });

/** Made concrete once the state is known. */
type Late<T> = (state: StoreModel) => T;

/** All but a few drafts draw from few names, so that they meet. */
const key = fc.constantFrom("ka", "kab", "kb", "k\u00ff", "k\u00ff\u00ff", "k\0").map((text) => text as ByteString);
const value = fc.oneof(
  fc.constant(new Uint8Array([7])),
  fc.constant(new Uint8Array(0)),
  fc.uint8Array({ maxLength: 3 }),
);
export const leaseIds = ["L1", "L2", "7"].map(leaseId);
const leaseName = fc.constantFrom(...leaseIds);
const ttlMs = fc.integer({ min: 1, max: 120 });
const lease = fc.record({ id: leaseName, ttlMs });
/** Where a lease's keys may lie: nearly all of them, some, few. */
const prefixes = fc
  .constantFrom(["k", "l"], ["k"], ["ka", "kb"], ["l"])
  .map((list) => list.map((text) => text as ByteString));
const ownLease = fc
  .record({ lease, herd: fc.constantFrom("H1", "H1", "H1", "H2", null), within: rarely(prefixes, 4) })
  .map(({ lease, herd, within }) => ({
    ...lease,
    ...(herd === null ? {} : { herd }),
    ...(within === null ? {} : { within }),
  }));
const needs = fc.record({ lease: leaseName, renew: fc.boolean() });
const queue = fc.constantFrom("lq\0", "lr\0").map((text) => text as ByteString);
/** A little below, exactly, a little above. */
const off = fc.constantFrom(0, 0, 0, -1, 1);

export const range: fc.Arbitrary<KeyRange> = fc.oneof(
  { weight: 3, arbitrary: key.map((one) => ({ key: one, end: null })) },
  {
    weight: 3,
    arbitrary: fc.record({
      key,
      end: fc.constantFrom("k", "ka\0", "kb", "kc", "k\u00ff\u00ff", "l").map((end) => end as ByteString),
    }),
  },
  queue.map(prefixRange),
  fc.constant({ key: "\0" as ByteString, end: "\u00ff" as ByteString }),
);

const bound = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 40 }));

export const rangeQuery: fc.Arbitrary<RangeQuery> = fc.record({
  range,
  limit: fc.integer({ min: 0, max: 2 }),
  revision: fc.constant(null),
  sort: fc.record({
    target: fc.constantFrom("key" as const, "version" as const, "create" as const, "mod" as const, "value" as const),
    descending: fc.boolean(),
  }),
  keysOnly: fc.boolean(),
  countOnly: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
  minMod: bound,
  maxMod: bound,
  minCreate: bound,
  maxCreate: bound,
});

const pastQuery: fc.Arbitrary<RangeQuery> = fc
  .tuple(rangeQuery, fc.integer({ min: 1, max: 60 }))
  .map(([query, at]) => ({
    ...query,
    revision: revision(at),
  }));

// --- transactions ---

const compare: fc.Arbitrary<Late<Compare>> = fc
  .record({
    range,
    result: fc.constantFrom(
      "equal" as const,
      "equal" as const,
      "not-equal" as const,
      "greater" as const,
      "less" as const,
    ),
    target: fc.constantFrom("version" as const, "create" as const, "mod" as const, "lease" as const, "value" as const),
    off,
    lease: fc.option(leaseName),
    value,
    /** Take what is there. */
    current: fc.boolean(),
  })
  .map(({ range, result, target, off, lease, value, current }) => (state) => {
    const found = inOrder(state.keys, range)[0]?.[1];
    switch (target) {
      case "version":
        return { range, result, operand: { type: target, number: (found?.version ?? 0) + off } };
      case "create":
        return { range, result, operand: { type: target, number: (found?.created ?? 0) + off } };
      case "mod":
        return { range, result, operand: { type: target, number: (found?.mod ?? 0) + off } };
      case "lease": {
        const there = found?.lease ?? null;
        return { range, result, operand: { type: target, lease: current && there !== null ? leaseId(there) : lease } };
      }
      case "value":
        return {
          range,
          result,
          operand: { type: target, value: current && found !== undefined ? found.value : value },
        };
    }
  });

const rangeStep =
  (query: RangeQuery): Late<TxnOperation> =>
  () => ({ type: "range", query });

const step: fc.Arbitrary<Late<TxnOperation>> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .record({
        type: fc.constant("put" as const),
        key,
        value: fc.option(value, { freq: 6 }),
        lease: fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, leaseName, {
          weight: 1,
          arbitrary: fc.constant("keep" as const),
        }),
        previous: fc.boolean(),
      })
      .map((put) => () => put),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({ type: fc.constant("delete" as const), range, previous: fc.boolean() })
      .map((removal) => () => removal),
  },
  {
    weight: 2,
    arbitrary: fc.oneof({ weight: 15, arbitrary: rangeQuery }, pastQuery).map(rangeStep),
  },
);

const together =
  <T>(late: readonly Late<T>[]): Late<readonly T[]> =>
  (state) =>
    late.map((one) => one(state));

function nested(depth: number): fc.Arbitrary<Late<Transaction>> {
  const inner = nestedStep(depth);
  const steps = fc.array(inner, { maxLength: 3 }).map(together);
  return fc
    .record({ compares: fc.array(compare, { maxLength: 2 }).map(together), success: steps, failure: steps })
    .map(({ compares, success, failure }) => (state) => ({
      compares: compares(state),
      success: success(state),
      failure: failure(state),
    }));
}

function nestedStep(depth: number): fc.Arbitrary<Late<TxnOperation>> {
  if (depth === 0) return step;
  const within = nested(depth - 1).map((late): Late<TxnOperation> => (state) => ({
    type: "txn",
    transaction: late(state),
  }));
  return fc.oneof({ weight: 5, arbitrary: step }, { weight: 2, arbitrary: within });
}

const nothingYet = new StoreModel(smallLimits);

/** Those that change a key twice do not get past the codec; what they are is `test/unit/store/transactions.test.ts`. */
const transaction = nested(2).filter((late) => !changesKeyTwice(late(nothingYet)));

/** What a transaction reads in the end, of the past too. */
const readingStep = fc.oneof(rangeQuery, pastQuery).map((query): TxnOperation => ({ type: "range", query }));
export const readingTransaction: fc.Arbitrary<Late<Transaction>> = fc
  .tuple(fc.array(compare, { maxLength: 2 }), fc.array(readingStep, { maxLength: 3 }), readingStep)
  .map(([compares, success, other]) => (state) => ({
    compares: together(compares)(state),
    success: [...success, { type: "txn", transaction: { compares: [], success: [other], failure: [] } }],
    failure: [other],
  }));

// --- operations ---

const condition: fc.Arbitrary<(key: ByteString) => Late<Condition>> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(() => (): Condition => ({ type: "always" })) },
  fc.constantFrom<Condition>({ type: "absent" }, { type: "present" }).map((one) => () => () => one),
  off.map((off) => (key: ByteString) => (state: StoreModel): Condition => ({
    type: "unchanged-since",
    modRevision: revision(Math.max(1, (state.keys.get(key)?.mod ?? 1) + off)),
  })),
);

const put = fc
  .record({
    key,
    value,
    condition,
    tied: fc.oneof(
      { weight: 3, arbitrary: fc.constant({}) },
      { weight: 3, arbitrary: ownLease.map((one) => ({ lease: one })) },
      { weight: 2, arbitrary: leaseName.map((tie) => ({ tie })) },
    ),
    needs: rarely(needs, 6),
    keepIfEqual: fc.boolean(),
  })
  .map(({ key, value, condition, tied, needs, keepIfEqual }): Late<Operation> => (state) => ({
    type: "put",
    key,
    value,
    condition: condition(key)(state),
    ...tied,
    ...(needs === null ? {} : { needs }),
    ...(keepIfEqual ? { keepIfEqual } : {}),
  }));

const remove = fc
  .record({ key, condition })
  .map(({ key, condition }): Late<Operation> => (state) => ({ type: "delete", key, condition: condition(key)(state) }));

/** Of a lease as it is, or as it was seen a little earlier. */
const expire = fc
  .record({
    lease: leaseName,
    early: fc.constantFrom(0, 0, 0, 1, 2),
    guard: rarely(
      fc.record({
        percent: fc.constantFrom(1, 40, 60, 100),
        atLeast: fc.constantFrom(1, 1, 2, 3),
        holdTtls: fc.integer({ min: 1, max: 2 }),
      }),
      2,
    ),
  })
  .map(({ lease, early, guard }): Late<Operation> => (state) => {
    const renewal = (state.leases.get(lease)?.renewal ?? 1) - early;
    return { type: "expire", lease, renewal: Math.max(1, renewal), ...(guard === null ? {} : { guard }) };
  });

const byLease = fc
  .oneof(
    fc.record({ type: fc.constant("grant" as const), lease: leaseName, ttlMs }),
    fc
      .record({ lease: leaseName, within: rarely(prefixes, 4) })
      .map(({ lease, within }) => ({ type: "renew" as const, lease, ...(within === null ? {} : { within }) })),
    { weight: 2, arbitrary: fc.record({ type: fc.constant("revoke" as const), lease: leaseName }) },
  )
  .map(
    (operation): Late<Operation> =>
      () =>
        operation,
  );

/** Mostly to where a few revisions stay, sometimes where nobody may. */
const compact = fc.integer({ min: -2, max: 12 }).map((back): Late<Operation> => (state) => ({
  type: "compact",
  revision: revision(Math.max(1, state.revision - back)),
}));

const enqueue = fc.record({ type: fc.constant("enqueue" as const), queue, value, lease }).map(
  (operation): Late<Operation> =>
    () =>
      operation,
);

const operation: fc.Arbitrary<Late<Operation>> = fc.oneof(
  { weight: 6, arbitrary: put },
  { weight: 2, arbitrary: remove },
  { weight: 5, arbitrary: expire },
  {
    weight: 5,
    arbitrary: transaction.map((late): Late<Operation> => (state) => ({ type: "txn", transaction: late(state) })),
  },
  { weight: 4, arbitrary: byLease },
  { weight: 2, arbitrary: compact },
  { weight: 3, arbitrary: enqueue },
);

/** The token of the place that is first now, or one beside it. */
const guard: fc.Arbitrary<Late<Guard>> = fc.tuple(queue, off).map(([queue, off]) => (state) => ({
  queue,
  token: revision(Math.max(1, (inOrder(state.keys, prefixRange(queue))[0]?.[1].created ?? 1) + off)),
}));

// --- logs ---

/** A command whose deadline is still relative to its batch's stamp. */
const draft = fc.record({
  // Most of them fresh: a known id changes nothing, whether its command was carried out or refused.
  id: rarely(fc.integer({ min: 1, max: 6 }), 4),
  ahead: fc.integer({ min: -10, max: 400 }),
  /** Ids of their own for deadlines too far ahead, which come near enough while the log goes on. */
  far: rarely(fc.integer({ min: 1, max: 3 }), 20),
  fingerprint: rarely(fc.constantFrom("one", "other"), 4),
  order: rarely(fc.record({ session: fc.constantFrom("s1", "s2"), sequence: fc.integer({ min: 1, max: 3 }) }), 6),
  guard: rarely(guard, 6),
  operation,
});
const draftBatch = fc.record({
  stepMs: fc.integer({ min: -20, max: 150 }),
  drafts: fc.array(draft, { maxLength: 4, size: "max" }),
});
export const draftLog = fc.array(draftBatch, { minLength: 1, maxLength: 40, size: "max" });

export type DraftLog = typeof draftLog extends fc.Arbitrary<infer Log> ? Log : never;

/** Each batch of a log, made for the state that `model` is in when its turn comes. */
export function* batchesOf(log: DraftLog, model: StoreModel): Generator<Batch> {
  let now = startTime;
  let fresh = 0;
  for (const { stepMs, drafts } of log) {
    now += stepMs;
    const commands = drafts.map(({ id, ahead, far, fingerprint, order, guard, operation }): Command => {
      fresh += 1;
      const near = { id: id === null ? `fresh-${fresh}` : `id-${id}`, deadline: now + ahead };
      const drawn = far === null ? near : { id: `far-${far}`, deadline: now + smallLimits.deadlineAheadMs + ahead };
      return {
        id: requestId(drawn.id),
        deadline: logTime(drawn.deadline),
        ...(fingerprint === null ? {} : { fingerprint }),
        ...(order === null ? {} : { order }),
        ...(guard === null ? {} : { guard: guard(model) }),
        operation: operation(model),
      };
    });
    yield { semantics: 1, stamp: logTime(now), commands };
  }
}

export const textOf = (batch: Batch): string => encodeBatch(batch.stamp, batch.commands.map(encodeCommand));

/** The whole log as text, for tests that have no other use for the oracle. */
export function textsOf(log: DraftLog): readonly string[] {
  const model = new StoreModel(smallLimits);
  const texts: string[] = [];
  for (const batch of batchesOf(log, model)) {
    texts.push(textOf(batch));
    model.apply(batch);
  }
  return texts;
}
