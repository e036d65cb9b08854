/** The short form of `npm run bench:fleet`: six hundred instances in virtual time. Nothing here depends on how fast it runs. */
import { describe, expect, it } from "vitest";
import { Fleet, guard, ttlMs } from "../../bench/fleet/fleet.ts";
import {
  fewDied,
  lostLeader,
  mostDied,
  mostReturned,
  registered,
  renewed,
  woken,
} from "../../bench/fleet/scenarios.ts";

const instances = 600;
const fleetOf = (perRequest: number) => new Fleet({ instances, services: 6, perRequest, seed: 7, lookMs: 4_000 });

async function livingFleet(): Promise<Fleet> {
  const fleet = fleetOf(100);
  await registered(fleet);
  await fleet.pass(30_000);
  return fleet;
}

describe("a fleet", () => {
  it("[E1] [E2] that renews is always there, and its dead go when their time is over", async () => {
    const fleet = fleetOf(100);
    const joined = await registered(fleet);
    expect(fleet.leases).toBe(instances);
    // A slot for each request at most, and what founding takes.
    expect(joined.slots).toBeLessThanOrEqual(joined.requests + 2);
    const steady = await renewed(fleet, 60_000);
    expect(steady).toMatchObject({ renewals: 6 * instances, missing: 0 });
    expect(steady.slots).toBeLessThanOrEqual(steady.requests);
    // A lease each, and the batches themselves.
    expect(steady.rows).toBe(steady.renewals + steady.slots);
    const died = await fewDied(fleet, 0.5);
    expect(died).toMatchObject({ silenced: instances / 2, missing: 0, leasesLeft: instances / 2 });
    expect(died.allGoneMs).toBeLessThanOrEqual(ttlMs + 5_000);
    expect(fleet.failed).toBe(0);
  });

  it("[H1] of which most fall silent at once is held, shown as suspect, and goes only then", async () => {
    const fleet = await livingFleet();
    const died = await mostDied(fleet, 0.9);
    expect(died).toMatchObject({ silenced: 540, missing: 0, wronged: 0, leasesLeft: 60 });
    expect(died.allSuspectMs).toBeLessThanOrEqual(ttlMs + 5_000);
    expect(died.allGoneMs).toBeLessThanOrEqual(ttlMs + guard.holdTtls * ttlMs + 10_000);
    expect(fleet.failed).toBe(0);
  });

  it("[H1] of which most fall silent and come back in time loses nobody", async () => {
    const fleet = await livingFleet();
    const back = await mostReturned(fleet, 0.9);
    expect(back).toMatchObject({ silenced: 540, missing: 0, wronged: 0, leasesLeft: instances });
    expect([back.allSuspectMs, back.clearedMs]).not.toContain(null);
    expect(fleet.failed).toBe(0);
  });

  it("[E2] loses nobody when the region of the leader goes down and comes back", async () => {
    const fleet = await livingFleet();
    const lost = await lostLeader(fleet, 20_000);
    expect(lost).toMatchObject({ missing: 0, failedAfter: 0, moved: true });
    expect(fleet.leases).toBe(instances);
  });

  it("is judged by looks that see who is missing", async () => {
    const fleet = await livingFleet();
    // As if the guard held them, which it does not: half is not most.
    fleet.graceMs = 2 * ttlMs;
    expect((await fewDied(fleet, 0.5)).missing).toBeGreaterThanOrEqual(instances / 2);
  });

  it("wakes who waits for a service when that changes, once, and nobody else", async () => {
    const told = await woken(await livingFleet(), 180);
    expect(told).toMatchObject({
      byRenewals: 0,
      ofOne: { expected: 30, own: 30, all: 30, times: 30 },
      ofAll: { waiters: 180, times: 180 },
    });
  });
});
