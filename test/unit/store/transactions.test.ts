/** What a transaction does to keys and leases, and why it is refused; its maxima: `transaction-limits.test.ts`. All comparisons against an oracle: `test/property`. */
import { describe, expect, test } from "vitest";
import type { Outcome, Refusal } from "../../../src/store/command.ts";
import type { Compare, Transaction } from "../../../src/store/transaction.ts";
import { leaseId, revision } from "../../../src/support/brand.ts";
import { textOf, utf8 } from "../../../src/support/bytes.ts";
import { Driver, grant, key, put, remove, txn } from "./driver.ts";
import { deleteStep, exists, nest, putStep, rangeFrom, rangeStep, transaction } from "./transactions.ts";

const refused = (why: Refusal, at: number): Outcome => ({
  type: "refused",
  why,
  revision: revision(at),
  compactedRevision: revision(0),
});

/** Two keys: `a` at revision 2, `b` at 3 and again at 4. */
function filled(): Driver {
  const driver = new Driver();
  driver.one(put("a", "1"));
  driver.one(put("b", "1"));
  driver.one(put("b", "2"));
  return driver;
}

const changesOf = ({ store }: Driver, at: number) => {
  const from = { revision: revision(at), index: 0 };
  const query = { range: rangeFrom("", "~"), from, puts: true, deletes: true, previous: false };
  const page = store.events(query, { events: 1000, bytes: 1_000_000, changes: 10_000 });
  return page.type === "events"
    ? page.events.map(({ type, entry }) => [type, entry.key.slice(1), entry.modRevision])
    : [];
};

describe("[V1] one revision for all that a command changes", () => {
  test("[V1] puts and deletes of a transaction, nested ones too, bear one revision", () => {
    const driver = filled();
    const inner = transaction([], [putStep("d", "x"), deleteStep("b")]);
    const outcome = driver.one(txn(transaction([], [putStep("c", "x"), nest(inner), deleteStep("a")])));
    expect(outcome).toMatchObject({ type: "txn", revision: 5, succeeded: true });
    expect(driver.store.revision).toBe(5);
    expect(changesOf(driver, 5)).toEqual([
      ["put", "c", 5],
      ["put", "d", 5],
      ["delete", "b", 5],
      ["delete", "a", 5],
    ]);
    expect(driver.store.get(key("c"))).toMatchObject({ modRevision: 5, createRevision: 5, version: 1 });
    expect([driver.value("a"), driver.value("b")]).toEqual([null, null]);
  });

  test.each<[string, Transaction]>([
    ["nothing at all", transaction([])],
    ["reads", transaction([], [rangeStep("a")])],
    ["deletions of nothing", transaction([], [deleteStep("x"), deleteStep("x", "z", true)])],
    ["a branch that was not chosen", transaction([exists("x")], [putStep("a", "x")])],
  ])("[V1] a transaction that changes nothing makes no revision: %s", (_, given) => {
    const driver = filled();
    expect(driver.one(txn(given))).toMatchObject({ type: "txn", revision: 4 });
    expect(driver.one(put("c", "1"))).toMatchObject({ revision: 5 });
  });

  test("[V1] a key deleted by two steps is deleted once", () => {
    const driver = filled();
    const outcome = driver.one(txn(transaction([], [deleteStep("a", "c"), deleteStep("b")])));
    expect(outcome).toMatchObject({ responses: [{ deleted: 2 }, { deleted: 0 }] });
    expect(changesOf(driver, 5)).toEqual([
      ["delete", "a", 5],
      ["delete", "b", 5],
    ]);
  });

  test("[V1] each command of a batch has a revision of its own, and sees those before it", () => {
    const driver = filled();
    const swap = (to: string) => driver.command(txn(transaction([], [putStep("a", to, { previous: true })])));
    const outcomes = driver.apply(swap("2"), swap("3"));
    expect(outcomes).toMatchObject([
      { revision: 5, responses: [{ previous: { value: utf8("1"), modRevision: 2 } }] },
      { revision: 6, responses: [{ previous: { value: utf8("2"), modRevision: 5 } }] },
    ]);
  });
});

