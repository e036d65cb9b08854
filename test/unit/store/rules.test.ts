/** The store's judgements under random orders of commands. Their twins are in `test/twins/catalogue` (order, expiry). */
import { expect, test } from "vitest";
import { isMassExpiry, isMissing } from "../../../src/store/rules.ts";
import { leaseId, logTime } from "../../../src/support/brand.ts";
import { integerBetween, seededRandom } from "../../../src/support/random.ts";
import type { Random } from "../../../src/support/random.ts";
import { Driver, expire, put, smallLimits } from "./driver.ts";

/** @returns what was broken, or null. */
type Check = (random: Random) => string | null;

/** A client pipelines writes; a takeover drops some and carries others out late. What it wrote must stay a prefix. */
const orderIsKept: Check = (random) => {
  const driver = new Driver({ limits: smallLimits });
  let carriedOut = 0;
  for (let n = 0; n < 40; n += 1) {
    const sequence = integerBetween(random, 1, 4);
    const outcome = driver.one(put("a", String(sequence)), { order: { session: "s", sequence } });
    if (outcome.type !== "put") continue;
    if (sequence !== carriedOut + 1) return `sequence ${sequence} was carried out after ${carriedOut}`;
    carriedOut = sequence;
  }
  return carriedOut === 0 ? "nothing was carried out" : null;
};

/** A holder renews in time, again and again; commands that saw an earlier renewal arrive late. */
const renewedLeaseLives: Check = (random) => {
  const driver = new Driver({ limits: smallLimits });
  const ttlMs = 100;
  /** What commands may have seen, in this life of the lease and in earlier ones. */
  const seen: number[] = [];
  for (let n = 0; n < 20; n += 1) {
    driver.one(put("a", "held", { lease: "L", ttlMs, keepIfEqual: true }));
    const latest = driver.store.lease(leaseId("L"))?.renewal ?? 0;
    if (seen.includes(latest)) return `renewal ${latest} came again`;
    seen.push(latest);
    const saw = seen.at(-integerBetween(random, 1, Math.min(3, seen.length))) ?? 0;
    driver.now += integerBetween(random, 0, 2 * ttlMs);
    const late = driver.now >= (driver.store.lease(leaseId("L"))?.renewedAt ?? 0) + ttlMs;
    driver.one(expire("L", saw));
    const shouldLive = saw !== latest || !late;
    if ((driver.value("a") !== null) !== shouldLive) return `renewal ${latest}, the command saw ${saw}, late: ${late}`;
  }
  return null;
};

test("[H1] is a matter of more than so many in a hundred, of a herd that is large enough", () => {
  const guard = { percent: 85, atLeast: 10, holdTtls: 3 };
  const judged = (leases: number, missing: number) => isMassExpiry({ leases, missing }, guard);
  expect([judged(20, 17), judged(20, 18), judged(9, 9), judged(10, 8), judged(10, 9)]).toEqual([
    false,
    true,
    false,
    false,
    true,
  ]);
  expect(isMassExpiry({ leases: 100, missing: 100 }, { ...guard, percent: 100 })).toBe(false);
});

test("[H1] who has not renewed for half its time to live is missing, and so is a suspect", () => {
  const lease = { id: leaseId("L"), ttlMs: 5, renewal: 1, renewedAt: 100, granted: false, herd: "H", heldUntil: null };
  expect([isMissing(lease, logTime(102)), isMissing(lease, logTime(103))]).toEqual([false, true]);
  expect(isMissing({ ...lease, heldUntil: 200 }, logTime(100))).toBe(true);
});

const seeds = Array.from({ length: 50 }, (_, n) => n + 1);

test.each<[string, Check]>([
  ["[X3] a client's order is kept", orderIsKept],
  ["[E1] a renewed lease lives, an unrenewed one ends", renewedLeaseLives],
])("%s, whatever comes late", (_, check) => {
  expect(seeds.map((seed) => check(seededRandom(seed))).filter((broken) => broken !== null)).toEqual([]);
});
