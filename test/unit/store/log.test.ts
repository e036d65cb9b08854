import { expect, test } from "vitest";
import { logTime, slot } from "../../../src/support/brand.ts";
import { seededRandom } from "../../../src/support/random.ts";
import { compact, Driver, enqueue, grant, loadFrom, put, smallLimits, txn } from "./driver.ts";
import { putStep, rangeStep, transaction } from "./transactions.ts";
import { randomOperation, randomParts } from "./random-commands.ts";

/** Batches of everything that a log may carry, retries and refusals included. */
function randomLog(seed: number, batches: number): readonly string[] {
  const random = seededRandom(seed);
  const driver = new Driver({ limits: smallLimits });
  const texts: string[] = [];
  for (let n = 0; n < batches; n += 1) {
    driver.now += Math.floor(random.next() * 60) - 10;
    const stand = { slot: n + 1, revision: driver.store.revision };
    const commands = Array.from({ length: Math.floor(random.next() * 5) }, () =>
      driver.command(randomOperation(random, stand), randomParts(random, driver.now, stand)),
    );
    const text = driver.batch(commands);
    texts.push(text);
    driver.applyText(text);
  }
  return texts;
}

test("[L1] only the next slot is applied", () => {
  const driver = new Driver();
  const batch = { semantics: 1, stamp: logTime(1), commands: [] };
  expect(() => driver.store.apply(slot(2), "", batch)).toThrow("L1");
  driver.store.apply(slot(1), "", batch);
  expect(() => driver.store.apply(slot(1), "", batch)).toThrow("L1");
});

test("[L4] a batch of newer semantics is not applied", () => {
  const driver = new Driver();
  expect(() => driver.store.apply(slot(1), "", { semantics: 2, stamp: logTime(1), commands: [] })).toThrow("L4");
  expect(driver.sql.tables).toEqual([]);
});

test("[L2] stores with the same log have the same digest, and any other row changes it", () => {
  const driver = new Driver();
  const seen = new Set([driver.store.digest()]);
  const steps = [
    () => driver.one(put("a", "1")),
    () => driver.one(put("a", "2")),
    () => driver.one(put("b", "", { lease: "L" })),
    () => driver.one(put("b", "", { lease: "L", keepIfEqual: true })),
    () => driver.one(put("c", "1"), { id: "i", fingerprint: "f", deadline: driver.now + 1_000_000 }),
    () => driver.one(put("c", "1"), { order: { session: "s", sequence: 1 } }),
    () => driver.apply(),
    () => driver.one(grant("G")),
    () => driver.one(enqueue("q", "P")),
    () => driver.one(txn(transaction([], [putStep("d", "1"), rangeStep("a", "z")]))),
    () => driver.one(compact(3)),
  ];
  for (const step of steps) {
    step();
    seen.add(driver.store.digest());
    const before = driver.store.digest();
    driver.reopen();
    expect(driver.store.digest()).toBe(before);
  }
  expect(seen.size).toBe(steps.length + 1);
  for (const statement of [
    "UPDATE kv SET value = x'00' WHERE mod = 3",
    "UPDATE leases SET renewal = 9",
    "UPDATE leases SET granted = 1 - granted",
    "DELETE FROM lease_keys WHERE lease = 'P'",
    "DELETE FROM sessions",
  ]) {
    const before = driver.store.digest();
    driver.sql.all(statement);
    expect(driver.store.digest()).not.toBe(before);
  }
});

test.each([1, 2, 3, 4])(
  "[L3] applying the same log in two stores, one reopened between any two batches, gives the same digest: seed %i",
  (seed) => {
    const log = randomLog(seed, 150);
    const steady = new Driver({ limits: smallLimits });
    const restless = new Driver({ limits: smallLimits });
    let fromSnapshot: Driver | null = null;
    log.forEach((text, at) => {
      const outcomes = steady.applyText(text);
      restless.reopen();
      expect(restless.applyText(text)).toEqual(outcomes);
      if (fromSnapshot !== null) expect(fromSnapshot.applyText(text)).toEqual(outcomes);
      expect(restless.store.digest()).toBe(steady.store.digest());
      expect(restless.store.compactedRevision).toBe(steady.store.compactedRevision);
      if (at % 40 === 20) fromSnapshot = loadFrom(restless);
      if (fromSnapshot !== null) expect(fromSnapshot.store.digest()).toBe(steady.store.digest());
    });
    expect(steady.store.compactedRevision).toBeGreaterThan(0);
  },
);
