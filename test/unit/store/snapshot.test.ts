import { describe, expect, test } from "vitest";
import { revision, slot } from "../../../src/support/brand.ts";
import { utf8 } from "../../../src/support/bytes.ts";
import { Driver, expire, key, loadFrom, put, remove, smallLimits } from "./driver.ts";

/** Bytes of a page inside a message's text, without the quotes around it. */
const bytesInMessage = (page: string): number => utf8(JSON.stringify(page)).length - 2;

/** A store with something of everything. */
function rich(limits: Partial<typeof smallLimits> = {}): Driver {
  const driver = new Driver({ limits: { ...smallLimits, ...limits } });
  for (let n = 0; n < 20; n += 1) {
    driver.now += 5;
    driver.apply(
      driver.command(put(`k${n % 7}`, `value ${n}`)),
      driver.command(put(`lease${n % 3}`, String(n), { lease: `L${n % 2}` })),
      driver.command(remove(`k${n % 5}`)),
      driver.command(put("idempotent", String(n)), {
        id: `i${n}`,
        fingerprint: "f",
        deadline: driver.now + 5_000,
      }),
      driver.command(put("ordered", String(n)), { order: { session: "s", sequence: n + 1 } }),
    );
  }
  return driver;
}

const more = (driver: Driver, n: number) => [
  driver.command(put(`k${n % 4}`, `later ${n}`), { id: `later-${n}` }),
  driver.command(expire("L0", 19), { id: `expire-${n}` }),
  driver.command(put("ordered", "x"), { id: `ordered-${n}`, order: { session: "s", sequence: 21 + n } }),
];

