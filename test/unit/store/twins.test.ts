/** Broken twins of the store: wrong rules put in on purpose. A check that passes them is no check. */
import { describe, expect, test } from "vitest";
import { storeRules } from "../../../src/store/rules.ts";
import type { StoreRules } from "../../../src/store/rules.ts";
import { leaseId } from "../../../src/support/brand.ts";
import { integerBetween, seededRandom } from "../../../src/support/random.ts";
import type { Random } from "../../../src/support/random.ts";
import { Driver, expire, put, smallLimits } from "./driver.ts";

type Check = (rules: StoreRules, random: Random) => string | null;

/** A client pipelines writes; a takeover drops some and carries others out late. What it wrote must stay a prefix. */
const orderIsKept: Check = (rules, random) => {
  const driver = new Driver({ limits: smallLimits, rules });
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
const renewedLeaseLives: Check = (rules, random) => {
  const driver = new Driver({ limits: smallLimits, rules });
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

function firstFailure(check: Check, rules: StoreRules): string | null {
  for (let seed = 1; seed <= 50; seed += 1) {
    const failure = check(rules, seededRandom(seed));
    if (failure !== null) return failure;
  }
  return null;
}

describe("[X3] order", () => {
  test("[X3] the store keeps a client's order", () => {
    expect(firstFailure(orderIsKept, storeRules)).toBeNull();
  });
  test("[X3] twin: applies without the sequence test", () => {
    expect(firstFailure(orderIsKept, { ...storeRules, isNext: () => true })).not.toBeNull();
  });
  test("[X3] twin: lets a session skip ahead", () => {
    expect(
      firstFailure(orderIsKept, { ...storeRules, isNext: (expected, sequence) => sequence >= expected }),
    ).not.toBeNull();
  });
});

describe("[E1] renewal", () => {
  test("[E1] a renewed lease lives, an unrenewed one ends", () => {
    expect(firstFailure(renewedLeaseLives, storeRules)).toBeNull();
  });
  test("[E1] twin: ignores the renewal that the command saw", () => {
    const mayEnd: StoreRules["mayEnd"] = (lease, _, now) => now >= lease.renewedAt + lease.ttlMs;
    expect(firstFailure(renewedLeaseLives, { ...storeRules, mayEnd })).not.toBeNull();
  });
  test("[E1] twin: ignores the time of the renewal", () => {
    const mayEnd: StoreRules["mayEnd"] = (lease, renewal) => lease.renewal === renewal;
    expect(firstFailure(renewedLeaseLives, { ...storeRules, mayEnd })).not.toBeNull();
  });
});
