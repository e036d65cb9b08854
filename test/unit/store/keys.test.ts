import { describe, expect, test } from "vitest";
import { revision } from "../../../src/support/brand.ts";
import type { ByteString } from "../../../src/support/brand.ts";
import { byteString, textOf } from "../../../src/support/bytes.ts";
import { userKey, userKeyBytes } from "../../../src/store/key-space.ts";
import { Driver, enqueue, grant, key, put, queue, remove, renew, revoke, txn } from "./driver.ts";
import { deleteStep, exists, putStep, rangeStep, transaction } from "./transactions.ts";

const since = (n: number) => ({ type: "unchanged-since", modRevision: revision(n) }) as const;

describe("an empty database", () => {
  test("reads as an empty store and is not written to", () => {
    const { sql, store } = new Driver();
    expect(store.exists).toBe(false);
    expect(store.get(key("a"))).toBeNull();
    expect(store.getAt(key("a"), revision(0))).toBeNull();
    expect(store.list({ prefix: key(""), limit: 10, maxBytes: 1000 })).toEqual({
      type: "page",
      entries: [],
      more: false,
      revision: 1,
    });
    expect([store.count(key(""), 10), store.nextDue(), store.appliedSlot, store.revision]).toEqual([0, null, 0, 1]);
    expect(store.digest()).toBe("0000000000000000");
    expect(sql.tables).toEqual([]);
  });

  test("becomes a store with the first batch", () => {
    const driver = new Driver();
    driver.one(put("a", "1"));
    expect(driver.store.exists).toBe(true);
    driver.reopen();
    expect(driver.store.exists).toBe(true);
    expect(driver.value("a")).toBe("1");
  });
});

describe("put", () => {
  test("any number of one batch stays within what a statement may bind", () => {
    const driver = new Driver();
    const names = Array.from({ length: 50 }, (_, n) => `k${n}`);
    driver.apply(...names.map((name) => driver.command(put(name, name))));
    expect(names.map((name) => driver.value(name))).toEqual(names);
  });

  test("what was read or written lately is found as it was written, large or small, and gone when it is deleted", () => {
    const driver = new Driver();
    const values = ["", "small", "x".repeat(256), "y".repeat(257), "z".repeat(5000)];
    for (const [n, value] of values.entries()) driver.one(put(`k${n}`, value));
    const reads = () => values.map((_, n) => [driver.value(`k${n}`), driver.value(`k${n}`)]);
    expect(reads()).toEqual(values.map((value) => [value, value]));
    driver.reopen();
    expect(reads()).toEqual(values.map((value) => [value, value]));
    driver.one(remove("k1"));
    expect(driver.value("k1")).toBeNull();
    driver.one(put("k1", "again"));
    expect(driver.value("k1")).toBe("again");
  });

  test("uses one revision, counts versions, keeps the create revision", () => {
    const driver = new Driver();
    expect(driver.one(put("a", "1"))).toEqual({
      type: "put",
      revision: 2,
      version: 1,
      createRevision: 2,
      renewedOnly: false,
    });
    expect(driver.one(put("b", "1"))).toMatchObject({ revision: 3, version: 1, createRevision: 3 });
    expect(driver.one(put("a", "2"))).toMatchObject({ revision: 4, version: 2, createRevision: 2 });
    expect(driver.store.get(key("a"))).toMatchObject({
      modRevision: 4,
      version: 2,
      createRevision: 2,
      lease: null,
    });
  });

  test("after a deletion the key begins anew", () => {
    const driver = new Driver();
    driver.one(put("a", "1"));
    driver.one(remove("a"));
    expect(driver.one(put("a", "2"))).toMatchObject({ revision: 4, version: 1, createRevision: 4 });
  });

  test.each([
    ["absent", { type: "absent" } as const, { type: "condition-failed", modRevision: 2 }],
    ["another revision", since(7), { type: "condition-failed", modRevision: 2 }],
    [
      "present",
      { type: "present" } as const,
      { type: "put", revision: 3, version: 2, createRevision: 2, renewedOnly: false },
    ],
    ["this revision", since(2), { type: "put", revision: 3, version: 2, createRevision: 2, renewedOnly: false }],
  ])("on a key at revision 2 with condition: %s", (_, condition, outcome) => {
    const driver = new Driver();
    driver.one(put("a", "1"));
    expect(driver.one(put("a", "2", { condition }))).toEqual(outcome);
  });

  test.each([
    ["present", { type: "present" } as const],
    ["a revision", since(2)],
  ])("on a missing key fails with condition: %s", (_, condition) => {
    const driver = new Driver();
    expect(driver.one(put("a", "2", { condition }))).toEqual({ type: "condition-failed", modRevision: null });
    expect(driver.store.revision).toBe(1);
  });

  test("a deleted key is absent to a condition", () => {
    const driver = new Driver();
    driver.one(put("a", "1"));
    driver.one(remove("a"));
    expect(driver.one(put("a", "2", { condition: { type: "present" } }))).toEqual({
      type: "condition-failed",
      modRevision: null,
    });
    expect(driver.one(put("a", "2", { condition: { type: "absent" } }))).toMatchObject({ type: "put" });
  });

  test("an empty value is a value, and survives a restart as one", () => {
    const driver = new Driver();
    driver.one(put("a", ""));
    driver.reopen();
    expect(driver.value("a")).toBe("");
    expect(driver.page("").entries).toHaveLength(1);
    expect(driver.one(put("a", "", { keepIfEqual: true }))).toMatchObject({ renewedOnly: true, revision: 2 });
  });

  test("keepIfEqual keeps an equal value, and writes another one", () => {
    const driver = new Driver();
    driver.one(put("a", "1"));
    expect(driver.one(put("a", "1", { keepIfEqual: true }))).toMatchObject({
      revision: 2,
      version: 1,
      renewedOnly: true,
    });
    expect(driver.one(put("a", "2", { keepIfEqual: true }))).toMatchObject({
      revision: 3,
      version: 2,
      renewedOnly: false,
    });
    expect(driver.one(put("a", "2", { keepIfEqual: true, lease: "L" }))).toMatchObject({
      revision: 4,
      renewedOnly: false,
    });
  });
});

