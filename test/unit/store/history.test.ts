import { describe, expect, test } from "vitest";
import { revision } from "../../../src/support/brand.ts";
import { Driver, expire, key, loadFrom, put, remove, smallLimits } from "./driver.ts";

describe("reading the past", () => {
  test("a revision shows what was there, below history it is compacted, above it is the future", () => {
    const driver = new Driver({ limits: smallLimits });
    driver.one(put("a", "1"));
    driver.one(put("a", "2"));
    driver.one(remove("a"));
    const at = (n: number) => driver.store.getAt(key("a"), revision(n));
    expect([at(0), at(1), at(2), at(3), at(4)]).toMatchObject([
      null,
      null,
      { modRevision: 2 },
      { modRevision: 3 },
      null,
    ]);
    expect(at(5)).toEqual({ type: "future", revision: 4 });
    for (let n = 0; n < 30; n += 1) {
      driver.now += 50;
      driver.one(put("b", String(n)));
    }
    expect(driver.store.compactedRevision).toBeGreaterThan(4);
    expect(at(2)).toEqual({ type: "compacted", compactedRevision: driver.store.compactedRevision });
    expect(driver.sql.all("SELECT mod FROM kv WHERE key = ?", new TextEncoder().encode("ka"))).toEqual([]);
  });

  test("the compacted revision itself stays readable", () => {
    const driver = new Driver({ limits: smallLimits });
    for (let n = 0; n < 30; n += 1) {
      driver.now += 50;
      driver.one(put(n % 2 === 0 ? "a" : "b", String(n)));
    }
    const at = driver.store.compactedRevision;
    expect(driver.store.list({ prefix: key(""), limit: 9, maxBytes: 999, revision: at })).toMatchObject({
      entries: [{ modRevision: at % 2 === 0 ? at : at - 1 }, { modRevision: at % 2 === 0 ? at - 1 : at }],
    });
  });
});

describe("clearing history", () => {
  const grown = (batches: number, stepMs: number, limits: Partial<typeof smallLimits>) => {
    const driver = new Driver({ limits: { ...smallLimits, ...limits } });
    for (let n = 0; n < batches; n += 1) {
      driver.now += stepMs;
      driver.one(put("a", String(n)));
    }
    return driver;
  };

  test("keeps what is recent by revisions, by time, by slots, and for the brief memory", () => {
    const lax = { historyRevisions: 0, historyMs: 0, keptSlots: 0, commandLifeMs: 0, stampAheadMs: 0 };
    expect(grown(50, 1, lax).store.compactedRevision).toBe(51);
    expect(grown(50, 1, { ...lax, historyRevisions: 20 }).store.compactedRevision).toBe(32);
    expect(grown(50, 1, { ...lax, historyMs: 20 }).store.compactedRevision).toBe(32);
    expect(grown(50, 1, { ...lax, keptSlots: 20 }).store.compactedRevision).toBe(32);
    expect(grown(50, 1, { ...lax, commandLifeMs: 20 }).store.compactedRevision).toBe(31);
  });

  test("leaves only rows that a readable revision needs", () => {
    const driver = grown(50, 1, {
      historyRevisions: 10,
      historyMs: 0,
      keptSlots: 0,
      commandLifeMs: 0,
      stampAheadMs: 0,
    });
    expect(driver.sql.all("SELECT mod FROM kv").map((row) => row["mod"])).toEqual([
      41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51,
    ]);
    expect(driver.sql.all("SELECT count(*) AS n FROM batches")).toEqual([{ n: 10 }]);
  });

  test("never takes the newest batch, whatever the limits", () => {
    const driver = grown(1, 1, {
      historyRevisions: 0,
      historyMs: 0,
      keptSlots: 0,
      commandLifeMs: 0,
      stampAheadMs: 0,
    });
    driver.now += 1_000_000;
    driver.apply();
    driver.reopen();
    expect(driver.store.appliedSlot).toBe(2);
    expect(driver.value("a")).toBe("0");
  });

  test("clears a bounded number of batches with each apply, and catches up", () => {
    const driver = grown(50, 0, {
      historyRevisions: 0,
      historyMs: 10,
      keptSlots: 0,
      commandLifeMs: 0,
      stampAheadMs: 0,
    });
    expect(driver.store.compactedRevision).toBe(0);
    driver.now += 100;
    driver.apply();
    expect(driver.store.compactedRevision).toBe(6);
    driver.apply();
    expect(driver.store.compactedRevision).toBe(10);
  });

  test("a lease that ends with very many keys needs more than one row to remember them", () => {
    const driver = new Driver({
      limits: { historyRevisions: 0, historyMs: 0, keptSlots: 0, commandLifeMs: 0, stampAheadMs: 0 },
    });
    const name = (n: number) => `${"long".repeat(50)}-${n}`;
    for (let from = 0; from < 1000; from += 250) {
      const operations = Array.from({ length: 250 }, (_, n) => put(name(from + n), "x", { lease: "L" }));
      driver.apply(...operations.map((operation) => driver.command(operation)));
    }
    driver.now += 10_000;
    expect(driver.one(expire("L", 4))).toEqual({
      type: "expired",
      deletedKeys: 1000,
      revision: 1002,
    });
    expect(driver.sql.all("SELECT count(*) AS n FROM changes")[0]?.["n"]).toBeGreaterThan(1);
    expect(loadFrom(driver).store.digest()).toBe(driver.store.digest());
    for (let n = 0; n < 3; n += 1) {
      driver.now += 1;
      driver.apply();
    }
    expect(driver.sql.all("SELECT 1 AS one FROM changes")).toEqual([]);
    expect(driver.sql.all("SELECT 1 AS one FROM kv")).toEqual([]);
  });
});
