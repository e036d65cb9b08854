/** How large snapshots get: each page on the wire, and what source and target hold in memory at once. Real limits. */
import { describe, expect, test } from "vitest";
import { encodeRow } from "../../../src/store/snapshot-rows.ts";
import type { SnapshotPage } from "../../../src/store/snapshot.ts";
import { Store } from "../../../src/store/store.ts";
import { requestId } from "../../../src/support/brand.ts";
import { utf8 } from "../../../src/support/bytes.ts";
import { limits } from "../../../src/support/limits.ts";
import type { Sql, SqlRow, SqlValue } from "../../../src/support/sql.ts";
import { decodePeerReply, encodePeerReply } from "../../../src/wire/peer-codec.ts";
import { NodeSql } from "../../support/node-sql.ts";
import { Driver, enqueue, expire, loadFrom, put, smallLimits, txn } from "./driver.ts";
import { rangeStep, transaction } from "./transactions.ts";

function pagesOf(driver: Driver): readonly SnapshotPage[] {
  const snapshot = driver.store.openSnapshot();
  const pages: SnapshotPage[] = [];
  for (let cursor: string | null = null; ;) {
    const page = snapshot.page(cursor);
    if (page.type !== "page") throw new Error(page.type);
    pages.push(page);
    if (page.next === null) return pages;
    cursor = page.next;
  }
}

/** Every page, as the message it travels in. */
function expectToFit(driver: Driver): void {
  for (const { rows, next } of pagesOf(driver)) {
    const reply = { type: "snapshot-page", id: "x".repeat(128), slot: driver.store.appliedSlot, rows, next } as const;
    const message = encodePeerReply(reply);
    expect(utf8(JSON.stringify(rows)).length - 2).toBeLessThanOrEqual(limits.snapshotPageBytes);
    expect(utf8(message).length).toBeLessThan(limits.messageBytes);
    expect(decodePeerReply(message)).toEqual({ ok: true, body: reply });
  }
  expect(loadFrom(driver).store.digest()).toBe(driver.store.digest());
}

/** Names that grow most on the way: controls become six characters and then seven, quotes two and then four. */
const awkward = ["\u0001", '"', "\\", "\u00e9", "\u20ac", "\ud83d\ude00"];

describe("[L7] a page of a snapshot fits its message", () => {
  test("[L7] keys of control bytes, values of quotes: the reviewer's case", () => {
    const driver = new Driver();
    const value = 'a"a'.repeat(400).slice(0, 1060);
    for (let b = 0; b < 11; b += 1) {
      const operations = Array.from({ length: 100 }, (_, i) =>
        put("\u0001".repeat(1020) + String.fromCharCode(1 + b, 1 + (i % 20), 1 + Math.floor(i / 20)), value),
      );
      driver.apply(...operations.map((operation) => driver.command(operation)));
    }
    expectToFit(driver);
  });

  test("[L7] the largest values under the longest keys and leases, one row a page and more", () => {
    const driver = new Driver();
    const texts = ["x", '"', "\\", 'xx"', '"xx', "\u0001xxxxxxxxxxxxxxx", "\u20ac", "\ud83d\ude00", "\u00e9", "\u0001"];
    for (const [at, text] of texts.entries()) {
      const bytes = utf8(text).length;
      const value = text.repeat(Math.floor(limits.valueBytes / bytes));
      // Two at a time: neither may be crowded out, nor crowd the page.
      for (const key of ["\u0001", '"']) {
        driver.one(put(String(at) + key.repeat(limits.keyBytes - 1), value, { lease: key.repeat(4096) }));
      }
    }
    const noise = { ...put("bytes", ""), value: new Uint8Array(limits.valueBytes).fill(255) };
    driver.one(noise);
    expectToFit(driver);
  });

  test("[L7] outcomes, sessions and leases under awkward names, many of each", () => {
    const driver = new Driver();
    for (const [batch, character] of awkward.entries()) {
      const name = (n: number) => `${character.repeat(Math.floor(250 / character.length))}${n}`;
      const commands = Array.from({ length: 300 }, (_, n) =>
        driver.command(put(`${batch}.${n}`, "", { lease: character.repeat(1000 / character.length) + n }), {
          id: `${batch}${name(n)}`,
          order: { session: name(n), sequence: 1 },
          deadline: driver.now + 10_000,
          ...(n % 2 === 0 ? {} : { fingerprint: name(n) }),
        }),
      );
      for (let from = 0; from < 300; from += 60) driver.apply(...commands.slice(from, from + 60));
    }
    expectToFit(driver);
  });

  test("[L7] a batch whose changes fill their text", () => {
    const driver = new Driver();
    for (let batch = 0; batch < 8; batch += 1) {
      const commands = Array.from({ length: 100 }, (_, n) =>
        driver.command(put(`${"\u0001".repeat(1015)}${batch}.${n}`, "", { lease: "L" })),
      );
      driver.apply(...commands);
    }
    driver.now += 10_000;
    expect(driver.one(expire("L", 8))).toMatchObject({ deletedKeys: 800 });
    expectToFit(driver);
  });

  test("[L7] the longest outcome row is small", () => {
    const name = "\u0001".repeat(256);
    const outcome = { type: "condition-failed", modRevision: null } as const;
    const row = { id: requestId(name), deadline: 8_640_000_000_000_000, fingerprint: name, outcome };
    expect(JSON.stringify(encodeRow({ type: "outcome", row })).length).toBeLessThan(limits.snapshotPageBytes / 256);
  });

  test("[L7] what transactions answered, as much of it as is remembered, and places in queues", () => {
    const driver = new Driver();
    for (const [at, character] of awkward.entries()) {
      const text = character.repeat(Math.floor(2_000 / utf8(character).length));
      const name = `${at}${character.repeat(Math.floor(1_000 / utf8(character).length))}`;
      driver.one(put(name, text));
      const reads = transaction([], [rangeStep(name), rangeStep(name), rangeStep(name)]);
      const commands = Array.from({ length: 100 }, (_, n) =>
        driver.command(txn(reads), { id: `${at}.${n}`, deadline: driver.now + 10_000 }),
      );
      for (let from = 0; from < 100; from += 20) driver.apply(...commands.slice(from, from + 20));
      const queue = character.repeat(Math.floor(limits.lockNameBytes / utf8(character).length));
      driver.apply(...Array.from({ length: 200 }, (_, n) => driver.command(enqueue(queue, `${at}.${n}`))));
    }
    expectToFit(driver);
    // The row of a batch is bounded too: 2 MB on the platform.
    const [largest] = driver.sql.all("SELECT max(length(outcomes)) AS size FROM batches");
    expect(Number(largest?.["size"])).toBeLessThan(2 * limits.batchRowOutcomeBytes);
  });
});

