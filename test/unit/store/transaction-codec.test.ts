import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeChanges, eachSuperseded } from "../../../src/store/changes.ts";
import type { Change } from "../../../src/store/changes.ts";
import { changesKeyTwice } from "../../../src/store/transaction.ts";
import type { Transaction, TxnOperation } from "../../../src/store/transaction.ts";
import {
  packRange,
  packRangeQuery,
  packRangeResult,
  packResponse,
  packTransaction,
  readRange,
  readRangeQuery,
  readRangeResult,
  readResponses,
  readTransaction,
} from "../../../src/store/transaction-codec.ts";
import { limits } from "../../../src/support/limits.ts";
import {
  changes,
  encodeChanges,
  keyRange,
  rangeQuery,
  rangeResult,
  responses,
  transactions,
} from "./arbitrary-transactions.ts";
import { deleteStep, exists, nest, putStep, rangeStep, transaction } from "./transactions.ts";

/** As it comes out of a message. */
const sent = (packed: unknown): unknown => JSON.parse(JSON.stringify(packed));

describe("everything comes back as it went", () => {
  const runs = { numRuns: 300, seed: 1 };
  /** Read back from what it was packed to, each is itself. */
  function comesBack<T>(drawn: fc.Arbitrary<T>, pack: (one: T) => unknown, read: (packed: unknown) => T | null): void {
    const check = (one: T): void => {
      expect(read(sent(pack(one)))).toEqual(one);
    };
    fc.assert(fc.property(drawn, check), runs);
  }

  test("ranges and queries", () => {
    comesBack(keyRange, packRange, readRange);
    comesBack(rangeQuery, packRangeQuery, readRangeQuery);
  });

  test("transactions, but for those that may change a key twice", () => {
    let taken = 0;
    fc.assert(
      fc.property(transactions, (one) => {
        const twice = changesKeyTwice(one);
        if (!twice) taken += 1;
        expect(readTransaction(sent(packTransaction(one)))).toEqual(twice ? null : one);
      }),
      runs,
    );
    expect(taken).toBeGreaterThan(50);
    expect(taken).toBeLessThan(290);
  });

  test("answers", () => {
    comesBack(rangeResult, packRangeResult, readRangeResult);
    comesBack(responses, (all) => all.map(packResponse), readResponses);
  });

  test("changes, in however many parts", () => {
    fc.assert(
      fc.property(changes, fc.integer({ min: 1, max: 2000 }), (drawn, times) => {
        const all = Array.from({ length: times }, () => drawn).flat();
        const parts = encodeChanges(all);
        expect(parts.every((part) => part.length < 100 * 1024)).toBe(true);
        expect(parts.flatMap((part) => decodeChanges(part))).toEqual(all);
      }),
      { numRuns: 50, seed: 1 },
    );
    expect(encodeChanges([])).toEqual([]);
  });
});