describe("[L7] a snapshot is the state after one slot", () => {
  test("[L7] loaded, it has the source's digest, and goes on to the same outcomes and digests", () => {
    const source = rich();
    const target = loadFrom(source);
    expect(target.store.digest()).toBe(source.store.digest());
    expect(target.store.appliedSlot).toBe(20);
    for (let n = 0; n < 30; n += 1) {
      source.now += 40;
      const text = source.batch(more(source, n));
      const outcomes = source.applyText(text);
      if (n % 3 === 0) target.reopen();
      expect(target.applyText(text)).toEqual(outcomes);
      expect(target.store.digest()).toBe(source.store.digest());
      expect(target.store.compactedRevision).toBe(source.store.compactedRevision);
    }
    expect(target.sql.all("SELECT * FROM kv")).toEqual(source.sql.all("SELECT * FROM kv"));
  });

  test("[L7] it stays that state while its source applies and clears", () => {
    const source = rich({ historyRevisions: 60, historyMs: 10 });
    const digest = source.store.digest();
    const later: string[] = [];
    const target = loadFrom(source, (page) => {
      if (page > 10) return;
      source.now += 20;
      const text = source.batch(more(source, page));
      later.push(text);
      source.applyText(text);
    });
    expect(target.store.digest()).toBe(digest);
    expect(target.store.compactedRevision).toBeGreaterThan(0);
    for (const text of later) target.applyText(text);
    expect(target.store.digest()).toBe(source.store.digest());
    // Every revision that the target says is readable reads as at the source.
    for (let at = source.store.compactedRevision; at <= source.store.revision; at = revision(at + 1)) {
      const listing = { prefix: key(""), limit: 100, maxBytes: 100_000, revision: at };
      expect(target.store.list(listing)).toEqual(source.store.list(listing));
    }
  });

  test("[X1] outcomes live on where the source cleared their batches while the snapshot was read", () => {
    const source = new Driver({
      limits: { ...smallLimits, historyRevisions: 0, historyMs: 0, keptSlots: 3 },
    });
    const retried = source.command(put("a", "1"), { id: "one", deadline: source.now + 120 });
    const [first] = source.apply(retried);
    for (let n = 0; n < 4; n += 1) source.one(put("a", String(n)));
    const target = loadFrom(source, (page) => {
      if (page !== 0) return;
      source.now += 200;
      source.apply();
    });
    expect(target.sql.all("SELECT min(slot) AS oldest FROM batches")).toEqual([{ oldest: 4 }]);
    expect(target.apply(retried)).toEqual([first]);
    target.reopen();
    expect(target.apply(retried)).toEqual([first]);
    expect(target.value("a")).toBe("3");
  });

  test("[L7] batches that its source clears before their rows are read leave nothing behind", () => {
    const source = rich({ historyMs: 400, historyRevisions: 0 });
    // Its deleted keys give the end of the lease several parts of changes.
    const names = Array.from({ length: 400 }, (_, n) => `${"long".repeat(50)}-${n}`);
    source.apply(...names.map((name) => source.command(put(name, "x", { lease: "many", ttlMs: 1 }))));
    source.now += 1;
    source.one(expire("many", 21));
    source.one(put("k0", "last"));
    expect(source.sql.all("SELECT 1 AS one FROM changes").length).toBeGreaterThan(0);
    const digest = source.store.digest();
    const texts: string[] = [];
    const apply = (ms: number) => {
      source.now += ms;
      const text = source.batch([source.command(put("k0", String(source.now)))]);
      texts.push(text);
      source.applyText(text);
    };
    let read = 0;
    const target = loadFrom(source, (page) => {
      read = page;
      // Three rows to a page: the source clears four batches at a time, and so overtakes the reader.
      if (page < 4) apply(page === 0 ? 350 : 60);
    });
    expect(read).toBeGreaterThan(10);
    expect(source.store.compactedRevision).toBeGreaterThan(60);
    expect(target.store.digest()).toBe(digest);
    expect(target.store.compactedRevision).toBe(source.store.compactedRevision);
    for (const text of texts) target.applyText(text);
    for (let n = 0; n < 12; n += 1) {
      source.now += 200;
      const text = source.batch([source.command(put("k1", String(n)))]);
      source.applyText(text);
      target.applyText(text);
      expect(target.store.digest()).toBe(source.store.digest());
    }
    for (const table of ["kv", "changes"]) {
      const statement = `SELECT * FROM ${table}`;
      expect(target.sql.all(statement)).toEqual(source.sql.all(statement));
    }
    expect(target.sql.all("SELECT 1 AS one FROM changes")).toEqual([]);
  });

  test("[L7] once its source has cleared rows it needs, it says that it is gone", () => {
    const source = rich({
      historyRevisions: 0,
      historyMs: 0,
      keptSlots: 0,
      commandLifeMs: 0,
      stampAheadMs: 0,
    });
    const snapshot = source.store.openSnapshot();
    const first = snapshot.page(null);
    expect(first.type).toBe("page");
    for (let n = 0; n < 3; n += 1) {
      source.now += 100;
      source.one(put("k0", String(n)));
    }
    expect(snapshot.page(null)).toEqual({ type: "gone" });
  });

  test("[L7] it is gone once the batch row of its own slot is cleared unread, not once it was read", () => {
    const source = rich({ historyMs: 400, historyRevisions: 0, keptSlots: 0 });
    const snapshot = source.store.openSnapshot();
    const cursors = ['["b",4]', '["h",1,0]', '["k","k",0]', '["c",0]'];
    const types = () => cursors.map((cursor) => snapshot.page(cursor).type);
    source.now += 1_000;
    for (let n = 0; n < 4; n += 1) source.apply();
    expect(types()).toEqual(["page", "page", "page", "page"]);
    source.apply();
    expect(source.sql.all("SELECT min(slot) AS oldest FROM batches")).toEqual([{ oldest: 21 }]);
    expect(types()).toEqual(["gone", "page", "page", "page"]);
    source.now += 1_000;
    source.apply();
    expect(types()).toEqual(["gone", "gone", "gone", "gone"]);
  });

  test("[L7] a snapshot of a store that was wiped is gone", () => {
    const source = rich();
    const snapshot = source.store.openSnapshot();
    source.store.beginLoad();
    expect(snapshot.page(null)).toEqual({ type: "gone" });
  });

  test("[L7] half-loaded it counts as nothing", () => {
    const source = rich();
    const target = new Driver();
    const page = source.store.openSnapshot().page(null);
    target.store.beginLoad();
    if (page.type === "page") target.store.loadPage(page.rows);
    expect([target.store.exists, target.store.appliedSlot, target.value("k1")]).toEqual([false, 0, null]);
    target.reopen();
    expect([target.store.exists, target.store.appliedSlot, target.value("k1")]).toEqual([false, 0, null]);
    const written = target.rowsWritten(() => target.reopen());
    expect(written).toBe(0);
    target.store.create();
    expect([target.store.exists, target.page("").entries]).toEqual([true, []]);
    target.one(put("fresh", "1"));
    expect(target.store.appliedSlot).toBe(1);
  });

  test.each(["restarted", "given up", "begun again and given up"])(
    "[L5] [L7] what was there before a snapshot is back when loading it is %s (seed 51)",
    (how) => {
      const source = rich();
      const target = rich();
      target.one(put("mine", "1"));
      const before = [target.store.appliedSlot, target.store.digest()];
      const page = source.store.openSnapshot().page(null);
      target.store.beginLoad();
      if (page.type === "page") target.store.loadPage(page.rows);
      expect(target.store.appliedSlot).toBe(0);
      if (how === "begun again and given up") target.store.beginLoad();
      if (how === "restarted") target.reopen();
      else target.store.abandonLoad();
      expect([target.store.appliedSlot, target.store.digest()]).toEqual(before);
      expect(target.one(put("mine", "2"))).toMatchObject({ type: "put", version: 2 });
    },
  );

  test("[L7] what was there before a snapshot is gone once that is whole", () => {
    const target = rich();
    target.one(put("mine", "1"));
    const snapshot = rich().store.openSnapshot();
    target.store.beginLoad();
    for (let cursor: string | null = null; ;) {
      const page = snapshot.page(cursor);
      if (page.type !== "page") throw new Error(page.type);
      target.store.loadPage(page.rows);
      if (page.next === null) break;
      cursor = page.next;
    }
    expect(target.store.endLoad()).toBeNull();
    expect(target.value("mine")).toBeNull();
    expect(target.sql.tables.filter((name) => name.startsWith("before_"))).toEqual([]);
    target.reopen();
    expect(target.store.digest()).toBe(rich().store.digest());
  });

  test("[L7] pages may be asked for and loaded twice", () => {
    const source = rich();
    const snapshot = source.store.openSnapshot();
    const target = new Driver(source.options);
    target.store.beginLoad();
    for (let cursor: string | null = null; ;) {
      const page = snapshot.page(cursor);
      if (page.type !== "page") throw new Error(page.type);
      expect(snapshot.page(cursor)).toEqual(page);
      expect(target.store.loadPage(page.rows)).toBeNull();
      expect(target.store.loadPage(page.rows)).toBeNull();
      if (page.next === null) break;
      cursor = page.next;
    }
    expect(target.store.endLoad()).toBeNull();
    expect(target.store.digest()).toBe(source.store.digest());
  });

  test("[L7] no page but one of a single row is larger than its bound, as text in a message", () => {
    const source = rich();
    source.one(put("large", "x".repeat(100_000)));
    const snapshot = source.store.openSnapshot();
    let cursor: string | null = null;
    do {
      const page = snapshot.page(cursor);
      if (page.type !== "page") throw new Error(page.type);
      const rows = JSON.parse(page.rows) as unknown[];
      expect(rows.length).toBeLessThanOrEqual(3);
      if (rows.length > 1) expect(bytesInMessage(page.rows)).toBeLessThanOrEqual(smallLimits.snapshotPageBytes);
      cursor = page.next;
    } while (cursor !== null);
  });
});

