/**
 * What is kept in memory of keys (`src/store/keys.ts`) is never anything but what the table would say: whichever way a key
 * came to be what it is, and however large it was before.
 */
import { describe, expect, test } from "vitest";
import { Keys } from "../../../src/store/keys.ts";
import type { KeyRow } from "../../../src/store/keys.ts";
import { createTables } from "../../../src/store/schema.ts";
import { revision } from "../../../src/support/brand.ts";
import { textOf, utf8 } from "../../../src/support/bytes.ts";
import { NodeSql } from "../../support/node-sql.ts";
import { compact, Driver, expire, key, loadFrom, put, remove, revoke, smallLimits, txn } from "./driver.ts";
import { deleteStep, exists, putStep, transaction } from "./transactions.ts";

/** The value now, and at each revision so far: as this store says, which has been there all along, and as one that has not. */
function told(driver: Driver, name: string): readonly unknown[] {
  const all = (): readonly unknown[] => {
    const { store } = driver;
    const past = Array.from({ length: store.revision }, (_, at) => store.getAt(key(name), revision(at + 1)));
    return [store.get(key(name)), ...past].map((one) =>
      one === null || "type" in one ? one : { ...one, value: textOf(one.value) },
    );
  };
  const here = all();
  const kept = driver.store;
  driver.reopen();
  expect(here).toEqual(all());
  driver.store = kept;
  return here;
}
const sizes = { none: "", small: "s", "as large as is kept": "x".repeat(256), larger: "y".repeat(257) };
const values = { ...sizes, "too large for its row": "z".repeat(5000) };

describe("[V3] a key that is read before and after it was changed", () => {
  const pairs = Object.entries(values).flatMap(([before, one]) =>
    Object.entries(values).map(([after, other]) => [before, after, one, other] as const),
  );
  test.each(pairs)("from %s to %s", (_, __, before, after) => {
    const driver = new Driver();
    driver.one(put("a", before));
    expect(driver.value("a")).toBe(before);
    driver.one(put("a", after));
    expect(driver.value("a")).toBe(after);
    told(driver, "a");
  });

  test.each<[string, Parameters<Driver["one"]>[0], string | null]>([
    ["by its deletion", remove("a"), null],
    ["by the end of its lease", revoke("L"), null],
    ["because its lease ran out", expire("L", 1), null],
    ["by a transaction that puts", txn(transaction([], [putStep("a", "later")])), "later"],
    ["by a transaction that deletes", txn(transaction([], [deleteStep("", "~")])), null],
    ["by the branch for what is not there", txn(transaction([exists("none")], [], [putStep("a", "else")])), "else"],
    ["not by a transaction that is refused", txn(transaction([], [putStep("b", "1"), putStep("none", null)])), "1"],
    ["not by a condition that fails", put("a", "other", { condition: { type: "absent" } }), "1"],
    ["not by a value that it has", put("a", "1", { keepIfEqual: true, lease: "L" }), "1"],
  ])("%s", (_, operation, expected) => {
    const driver = new Driver();
    driver.one(put("a", "1", { lease: "L" }));
    expect(driver.value("a")).toBe("1");
    driver.now += 60_000;
    driver.one(operation);
    expect(driver.value("a")).toBe(expected);
    told(driver, "a");
  });

  test("by history that is cleared and compacted under it", () => {
    const driver = new Driver({ limits: smallLimits });
    for (let n = 0; n < 40; n += 1) {
      driver.now += 100;
      driver.one(n % 5 === 4 ? remove("a") : put("a", String(n)));
      driver.one(put("b", String(n)));
      if (n === 20) driver.one(compact(driver.store.revision - 1));
      expect(driver.value("a")).toBe(n % 5 === 4 ? null : String(n));
      told(driver, "a");
    }
  });
});

test("[L7] nothing of the state before a snapshot is left after it, nor of the snapshot when it is given up", () => {
  const source = new Driver();
  source.one(put("a", "theirs"));
  source.one(put("b", "1"));
  source.one(remove("b"));
  const target = new Driver();
  target.one(put("a", "ours"));
  target.one(put("b", "ours"));
  const values = (): readonly unknown[] => ["a", "b"].map((name) => target.value(name));
  expect(values()).toEqual(["ours", "ours"]);
  const page = source.store.openSnapshot().page(null);
  if (page.type !== "page") throw new Error(page.type);
  target.store.beginLoad();
  expect(target.store.loadPage(page.rows)).toBeNull();
  target.store.abandonLoad();
  expect(values()).toEqual(["ours", "ours"]);
  target.store.beginLoad();
  expect(target.store.loadPage(page.rows)).toBeNull();
  expect(target.store.endLoad()).toBeNull();
  expect(values()).toEqual(["theirs", null]);
  expect(loadFrom(source).value("a")).toBe("theirs");
});

describe("rows that are not written yet", () => {
  test("[V1] are counted on when more keys were written than are remembered", () => {
    const driver = new Driver();
    const names = Array.from({ length: 4_950 }, (_, n) => `k${n}`);
    for (let from = 0; from < names.length; from += 450) {
      const commands = names
        .slice(from, from + 450)
        .flatMap((name, n, some) => [name, some[Math.max(0, n - 1)] ?? name])
        .map((name) => driver.command(put(name, name)));
      const versions = driver.apply(...commands).map((one) => (one.type === "put" ? one.version : one));
      // Each name comes for the first time, and then the one before it once more.
      expect(versions).toEqual(versions.map((_, n) => (n === 3 ? 3 : n % 2 === 0 ? 1 : 2)).with(3, 3));
    }
  });
});

test("[L7] a row that comes again after a newer one is not taken for the newest", () => {
  const sql = new NodeSql();
  createTables(sql);
  const keys = new Keys(sql);
  const row = (mod: number): KeyRow => ({
    modRevision: revision(mod),
    createRevision: revision(2),
    version: mod - 1,
    lease: null,
  });
  for (const mod of [2, 3, 2]) keys.append(key("a"), row(mod), utf8(`at ${mod}`));
  expect(keys.newest(key("a"))).toMatchObject({ modRevision: 3 });
  expect(textOf(keys.current(key("a"))?.value ?? utf8("none"))).toBe("at 3");
  keys.remove(key("a"), revision(3));
  expect(keys.newest(key("a"))).toMatchObject({ modRevision: 2 });
  expect(textOf(keys.current(key("a"))?.value ?? utf8("none"))).toBe("at 2");
});