describe("nothing malformed gets through", () => {
  const range = '"ka",null';
  const query = `[${range},0,null,0,0,0,0,0,0,0,0]`;
  test.each([
    "null",
    "{}",
    "[]",
    "[[],[]]",
    "[[],[],[],[]]",
    "[0,[],[]]",
    "[[],[0],[]]",
    "[[],[],[[]]]",
    '[[],[["?"]],[]]',
    // Comparisons: range, result, operand.
    `[[[${range},0,"version"]],[],[]]`,
    `[[[${range},4,"version",0]],[],[]]`,
    `[[[${range},-1,"version",0]],[],[]]`,
    `[[[${range},0,"age",0]],[],[]]`,
    `[[[${range},0,"version",1.5]],[],[]]`,
    `[[[${range},0,"mod","1"]],[],[]]`,
    `[[[${range},0,"lease",""]],[],[]]`,
    `[[[${range},0,"lease",7]],[],[]]`,
    `[[[${range},0,"value",null]],[],[]]`,
    `[[[${range},0,"value","x"]],[],[]]`,
    `[[["",null,0,"version",0]],[],[]]`,
    `[[["ka","",0,"version",0]],[],[]]`,
    `[[["k\u0100",null,0,"version",0]],[],[]]`,
    // Puts: key, value, lease, previous.
    '[[],[["p","ka","t",null]],[]]',
    '[[],[["p","","t",null,0]],[]]',
    '[[],[["p","ka","x",null,0]],[]]',
    '[[],[["p","ka",0,null,0]],[]]',
    '[[],[["p","ka","t",0,0]],[]]',
    '[[],[["p","ka","t",null,2]],[]]',
    `[[],[["p","ka","t${"x".repeat(limits.storedValueBytes + 1)}",null,0]],[]]`,
    // Deletions, ranges and nested ones.
    `[[],[["d",${range}]],[]]`,
    `[[],[["d",${range},2]],[]]`,
    '[[],[["d","",null,0]],[]]',
    '[[],[["r"]],[]]',
    `[[],[["r",${query},0]],[]]`,
    `[[],[["r",${query.replace("0,0]", "0]")}]],[]]`,
    '[[],[["t"]],[]]',
    '[[],[["t",[[],[]]]],[]]',
  ])("the transaction %.80s is refused", (text) => {
    expect(readTransaction(JSON.parse(text))).toBeNull();
  });

  test.each([
    [2, -1],
    [2, 1.5],
    [3, -1],
    [3, "1"],
    [4, 5],
    [4, -1],
    [5, 2],
    [6, null],
    [7, true],
    [8, -1],
    [9, "0"],
    [10, null],
    [11, 0.5],
  ])("a query whose part %i is %j is refused", (at, wrong) => {
    const parts = JSON.parse(query) as unknown[];
    expect(readRangeQuery(parts)).not.toBeNull();
    expect(readRangeQuery(parts.with(at, wrong))).toBeNull();
  });

  const entry = '["ka","t",1,1,1,null]';
  test.each([
    "{}",
    "[[]]",
    '[["?"]]',
    '[["p"]]',
    '[["p",0]]',
    `[["p",${entry},0]]`,
    '[["p",["ka","t",1,1,1]]]',
    '[["p",["","t",1,1,1,null]]]',
    '[["p",["ka","x",1,1,1,null]]]',
    '[["p",["ka","t",-1,1,1,null]]]',
    '[["p",["ka","t",1,1,1.5,null]]]',
    '[["p",["ka","t",1,1,1,""]]]',
    `[["d",-1,[${entry}]]]`,
    '[["d",1]]',
    '[["d",1,[0]]]',
    '[["r",[[],0]]]',
    '[["r",[[],2,0]]]',
    '[["r",[[0],0,0]]]',
    '[["r",[[],0,-1]]]',
    '[["t",1]]',
    '[["t",2,[]]]',
    '[["t",1,[[]]]]',
  ])("the answers %s are refused", (text) => {
    expect(readResponses(JSON.parse(text))).toBeNull();
  });

  test.each([
    "",
    "{}",
    "[1]",
    "[[]]",
    '[["ka",1]]',
    '[["",2,1]]',
    '[["ka",0,0]]',
    '[["ka",2,2]]',
    '[["ka",2,-1]]',
    '[["ka",2,1,0]]',
    '[["ka",2,1,1,1]]',
    '[["ka","2",1]]',
  ])("the changes %s are refused", (text) => {
    expect(decodeChanges(text)).toBeNull();
  });
});

describe("maxima of a transaction", () => {
  const readBack = (one: Transaction) => readTransaction(sent(packTransaction(one)));

  test("so many parts, nested ones included, and not one more", () => {
    const compares = (count: number) => Array.from({ length: count }, () => exists("a"));
    const most = limits.transactionParts;
    expect(readBack(transaction(compares(most)))).not.toBeNull();
    expect(readBack(transaction(compares(most + 1)))).toBeNull();
    const inner = transaction(compares(most - 1));
    expect(readBack(transaction([], [nest(inner)]))).not.toBeNull();
    expect(readBack(transaction([exists("a")], [nest(inner)]))).toBeNull();
    expect(readBack(transaction([], [], [nest(inner), rangeStep("a")]))).toBeNull();
  });

  test("so deep, and not one level more", () => {
    const deep = (levels: number): Transaction =>
      levels === 1 ? transaction([exists("a")]) : transaction([], [nest(deep(levels - 1))]);
    expect(readBack(deep(limits.transactionDepth))).not.toBeNull();
    expect(readBack(deep(limits.transactionDepth + 1))).toBeNull();
    const deepest = JSON.stringify(packTransaction(deep(limits.transactionDepth)));
    // Deeper than any stack should be asked to go: text that JSON itself still reads.
    const abyss = `${'[[],[["t",'.repeat(3_000)}[[],[],[]]${"]],[]]".repeat(3_000)}`;
    expect(deepest.length).toBeLessThan(abyss.length);
    expect(readTransaction(JSON.parse(abyss))).toBeNull();
  });
});

