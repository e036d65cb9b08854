/** When a range changed last: the index of who asks whether anything happened there. */
import { expect, test } from "vitest";
import { Driver, loadFrom, put, remove, renew, smallLimits } from "./driver.ts";
import { rangeFrom } from "./transactions.ts";

const last = (driver: Driver, from: string, end?: string) => driver.store.lastChange(rangeFrom(from, end));

test("is the newest change of any key of a range, deletions included, and of no other", () => {
  const driver = new Driver();
  expect(last(driver, "a", "z")).toBe(0);
  driver.one(put("b", "1", { lease: "L" }));
  driver.one(put("c", "1"));
  driver.one(put("b", "2", { lease: "L" }));
  driver.one(put("x", "1"));
  expect([last(driver, "a", "d"), last(driver, "c", "d"), last(driver, "b"), last(driver, "d", "x")]).toEqual([
    4, 3, 4, 0,
  ]);
  driver.one(renew("L"));
  expect(last(driver, "a", "d")).toBe(4);
  driver.one(remove("c"));
  expect([last(driver, "a", "d"), last(driver, "c"), last(driver, "b", "c"), last(driver, "d", "b")]).toEqual([
    6, 6, 4, 0,
  ]);
  driver.reopen();
  expect(last(driver, "a", "d")).toBe(6);
  expect(last(loadFrom(driver), "a", "d")).toBe(6);
});

test("[S5] of what was deleted is never told to be earlier, however long ago its rows were cleared", () => {
  const driver = new Driver({ limits: smallLimits });
  driver.one(put("a", "1"));
  driver.one(put("b", "1"));
  driver.one(remove("b"));
  expect(last(driver, "a", "c")).toBe(4);
  for (let n = 0; n < 30; n += 1) {
    driver.now += 100;
    driver.one(put("x", String(n)));
  }
  expect([last(driver, "a", "c"), last(driver, "b"), last(driver, "a"), last(driver, "d", "b")]).toEqual([4, 4, 2, 0]);
  driver.reopen();
  expect(last(driver, "a", "c")).toBe(4);
  const heir = loadFrom(driver);
  expect(last(heir, "b")).toBeGreaterThanOrEqual(4);
  expect(last(heir, "b")).toBeLessThan(driver.store.compactedRevision);
});

test("[S5] of what begins with one name is kept apart from what begins with another", () => {
  const driver = new Driver({ limits: smallLimits });
  for (const key of ["sweb\0i1", "sweb\0i2", "sdb\0i1", "sdb\0i2"]) driver.one(put(key, "1"));
  driver.one(remove("sweb\0i1"));
  const before = last(driver, "sweb\0", "sweb\u0001");
  for (let n = 0; n < 30; n += 1) {
    driver.now += 100;
    driver.one(put("x", String(n)));
  }
  expect(before).toBe(6);
  expect([last(driver, "sweb\0", "sweb\u0001"), last(driver, "sdb\0", "sdb\u0001")]).toEqual([6, 5]);
  expect([last(driver, "s", "t"), last(driver, "sweb\0", "sa")]).toEqual([6, 0]);
});

test("of a half-loaded store is unknown", () => {
  const driver = new Driver();
  driver.one(put("a", "1"));
  driver.store.beginLoad();
  expect(last(driver, "a")).toBe(0);
});
