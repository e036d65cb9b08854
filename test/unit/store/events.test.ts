/** Watches, as far as the store goes: what is told from a place on. Against an oracle: `test/property/store.test.ts`. */
import { describe, expect, test } from "vitest";
import type { EventBounds, EventPlace, EventQuery, Events } from "../../../src/store/events.ts";
import { revision } from "../../../src/support/brand.ts";
import { textOf } from "../../../src/support/bytes.ts";
import { compact, Driver, expire, loadFrom, put, remove, smallLimits, txn } from "./driver.ts";
import { deleteStep, putStep, rangeFrom, transaction } from "./transactions.ts";

const ample: EventBounds = { events: 1_000, bytes: 1_000_000, changes: 10_000 };
const place = (at: number, index = 0): EventPlace => ({ revision: revision(at), index });
const all = { range: rangeFrom("", "~"), puts: true, deletes: true, previous: false };

function ask(driver: Driver, from: EventPlace, query: Partial<EventQuery> = {}, bounds: EventBounds = ample): Events {
  const page = driver.store.events({ ...all, ...query, from }, bounds);
  if (page.type === "compacted") throw new Error(`compacted: ${page.compactedRevision}`);
  return page;
}

/** Each as `a=1@2`, or `-a@3` for a deletion. */
const shown = ({ events }: Events): string =>
  events
    .map(({ type, entry }) => {
      const name = entry.key.slice(1);
      return `${type === "put" ? `${name}=${textOf(entry.value)}` : `-${name}`}@${entry.modRevision}`;
    })
    .join(" ");

/** All there is to tell from one place on, page by page. */
function told(
  driver: Driver,
  from: EventPlace,
  bounds: EventBounds,
  query: Partial<EventQuery> = {},
): readonly Events[] {
  const pages: Events[] = [];
  for (let at = from; pages.length < 1_000;) {
    const page = ask(driver, at, query, bounds);
    pages.push(page);
    if (page.next.revision > driver.store.revision) return pages;
    at = page.next;
  }
  throw new Error("no end");
}

/** a=1, b=1, a=2; then a transaction puts c and d and deletes b; then a is deleted. Revisions 2 to 6. */
function filled(): Driver {
  const driver = new Driver();
  driver.one(put("a", "1"));
  driver.apply(driver.command(put("b", "1")), driver.command(put("a", "2")));
  driver.one(txn(transaction([], [putStep("c", "1"), putStep("d", "1"), deleteStep("b")])));
  driver.one(remove("a"));
  return driver;
}

describe("[N1] ordered and unique", () => {
  test("[N1] the changes of a range in the order of revisions, each once", () => {
    const driver = filled();
    expect(shown(ask(driver, place(1)))).toBe("a=1@2 b=1@3 a=2@4 c=1@5 d=1@5 -b@5 -a@6");
    expect(shown(ask(driver, place(4)))).toBe("a=2@4 c=1@5 d=1@5 -b@5 -a@6");
    expect(shown(ask(driver, place(1), { range: rangeFrom("a") }))).toBe("a=1@2 a=2@4 -a@6");
    expect(shown(ask(driver, place(1), { range: rangeFrom("b", "d") }))).toBe("b=1@3 c=1@5 -b@5");
    expect(shown(ask(driver, place(1), { range: rangeFrom("d", "b") }))).toBe("");
    expect(shown(ask(driver, place(1), { deletes: false }))).toBe("a=1@2 b=1@3 a=2@4 c=1@5 d=1@5");
    expect(shown(ask(driver, place(1), { puts: false }))).toBe("-b@5 -a@6");
  });

  test("[N1] of further ranges too, in one order", () => {
    const driver = new Driver();
    for (const name of ["a", "b", "c", "b", "d"]) driver.one(put(name, "1"));
    const query = { range: rangeFrom("d"), also: [rangeFrom("b"), rangeFrom("c", "e")] };
    expect(shown(ask(driver, place(1), query))).toBe("b=1@3 c=1@4 b=1@5 d=1@6");
  });

  test("[N1] each with what was there before, if asked", () => {
    const driver = filled();
    const { events } = ask(driver, place(1), { range: rangeFrom("a"), previous: true });
    expect(events.map(({ type, entry, previous }) => [type, entry.version, previous?.modRevision ?? null])).toEqual([
      ["put", 1, null],
      ["put", 2, 2],
      ["delete", 0, 4],
    ]);
    expect(events[2]?.entry).toEqual({ ...events[2]?.entry, createRevision: 0, modRevision: 6, lease: null });
  });

  test("[N1] a lease that ends is one revision of many events", () => {
    const driver = new Driver();
    for (const name of ["c", "a", "b"]) driver.one(put(name, "1", { lease: "L", ttlMs: 100 }));
    driver.now += 100;
    driver.one(expire("L", 3));
    expect(shown(ask(driver, place(5)))).toBe("-a@5 -b@5 -c@5");
  });
});

