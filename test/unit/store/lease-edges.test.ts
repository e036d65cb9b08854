import { expect, test } from "vitest";
import { leaseId } from "../../../src/support/brand.ts";
import { utf8 } from "../../../src/support/bytes.ts";
import { lockQueue } from "../../../src/store/key-space.ts";
import { Driver, key } from "./driver.ts";

const id = leaseId("mine");
const leased = {
  type: "put",
  key: key("a"),
  value: utf8("1"),
  condition: { type: "always" },
  lease: { id, ttlMs: 1_000 },
} as const;
const enqueue = (name: string) =>
  ({ type: "enqueue", queue: lockQueue(utf8(name)), value: utf8(""), lease: { id, ttlMs: 1_000 } }) as const;

test("[K1] who has a place keeps it, whatever else is tied to the same lease", () => {
  const driver = new Driver();
  driver.one(leased);
  const first = driver.one(enqueue("a"));
  expect(first).toMatchObject({ type: "enqueued", token: 3, created: true });
  expect(driver.one(enqueue("b"))).toMatchObject({ type: "enqueued", token: 4, created: true });
  expect(driver.one(enqueue("a"))).toMatchObject({ type: "enqueued", token: 3, created: false, revision: 4 });
  expect(driver.one(enqueue("b"))).toMatchObject({ type: "enqueued", token: 4, created: false, revision: 4 });
});

test("[E1] a transaction that moves a lease's last key to another key keeps the lease (seed 130)", () => {
  const driver = new Driver();
  driver.one(leased);
  const step = (name: string, lease: typeof id | null) =>
    ({ type: "put", key: key(name), value: utf8("2"), lease, previous: false }) as const;
  const transaction = { compares: [], success: [step("a", null), step("b", id)], failure: [] };
  expect(driver.one({ type: "txn", transaction })).toMatchObject({ type: "txn", succeeded: true });
  expect(driver.store.lease(id)).toMatchObject({ id });
  expect(driver.store.get(key("b"))).toMatchObject({ lease: id });
});
