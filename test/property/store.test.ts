import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeBatch } from "../../src/store/batch-codec.ts";
import { decodeCommand, encodeCommand } from "../../src/store/command-codec.ts";
import type { Batch, Outcome } from "../../src/store/command.ts";
import type { EventBounds, EventPlace, StoreEvent } from "../../src/store/events.ts";
import { allOf } from "../../src/store/ranges.ts";
import type { Store } from "../../src/store/store.ts";
import type { KeyRange, RangeQuery, Transaction, TxnResponse } from "../../src/store/transaction.ts";
import { revision } from "../../src/support/brand.ts";
import type { ByteString, Revision } from "../../src/support/brand.ts";
import { Driver, loadFrom, smallLimits } from "../unit/store/driver.ts";
import {
  batchesOf,
  draftLog,
  leaseIds,
  range,
  rangeQuery,
  readingTransaction,
  textOf,
  textsOf,
  type DraftLog,
} from "./store-drafts.ts";
import { StoreModel } from "./store-model.ts";
import { inOrder, rangeOf } from "./transaction-model.ts";

const everything: KeyRange = { key: "\0" as ByteString, end: "\u00ff" as ByteString };

/** What is asked of a store in the end, besides everything that can be read of its keys. */
const probe = fc.record({
  query: rangeQuery,
  transaction: readingTransaction,
  watch: fc
    .record({
      range,
      also: fc.array(range, { maxLength: 2 }),
      puts: fc.boolean(),
      deletes: fc.boolean(),
      previous: fc.boolean(),
    })
    .map(({ also, ...watch }) => (also.length === 0 ? watch : { ...watch, also })),
  bounds: fc.constantFrom<EventBounds>(
    { events: 1, bytes: 1, changes: 1 },
    { events: 2, bytes: 10_000, changes: 3 },
    { events: 1000, bytes: 140, changes: 1000 },
    { events: 1000, bytes: 1_000_000, changes: 10_000 },
  ),
  /** Where the watch begins, as a part of all that may be watched. */
  from: fc.double({ min: 0, max: 1, noNaN: true }),
});
type Probe = typeof probe extends fc.Arbitrary<infer One> ? One : never;

/** Keys, leases and everything else that can be read must read as in the model, at every revision that still can. */
function compareState({ store }: Driver, model: StoreModel): void {
  expect([store.revision, store.logTime]).toEqual([model.revision, model.now]);
  expect(store.compactedRevision).toBeGreaterThanOrEqual(model.compacted);
  expect(store.compactedRevision).toBeLessThanOrEqual(model.revision);
  for (const id of leaseIds) {
    const expected = model.leases.get(id);
    expect(store.lease(id)).toEqual(expected === undefined ? null : { id, ...expected });
    expect(store.leaseKeys(id, 100)).toEqual(model.keysOf(id));
  }
  expect(store.leases("", 10).map(({ id }) => id as string)).toEqual([...model.leases.keys()].toSorted());
  for (let at = 0; at <= model.revision; at += 1) {
    const all: RangeQuery = { ...allOf(everything), revision: revision(at) };
    const found = store.range(all, { after: null, skip: 0 }, { limit: 100, maxBytes: 100_000 });
    if (at < store.compactedRevision) {
      expect(found).toEqual({ type: "compacted", compactedRevision: store.compactedRevision });
      continue;
    }
    const keys = model.past[at] ?? new Map();
    expect(found).toEqual(rangeOf(keys, all));
    for (const [key, kept] of inOrder(keys, everything)) {
      expect(store.getAt(key, revision(at))).toMatchObject({ modRevision: kept.mod });
    }
    const listed = store.list({ prefix: "k" as ByteString, limit: 100, maxBytes: 100_000, revision: revision(at) });
    expect(listed).toMatchObject({ entries: rangeOf(keys, allOf(userKeys)).entries });
  }
}

const userKeys: KeyRange = { key: "k" as ByteString, end: "l" as ByteString };

