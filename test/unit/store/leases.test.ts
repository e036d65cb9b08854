import { describe, expect, test } from "vitest";
import { instant, leaseId } from "../../../src/support/brand.ts";
import { Driver, expire, key, loadFrom, put, remove, smallLimits, startTime } from "./driver.ts";

const leaseOf = (driver: Driver, id: string) => driver.store.lease(leaseId(id));
const nothing = (revision: number) => ({ type: "expired", deletedKeys: 0, revision });

describe("a lease and its keys", () => {
  test("comes with a put, is renewed by another, and takes the last one's time to live", () => {
    const driver = new Driver();
    driver.one(put("a", "1", { lease: "L", ttlMs: 100 }));
    expect(leaseOf(driver, "L")).toEqual({
      id: "L",
      ttlMs: 100,
      renewal: 1,
      renewedAt: startTime,
      granted: false,
      herd: null,
      heldUntil: null,
    });
    driver.now += 50;
    driver.one(put("b", "1", { lease: "L", ttlMs: 200 }));
    expect(leaseOf(driver, "L")).toEqual({
      id: "L",
      ttlMs: 200,
      renewal: 2,
      renewedAt: startTime + 50,
      granted: false,
      herd: null,
      heldUntil: null,
    });
    expect(driver.store.get(key("a"))?.lease).toBe("L");
  });

  test("is not renewed by a put whose condition fails", () => {
    const driver = new Driver();
    driver.one(put("a", "1", { lease: "L" }));
    driver.one(put("a", "1", { lease: "L", condition: { type: "absent" } }));
    driver.one(put("b", "1", { lease: "M", condition: { type: "present" } }));
    expect(leaseOf(driver, "L")?.renewal).toBe(1);
    expect(leaseOf(driver, "M")).toBeNull();
  });

  test("is gone with its last key: deleted, moved to another lease, or written without one", () => {
    const driver = new Driver();
    for (const name of ["a", "b", "c"]) driver.one(put(name, "1", { lease: "L" }));
    driver.one(remove("a"));
    driver.one(put("b", "2", { lease: "M" }));
    expect(leaseOf(driver, "L")).not.toBeNull();
    driver.one(put("c", "2"));
    expect(leaseOf(driver, "L")).toBeNull();
    expect(leaseOf(driver, "M")).toMatchObject({ renewal: 5 });
    driver.now += 10_000;
    expect(driver.one(expire("M", 5))).toEqual({ type: "expired", deletedKeys: 1, revision: 8 });
    expect([driver.value("a"), driver.value("b"), driver.value("c")]).toEqual([null, null, "2"]);
  });

  test("granted, given up and granted again in one batch is a new lease", () => {
    const driver = new Driver();
    driver.one(put("a", "0", { lease: "L" }));
    driver.apply(driver.command(remove("a")), driver.command(put("a", "1", { lease: "L" })));
    driver.reopen();
    expect(leaseOf(driver, "L")).toMatchObject({ renewal: 2 });
    driver.apply(driver.command(put("b", "1", { lease: "M" })), driver.command(remove("b")));
    driver.reopen();
    expect(leaseOf(driver, "M")).toBeNull();
  });

  test("ends with all its keys in one revision", () => {
    const driver = new Driver();
    for (const name of ["a", "b", "c"]) driver.one(put(name, "1", { lease: "L", ttlMs: 100 }));
    driver.one(put("d", "1"));
    driver.now += 100;
    expect(driver.one(expire("L", 3))).toEqual({ type: "expired", deletedKeys: 3, revision: 6 });
    expect(driver.page("").entries.map((entry) => entry.key)).toEqual([key("d")]);
    expect(leaseOf(driver, "L")).toBeNull();
    expect(driver.store.getAt(key("b"), driver.store.revision)).toBeNull();
  });
});