describe("a snapshot from elsewhere is foreign input", () => {
  test.each([
    "",
    "{}",
    "[1]",
    "[[]]",
    '[["?"]]',
    '[["k","",1,1,1,null,"tx"]]',
    '[["k","kā",1,1,1,null,"tx"]]',
    '[["k","ka",0,1,1,null,"tx"]]',
    '[["k","ka",1,1,0,null,"tx"]]',
    '[["k","ka",1,1,1,null,null]]',
    '[["k","ka",1,1,1,null,"zx"]]',
    '[["k","ka",1,1,1,7,"tx"]]',
    '[["k","ka",1.5,1,1,null,"tx"]]',
    '[["k","ka",1,1,1,null,"tx",0]]',
    '[["l","L",0,1,1,0]]',
    '[["l","L",1,0,1,0]]',
    '[["l","L",1,1,1]]',
    '[["l","L",1,1,1,2]]',
    '[["t","L"]]',
    '[["s","s",0,1]]',
    '[["o","i",1,null,["p"]]]',
    '[["b",1,1,2,1,null]]',
    '[["b",1,1,0,1,"x"]]',
    '[["b",1,1,0,1,"[[1]]"]]',
    '[["b",1,1,0,1,"[[\\"ka\\",1,1]]"]]',
    '[["b",1,1,0,1,[]]]',
    '[["b",1,1,0,1,null,null]]',
    '[["h",1,0,"?"]]',
    '[["h",1,-1,"[]"]]',
    '[["e",0,1,0,0]]',
    '[["e",5,7,0,0]]',
    '[["e",5,1,0]]',
    '[["e",5,1,-1,0]]',
    '[["e",5,1,0,-1]]',
    '[["e",5,1,0,0,0]]',
    '[["c",0]]',
    '[["c",1,1]]',
  ])("the page %s is refused", (page) => {
    const { store } = new Driver();
    store.beginLoad();
    expect(store.loadPage(page)).toMatchObject({ type: "malformed" });
  });

  test.each([
    ["no end", []],
    ["no batches", ['[["e",3,1,0,0]]']],
    ["a batch is missing", ['[["b",1,1,0,1,null],["b",3,1,1,2,null],["e",3,1,0,0]]']],
    ["the first batch is missing", ['[["b",2,1,1,2,null],["e",2,1,0,0]]']],
    ["one is missing where the source still has it", ['[["b",1,1,0,1,null],["b",3,1,2,3,null],["e",3,2,0,0]]']],
    ["revisions do not join", ['[["b",1,1,0,1,null],["b",2,1,2,3,null],["e",2,1,0,0]]']],
    ["log time goes back", ['[["b",1,2,0,1,null],["b",2,1,1,2,null],["e",2,1,0,0]]']],
    ["it ends elsewhere", ['[["b",1,1,0,1,null],["e",2,1,0,0]]']],
  ])("pages that make no state are refused at the end: %s", (_, pages) => {
    const { store } = new Driver();
    store.beginLoad();
    for (const page of pages) expect(store.loadPage(page)).toBeNull();
    expect(store.endLoad()).toMatchObject({ type: "malformed" });
    expect(store.exists).toBe(false);
  });

  test.each([
    "",
    "null",
    '["k"]',
    '["k","",1]',
    '["c",-1]',
    '["c",999]',
    '["k","ka",1.5]',
    '["b",null]',
    '["b",1,1]',
    '["h",1]',
    '["h","1",0]',
    '["?",1]',
  ])("the cursor %s is refused", (cursor) => {
    expect(rich().store.openSnapshot().page(cursor)).toMatchObject({ type: "malformed" });
  });
});