/** V3: a range in pages of one entry is what it is in one piece, at any revision that is kept. */
function compareRange(store: Store, model: StoreModel, query: RangeQuery): void {
  for (let at: Revision = store.compactedRevision; at <= model.revision; at = revision(at + 1)) {
    const asked = { ...query, limit: 0, revision: at };
    const expected = rangeOf(model.past[at] ?? new Map(), asked);
    const entries = [];
    let place: { after: ByteString | null; skip: number } = { after: null, skip: 0 };
    for (let more = true; more;) {
      const page = store.range(asked, place, { limit: 1, maxBytes: 1 });
      if ("type" in page) throw new Error(page.type);
      if (place.after === null && place.skip === 0) expect(page.count).toBe(expected.count);
      entries.push(...page.entries);
      const inOrderOfKeys = query.sort.target === "key" && !query.sort.descending;
      const last = page.entries.at(-1)?.key ?? null;
      place = inOrderOfKeys ? { after: last, skip: 0 } : { after: null, skip: entries.length };
      ({ more } = page);
    }
    expect(entries).toEqual(expected.entries);
    expect(store.range({ ...query, revision: at }, { after: null, skip: 0 }, { limit: 100, maxBytes: 10_000 })).toEqual(
      rangeOf(model.past[at] ?? new Map(), query),
    );
  }
}

/** N1-N4: one watch, answer after answer, from one place to the present. */
function watched(store: Store, watch: Probe["watch"], from: EventPlace, bounds: EventBounds): readonly StoreEvent[] {
  const told: StoreEvent[] = [];
  let place = from;
  for (let answers = 0; ; answers += 1) {
    expect(answers).toBeLessThan(10_000);
    const page = store.events({ ...watch, from: place }, bounds);
    if (page.type === "compacted") throw new Error("compacted");
    expect(page.events.length).toBeLessThanOrEqual(bounds.events);
    for (const { entry } of page.events) {
      expect(entry.modRevision).toBeGreaterThanOrEqual(place.revision);
      expect(entry.modRevision).toBeLessThanOrEqual(page.next.revision);
      // N2: a place between revisions never divides one.
      if (page.next.index === 0) expect(entry.modRevision).toBeLessThan(page.next.revision);
    }
    told.push(...page.events);
    if (page.next.revision > store.revision) return told;
    const moved = page.next.revision > place.revision || page.next.index > place.index;
    expect(moved).toBe(true);
    place = page.next;
  }
}

/** Where watches can begin: where reading can, or after a snapshot perhaps with the next revision. */
function firstTold(store: Store, watch: Probe["watch"]): Revision {
  const from = { revision: store.compactedRevision, index: 0 };
  const page = store.events({ ...watch, from }, { events: 1, bytes: 1, changes: 1 });
  if (page.type === "events") return from.revision;
  expect([from.revision, page.compactedRevision]).toEqual([store.revision, store.revision + 1]);
  return page.compactedRevision;
}

function compareEvents({ store }: Driver, model: StoreModel, { watch, bounds, from }: Probe): void {
  const floor = firstTold(store, watch);
  const first = Math.max(1, floor);
  const starts = [first, first + Math.floor(from * (model.revision + 1 - first)), model.revision, model.revision + 1];
  for (const start of starts) {
    const place = { revision: revision(start), index: 0 };
    const expected = model.events({ ...watch, from: place });
    if (start < floor) continue;
    expect(watched(store, watch, place, bounds)).toEqual(expected);
    // From the middle of a revision too.
    const inside = { revision: revision(start), index: 1 };
    if (start <= model.revision) {
      expect(watched(store, watch, inside, bounds)).toEqual(model.events({ ...watch, from: inside }));
    }
  }
  if (floor === 0) return;
  for (const below of [
    { revision: revision(floor - 1), index: 0 },
    { revision: revision(floor - 1), index: 7 },
  ]) {
    expect(store.events({ ...watch, from: below }, bounds)).toEqual({ type: "compacted", compactedRevision: floor });
  }
}

/** Right as long as it is kept; of what is not, never earlier than it was. */
function compareLastChange(store: Store, model: StoreModel, range: KeyRange): void {
  const [found, expected] = [store.lastChange(range), model.lastChange(range)];
  if (expected >= store.compactedRevision) expect(found).toBe(expected);
  else {
    expect(found).toBeGreaterThanOrEqual(expected);
    expect(found).toBeLessThan(Math.max(store.compactedRevision, 1));
  }
}

function compare(driver: Driver, model: StoreModel, probes: readonly Probe[]): void {
  compareState(driver, model);
  for (const probe of probes) {
    compareRange(driver.store, model, probe.query);
    compareEvents(driver, model, probe);
    compareLastChange(driver.store, model, probe.watch.range);
    const transaction = probe.transaction(model);
    expect(driver.store.readTransaction(transaction)).toEqual(model.read(transaction, driver.store.compactedRevision));
  }
}

/** @returns null when the source has meanwhile lost what the snapshot needs. */
function loaded(source: Driver, whileReading: (page: number) => void): Driver | null {
  try {
    return loadFrom(source, whileReading);
  } catch (error) {
    if (error instanceof Error && error.message === "gone") return null;
    throw error;
  }
}

