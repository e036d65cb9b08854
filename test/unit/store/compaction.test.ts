import { describe, expect, test } from "vitest";
import type { Operation } from "../../../src/store/command.ts";
import { revision } from "../../../src/support/brand.ts";
import { compact, Driver, key, loadFrom, put, remove, smallLimits } from "./driver.ts";
import { rangeFrom } from "./transactions.ts";

/** Under which nothing is cleared but on demand, two batches at a time. */
const limits = { ...smallLimits, historyRevisions: 1_000, clearedBatchesPerApply: 2 };

/** `a` written ten times, `b` once and deleted: revisions 2 to 13, a batch each. */
function filled(): Driver {
  const driver = new Driver({ limits });
  driver.one(put("b", "1"));
  driver.one(remove("b"));
  for (let n = 1; n <= 10; n += 1) driver.one(put("a", String(n)));
  return driver;
}

const rows = ({ sql }: Driver) => sql.all("SELECT mod FROM kv ORDER BY mod").map((row) => row["mod"]);
const changes = ({ sql }: Driver) =>
  sql.all("SELECT count(*) AS n FROM batches WHERE changes IS NOT NULL").map((row) => row["n"])[0];
const sequence = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n);

describe("[V3] compaction on demand", () => {
  test("[V3] reading below the named revision is refused at once; itself and later ones are what they were", () => {
    const driver = filled();
    const at = (n: number) => driver.store.getAt(key("a"), revision(n));
    const kept = sequence(8, 13).map(at);
    expect(driver.one(compact(8))).toEqual({ type: "compacted", revision: 13 });
    expect(driver.store.compactedRevision).toBe(8);
    for (let n = 0; n < 12; n += 1) {
      for (const below of [0, 2, 7]) expect(at(below)).toEqual({ type: "compacted", compactedRevision: 8 });
      expect(sequence(8, 13).map(at)).toEqual(kept);
      driver.apply();
      if (n % 3 === 0) driver.reopen();
    }
    const listing = { prefix: key(""), limit: 9, maxBytes: 999 };
    expect(driver.store.list({ ...listing, revision: revision(7) })).toMatchObject({ type: "compacted" });
    expect(driver.store.list({ ...listing, revision: revision(8) })).toMatchObject({ entries: [{ modRevision: 8 }] });
  });

  test("[V4] refusals follow from what was compacted before, not from what this replica has", () => {
    const driver = filled();
    const refused = (why: string, compactedRevision: number) => ({
      type: "refused",
      why,
      revision: 13,
      compactedRevision,
    });
    expect(driver.one(compact(14))).toEqual(refused("future", 0));
    expect(driver.one(compact(5))).toMatchObject({ type: "compacted" });
    for (const at of [5, 4, 1]) expect(driver.one(compact(at))).toEqual(refused("compacted", 5));
    driver.reopen();
    expect(driver.one(compact(5))).toEqual(refused("compacted", 5));
    expect(driver.one(compact(13))).toEqual({ type: "compacted", revision: 13 });
    expect(driver.store.compactedRevision).toBe(13);
    expect(driver.value("a")).toBe("10");
  });

  test("[V4] history that was cleared because its time was up is no reason to refuse a compaction", () => {
    const driver = new Driver({ limits: smallLimits });
    for (let n = 0; n < 30; n += 1) {
      driver.now += 50;
      driver.one(put("a", String(n)));
    }
    expect(driver.store.compactedRevision).toBeGreaterThan(10);
    expect(driver.one(compact(3))).toMatchObject({ type: "compacted" });
    expect(driver.store.compactedRevision).toBeGreaterThan(10);
  });
});

describe("the rows that a compaction frees", () => {
  test("go with later batches, a few at a time, and only those that no kept revision needs", () => {
    const driver = filled();
    expect(rows(driver)).toEqual(sequence(2, 13));
    driver.one(compact(8));
    // Two batches with the compaction's own: the one key with its deletion.
    expect([rows(driver), changes(driver)]).toEqual([sequence(4, 13), 10]);
    driver.apply();
    expect([rows(driver), changes(driver)]).toEqual([sequence(5, 13), 8]);
    driver.reopen();
    driver.apply();
    expect([rows(driver), changes(driver)]).toEqual([sequence(7, 13), 6]);
    for (let n = 0; n < 3; n += 1) driver.apply();
    // What revision 8 superseded goes with the batch that reaches up to it: a watch from there may ask for it.
    expect([rows(driver), changes(driver)]).toEqual([sequence(7, 13), 6]);
    driver.one(compact(13));
    for (let n = 0; n < 6; n += 1) driver.apply();
    expect([rows(driver), changes(driver)]).toEqual([[12, 13], 1]);
    // Batches stay for peers that catch up.
    expect(driver.store.firstKeptSlot).toBe(1);
  });

  test("go with their batches too, once those are cleared", () => {
    const driver = new Driver({ limits: { ...smallLimits, clearedBatchesPerApply: 1 } });
    for (let n = 0; n < 20; n += 1) driver.one(put("a", String(n)));
    driver.one(compact(15));
    for (let n = 0; n < 40; n += 1) {
      driver.now += 50;
      driver.apply();
    }
    // The newest five revisions are kept in any case.
    expect(rows(driver)).toEqual(sequence(16, 21));
    expect(driver.store.compactedRevision).toBe(17);
  });

  test("a compaction to the midst of a batch leaves that batch whole", () => {
    const driver = new Driver({ limits });
    driver.apply(...sequence(1, 4).map((n) => driver.command(put("a", String(n)))));
    driver.one(compact(3));
    for (let n = 0; n < 4; n += 1) driver.apply();
    expect(rows(driver)).toEqual([2, 3, 4, 5]);
    expect(driver.store.getAt(key("a"), revision(2))).toMatchObject({ type: "compacted" });
    expect(driver.store.getAt(key("a"), revision(3))).toMatchObject({ modRevision: 3 });
  });

  test("cost what they are, and nothing once they are gone", () => {
    const driver = filled();
    const costs = () => driver.rowsWritten(() => driver.one(put("c", "1"))) - 2;
    // The line that the command draws, and with each two batches: their rows, what they superseded, how far this has come;
    // and once that a deletion was among them.
    expect(driver.rowsWritten(() => driver.one(compact(8)))).toBe(1 + 1 + 2 + 2 + 1 + 1);
    expect(costs()).toBe(2 + 1 + 1);
    for (let n = 0; n < 4; n += 1) driver.apply();
    expect(costs()).toBe(0);
    const read: number[] = [];
    const real = driver.sql.all.bind(driver.sql);
    driver.sql.all = (statement, ...bindings) => {
      const found = real(statement, ...bindings);
      if (statement.includes("FROM batches")) read.push(found.length);
      return found;
    };
    driver.one(put("c", "2"));
    expect(read).toEqual([]);
  });
});

