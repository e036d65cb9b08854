import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeBatch, encodeBatch } from "../../src/store/batch-codec.ts";
import { decodeCommand, encodeCommand } from "../../src/store/command-codec.ts";
import type { Batch, Command, Condition, Operation } from "../../src/store/command.ts";
import type { StoreRules } from "../../src/store/rules.ts";
import { leaseId, logTime, requestId, revision } from "../../src/support/brand.ts";
import type { ByteString } from "../../src/support/brand.ts";
import { Driver, loadFrom, smallLimits, startTime } from "../unit/store/driver.ts";
import { StoreModel } from "./store-model.ts";

const space = "k" as ByteString;
const key = fc.constantFrom("ka", "kab", "kb", "k\u00ff", "k\u00ff\u00ff", "k\0").map((text) => text as ByteString);
const value = fc.uint8Array({ maxLength: 3 });
const lease = fc.record({
  id: fc.constantFrom("L1", "L2").map(leaseId),
  ttlMs: fc.integer({ min: 1, max: 120 }),
});
const condition: fc.Arbitrary<Condition> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Condition>({ type: "always" }) },
  fc.constantFrom<Condition>({ type: "absent" }, { type: "present" }),
  fc.integer({ min: 1, max: 20 }).map((n): Condition => ({ type: "unchanged-since", modRevision: revision(n) })),
);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant("put" as const), key, value, condition }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("put" as const),
      key,
      value,
      condition,
      lease,
      keepIfEqual: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("delete" as const), key, condition }) },
  fc.record({
    type: fc.constant("expire" as const),
    lease: fc.constantFrom("L1", "L2").map(leaseId),
    // Still relative to its batch's slot: how many slots ago the lease was renewed.
    renewal: fc.integer({ min: 1, max: 4 }),
  }),
);

/** A command whose deadline is still relative to its batch's stamp. */
const draft = fc.record({
  // Half of them fresh: a known id changes nothing, whether its command was carried out or refused.
  id: fc.option(fc.integer({ min: 1, max: 6 }), { freq: 2 }),
  ahead: fc.integer({ min: -20, max: 400 }),
  /** Ids of their own for deadlines too far ahead, which come near enough while the log goes on. */
  far: fc.oneof({ weight: 15, arbitrary: fc.constant(null) }, fc.integer({ min: 1, max: 3 })),
  fingerprint: fc.option(fc.constantFrom("one", "other")),
  order: fc.option(fc.record({ session: fc.constantFrom("s1", "s2"), sequence: fc.integer({ min: 1, max: 3 }) }), {
    freq: 3,
  }),
  operation,
});
const draftBatch = fc.record({
  stepMs: fc.integer({ min: -20, max: 150 }),
  drafts: fc.array(draft, { maxLength: 4 }),
});
const draftLog = fc.array(draftBatch, { minLength: 1, maxLength: 40 });

type DraftLog = typeof draftLog extends fc.Arbitrary<infer Log> ? Log : never;

function batchesOf(log: DraftLog): readonly Batch[] {
  let now = startTime;
  let fresh = 0;
  return log.map(({ stepMs, drafts }, at) => {
    now += stepMs;
    const commands = drafts.map(({ id, ahead, far, fingerprint, order, operation }): Command => {
      fresh += 1;
      const near = { id: id === null ? `fresh-${fresh}` : `id-${id}`, deadline: now + ahead };
      const drawn = far === null ? near : { id: `far-${far}`, deadline: now + smallLimits.deadlineAheadMs + ahead };
      return {
        id: requestId(drawn.id),
        deadline: logTime(drawn.deadline),
        ...(fingerprint === null ? {} : { fingerprint }),
        ...(order === null ? {} : { order }),
        operation:
          operation.type === "expire" ? { ...operation, renewal: Math.max(1, at + 1 - operation.renewal) } : operation,
      };
    });
    return { semantics: 1, stamp: logTime(now), commands };
  });
}

const textOf = (batch: Batch): string => encodeBatch(batch.stamp, batch.commands.map(encodeCommand));

/** Everything that can be read must read as in the model, at every revision that still can. */
function compare(driver: Driver, model: StoreModel): void {
  const { store } = driver;
  expect([store.revision, store.logTime]).toEqual([model.revision, model.now]);
  for (const id of ["L1", "L2"].map(leaseId)) {
    const expected = model.leases.get(id);
    expect(store.lease(id)).toEqual(expected === undefined ? null : { id, ...expected });
  }
  for (let at = 0; at <= model.revision; at += 1) {
    const page = store.list({ prefix: space, limit: 100, maxBytes: 100_000, revision: revision(at) });
    if (at < store.compactedRevision) {
      expect(page.type).toBe("compacted");
      continue;
    }
    const expected = [...(model.past[at] ?? [])].toSorted(([a], [b]) => (a < b ? -1 : 1));
    if (page.type !== "page") throw new Error(page.type);
    const read = page.entries.map((entry) => ({
      key: entry.key,
      value: entry.value.join(),
      mod: entry.modRevision,
      created: entry.createRevision,
      version: entry.version,
      lease: entry.lease,
    }));
    expect(read).toEqual(expected.map(([key, kept]) => ({ key, ...kept })));
    for (const [key, kept] of expected) {
      expect(store.getAt(key, revision(at))).toMatchObject({ modRevision: kept.mod });
      const after = store.list({ prefix: space, after: key, limit: 1, maxBytes: 1, revision: revision(at) });
      const next = expected.find(([other]) => other > key)?.[0];
      expect(after).toMatchObject({ entries: next === undefined ? [] : [{ key: next }] });
    }
  }
}