/** The oracle as it was after one batch of a log. */
function modelAt(log: DraftLog, last: number): StoreModel {
  const model = new StoreModel(smallLimits);
  let at = 0;
  for (const batch of batchesOf(log, model)) {
    if (at > last) break;
    model.apply(batch);
    at += 1;
  }
  return model;
}

interface Run {
  readonly log: DraftLog;
  /** History is cleared soon, or only where it is compacted. */
  readonly limits: typeof smallLimits;
  /** 0 to 2: the store is opened anew after every third batch. */
  readonly restarts: number;
  /** A copy takes over from the store after this batch. */
  readonly snapshotAt: number;
  readonly probes: readonly Probe[];
}

/** What a twin of the store would make of a batch. */
type Distortion = (batch: Batch) => Batch;

function agree(
  { log, limits, restarts, snapshotAt, probes }: Run,
  count: (outcome: Outcome) => void = () => undefined,
  distorted: Distortion = (batch) => batch,
): Driver {
  let driver = new Driver({ limits });
  const model = new StoreModel(smallLimits);
  let at = 0;
  for (const batch of batchesOf(log, model)) {
    const expected = model.apply(batch);
    expect(driver.applyText(textOf(distorted(batch)))).toEqual(expected);
    expected.forEach(count);
    if (at % 3 === restarts) driver.reopen();
    if (at === snapshotAt) {
      const copy = loadFrom(driver);
      expect(copy.store.digest()).toBe(driver.store.digest());
      driver = copy;
    }
    at += 1;
  }
  compare(driver, model, probes);
  driver.reopen();
  compare(driver, model, probes.slice(0, 1));
  const copy = loadFrom(driver);
  expect(copy.store.digest()).toBe(driver.store.digest());
  compare(copy, model, probes.slice(0, 1));
  return driver;
}

const limits = fc.constantFrom(smallLimits, { ...smallLimits, historyRevisions: 1_000, clearedBatchesPerApply: 1 });
const run: fc.Arbitrary<Run> = fc.record({
  log: draftLog,
  limits,
  restarts: fc.integer({ min: 0, max: 3 }),
  snapshotAt: fc.integer({ min: 0, max: 60 }),
  probes: fc.array(probe, { minLength: 2, maxLength: 2 }),
});
const runs = { numRuns: 300 };

/** Outcomes by what they say, refusals by their reason. */
function kindsOf(outcome: Outcome): readonly string[] {
  switch (outcome.type) {
    case "put":
      return [outcome.renewedOnly ? "put: kept" : "put"];
    case "deleted":
      return [outcome.existed ? "deleted" : "deleted: nothing"];
    case "suspected":
      return ["suspected"];
    case "expired":
    case "revoked":
      return [outcome.deletedKeys > 0 ? outcome.type : `${outcome.type}: nothing`];
    case "txn":
      return [
        `txn: ${outcome.succeeded ? "success" : "failure"}`,
        ...(outcome.responses ?? []).flatMap(kindsOfResponse),
      ];
    case "enqueued":
      return [outcome.created ? "enqueued" : "enqueued: again"];
    case "refused":
      return [`refused: ${outcome.why}`];
    default:
      return [outcome.type];
  }
}

function kindsOfResponse(response: TxnResponse): readonly string[] {
  switch (response.type) {
    case "put":
      return [response.previous === null ? "txn: put" : "txn: put over"];
    case "delete":
      return [response.deleted > 1 ? "txn: delete many" : "txn: delete"];
    case "range":
      return [response.more ? "txn: range cut" : "txn: range"];
    case "txn":
      return ["txn: nested", ...response.responses.flatMap(kindsOfResponse)];
  }
}

/** Everything that a log can lead to, but for maxima that take more than a small test. */
const kinds = [
  ...["put", "put: kept", "deleted", "deleted: nothing", "expired", "expired: nothing", "revoked", "revoked: nothing"],
  ...["txn: success", "txn: failure", "txn: put", "txn: put over", "txn: delete", "txn: delete many", "txn: range"],
  ...["txn: range cut", "txn: nested", "granted", "renewed", "compacted", "enqueued", "enqueued: again"],
  ...["refused: key-not-found", "refused: lease-not-found", "refused: lease-exists", "refused: lock-lost"],
  ...[
    "suspected",
    "refused: lease-elsewhere",
    "refused: compacted",
    "refused: future",
    "condition-failed",
    "past-deadline",
    "deadline-too-far",
  ],
  ...["out-of-order", "id-reused"],
];