describe("[L7] a snapshot taken while rows go", () => {
  test("[L2] [L7] has the same digest, and both go on alike", () => {
    for (let taken = 0; taken < 8; taken += 1) {
      const source = filled();
      source.one(compact(11));
      for (let n = 0; n < taken; n += 1) source.apply();
      const target = loadFrom(source);
      for (let n = 0; n < 8; n += 1) {
        expect(target.store.digest()).toBe(source.store.digest());
        expect(target.store.compactedRevision).toBe(source.store.compactedRevision);
        const text = source.batch([source.command(put("a", `later ${n}`)), source.command(compact(9 + n))]);
        expect(target.applyText(text)).toEqual(source.applyText(text));
        if (n % 2 === 0) target.reopen();
      }
      // The copy began to clear anew.
      for (let n = 0; n < 12; n += 1) [source, target].forEach((driver) => driver.apply());
      expect(rows(target)).toEqual(rows(source));
    }
  });

  test("[L7] [N3] read across a compaction, it says no more of the past than it has", () => {
    const source = filled();
    const digest = source.store.digest();
    const target = loadFrom(source, (page) => {
      if (page === 0) source.one(compact(12));
      else if (page < 4) source.apply();
    });
    expect(target.store.digest()).toBe(digest);
    expect(target.store.compactedRevision).toBe(12);
    for (let at = 12; at <= 13; at += 1) {
      expect(target.store.getAt(key("a"), revision(at))).toEqual(source.store.getAt(key("a"), revision(at)));
    }
    // What a command compacted, it has not heard of yet.
    expect(target.one(compact(5), { id: "its first" })).toMatchObject({ type: "compacted" });
  });

  /** From the first revision on that can be watched here. */
  const watchedFrom = (driver: Driver, at: number) =>
    driver.store.events(
      { range: rangeFrom("a"), from: { revision: revision(at), index: 0 }, puts: true, deletes: true, previous: true },
      { events: 9, bytes: 9_999, changes: 99 },
    );

  test("[L7] [N3] read across a compaction beyond it, the present can be read and what follows be watched", () => {
    const source = filled();
    const texts: string[] = [];
    const chosen = (...operations: Operation[]): void => {
      const text = source.batch(operations.map((one) => source.command(one)));
      source.applyText(text);
      texts.push(text);
    };
    const target = loadFrom(source, (page) => {
      if (page === 0) chosen(put("a", "14"));
      if (page === 1) chosen(put("a", "15"), compact(15));
    });
    expect(target.store.compactedRevision).toBe(13);
    expect(target.page("").entries).toMatchObject([{ modRevision: 13 }]);
    expect(watchedFrom(target, 13)).toEqual({ type: "compacted", compactedRevision: 14 });
    target.applyText(texts[0] ?? "");
    expect(watchedFrom(target, 14)).toMatchObject({ events: [{ entry: { modRevision: 14 } }] });
    target.applyText(texts[1] ?? "");
    expect(target.store.digest()).toBe(source.store.digest());
    expect(watchedFrom(target, 14)).toEqual({ type: "compacted", compactedRevision: 15 });
  });

  test("[L7] [N3] that does not have how its present came to be tells nobody that nothing happened", () => {
    const source = filled();
    for (let n = 0; n < 20; n += 1) source.apply();
    const snapshot = source.store.openSnapshot();
    source.one(put("b", "1"));
    source.one(compact(14));
    for (let n = 0; n < 8; n += 1) source.apply();
    expect(watchedFrom(source, 13)).toEqual({ type: "compacted", compactedRevision: 14 });
    const target = new Driver({ limits });
    target.store.beginLoad();
    for (let cursor: string | null = null; ;) {
      const page = snapshot.page(cursor);
      if (page.type !== "page") throw new Error(page.type);
      expect(target.store.loadPage(page.rows)).toBeNull();
      if (page.next === null) break;
      cursor = page.next;
    }
    expect(target.store.endLoad()).toBeNull();
    expect([target.store.revision, target.store.compactedRevision]).toEqual([13, 13]);
    expect(watchedFrom(target, 13)).toEqual({ type: "compacted", compactedRevision: 14 });
  });

  test("[L2] the line a command drew is part of the state: replicas that differ in it differ", () => {
    const [one, other] = [filled(), filled()];
    one.one(compact(5), { id: "x" });
    other.one(compact(6), { id: "x" });
    expect(one.store.digest()).not.toBe(other.store.digest());
  });
});
