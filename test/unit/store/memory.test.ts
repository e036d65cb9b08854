/** No statement brings more rows into memory than one page, however many keys there are. In bytes: `npm run bench:memory`. */
import { beforeAll, describe, expect, test } from "vitest";
import { allOf, rangeStart } from "../../../src/store/ranges.ts";
import { Store } from "../../../src/store/store.ts";
import type { SnapshotPage } from "../../../src/store/snapshot.ts";
import { leaseId, revision } from "../../../src/support/brand.ts";
import { limits } from "../../../src/support/limits.ts";
import type { Sql, SqlRow, SqlValue } from "../../../src/support/sql.ts";
import { NodeSql } from "../../support/node-sql.ts";
import { compact, Driver, put, revoke, txn } from "./driver.ts";
import { deleteStep, exists, putStep, rangeFrom, rangeStep, transaction } from "./transactions.ts";

const keys = 5_000;
const onePage = 1_001;

/** Counts the rows that one statement brings into memory. */
class CountingSql implements Sql {
  readonly #sql: NodeSql;
  most = 0;

  constructor(sql: NodeSql) {
    this.#sql = sql;
  }

  all(statement: string, ...bindings: readonly SqlValue[]): readonly SqlRow[] {
    const rows = this.#sql.all(statement, ...bindings);
    this.most = Math.max(this.most, rows.length);
    return rows;
  }
}

/** All keys tied to one lease, half of them written twice. */
let driver: Driver;
const range = rangeFrom("", "~");
const page = { limit: limits.pageKeys, maxBytes: limits.pageBytes };

beforeAll(() => {
  driver = new Driver({ limits: { historyMs: 10_000, historyRevisions: 10, keptSlots: 10 } });
  const name = (n: number) => String(n).padStart(6, "0");
  for (let from = 0; from < 1.5 * keys; from += 500) {
    driver.now += 2_000;
    const puts = Array.from({ length: 500 }, (_, n) => put(name((from + n) % keys), "x", { lease: "L", ttlMs: 1e9 }));
    driver.apply(...puts.map((one) => driver.command(one, { deadline: driver.now + 1_000 })));
  }
  // What is remembered of commands is bounded by time, not by keys.
  driver.now += 60_000;
  for (let n = 0; n < 5; n += 1) driver.apply();
});

/** The most rows that a statement gave while `work` was done with a store over the same rows. */
function mostRows(work: (store: Store) => void): number {
  const sql = new CountingSql(driver.sql);
  work(new Store(sql, driver.options));
  return sql.most;
}

function pagesOf(store: Store): readonly SnapshotPage[] {
  const snapshot = store.openSnapshot();
  const pages: SnapshotPage[] = [];
  for (let cursor: string | null = null; ;) {
    const read = snapshot.page(cursor);
    if (read.type !== "page") throw new Error(read.type);
    pages.push(read);
    if (read.next === null) return pages;
    cursor = read.next;
  }
}

describe("reading", () => {
  const sorted = { ...allOf(range), sort: { target: "mod", descending: true } } as const;
  const big = { ...allOf(range), limit: 1_000_000 };
  const steps = [rangeStep("", "~", { limit: 3_000_000, keysOnly: true }), rangeStep("", "~", { countOnly: true })];
  const reads = transaction([{ ...exists(""), range }], steps.slice(1), steps);
  const from = { revision: revision(keys), index: 0 };
  const watch = { range, from, puts: true, deletes: true, previous: true };
  test.each<[string, (store: Store) => unknown]>([
    ["opening", (store) => store.revision],
    ["a page of a range", (store) => store.range(allOf(range), rangeStart, page)],
    ["a page of a range with a limit above all", (store) => store.range(big, rangeStart, page)],
    ["a page in another order", (store) => store.range(sorted, rangeStart, page)],
    ["a count", (store) => store.range({ ...allOf(range), countOnly: true }, rangeStart, page)],
    ["a transaction that compares and counts", (store) => store.readTransaction(reads)],
    ["a watch", (store) => store.events(watch, { events: 1_000, bytes: limits.watchBytes, changes: 10_000 })],
    ["a lease's keys", (store) => store.leaseKeys(leaseId("L"), 1_000)],
    ["a digest", (store) => store.digest()],
    ["a snapshot", pagesOf],
  ])("%s holds no more than a page of rows", (_, read) => {
    expect(mostRows((store) => void read(store))).toBeLessThanOrEqual(onePage);
  });

  test("a transaction that would answer too much is refused before it is read", () => {
    let refused: unknown;
    const most = mostRows((store) => {
      refused = store.readTransaction(transaction([], [rangeStep("", "~"), rangeStep("", "~", { limit: 1_000_000 })]));
    });
    expect([refused, most]).toEqual(["result-too-large", expect.any(Number)]);
    expect(most).toBeLessThanOrEqual(onePage);
  });
});

test("loading a snapshot holds no more than a page of rows, and knows which keys each lease has", () => {
  const sql = new CountingSql(new NodeSql());
  const target = new Store(sql, driver.options);
  target.beginLoad();
  for (const { rows } of pagesOf(driver.store)) expect(target.loadPage(rows)).toBeNull();
  expect(target.endLoad()).toBeNull();
  expect(target.digest()).toBe(driver.store.digest());
  expect(target.leaseKeys(leaseId("L"), 2 * keys)).toHaveLength(keys);
  expect(target.leaseKeys(leaseId("L"), 2 * keys)).toEqual(driver.store.leaseKeys(leaseId("L"), 2 * keys));
  expect(sql.most).toBeGreaterThan(0);
});

describe("writing", () => {
  /** The same for one command of a copy of the rows. */
  function mostOf(...operations: readonly Parameters<Driver["one"]>[0][]): number {
    const copy = new Driver(driver.options);
    copy.store.beginLoad();
    for (const { rows } of pagesOf(driver.store)) copy.store.loadPage(rows);
    copy.store.endLoad();
    copy.now = driver.now;
    const sql = new CountingSql(copy.sql);
    copy.store = new Store(sql, driver.options);
    sql.most = 0;
    operations.forEach((operation, n) => copy.one(operation, { id: `writing ${n}` }));
    expect(copy.page("").entries.length).toBeLessThan(100);
    return sql.most;
  }

  test("the end of a lease with very many keys holds a page of them at a time", () => {
    expect(mostOf(revoke("L"))).toBeLessThanOrEqual(onePage);
  });

  test("so does a transaction that deletes them, and the compaction after it", () => {
    const steps = [putStep("~", "1"), deleteStep("", "~")];
    expect(mostOf(txn(transaction([], steps)), compact(keys), put("~", "2"))).toBeLessThanOrEqual(onePage);
  });
});
