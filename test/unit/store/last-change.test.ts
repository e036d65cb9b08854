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

test("of what was deleted is known as long as history is kept", () => {
  const driver = new Driver({ limits: smallLimits });
  driver.one(put("a", "1"));
  driver.one(put("b", "1"));
  driver.one(remove("b"));
  expect(last(driver, "a", "c")).toBe(4);
  for (let n = 0; n < 30; n += 1) {
    driver.now += 100;
    driver.one(put("x", String(n)));
  }
  expect([last(driver, "a", "c"), last(driver, "b")]).toEqual([2, 0]);
});

test("of a half-loaded store is unknown", () => {
  const driver = new Driver();
  driver.one(put("a", "1"));
  driver.store.beginLoad();
  expect(last(driver, "a")).toBe(0);
});