describe("delete", () => {
  test("says whether the key existed, and uses a revision only if it did", () => {
    const driver = new Driver();
    expect(driver.one(remove("a"))).toEqual({ type: "deleted", existed: false, revision: 1 });
    driver.one(put("a", "1"));
    expect(driver.one(remove("a"))).toEqual({ type: "deleted", existed: true, revision: 3 });
    expect(driver.one(remove("a"))).toEqual({ type: "deleted", existed: false, revision: 3 });
    expect(driver.value("a")).toBeNull();
  });

  test("is refused when its condition does not hold", () => {
    const driver = new Driver();
    driver.one(put("a", "1"));
    expect(driver.one(remove("a", since(9)))).toEqual({ type: "condition-failed", modRevision: 2 });
    expect(driver.one(remove("b", { type: "present" }))).toEqual({
      type: "condition-failed",
      modRevision: null,
    });
    expect(driver.value("a")).toBe("1");
  });
});

describe("listing", () => {
  test("gives keys in the order of their bytes, in pages, at one revision", () => {
    const driver = new Driver();
    const names = ["b", "a", "\u007f", "é", "a/b", "a/", "\0"];
    for (const name of names) driver.one(put(name, name));
    const all = driver.page("").entries.map((entry) => textOf(userKeyBytes(entry.key) ?? new Uint8Array()));
    expect(all).toEqual(["\0", "a", "a/", "a/b", "b", "\u007f", "é"]);
    const at = driver.store.revision;
    const first = driver.store.list({ prefix: key(""), limit: 3, maxBytes: 1000 });
    expect(first).toMatchObject({ more: true, entries: [{}, {}, { key: key("a/") }] });
    driver.one(put("a/a", "later"));
    const second = driver.store.list({
      prefix: key(""),
      after: key("a/"),
      limit: 3,
      maxBytes: 1000,
      revision: at,
    });
    expect(second).toMatchObject({
      more: true,
      revision: at,
      entries: [{ key: key("a/b") }, { key: key("b") }, {}],
    });
    const third = driver.store.list({
      prefix: key(""),
      after: key("\u007f"),
      limit: 3,
      maxBytes: 1000,
      revision: at,
    });
    expect(third).toMatchObject({ more: false, entries: [{ key: key("é") }] });
    expect(driver.store.count(key("a/"), 10)).toBe(3);
    expect(driver.store.count(key("a/"), 2)).toBe(2);
  });

  test("ends a page at its bytes, but always gives one entry", () => {
    const driver = new Driver();
    for (const name of ["a", "b", "c"]) driver.one(put(name, "x".repeat(5000)));
    const sizes = (maxBytes: number) => {
      const page = driver.store.list({ prefix: key(""), limit: 10, maxBytes });
      return page.type === "page" ? [page.entries.length, page.more, page.entries[0]?.value.length] : page;
    };
    expect(sizes(1)).toEqual([1, true, 5000]);
    expect(sizes(10_004)).toEqual([2, true, 5000]);
    expect(sizes(20_000)).toEqual([3, false, 5000]);
  });

  test("keys of any bytes are found again, and do not leave their prefix", () => {
    const driver = new Driver();
    const odd = [[0xff], [0xff, 0xff], [0xff, 0], [0xfe, 0xff], [0x80]].map((bytes) => userKey(new Uint8Array(bytes)));
    const writes = odd.map((at) =>
      driver.command({
        type: "put",
        key: at,
        value: new Uint8Array([0xff, 0]),
        condition: { type: "always" },
      }),
    );
    driver.apply(...writes);
    const listed = (prefix: ByteString) => {
      const page = driver.store.list({ prefix, limit: 10, maxBytes: 1000 });
      return page.type === "page" ? page.entries.map((entry) => entry.key) : [];
    };
    expect(listed(userKey(new Uint8Array([0xff])))).toEqual([odd[0], odd[2], odd[1]]);
    expect(listed("k" as ByteString)).toHaveLength(5);
    expect(byteString(driver.store.get(userKey(new Uint8Array([0x80])))?.value ?? new Uint8Array())).toBe("\u00ff\0");
  });
});