describe("the store against its model", () => {
  test("[L3] [V1] [V2] [V3] [N1] [N3] outcomes, all revisions, leases and events agree, across restarts and snapshots", () => {
    let [cleared, swept] = [0, 0];
    const seen = new Map<string, number>();
    const count = (outcome: Outcome): void => {
      for (const kind of kindsOf(outcome)) seen.set(kind, (seen.get(kind) ?? 0) + 1);
    };
    fc.assert(
      fc.property(run, (drawn) => {
        const { store, sql } = agree(drawn, count);
        if (store.compactedRevision > 0) cleared += 1;
        if (sql.all("SELECT 1 AS one FROM store_meta WHERE name = 'swept'").length > 0) swept += 1;
      }),
      { ...runs, seed: 1 },
    );
    // Not vacuous: some of the runs really lost history on the way, and everything happened.
    expect(cleared).toBeGreaterThan(20);
    expect(swept).toBeGreaterThan(20);
    expect(kinds.filter((kind) => (seen.get(kind) ?? 0) < 5)).toEqual([]);
  }, 120_000);

  const each =
    (change: (command: Batch["commands"][number]) => Batch["commands"][number]): Distortion =>
    (batch) => ({ ...batch, commands: batch.commands.map(change) });
  const without = (part: "order" | "guard"): Distortion =>
    each((command) => {
      const copy: { -readonly [Part in keyof typeof command]: (typeof command)[Part] } = { ...command };
      delete copy[part];
      return copy;
    });
  const withoutCompares = (transaction: Transaction): Transaction => ({ ...transaction, compares: [] });

  test.each<[string, Distortion]>([
    ["X3 heeds no order", without("order")],
    ["K1 heeds no guard", without("guard")],
    [
      "V2 judges no comparison",
      each((command) =>
        command.operation.type === "txn"
          ? { ...command, operation: { type: "txn", transaction: withoutCompares(command.operation.transaction) } }
          : command,
      ),
    ],
    [
      "conditions hold always",
      each((command) =>
        "condition" in command.operation
          ? { ...command, operation: { ...command.operation, condition: { type: "always" } } }
          : command,
      ),
    ],
  ])("twin: %s, and the model notices", (_, distorted) => {
    const check = fc.check(
      fc.property(run, (drawn) => {
        agree(drawn, undefined, distorted);
      }),
      { ...runs, seed: 1, endOnFailure: true },
    );
    expect(check.failed).toBe(true);
  });

  test("[L7] [N3] a snapshot read while its source goes on is the state at its slot, and tells what led to it", () => {
    let [gone, whole] = [0, 0];
    const pace = fc.record({ every: fc.integer({ min: 1, max: 8 }), first: fc.nat({ max: 8 }) });
    fc.assert(
      fc.property(draftLog, limits, fc.integer({ min: 0, max: 30 }), pace, probe, (log, limits, at, pace, one) => {
        const texts = textsOf(log);
        const source = new Driver({ limits });
        const opening = at % texts.length;
        for (const text of texts.slice(0, opening + 1)) source.applyText(text);
        const digest = source.store.digest();
        const later = texts.slice(opening + 1);
        const meanwhile = [...later];
        // The first page is read before anything else happens, then batches are applied between some pages and the next.
        const target = loaded(source, (page) => {
          const text = page % pace.every === pace.first ? meanwhile.shift() : undefined;
          if (text !== undefined) source.applyText(text);
        });
        if (target === null) return void (gone += 1);
        whole += 1;
        compare(target, modelAt(log, opening), [one]);
        expect(target.store.digest()).toBe(digest);
        for (const text of meanwhile) source.applyText(text);
        for (const text of later) target.applyText(text);
        expect(target.store.digest()).toBe(source.store.digest());
      }),
      { ...runs, seed: 1 },
    );
    // Some are overtaken by clearing or compaction, most are not.
    expect(gone).toBeGreaterThan(0);
    expect(whole).toBeGreaterThan(100);
  }, 120_000);
});

describe("the codec", () => {
  test("a command comes back as it went, and its text never changes", () => {
    fc.assert(
      fc.property(draftLog, (log) => {
        const model = new StoreModel(smallLimits);
        for (const batch of batchesOf(log, model)) {
          expect(decodeBatch(textOf(batch))).toEqual(batch);
          for (const command of batch.commands) {
            const text = encodeCommand(command);
            const decoded = decodeCommand(text);
            expect("type" in decoded ? null : encodeCommand(decoded)).toBe(text);
          }
          model.apply(batch);
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