describe("[V2] all comparisons against the state before, then all or nothing", () => {
  const number = (name: string, type: "version" | "create" | "mod", n: number): Compare => ({
    range: rangeFrom(name),
    result: "equal",
    operand: { type, number: n },
  });
  const value = (result: Compare["result"], name: string, text: string, end?: string): Compare => ({
    range: rangeFrom(name, end),
    result,
    operand: { type: "value", value: utf8(text) },
  });
  const lease = (result: Compare["result"], name: string, id: string | null): Compare => ({
    range: rangeFrom(name),
    result,
    operand: { type: "lease", lease: id === null ? null : leaseId(id) },
  });

  test.each<[string, Compare, boolean]>([
    ["version", number("b", "version", 2), true],
    ["create revision", number("b", "create", 3), true],
    ["mod revision", number("b", "mod", 4), true],
    ["another mod revision", number("b", "mod", 3), false],
    ["version 0: it does not exist", number("x", "version", 0), true],
    ["mod 0: it does not exist", number("x", "mod", 0), true],
    ["value", value("equal", "b", "2"), true],
    ["value above", value("greater", "b", "1~"), true],
    ["value below", value("less", "b", "2 "), true],
    ["an absent key has no value, whatever is said of it", value("not-equal", "x", "1"), false],
    ["a range, every key of it", value("greater", "a", "0", "c"), true],
    ["a range, one key of which differs", value("equal", "a", "1", "c"), false],
    ["a range without keys is like an absent key", value("not-equal", "x", "1", "z"), false],
    ["no lease", lease("equal", "a", null), true],
    ["a lease where there is none", lease("equal", "a", "L"), false],
    ["a lease", lease("equal", "l", "10"), true],
    ["leases are numbers, where they are", lease("greater", "l", "9"), true],
    ["and otherwise names, above all numbers", lease("less", "l", "A"), true],
    ["names that read like the same number differ", lease("not-equal", "l", "010"), true],
  ])("[V2] a comparison with %s", (_, compare, holds) => {
    const driver = filled();
    driver.one(put("l", "", { lease: "10" }));
    expect(driver.one(txn(transaction([compare])))).toMatchObject({ succeeded: holds });
  });

  test("[V2] one comparison that fails chooses the other branch, and nothing of the first is done", () => {
    const driver = filled();
    const given = transaction([exists("a"), exists("x")], [putStep("a", "yes")], [putStep("b", "no")]);
    expect(driver.one(txn(given))).toMatchObject({ succeeded: false, revision: 5 });
    expect([driver.value("a"), driver.value("b")]).toEqual(["1", "no"]);
  });

  test("[V2] nested comparisons do not see what the steps before them did", () => {
    const driver = filled();
    const inner = transaction([exists("c")], [putStep("seen", "yes")], [putStep("seen", "no")]);
    driver.one(txn(transaction([], [putStep("c", "1"), nest(inner)])));
    expect(driver.value("seen")).toBe("no");
  });

  test("[V2] reads and deletions do see what the steps before them did", () => {
    const driver = filled();
    const steps = [deleteStep("a", undefined, true), putStep("c", "3"), rangeStep("a", "z")];
    const outcome = driver.one(txn(transaction([], steps)));
    expect(outcome).toMatchObject({
      responses: [
        { type: "delete", deleted: 1, previous: [{ key: key("a"), modRevision: 2 }] },
        { type: "put", previous: null },
        { type: "range", count: 2, entries: [{ key: key("b") }, { key: key("c"), modRevision: 5, version: 1 }] },
      ],
    });
  });

  test.each<[string, Transaction, Refusal]>([
    ["a value kept of no key", transaction([], [putStep("c", "1"), putStep("x", null)]), "key-not-found"],
    [
      "a lease kept of no key",
      transaction([], [putStep("c", "1"), putStep("x", "1", { lease: "keep" })]),
      "key-not-found",
    ],
    [
      "a lease that is not there",
      transaction([], [putStep("c", "1"), putStep("d", "1", { lease: "L" })]),
      "lease-not-found",
    ],
    [
      "a nested step",
      transaction([], [putStep("c", "1"), nest(transaction([], [putStep("d", "1", { lease: "L" })]))]),
      "lease-not-found",
    ],
  ])("[V2] a step that cannot be done undoes all others: %s", (_, given, why) => {
    const driver = filled();
    expect(driver.one(txn(given))).toEqual(refused(why, 4));
    expect(driver.store.revision).toBe(4);
    expect(driver.value("c")).toBeNull();
    // A branch that is not chosen refuses nothing.
    const other = transaction([exists("x")], given.success, [putStep("c", "1")]);
    expect(driver.one(txn(other))).toMatchObject({ type: "txn", succeeded: false, revision: 5 });
  });

  test("[V2] a value or a lease that is kept is the one of before", () => {
    const driver = filled();
    driver.one(grant("L"));
    driver.one(put("a", "1", { tie: "L" }));
    driver.one(txn(transaction([], [putStep("a", "2", { lease: "keep" }), putStep("b", null)])));
    expect(driver.store.get(key("a"))).toMatchObject({ value: utf8("2"), lease: "L", version: 3 });
    expect(driver.store.get(key("b"))).toMatchObject({ value: utf8("2"), lease: null, version: 3 });
    driver.one(txn(transaction([], [putStep("a", null)])));
    expect(driver.store.get(key("a"))).toMatchObject({ value: utf8("2"), lease: null });
    expect(driver.store.leaseKeys(leaseId("L"), 9)).toEqual([]);
    expect(driver.store.lease(leaseId("L"))).not.toBeNull();
  });

  test("[E1] a lease whose last key a transaction moves lives on, in whatever order the steps come", () => {
    for (const order of [0, 1]) {
      const driver = new Driver();
      driver.one(put("a", "1", { lease: "L" }));
      const steps = [deleteStep("a"), putStep("b", "1", { lease: "L" })];
      driver.one(txn(transaction([], order === 0 ? steps : steps.toReversed())));
      expect(driver.store.lease(leaseId("L"))).toMatchObject({ renewal: 1 });
      driver.reopen();
      expect(driver.store.leaseKeys(leaseId("L"), 9)).toEqual([key("b")]);
      driver.one(remove("b"));
      expect(driver.store.lease(leaseId("L"))).toBeNull();
    }
  });
});

