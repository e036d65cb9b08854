/** What a put, or a renewal, may ask of leases: that one is there, is renewed along, and has no keys elsewhere. */
import { describe, expect, test } from "vitest";
import { leaseId } from "../../../src/support/brand.ts";
import { Driver, expire, grant, put, remove, renew, startTime } from "./driver.ts";

const leaseOf = (driver: Driver, id: string) => driver.store.lease(leaseId(id));
const refused = (why: string, revision: number) => ({ type: "refused", why, revision, compactedRevision: 0 });
const both = { lease: "L", renew: true } as const;

describe("a put that needs a lease", () => {
  test("is refused without it, and neither writes nor grants anything", () => {
    const driver = new Driver();
    driver.one(put("a", "1"));
    const parts = { lease: "own", needs: both };
    expect(driver.one(put("a", "2", parts))).toEqual(refused("lease-not-found", 2));
    expect([driver.value("a"), leaseOf(driver, "own"), leaseOf(driver, "L")]).toEqual(["1", null, null]);
  });

  test("is judged by its condition first", () => {
    const driver = new Driver();
    driver.one(put("a", "1"));
    const parts = { condition: { type: "absent" }, needs: both } as const;
    expect(driver.one(put("a", "2", parts))).toMatchObject({ type: "condition-failed" });
  });

  test("renews it for its own time to live, if it says so", () => {
    const driver = new Driver();
    driver.one(put("i", "1", { lease: "L", ttlMs: 300, herd: "west" }));
    driver.now += 100;
    driver.one(put("c", "1", { lease: "own", ttlMs: 50, needs: { lease: "L", renew: false } }));
    expect(leaseOf(driver, "L")).toMatchObject({ renewal: 1, renewedAt: startTime });
    driver.one(put("c", "1", { lease: "own", ttlMs: 50, needs: both, keepIfEqual: true }));
    expect(leaseOf(driver, "L")).toMatchObject({ ttlMs: 300, renewal: 3, renewedAt: startTime + 100, herd: "west" });
    expect(leaseOf(driver, "own")).toMatchObject({ ttlMs: 50, renewal: 3, herd: null });
    // Nothing changed but times.
    expect(driver.store.revision).toBe(3);
    driver.now += 60;
    driver.one(expire("own", 3));
    expect([driver.value("c"), driver.value("i")]).toEqual([null, "1"]);
  });

  test("is refused where that has keys elsewhere", () => {
    const driver = new Driver();
    driver.one(put("web/1", "", { lease: "L" }));
    const needs = { lease: "L", renew: false };
    const elsewhere = put("api/c", "", { lease: "own", needs: { ...needs, within: ["api/", "index/"] } });
    expect(driver.one(elsewhere)).toEqual(refused("lease-elsewhere", 2));
    expect([driver.value("api/c"), leaseOf(driver, "own")]).toEqual([null, null]);
    expect(driver.one(put("web/c", "", { needs: { ...needs, within: ["web/"] } }))).toMatchObject({ type: "put" });
  });

  test("may be tied to it, or to nothing", () => {
    const driver = new Driver();
    driver.one(put("i", "1", { lease: "L", ttlMs: 300 }));
    driver.now += 100;
    expect(driver.one(put("c", "1", { tie: "L", needs: both }))).toMatchObject({ type: "put", revision: 3 });
    expect(driver.one(put("d", "1", { needs: both }))).toMatchObject({ type: "put", revision: 4 });
    expect(leaseOf(driver, "L")).toMatchObject({ renewal: 3 });
    expect(driver.store.leaseKeys(leaseId("L"), 10).map((one) => one.slice(1))).toEqual(["c", "i"]);
    driver.now += 300;
    driver.one(expire("L", 3));
    expect([driver.value("c"), driver.value("d")]).toEqual([null, "1"]);
  });

  test("and brings the very same one takes what it brings", () => {
    const driver = new Driver();
    driver.one(put("i", "1", { lease: "L", ttlMs: 300 }));
    driver.one(put("i", "1", { lease: "L", ttlMs: 500, herd: "east", needs: both, keepIfEqual: true }));
    expect(leaseOf(driver, "L")).toMatchObject({ ttlMs: 500, herd: "east", renewal: 2 });
  });
});

describe("a lease within bounds", () => {
  test("has keys there only, or the put is refused and changes nothing", () => {
    const driver = new Driver();
    const within = ["web/", "index/"];
    expect(driver.one(put("web/1", "", { lease: "L", within }))).toMatchObject({ type: "put" });
    expect(driver.one(put("index/1", "", { lease: "L", within }))).toMatchObject({ type: "put" });
    expect(driver.one(put("web/1", "", { lease: "L", within, keepIfEqual: true }))).toMatchObject({
      renewedOnly: true,
    });
    const elsewhere = put("api/1", "", { lease: "L", ttlMs: 5, within: ["api/", "index/"] });
    expect(driver.one(elsewhere)).toEqual(refused("lease-elsewhere", 3));
    expect([driver.value("api/1"), leaseOf(driver, "L")?.renewal]).toEqual([null, 3]);
  });

  test("is renewed there only", () => {
    const driver = new Driver();
    driver.one(put("web/1", "", { lease: "L" }));
    expect(driver.one(renew("L", ["api/"]))).toEqual(refused("lease-elsewhere", 2));
    expect(leaseOf(driver, "L")?.renewal).toBe(1);
    expect(driver.one(renew("L", ["api/", "w"]))).toMatchObject({ type: "renewed" });
    expect(driver.one(renew("M", ["api/"]))).toEqual(refused("lease-not-found", 2));
  });

  test("is free again once its keys elsewhere are gone, within the same batch too", () => {
    const driver = new Driver();
    driver.one(put("web/1", "", { lease: "L" }));
    const outcomes = driver.apply(
      driver.command(put("api/1", "", { lease: "L", within: ["api/"] })),
      driver.command(remove("web/1")),
      driver.command(put("api/1", "", { lease: "L", within: ["api/"] })),
      driver.command(put("web/1", "", { lease: "L", within: ["web/"] })),
    );
    expect(outcomes.map(({ type }) => type)).toEqual(["refused", "deleted", "put", "refused"]);
  });

  test("and without keys has none elsewhere", () => {
    const driver = new Driver();
    driver.one(grant("L"));
    expect(driver.one(renew("L", ["api/"]))).toMatchObject({ type: "renewed" });
  });

  test("is told apart by bytes, to the last one", () => {
    const driver = new Driver();
    driver.one(put("web\u0000é", "", { lease: "L" }));
    for (const [prefix, type] of [
      ["web\u0000é", "renewed"],
      ["web\u0000", "renewed"],
      ["web\u0000éé", "refused"],
      ["web\u0001", "refused"],
      ["xweb", "refused"],
    ] as const) {
      expect(driver.one(renew("L", [prefix]))).toMatchObject({ type });
    }
  });
});
