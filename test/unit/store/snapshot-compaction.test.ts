import { expect, test } from "vitest";
import { revision } from "../../../src/support/brand.ts";
import { Driver, put, remove, smallLimits } from "./driver.ts";

const compact = (to: number) => ({ type: "compact", revision: revision(to) }) as const;

/** All three keys, in one page each. */
function filled(): Driver {
  const driver = new Driver({
    limits: { ...smallLimits, snapshotPageRows: 1, historyMs: 1_000_000, historyRevisions: 1_000, keptSlots: 1_000 },
  });
  for (const name of ["a", "b", "c"]) driver.one(put(name, "1"));
  return driver;
}

test("[L7] a snapshot is gone once a compaction swept what was current in it (seed 185)", () => {
  const source = filled();
  const snapshot = source.store.openSnapshot();
  expect(snapshot.page(null).type).toBe("page");
  // What `c` held at the snapshot's revision becomes history, and is swept, before it is read.
  source.one(put("c", "2"));
  source.one(put("a", "2"));
  source.one(compact(source.store.revision));
  source.apply();
  expect(snapshot.page('["k","kc",0]')).toEqual({ type: "gone" });
});

test("[L7] a compaction above its revision does not make a loaded snapshot unreadable", () => {
  const source = filled();
  const snapshot = source.store.openSnapshot();
  const target = new Driver();
  let compacted = false;
  target.store.beginLoad();
  for (let cursor: string | null = null; ;) {
    const page = snapshot.page(cursor);
    if (page.type !== "page") throw new Error(page.type);
    expect(target.store.loadPage(page.rows)).toBeNull();
    cursor = page.next;
    if (cursor === null) break;
    if (compacted || !cursor.startsWith('["c"')) continue;
    // All keys were read.
    compacted = true;
    source.one(put("d", "1"));
    source.one(compact(source.store.revision));
  }
  expect(compacted).toBe(true);
  expect(target.store.endLoad()).toBeNull();
  expect(target.store.compactedRevision).toBeLessThanOrEqual(target.store.revision);
  expect(target.page("").entries).toHaveLength(3);
});

test("[L7] a compaction between two pages brings no deleted key back", () => {
  const source = filled();
  source.one(remove("a"));
  const snapshot = source.store.openSnapshot();
  const target = new Driver();
  target.store.beginLoad();
  let compacted = false;
  for (let cursor: string | null = null; ;) {
    const page = snapshot.page(cursor);
    // Gone is right, too: then whoever loads it begins again.
    if (page.type === "gone") return;
    if (page.type !== "page") throw new Error(page.type);
    expect(target.store.loadPage(page.rows)).toBeNull();
    cursor = page.next;
    if (cursor === null) break;
    // The first row of `a` was read, its deletion was not.
    if (cursor === '["k","ka",5]') {
      compacted = true;
      source.one(put("d", "1"));
      source.one(compact(source.store.revision));
    }
  }
  expect(target.store.endLoad()).toBeNull();
  expect(compacted).toBe(true);
  expect(target.page("").entries.map(({ key }) => key)).toEqual(["kb", "kc"]);
});
