/** Leases that are granted by a command of their own, and live on without keys. The others: `leases.test.ts`. */
import { describe, expect, test } from "vitest";
import type { Refusal } from "../../../src/store/command.ts";
import { instant, leaseId } from "../../../src/support/brand.ts";
import {
  Driver,
  enqueue,
  expire,
  grant,
  key,
  loadFrom,
  put,
  remove,
  renew,
  revoke,
  smallLimits,
  startTime,
  txn,
} from "./driver.ts";
import { putStep, transaction } from "./transactions.ts";

const leaseOf = (driver: Driver, id: string) => driver.store.lease(leaseId(id));
const refused = (why: Refusal, revision: number) => ({ type: "refused", why, revision, compactedRevision: 0 });

describe("a granted lease", () => {
  test("is there without keys, and stays when its last key goes", () => {
    const driver = new Driver();
    expect(driver.one(grant("L", 500))).toEqual({ type: "granted", ttlMs: 500, revision: 1 });
    expect(leaseOf(driver, "L")).toEqual({
      id: "L",
      ttlMs: 500,
      renewal: 1,
      renewedAt: startTime,
      granted: true,
      herd: null,
      heldUntil: null,
    });
    driver.one(put("a", "1", { tie: "L" }));
    driver.one(remove("a"));
    driver.one(put("b", "1", { tie: "L" }));
    driver.one(put("b", "1"));
    driver.reopen();
    expect(leaseOf(driver, "L")).toMatchObject({ renewal: 1, granted: true });
    expect(loadFrom(driver).store.lease(leaseId("L"))).toEqual(leaseOf(driver, "L"));
  });

  test("is refused where there is one of its name, however that came", () => {
    const driver = new Driver();
    driver.one(grant("L"));
    driver.one(put("a", "1", { lease: "M" }));
    for (const id of ["L", "M"]) expect(driver.one(grant(id))).toEqual(refused("lease-exists", 2));
    driver.one(remove("a"));
    expect(driver.one(grant("M"))).toMatchObject({ type: "granted" });
  });

  test("is renewed for as long as it was granted; one that is not there is not", () => {
    const driver = new Driver();
    driver.one(grant("L", 500));
    driver.now += 100;
    expect(driver.one(renew("L"))).toEqual({ type: "renewed", ttlMs: 500, revision: 1 });
    expect(leaseOf(driver, "L")).toMatchObject({ renewal: 2, renewedAt: startTime + 100 });
    expect(driver.one(renew("M"))).toEqual(refused("lease-not-found", 1));
    driver.one(put("a", "1", { lease: "M", ttlMs: 70 }));
    expect(driver.one(renew("M"))).toMatchObject({ type: "renewed", ttlMs: 70 });
  });

  test("stays granted when a put renews it with a time of its own", () => {
    const driver = new Driver();
    driver.one(grant("L", 500));
    driver.one(put("a", "1", { lease: "L", ttlMs: 70 }));
    expect(leaseOf(driver, "L")).toMatchObject({ ttlMs: 70, granted: true });
    driver.one(enqueue("q", "L", { ttlMs: 80 }));
    driver.one(remove("a"));
    expect(leaseOf(driver, "L")).toMatchObject({ ttlMs: 80, granted: true });
  });

  test("ends by revocation with all its keys, in one revision, whatever time it has left", () => {
    const driver = new Driver();
    driver.one(grant("L"));
    for (const name of ["b", "a"]) driver.one(put(name, "1", { tie: "L" }));
    driver.one(txn(transaction([], [putStep("c", "1", { lease: "L" })])));
    expect(driver.store.leaseKeys(leaseId("L"), 9)).toEqual(["a", "b", "c"].map(key));
    expect(driver.store.leaseKeys(leaseId("L"), 2)).toEqual(["a", "b"].map(key));
    expect(driver.one(revoke("L"))).toEqual({ type: "revoked", deletedKeys: 3, revision: 5 });
    expect([leaseOf(driver, "L"), driver.page("").entries]).toEqual([null, []]);
    expect(driver.one(revoke("L"))).toEqual(refused("lease-not-found", 5));
    driver.one(grant("L"));
    expect(driver.one(revoke("L"))).toEqual({ type: "revoked", deletedKeys: 0, revision: 5 });
  });

  test("[E1] [E2] without keys it is due like any other, and ends only by a command that names its renewal", () => {
    const driver = new Driver({ limits: smallLimits });
    driver.one(grant("L", 100));
    expect(driver.store.nextDue()).toBe(startTime + 110);
    expect(driver.store.dueLeases(instant(startTime + 110), 9)).toMatchObject([{ id: "L", renewal: 1 }]);
    driver.now += 90;
    driver.one(renew("L"));
    driver.now += 50;
    expect(driver.one(expire("L", 1))).toMatchObject({ deletedKeys: 0 });
    expect(driver.one(expire("L", 2))).toMatchObject({ deletedKeys: 0 });
    expect(leaseOf(driver, "L")).not.toBeNull();
    driver.now += 50;
    driver.one(expire("L", 2));
    expect(leaseOf(driver, "L")).toBeNull();
  });

  test("is listed with the others in the order of names", () => {
    const driver = new Driver();
    for (const id of ["c", "a"]) driver.one(grant(id));
    driver.one(put("x", "1", { lease: "b" }));
    const ids = (after: string, limit: number) => driver.store.leases(after, limit).map(({ id }) => id);
    expect([ids("", 9), ids("", 2), ids("a", 9), ids("c", 9)]).toEqual([["a", "b", "c"], ["a", "b"], ["b", "c"], []]);
    expect([new Driver().store.leases("", 9), new Driver().store.leaseKeys(leaseId("a"), 9)]).toEqual([[], []]);
  });
});

describe("a key tied to a lease that must be there", () => {
  test("is refused without the lease, and renews nothing", () => {
    const driver = new Driver();
    expect(driver.one(put("a", "1", { tie: "L" }))).toEqual(refused("lease-not-found", 1));
    driver.one(grant("L"));
    driver.now += 100;
    expect(driver.one(put("a", "1", { tie: "L" }))).toMatchObject({ type: "put", revision: 2 });
    expect(leaseOf(driver, "L")).toMatchObject({ renewal: 2, renewedAt: startTime });
    expect(driver.store.get(key("a"))).toMatchObject({ lease: "L" });
  });

  test("fails by its condition first", () => {
    const driver = new Driver();
    driver.one(put("a", "1"));
    expect(driver.one(put("a", "2", { tie: "L", condition: { type: "absent" } }))).toMatchObject({
      type: "condition-failed",
    });
  });

  test("is kept where value and lease are equal, and written where the lease is another", () => {
    const driver = new Driver();
    driver.one(grant("L"));
    driver.one(put("a", "1", { tie: "L" }));
    expect(driver.one(put("a", "1", { tie: "L", keepIfEqual: true }))).toMatchObject({
      renewedOnly: true,
      revision: 2,
    });
    expect(driver.one(put("a", "1", { keepIfEqual: true }))).toMatchObject({ renewedOnly: false, revision: 3 });
  });

  test("[X1] a refusal stays, though the lease be granted afterwards", () => {
    const driver = new Driver();
    const parts = { id: "one" };
    const first = driver.one(put("a", "1", { tie: "L" }), parts);
    driver.one(grant("L"));
    expect(driver.one(put("a", "1", { tie: "L" }), parts)).toEqual(first);
    driver.reopen();
    expect(driver.one(put("a", "1", { tie: "L" }), parts)).toEqual(first);
  });
});