/** Runs a log against store and model. Odd `restarts` reopen the store; at `snapshotAt` a copy takes over from the store. */
function agree(log: DraftLog, restarts: number, snapshotAt: number, rules: Partial<StoreRules> = {}): Driver {
  let driver = new Driver({ limits: smallLimits, rules });
  const model = new StoreModel(smallLimits);
  batchesOf(log).forEach((batch, at) => {
    expect(driver.applyText(textOf(batch))).toEqual(model.apply(batch));
    if (at % 3 === restarts) driver.reopen();
    if (at === snapshotAt) {
      const copy = loadFrom(driver);
      expect(copy.store.digest()).toBe(driver.store.digest());
      driver = copy;
    }
  });
  compare(driver, model);
  return driver;
}

const run = fc.tuple(draftLog, fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 60 }));
const runs = { numRuns: 150 };

describe("the store against its model", () => {
  test("[L3] outcomes, keys at every readable revision, and leases agree, across restarts and a snapshot", () => {
    let cleared = 0;
    fc.assert(
      fc.property(run, ([log, restarts, snapshotAt]) => {
        const { store } = agree(log, restarts, snapshotAt);
        if (store.compactedRevision > 0) cleared += 1;
      }),
      { ...runs, seed: 1 },
    );
    // Not vacuous: some of the runs really lost history on the way.
    expect(cleared).toBeGreaterThan(5);
  });

  test.each<[string, Partial<StoreRules>]>([
    ["X3 applies without the sequence test", { isNext: () => true }],
    ["E1 ignores the renewal", { mayEnd: (held, _, now) => now >= held.renewedAt + held.ttlMs }],
    ["conditions hold always", { conditionHolds: () => true }],
  ])("twin: %s, and the model notices", (_, rules) => {
    const check = fc.check(
      fc.property(run, ([log, restarts, snapshotAt]) => {
        agree(log, restarts, snapshotAt, rules);
      }),
      { ...runs, seed: 1, endOnFailure: true },
    );
    expect(check.failed).toBe(true);
  });

  test("[L7] a snapshot read while its source goes on is the state at its slot", () => {
    fc.assert(
      fc.property(draftLog, fc.integer({ min: 0, max: 30 }), (log, at) => {
        const texts = batchesOf(log).map(textOf);
        const source = new Driver({ limits: smallLimits });
        const opening = Math.min(at, texts.length - 1);
        for (const text of texts.slice(0, opening + 1)) source.applyText(text);
        const digest = source.store.digest();
        const later = texts.slice(opening + 1);
        const meanwhile = [...later];
        // The first page is read before anything else happens, then one batch is applied between any two pages.
        const target = loadFrom(source, (page) => {
          const text = page < 3 ? meanwhile.shift() : undefined;
          if (text !== undefined) source.applyText(text);
        });
        expect(target.store.digest()).toBe(digest);
        for (const text of meanwhile) source.applyText(text);
        for (const text of later) target.applyText(text);
        expect(target.store.digest()).toBe(source.store.digest());
      }),
      runs,
    );
  });
});

describe("the codec", () => {
  test("a command comes back as it went, and its text never changes", () => {
    fc.assert(
      fc.property(draftLog, (log) => {
        for (const batch of batchesOf(log)) {
          expect(decodeBatch(textOf(batch))).toMatchObject({ semantics: 1, stamp: batch.stamp });
          for (const command of batch.commands) {
            const text = encodeCommand(command);
            const decoded = decodeCommand(text);
            expect("type" in decoded ? null : encodeCommand(decoded)).toBe(text);
          }
        }
      }),
      runs,
    );
  });

  test("no text makes it throw, and no JSON that it takes breaks a store", () => {
    const anything = fc.oneof(
      fc.string(),
      fc.json(),
      fc.jsonValue().map((part) => JSON.stringify([1, 5, [part]])),
    );
    fc.assert(
      fc.property(anything, (text) => {
        const batch = decodeBatch(text);
        if (!("type" in batch)) new Driver().applyText(text);
      }),
      runs,
    );
  });
});
