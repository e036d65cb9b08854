import { describe, expect, test } from "vitest";
import type { Outcome } from "../../../src/store/command.ts";
import { placeKey, tokenOf } from "../../../src/store/queues.ts";
import { leaseId, revision } from "../../../src/support/brand.ts";
import type { ByteString } from "../../../src/support/brand.ts";
import { limits } from "../../../src/support/limits.ts";
import {
  compact,
  Driver,
  enqueue,
  expire,
  key,
  loadFrom,
  put,
  queue,
  remove,
  revoke,
  smallLimits,
  txn,
} from "./driver.ts";
import { putStep, transaction } from "./transactions.ts";

/** The token that a place was given. */
function tokenIn(outcome: Outcome): number {
  if (outcome.type !== "enqueued") throw new Error(outcome.type);
  return outcome.token;
}
const guard = (name: string, token: number) => ({ guard: { queue: queue(name), token: revision(token) } });

describe("[K1] places in a queue", () => {
  test("[K1] come in the order of their tokens, which are the revisions that created them", () => {
    const driver = new Driver();
    driver.one(put("a", "1"));
    const tokens = ["one", "two", "three"].map((lease) => tokenIn(driver.one(enqueue("q", lease, { value: lease }))));
    expect(tokens).toEqual([3, 4, 5]);
    const places = driver.store.list({ prefix: queue("q"), limit: 9, maxBytes: 9_999 });
    expect(places).toMatchObject({
      entries: ["one", "two", "three"].map((lease, n) => ({
        lease,
        createRevision: 3 + n,
        modRevision: 3 + n,
        version: 1,
      })),
    });
  });

  test("[K1] are kept by who has one, whose lease is renewed and whose value stays", () => {
    const driver = new Driver();
    const first = driver.one(enqueue("q", "one", { value: "x" }));
    driver.one(enqueue("q", "two"));
    driver.now += 10;
    expect(driver.one(enqueue("q", "one", { value: "y", ttlMs: 5_000 }))).toEqual({
      ...first,
      created: false,
      revision: 3,
    });
    expect(driver.store.lease(leaseId("one"))).toMatchObject({ ttlMs: 5_000, renewal: 3, granted: false });
    expect(driver.store.revision).toBe(3);
  });

  test("[K1] one lease may hold places in several queues, and other keys", () => {
    const driver = new Driver();
    // Both before and after the places in the order of keys.
    driver.one(put("a", "1", { lease: "one" }));
    const tokens = ["q", "r", "a"].map((name) => tokenIn(driver.one(enqueue(name, "one"))));
    expect(tokens).toEqual([3, 4, 5]);
    expect(["q", "r", "a"].map((name) => driver.one(enqueue(name, "one")))).toMatchObject(
      tokens.map((token) => ({ token, created: false, revision: 5 })),
    );
    driver.one(revoke("one"));
    expect(driver.store.count("l" as ByteString, 9)).toBe(0);
  });

  test("[K1] go with their lease, and the next one is first", () => {
    const driver = new Driver({ limits: smallLimits });
    const [one, two] = ["one", "two"].map((lease) => tokenIn(driver.one(enqueue("q", lease, { ttlMs: 100 }))));
    expect(driver.one(put("a", "1"), guard("q", one ?? 0))).toMatchObject({ type: "put" });
    driver.now += 100;
    expect(driver.one(expire("one", 1))).toMatchObject({ type: "expired", deletedKeys: 1 });
    expect(driver.one(put("a", "2"), guard("q", one ?? 0))).toMatchObject({ why: "lock-lost" });
    expect(driver.one(put("a", "3"), guard("q", two ?? 0))).toMatchObject({ type: "put" });
  });

  test("[K1] tokens only grow, whatever becomes of the lock between", () => {
    let driver = new Driver({ limits: smallLimits });
    let last = 0;
    for (let n = 0; n < 12; n += 1) {
      const token = tokenIn(driver.one(enqueue("q", `holder ${n % 2}`)));
      expect(token).toBeGreaterThan(last);
      last = token;
      driver.one(revoke(`holder ${n % 2}`));
      driver.now += 100;
      if (n === 5) driver.one(compact(driver.store.revision));
      if (n % 4 === 0) driver.reopen();
      if (n % 4 === 1) driver = loadFrom(driver);
    }
  });

  test("[K1] are as many as a queue may have", () => {
    const driver = new Driver();
    for (let from = 0; from < limits.queuePlaces; from += 100) {
      driver.apply(...Array.from({ length: 100 }, (_, n) => driver.command(enqueue("q", `lease ${from + n}`))));
    }
    const before = driver.store.revision;
    expect(driver.one(enqueue("q", "one more"))).toEqual({
      type: "refused",
      why: "queue-full",
      revision: before,
      compactedRevision: 0,
    });
    expect(driver.store.lease(leaseId("one more"))).toBeNull();
    expect(driver.one(enqueue("q", "lease 7"))).toMatchObject({ created: false });
    expect(driver.one(enqueue("other", "one more"))).toMatchObject({ created: true });
    driver.one(revoke("lease 500"));
    expect(driver.one(enqueue("q", "one more"))).toMatchObject({ created: true });
  });
});