/** Counts the rows that one statement brings into memory. */
class CountingSql implements Sql {
  readonly #sql: NodeSql;
  /** The most rows that a statement on this table gave. */
  readonly most = new Map<string, number>();

  constructor(sql: NodeSql) {
    this.#sql = sql;
  }

  all(statement: string, ...bindings: readonly SqlValue[]): readonly SqlRow[] {
    const rows = this.#sql.all(statement, ...bindings);
    const table = /FROM (\w+)/.exec(statement)?.[1] ?? "none";
    this.most.set(table, Math.max(this.most.get(table) ?? 0, rows.length));
    return rows;
  }
}

describe("[L7] a snapshot is read and loaded a little at a time", () => {
  /** Ten minutes of writes under limits that keep them all: 3000 batches, six commands each. */
  function long(): Driver {
    const driver = new Driver();
    for (let batch = 0; batch < 3000; batch += 1) {
      driver.now += 200;
      const commands = Array.from({ length: 6 }, (_, n) =>
        driver.command(put(`k${n}`, String(batch)), { id: `${batch}/${n}`, deadline: driver.now + 15_000 }),
      );
      driver.apply(...commands);
    }
    return driver;
  }

  test("[L7] [X1] opening reads no batch rows, and only outcomes that still count travel", () => {
    const driver = long();
    const sql = new CountingSql(driver.sql);
    const store = new Store(sql);
    expect(store.digest()).toBe(driver.store.digest());
    sql.most.clear();
    const snapshot = store.openSnapshot();
    expect([...sql.most].filter(([, rows]) => rows > 0)).toEqual([]);
    const rows: unknown[][] = [];
    for (let cursor: string | null = null; ;) {
      const page = snapshot.page(cursor);
      if (page.type !== "page") throw new Error(page.type);
      rows.push(...(JSON.parse(page.rows) as unknown[][]));
      if (page.next === null) break;
      cursor = page.next;
    }
    for (const table of ["batches", "changes"]) expect(sql.most.get(table)).toBeLessThanOrEqual(64);
    const count = (kind: string) => rows.filter((row) => row[0] === kind).length;
    expect([count("b"), count("k")]).toEqual([3000, 18_000]);
    // 15 seconds of five batches a second, and the one at the border.
    expect(count("o")).toBe(76 * 6);
  });

  test("[L7] [X1] loading holds few batch rows at once, and every outcome that counts is known afterwards", () => {
    const source = long();
    const sql = new CountingSql(new NodeSql());
    const target = new Store(sql);
    target.beginLoad();
    for (const { rows } of pagesOf(source)) expect(target.loadPage(rows)).toBeNull();
    expect(target.endLoad()).toBeNull();
    for (const table of ["batches", "changes"]) expect(sql.most.get(table) ?? 0).toBeLessThanOrEqual(64);
    expect(target.digest()).toBe(source.store.digest());
    for (const store of [target, new Store(sql)]) {
      for (const id of ["2999/5", "2924/0"].map(requestId)) {
        expect(store.remembered(id)).toEqual(source.store.remembered(id));
        expect(store.remembered(id)).not.toBeNull();
      }
      expect(store.remembered(requestId("2923/5"))).toBeNull();
    }
  });

  test("[L7] a page's rows are bounded however small they are", () => {
    const driver = new Driver({ limits: smallLimits });
    for (let n = 0; n < 10; n += 1) driver.one(put("a", String(n)));
    for (const { rows } of pagesOf(driver)) expect((JSON.parse(rows) as unknown[]).length).toBeLessThanOrEqual(3);
  });
});