describe("[E1] a lease ends only by a command that names its latest renewal", () => {
  test("[E1] a lease renewed in time is never ended", () => {
    const driver = new Driver();
    driver.one(put("a", "1", { lease: "L", ttlMs: 100 }));
    driver.now += 99;
    driver.one(put("a", "1", { lease: "L", ttlMs: 100, keepIfEqual: true }));
    driver.now += 50;
    expect(driver.one(expire("L", 1))).toEqual(nothing(2));
    expect(driver.one(expire("L", 2))).toEqual(nothing(2));
    driver.now += 1_000;
    expect(driver.one(expire("L", 1))).toEqual(nothing(2));
    expect(driver.value("a")).toBe("1");
  });

  test("[E1] a lease ends no earlier than its time to live after the renewal, in log time", () => {
    const driver = new Driver();
    driver.one(put("a", "1", { lease: "L", ttlMs: 100 }));
    driver.now += 99;
    expect(driver.one(expire("L", 1))).toEqual(nothing(2));
    driver.now += 1;
    expect(driver.one(expire("L", 1))).toEqual({ type: "expired", deletedKeys: 1, revision: 3 });
    expect(driver.one(expire("L", 1))).toEqual(nothing(3));
  });

  test.each([
    ["its key was deleted", (driver: Driver) => driver.one(remove("a"))],
    ["its key was written without it", (driver: Driver) => driver.one(put("a", "x"))],
    ["it expired", (driver: Driver) => driver.one(expire("L", leaseOf(driver, "L")?.renewal ?? 0))],
  ])("[E1] an expire that saw one life of a lease does not end the next: %s", (_, end) => {
    let driver = new Driver({ limits: smallLimits });
    const seen = new Set<number>();
    const live = () => {
      driver.one(put("a", "1", { lease: "L", ttlMs: 100, keepIfEqual: true }));
      const renewal = leaseOf(driver, "L")?.renewal ?? 0;
      expect(seen.has(renewal)).toBe(false);
      seen.add(renewal);
    };
    for (let life = 0; life < 4; life += 1) {
      for (let n = 0; n <= life; n += 1) live();
      driver.now += 100;
      end(driver);
      expect(leaseOf(driver, "L")).toBeNull();
      // What makes the numbers differ is in the rows: a restart or a snapshot changes nothing about it.
      if (life % 2 === 0) driver.reopen();
      else driver = loadFrom(driver);
      const earlier = [...seen];
      live();
      driver.now += 100;
      for (const renewal of earlier) expect(driver.one(expire("L", renewal))).toMatchObject({ deletedKeys: 0 });
      expect(driver.value("a")).toBe("1");
    }
  });

  test("[E1] two lives within one batch are one to an expire command, because nobody saw the first", () => {
    const driver = new Driver();
    driver.apply(
      driver.command(put("a", "1", { lease: "L" })),
      driver.command(remove("a")),
      driver.command(put("a", "2", { lease: "L", ttlMs: 100 })),
    );
    expect(leaseOf(driver, "L")).toEqual({
      id: "L",
      ttlMs: 100,
      renewal: 1,
      renewedAt: startTime,
      granted: false,
      herd: null,
      heldUntil: null,
    });
  });

  test("[E1] any number of batches without a command end nothing", () => {
    const driver = new Driver();
    driver.one(put("a", "1", { lease: "L", ttlMs: 100 }));
    for (let n = 0; n < 10; n += 1) {
      driver.now += 10_000;
      driver.apply();
      driver.reopen();
    }
    expect(driver.value("a")).toBe("1");
  });
});

describe("[E2] due leases", () => {
  test("[E2] a lease is due once a clock is past renewal, time to live and skew", () => {
    const driver = new Driver({ limits: smallLimits });
    driver.one(put("a", "1", { lease: "L", ttlMs: 100 }));
    driver.one(put("b", "1", { lease: "M", ttlMs: 50 }));
    expect(driver.store.nextDue()).toBe(startTime + 60);
    const due = (ms: number) => driver.store.dueLeases(instant(startTime + ms), 10).map((lease) => lease.id);
    expect([due(59), due(60), due(109), due(110)]).toEqual([[], ["M"], ["M"], ["M", "L"]]);
    expect(driver.store.dueLeases(instant(startTime + 110), 1)).toMatchObject([{ id: "M", renewal: 2 }]);
  });

  test("[E2] the bound never passes a due lease, and moves on after renewals, endings and restarts", () => {
    const driver = new Driver({ limits: smallLimits });
    driver.one(put("a", "1", { lease: "L", ttlMs: 100 }));
    expect(driver.store.nextDue()).toBe(startTime + 110);
    driver.now += 50;
    driver.one(put("a", "1", { lease: "L", ttlMs: 100, keepIfEqual: true }));
    expect(driver.store.nextDue()).toBe(startTime + 110);
    expect(driver.store.dueLeases(instant(startTime + 120), 10)).toEqual([]);
    expect(driver.store.nextDue()).toBe(startTime + 160);
    driver.one(put("b", "1", { lease: "M", ttlMs: 20 }));
    expect(driver.store.nextDue()).toBe(startTime + 80);
    driver.reopen();
    expect(driver.store.nextDue()).toBe(startTime + 80);
    driver.now = startTime + 160;
    driver.apply(driver.command(expire("L", 2)), driver.command(expire("M", 3)));
    expect(driver.store.dueLeases(instant(startTime + 1_000), 10)).toEqual([]);
    expect(driver.store.nextDue()).toBeNull();
  });
});
