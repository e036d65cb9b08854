/** What is proposed about leases that are due, and how many at once. When leases are looked after, the replica's own tests show. */
import { describe, expect, it } from "vitest";
import { Expiry } from "../../../src/replica/expiry.ts";
import type { Lease } from "../../../src/store/leases.ts";
import type { Store } from "../../../src/store/store.ts";
import type { ByteString } from "../../../src/support/brand.ts";
import { instant, leaseId, logTime } from "../../../src/support/brand.ts";
import { limits } from "../../../src/support/limits.ts";
import { seededRandom } from "../../../src/support/random.ts";

const guard = { percent: 85, atLeast: 10, holdTtls: 3 };
const lease: Lease = {
  ...{ id: leaseId("L"), ttlMs: 5, renewal: 7, renewedAt: 100, granted: false },
  ...{ herd: "west", heldUntil: null },
};

describe("the end of a lease", () => {
  it.each([
    ["of a herd", lease, guard, { guard }],
    ["of a herd, where nothing is guarded", lease, null, {}],
    ["of no herd", { ...lease, herd: null }, guard, {}],
    ["that was held before", { ...lease, heldUntil: 120 }, guard, {}],
  ])("[H1] %s is proposed with what it is to be judged by", (_, one, given, expected) => {
    const store = { logTime: logTime(500) };
    const command = new Expiry(given).commandFor(one, instant(400), store, seededRandom(1));
    expect(command.operation).toEqual({ type: "expire", lease: "L", renewal: 7, ...expected });
    expect([command.id.startsWith("expire/"), command.deadline]).toEqual([true, 500 + limits.commandLifeMs]);
  });
});

describe("leases that are due together", () => {
  /** A store in which so many are due, of which each has so many keys. */
  const storeOf = (leases: number, keys: number) => ({
    dueLeases: (_: unknown, limit: number) =>
      Array.from({ length: Math.min(leases, limit) }, (__, n) => ({ ...lease, id: leaseId(`L${n}`) })),
    leaseKeys: (_: unknown, limit: number) => Array.from({ length: Math.min(keys, limit) }, () => "k" as ByteString),
    nextDue: () => 0,
  });
  const taken = (leases: number, keys: number) => {
    const [expiry, store] = [new Expiry(guard), storeOf(leases, keys)];
    const { length } = expiry.take(instant(10_000), store, instant(10_000));
    const again = expiry.alarmAt(store as unknown as Store, true, { now: instant(10_000), clock: instant(10_000) });
    return [length, again === null ? null : again - 10_000];
  };
  const { expiriesPerBatch: most, expiredKeysPerBatch: mostKeys, silenceMinMs: soon, silenceMaxMs: later } = limits;

  it.each([
    ["few: all of them, and no hurry", 3, 1, 3, later],
    ["none: nothing", 0, 1, 0, -10_000],
    ["more than a batch takes: the rest soon", 5 * most, 1, most, soon],
    ["with very many keys: as many as a batch may end", 100, mostKeys / 4, 4, soon],
    ["with one that has more keys than that: it alone", 2, 2 * mostKeys, 1, soon],
    ["only one, with more keys than that", 1, 2 * mostKeys, 1, later],
  ])("%s", (_, leases, keys, expected, againIn) => {
    expect(taken(leases, keys)).toEqual([expected, againIn]);
  });
});