describe("[V4] what a transaction is answered follows from the log alone", () => {
  test("[V4] it reads no revision of the past, not even one that everybody has", () => {
    const driver = filled();
    const past = (at: number) => transaction([], [putStep("c", "1"), rangeStep("a", "z", { revision: revision(at) })]);
    for (const at of [3, 4, 99]) expect(driver.one(txn(past(at)))).toEqual(refused("compacted", 4));
    expect(driver.store.revision).toBe(4);
  });

  test("[V3] one that only reads, asked of a store, reads the past that is kept", () => {
    const driver = filled();
    const past = (at: number) => transaction([], [rangeStep("a", "z", { revision: revision(at) })]);
    expect(driver.store.readTransaction(past(3))).toMatchObject({
      responses: [{ count: 2, entries: [{}, { key: key("b"), value: utf8("1"), modRevision: 3 }] }],
    });
    expect(driver.store.readTransaction(past(5))).toBe("future");
  });
});

test("[V3] a range in any order, with any bound, names all keys that its limit left out", () => {
  const driver = new Driver();
  for (const [name, value] of [
    ["a", "3"],
    ["b", "1"],
    ["c", "2"],
    ["b", "4"],
  ] as const)
    driver.one(put(name, value));
  const names = (parts: Parameters<typeof rangeStep>[2]) => {
    const read = driver.store.readTransaction(transaction([], [rangeStep("a", "z", parts)]));
    const [response] = typeof read === "string" ? [] : read.responses;
    if (response?.type !== "range") throw new Error("no range");
    const found = response.entries.map((entry) => `${entry.key.slice(1)}${textOf(entry.value)}`);
    return [found.join(" "), response.more, response.count];
  };
  const sort = (target: "key" | "version" | "create" | "mod" | "value", descending = false) => ({
    sort: { target, descending },
  });
  expect(names({})).toEqual(["a3 b4 c2", false, 3]);
  expect(names({ limit: 2 })).toEqual(["a3 b4", true, 3]);
  expect(names({ limit: 3 })).toEqual(["a3 b4 c2", false, 3]);
  expect(names(sort("key", true))).toEqual(["c2 b4 a3", false, 3]);
  expect(names({ ...sort("mod", true), limit: 1 })).toEqual(["b4", true, 3]);
  expect(names(sort("create", true))).toEqual(["c2 b4 a3", false, 3]);
  expect(names(sort("value"))).toEqual(["c2 a3 b4", false, 3]);
  expect(names(sort("version", true))).toEqual(["b4 a3 c2", false, 3]);
  expect(names({ minMod: 4 })).toEqual(["b4 c2", false, 3]);
  expect(names({ maxCreate: 3, limit: 1 })).toEqual(["a3", true, 3]);
  expect(names({ keysOnly: true })).toEqual(["a b c", false, 3]);
  expect(names({ countOnly: true })).toEqual(["", false, 3]);
});