describe("[N2] reliable and atomic", () => {
  test.each<[string, EventBounds, readonly string[]]>([
    ["events", { ...ample, events: 2 }, ["a=1@2 b=1@3", "a=2@4 c=1@5", "d=1@5 -b@5", "-a@6"]],
    ["bytes", { ...ample, bytes: 140 }, ["a=1@2 b=1@3", "a=2@4 c=1@5", "d=1@5 -b@5", "-a@6"]],
    ["one event however large", { ...ample, bytes: 1 }, ["a=1@2", "b=1@3", "a=2@4", "c=1@5", "d=1@5", "-b@5", "-a@6"]],
    ["changes looked at", { ...ample, changes: 3 }, ["a=1@2 b=1@3 a=2@4", "c=1@5 d=1@5 -b@5", "-a@6"]],
  ])("[N2] pages bounded by %s leave nothing out, and say where a revision is divided", (_, bounds, pages) => {
    const driver = filled();
    const read = told(driver, place(1), bounds);
    expect(read.map(shown)).toEqual(pages);
    for (const { events, next } of read) {
      const divides = events.some(({ entry }) => entry.modRevision === next.revision);
      expect(next.index > 0).toBe(divides);
    }
  });

  test("[N2] a range that a busy store seldom touches goes on without events, not without end", () => {
    const driver = new Driver();
    driver.one(put("a", "1"));
    for (let n = 0; n < 20; n += 1) driver.one(put("b", String(n)));
    driver.one(put("a", "2"));
    const read = told(driver, place(1), { ...ample, changes: 5 }, { range: rangeFrom("a") });
    expect(read.map(shown)).toEqual(["a=1@2", "", "", "", "a=2@23"]);
    expect(read.map(({ next }) => next.revision)).toEqual([7, 12, 17, 22, 24]);
  });
});