describe("[K1] a guarded write", () => {
  test.each(["put", "delete", "txn"] as const)(
    "[K1] is carried out only while the token is the first place's: %s",
    (kind) => {
      const driver = new Driver();
      driver.one(put("a", "0"));
      const operation = {
        put: put("a", "1"),
        delete: remove("a"),
        txn: txn(transaction([], [putStep("a", "1")])),
      }[kind];
      const lost = { type: "refused", why: "lock-lost" };
      expect(driver.one(operation, guard("q", 3))).toMatchObject(lost);
      const one = tokenIn(driver.one(enqueue("q", "one")));
      const two = tokenIn(driver.one(enqueue("q", "two")));
      expect([one, two]).toEqual([3, 4]);
      for (const token of [two, one - 1, one + 100])
        expect(driver.one(operation, guard("q", token))).toMatchObject(lost);
      expect(driver.one(operation, guard("other", one))).toMatchObject(lost);
      expect(driver.value("a")).toBe("0");
      expect(driver.one(operation, guard("q", one))).not.toMatchObject(lost);
      expect(driver.value("a")).toBe(kind === "delete" ? null : "1");
    },
  );

  test("[K1] is judged at its own slot: after what came before it in the batch", () => {
    const driver = new Driver();
    const token = tokenIn(driver.one(enqueue("q", "one")));
    const write = (value: string) => driver.command(put("a", value), guard("q", token));
    const outcomes = driver.apply(write("before"), driver.command(revoke("one")), write("after"));
    expect(outcomes).toMatchObject([{ type: "put" }, { type: "revoked" }, { type: "refused", why: "lock-lost" }]);
    expect(driver.value("a")).toBe("before");
  });

  test("[K1] [X1] that was refused stays refused, though the lock be taken again with that token's successor", () => {
    const driver = new Driver();
    const token = tokenIn(driver.one(enqueue("q", "one"))) + 1;
    const refused = driver.one(put("a", "1"), { id: "write", ...guard("q", token) });
    driver.apply(driver.command(revoke("one")));
    driver.one(enqueue("q", "two"));
    expect(driver.one(put("a", "1"), { id: "write", ...guard("q", token) })).toEqual(refused);
    driver.reopen();
    expect(driver.one(put("a", "1"), { id: "write", ...guard("q", token) })).toEqual(refused);
  });

  test("[K1] [X3] that was refused has taken its place in the order, like one whose condition failed", () => {
    const driver = new Driver();
    const order = (sequence: number) => ({ order: { session: "s", sequence } });
    expect(driver.one(put("a", "1"), { ...guard("q", 9), ...order(1) })).toMatchObject({ why: "lock-lost" });
    expect(driver.one(put("a", "2"), order(2))).toMatchObject({ type: "put" });
  });

  test("[K1] does not take a key under the queue's name for a place of another queue", () => {
    const driver = new Driver();
    // "q" and "q/x" are two locks, though one name begins with the other.
    driver.one(enqueue("q/x", "other"));
    const token = tokenIn(driver.one(enqueue("q", "one")));
    expect(driver.one(put("a", "1"), guard("q", token))).toMatchObject({ type: "put" });
  });
});

test("a place's key names its token, and nothing else does", () => {
  const at = placeKey(queue("q"), revision(255));
  expect(at).toBe(`${queue("q")}00000000000000ff`);
  expect(tokenOf(queue("q"), at)).toBe(255);
  expect(tokenOf(queue("q"), placeKey(queue("q"), revision(Number.MAX_SAFE_INTEGER)))).toBe(Number.MAX_SAFE_INTEGER);
  const others = [key("a"), queue("q"), `${at}0`, at.slice(0, -1), at.toUpperCase(), `${queue("q")}ffffffffffffffff`];
  for (const other of others) expect(tokenOf(queue("q"), other as ByteString)).toBeNull();
  expect(tokenOf(queue("r"), at)).toBeNull();
});