test("rows written: what each operation costs beside its share of the batch row", () => {
  const driver = new Driver();
  driver.one(put("first", "makes the tables"));
  const rows = (operation: Parameters<Driver["one"]>[0], parts = {}) =>
    driver.rowsWritten(() => driver.one(operation, parts)) - 1;
  expect(rows(put("a", "1"))).toBe(1);
  expect(rows(put("a", "2"))).toBe(1);
  expect(rows(put("a", "2", { keepIfEqual: true }))).toBe(0);
  expect(rows(put("a", "3", { condition: { type: "absent" } }))).toBe(0);
  expect(rows(remove("a"))).toBe(1);
  expect(rows(put("l", "1", { lease: "L", keepIfEqual: true }))).toBe(3);
  expect(rows(put("l", "1", { lease: "L", keepIfEqual: true }))).toBe(1);
  expect(rows(put("l", "2", { lease: "L" }))).toBe(2);
  expect(rows(put("i", "1"), { fingerprint: "f", deadline: driver.now + 1_000_000 })).toBe(2);
  expect(rows(put("s", "1"), { order: { session: "s", sequence: 1 } })).toBe(2);
  // A transaction costs what its changes would cost alone; one that reads, or is refused, nothing.
  const both = [putStep("x", "1"), putStep("y", "1")];
  expect(rows(txn(transaction([], both)))).toBe(2);
  expect(rows(txn(transaction([], [...both, deleteStep("a", "c"), deleteStep("i")])))).toBe(3);
  expect(rows(txn(transaction([exists("none")], both, [rangeStep("a", "z")])))).toBe(0);
  expect(rows(txn(transaction([], [...both, putStep("none", null)])))).toBe(0);
  expect(rows(grant("G"))).toBe(1);
  expect(rows(grant("G"))).toBe(0);
  expect(rows(renew("G"))).toBe(1);
  expect(rows(put("g", "1", { tie: "G" }))).toBe(2);
  expect(rows(put("g", "2", { tie: "G" }))).toBe(1);
  expect(rows(revoke("G"))).toBe(3);
  expect(rows(enqueue("q", "P"))).toBe(3);
  expect(rows(enqueue("q", "P"))).toBe(1);
  expect(rows(put("a", "1"), { guard: { queue: queue("q"), token: driver.store.revision } })).toBe(1);
  expect(rows(put("a", "1"), { guard: { queue: queue("q"), token: driver.store.revision } })).toBe(0);
});