describe("[V1] a transaction that may change a key twice is refused", () => {
  /** Every list of changes that some run of it can make. */
  function runsOf({ success, failure }: Transaction): readonly (readonly TxnOperation[])[] {
    return [success, failure].flatMap((branch) =>
      branch.reduce<readonly (readonly TxnOperation[])[]>(
        (before, step) => {
          const ways = step.type === "txn" ? runsOf(step.transaction) : [[step]];
          return before.flatMap((done) => ways.map((way) => [...done, ...way]));
        },
        [[]],
      ),
    );
  }

  function conflicts(run: readonly TxnOperation[]): boolean {
    return run.some((one, at) =>
      run.some((other, later) => {
        if (one.type !== "put" || at === later) return false;
        if (other.type === "put") return other.key === one.key;
        if (other.type !== "delete") return false;
        const { key, end } = other.range;
        return end === null ? key === one.key : key <= one.key && one.key < end;
      }),
    );
  }

  test("[V1] exactly if some choice of branches does so, whatever the comparisons say", () => {
    let refused = 0;
    const check = (one: Transaction): void => {
      const twice = runsOf(one).some(conflicts);
      if (twice) refused += 1;
      expect(changesKeyTwice(one)).toBe(twice);
    };
    fc.assert(fc.property(transactions, check), { numRuns: 1000, seed: 1 });
    expect(refused).toBeGreaterThan(100);
  });

  // etcd's own cases (server/etcdserver/api/v3rpc/key_test.go, `TestCheckIntervals`, and its neighbours).
  test.each<[string, Transaction, boolean]>([
    ["the same put twice", transaction([], [putStep("a", "1"), putStep("a", "1")]), true],
    ["in two branches", transaction([], [putStep("a", "1")], [putStep("a", "2")]), false],
    ["a put within a deleted range", transaction([], [putStep("b", "1"), deleteStep("a", "c")]), true],
    ["a put at its end", transaction([], [putStep("c", "1"), deleteStep("a", "c")]), false],
    ["a range that ends before it begins", transaction([], [putStep("b", "1"), deleteStep("c", "a")]), false],
    ["two deletions of the same", transaction([], [deleteStep("a", "c"), deleteStep("b")]), false],
    ["a put and a read", transaction([], [putStep("a", "1"), rangeStep("a", "z")]), false],
    [
      "both branches of a nested one put the same",
      transaction([], [nest(transaction([], [putStep("a", "1")], [putStep("a", "2")]))]),
      false,
    ],
    [
      "a neighbour of either branch",
      transaction([], [putStep("a", "1"), nest(transaction([], [], [putStep("a", "2")]))]),
      true,
    ],
    [
      "two nested ones side by side",
      transaction([], [nest(transaction([], [putStep("a", "1")])), nest(transaction([], [], [putStep("a", "2")]))]),
      true,
    ],
    [
      "a nested one deletes what its neighbour puts",
      transaction([], [nest(transaction([], [putStep("a", "1")])), nest(transaction([], [deleteStep("a", "b")]))]),
      true,
    ],
    [
      "one branch puts what the other deletes",
      transaction([], [nest(transaction([], [putStep("a", "1")], [deleteStep("a")]))]),
      false,
    ],
  ])("[V1] %s", (_, one, twice) => {
    expect(changesKeyTwice(one)).toBe(twice);
  });
});

test("a change makes history of the row before it, and of its own if it is a deletion", () => {
  const removed: string[] = [];
  const list = [
    { key: "ka", mod: 2, previous: null, deleted: false },
    { key: "ka", mod: 3, previous: 2, deleted: false },
    { key: "ka", mod: 4, previous: 3, deleted: true },
  ] as unknown as readonly Change[];
  eachSuperseded(list, (key, mod) => removed.push(`${key}@${mod}`));
  expect(removed).toEqual(["ka@2", "ka@3", "ka@4"]);
});