describe("catching up by batches", () => {
  test("gives what is kept, within bounds, and says when it is gone", () => {
    const driver = new Driver({
      limits: { ...smallLimits, historyRevisions: 0, historyMs: 0, keptSlots: 3 },
    });
    const texts: string[] = [];
    for (let n = 0; n < 10; n += 1) {
      driver.now += 100;
      const text = driver.batch([driver.command(put("a", String(n)))]);
      texts.push(text);
      driver.applyText(text);
    }
    const first = driver.store.firstKeptSlot;
    expect(first).toBe(8);
    expect(driver.store.batchesFrom(slot(first - 1), 1_000, 10)).toBe("gone");
    expect(driver.store.batchesFrom(slot(8), 10_000, 10)).toEqual(
      [8, 9, 10].map((at) => ({ slot: at, value: texts[at - 1] })),
    );
    expect(driver.store.batchesFrom(slot(8), 10_000, 2)).toHaveLength(2);
    expect(driver.store.batchesFrom(slot(8), 1, 10)).toHaveLength(1);
    expect(driver.store.batchesFrom(slot(11), 1_000, 10)).toEqual([]);
    driver.reopen();
    expect(driver.store.firstKeptSlot).toBe(8);
  });

  test("a store that came by a snapshot has only batches after it", () => {
    const target = loadFrom(rich());
    expect(target.store.firstKeptSlot).toBe(21);
    expect(target.store.batchesFrom(slot(20), 1_000, 10)).toBe("gone");
    target.one(put("a", "1"));
    target.reopen();
    expect(target.store.firstKeptSlot).toBe(21);
    expect(target.store.batchesFrom(slot(21), 1_000, 10)).toHaveLength(1);
  });
});