describe("[N3] resumable", () => {
  test("[N3] from any place, at any replica, nothing is missed and nothing heard twice", () => {
    const source = filled();
    const fresh = new Driver();
    for (const { value } of batches(source)) fresh.applyText(value);
    const copy = loadFrom(source);
    const whole = shown(ask(source, place(1))).split(" ");
    const replicas = [source, fresh, copy];
    for (let start = 0; start < replicas.length; start += 1) {
      const parts: string[] = [];
      for (let at = place(1), turn = start; at.revision <= 6; turn += 1) {
        const replica = replicas[turn % replicas.length] ?? source;
        const page = ask(replica, at, {}, { ...ample, events: 1 });
        parts.push(shown(page));
        at = page.next;
      }
      expect(parts).toEqual(whole);
    }
  });

  test("[N3] a place within a revision that this replica has not come to stays as it is", () => {
    const driver = filled();
    const behind = new Driver();
    for (const { value } of batches(driver).slice(0, 2)) behind.applyText(value);
    const divided = ask(driver, place(5), {}, { ...ample, events: 1 }).next;
    expect(divided).toEqual(place(5, 1));
    expect(ask(behind, divided)).toEqual({ type: "events", events: [], next: divided });
    for (const { value } of batches(driver).slice(2)) behind.applyText(value);
    expect(shown(ask(behind, divided))).toBe("d=1@5 -b@5 -a@6");
  });

  test("[N3] where history was cleared it is told the first revision that is still there, and nothing else", () => {
    const driver = new Driver({ limits: smallLimits });
    for (let n = 0; n < 30; n += 1) {
      driver.now += 50;
      driver.one(put("a", String(n)));
    }
    const first = driver.store.compactedRevision;
    expect(first).toBeGreaterThan(10);
    const from = (at: number) => driver.store.events({ ...all, from: place(at) }, ample);
    for (const at of [0, 1, first - 1]) expect(from(at)).toEqual({ type: "compacted", compactedRevision: first });
    expect(from(first)).toMatchObject({ events: Array.from({ length: 31 - first + 1 }, () => ({})) });
    driver.reopen();
    expect(from(first - 1)).toEqual({ type: "compacted", compactedRevision: first });
  });

  test("[N3] where even the newest change was cleared, it can be read and only what follows can be watched", () => {
    const limits = {
      ...smallLimits,
      historyRevisions: 0,
      historyMs: 0,
      keptSlots: 0,
      commandLifeMs: 0,
      stampAheadMs: 0,
    };
    const driver = new Driver({ limits });
    driver.one(put("a", "1"));
    for (let n = 0; n < 3; n += 1) {
      driver.now += 100;
      driver.apply();
    }
    expect(driver.store.getAt(driver.page("").entries[0]?.key ?? rangeFrom("a").key, revision(2))).toMatchObject({
      version: 1,
    });
    expect(driver.store.compactedRevision).toBe(2);
    expect(driver.store.events({ ...all, from: place(2) }, ample)).toEqual({ type: "compacted", compactedRevision: 3 });
    driver.one(put("a", "2"));
    expect(shown(ask(driver, place(3)))).toBe("a=2@3");
  });

  test("[N3] from exactly the compacted revision its own events are still told, before and after the rows went", () => {
    const driver = filled();
    driver.one(compact(5));
    for (let n = 0; n < 3; n += 1) {
      expect(driver.store.compactedRevision).toBe(5);
      expect(shown(ask(driver, place(5)))).toBe("c=1@5 d=1@5 -b@5 -a@6");
      const [before] = ask(driver, place(5), { range: rangeFrom("b"), previous: true }).events;
      expect(before?.previous).toMatchObject({ modRevision: 3 });
      expect(driver.store.events({ ...all, from: place(4) }, ample)).toEqual({
        type: "compacted",
        compactedRevision: 5,
      });
      if (n === 0) driver.apply();
      else driver.reopen();
    }
    expect(shown(ask(loadFrom(driver), place(5)))).toBe("c=1@5 d=1@5 -b@5 -a@6");
  });
});

describe("[N4] bookmarks", () => {
  test("[N4] without events it says up to where there were none", () => {
    const driver = filled();
    expect(ask(driver, place(2), { range: rangeFrom("x") })).toEqual({ type: "events", events: [], next: place(7) });
    expect(ask(driver, place(7))).toEqual({ type: "events", events: [], next: place(7) });
    expect(ask(driver, place(99))).toEqual({ type: "events", events: [], next: place(99) });
  });

  test("[N4] in a store that was never written to, nothing happened up to its first revision", () => {
    const driver = new Driver();
    for (const at of [0, 1]) expect(ask(driver, place(at))).toEqual({ type: "events", events: [], next: place(2) });
    expect(ask(driver, place(5))).toEqual({ type: "events", events: [], next: place(5) });
    expect(driver.sql.tables).toEqual([]);
    driver.one(put("a", "1"));
    expect(shown(ask(driver, place(2)))).toBe("a=1@2");
  });

  test("[N4] batches that change nothing are stepped over, however many they are", () => {
    const driver = new Driver();
    driver.one(put("a", "1"));
    for (let n = 0; n < 2_000; n += 1) driver.apply();
    driver.one(put("a", "2"));
    for (let n = 0; n < 2_000; n += 1) driver.apply();
    const counted = statements(driver, () => {
      expect(shown(ask(driver, place(1)))).toBe("a=1@2 a=2@3");
      expect(ask(driver, place(3), { range: rangeFrom("b") })).toMatchObject({ events: [], next: place(4) });
    });
    expect(counted).toBeLessThan(100);
  });
});

const batches = ({ store }: Driver) => {
  const kept = store.batchesFrom(store.firstKeptSlot, 1_000_000, 1_000);
  return kept === "gone" ? [] : kept;
};

/** How many statements `work` makes. */
function statements({ sql }: Driver, work: () => void): number {
  const real = sql.all.bind(sql);
  let count = 0;
  sql.all = (statement, ...bindings) => {
    count += 1;
    return real(statement, ...bindings);
  };
  work();
  sql.all = real;
  return count;
}
