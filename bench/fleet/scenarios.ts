/**
 * What a fleet goes through, one function for each: it renews, half of it dies, nine tenths of it die, they come back in
 * time, and others wait for its changes. Each tells what was counted and measured, in virtual time. Used by `npm run
 * bench:fleet`, which prints it, and by its short form among the tests.
 */
import { guard, renewEveryMs, ttlMs } from "./fleet.ts";
import type { Counts, Fleet, Look } from "./fleet.ts";
import { Waiters } from "./waiters.ts";

/** Counts of a part of the time. */
export type Used = Counts & { readonly ms: number };

async function counted<Result>(fleet: Fleet, work: () => Promise<Result>): Promise<readonly [Used, Result]> {
  const [before, from] = [fleet.counts, fleet.at];
  const result = await work();
  const after = fleet.counts;
  const used = {
    renewals: after.renewals - before.renewals,
    requests: after.requests - before.requests,
    slots: after.slots - before.slots,
    rows: after.rows - before.rows,
    votes: after.votes - before.votes,
    ms: fleet.at - from,
  };
  return [used, result];
}

const missingIn = (looks: readonly Look[]): number => looks.reduce((sum, { missing }) => sum + missing, 0);

/** When the first of these looks was that has it, since `from`, in ms; null: none has. */
const since = (from: number, looks: readonly Look[], has: (look: Look) => boolean): number | null => {
  const found = looks.find(has);
  return found === undefined ? null : found.at - from;
};

/** @returns what it cost. */
export async function registered(fleet: Fleet): Promise<Used> {
  // Everybody registers within one interval, from a second on.
  const [used] = await counted(fleet, async () => fleet.pass(renewEveryMs + 2_000));
  return used;
}

export interface Renewed extends Used {
  readonly looks: number;
  readonly missing: number;
}

export async function renewed(fleet: Fleet, forMs: number): Promise<Renewed> {
  const [used, looks] = await counted(fleet, async () => fleet.watch(forMs, renewEveryMs));
  return { ...used, looks: looks.length, missing: missingIn(looks) };
}

export interface LostLeader extends Renewed {
  /** Renewals that were not acknowledged while its region was down, and in the minute after. */
  readonly failedMeanwhile: number;
  readonly failedAfter: number;
  readonly moved: boolean;
}

/** The leader's region is down for so long, gateway excepted, while everybody renews. */
export async function lostLeader(fleet: Fleet, downMs: number): Promise<LostLeader> {
  const leader = await fleet.leader();
  const failed = fleet.failed;
  fleet.cluster.setUp(leader, false);
  const [used, looks] = await counted(fleet, async () => fleet.watch(downMs, fleet.lookMs));
  const moved = (await fleet.leader()) !== leader;
  const failedMeanwhile = fleet.failed - failed;
  fleet.cluster.setUp(leader, true);
  const after = await fleet.watch(60_000, 2 * fleet.lookMs);
  const missing = missingIn([...looks, ...after]);
  const failedAfter = fleet.failed - failed - failedMeanwhile;
  return { ...used, looks: looks.length + after.length, missing, failedMeanwhile, failedAfter, moved };
}

export interface Died extends Used {
  readonly silenced: number;
  /** Until one of them was no longer answered anywhere, and until none was, since they fell silent. */
  readonly firstGoneMs: number | null;
  readonly allGoneMs: number | null;
  readonly looks: number;
  readonly missing: number;
  readonly leasesLeft: number;
}

/** So large a share falls silent, too small a one for the guard. */
export async function fewDied(fleet: Fleet, share: number): Promise<Died> {
  const from = fleet.at;
  const silenced = fleet.silence(share);
  const [used, looks] = await counted(fleet, async () => fleet.watch(ttlMs + renewEveryMs, fleet.lookMs));
  return {
    ...used,
    silenced,
    firstGoneMs: since(from, looks, ({ silent }) => silent < silenced),
    allGoneMs: since(from, looks, ({ silent }) => silent === 0),
    looks: looks.length,
    missing: missingIn(looks),
    leasesLeft: fleet.leases,
  };
}

export interface Suspected {
  readonly silenced: number;
  /** Until the first, and until the last of them was shown as suspect, since they fell silent. */
  readonly firstSuspectMs: number | null;
  readonly allSuspectMs: number | null;
  readonly looks: number;
  /** Gone too early: the living at all, the silent before they were held for as long as is said. */
  readonly missing: number;
  /** The living that were shown as suspects. */
  readonly wronged: number;
  readonly leasesLeft: number;
}

/** How long it takes until the last of those who fell silent at once has been held for long enough, and gone. */
const untilGoneMs = ttlMs + guard.holdTtls * ttlMs + 3 * renewEveryMs;

const suspectedIn = (from: number, silenced: number, looks: readonly Look[]) => ({
  silenced,
  firstSuspectMs: since(from, looks, ({ suspects }) => suspects > 0),
  allSuspectMs: since(from, looks, ({ suspects }) => suspects === silenced),
});

/** So large a share falls silent that it is probably us. */
export async function mostDied(fleet: Fleet, share: number): Promise<Suspected & Died> {
  const from = fleet.at;
  const silenced = fleet.silence(share);
  fleet.graceMs = guard.holdTtls * ttlMs;
  const [used, looks] = await counted(fleet, async () => fleet.watch(untilGoneMs, fleet.lookMs));
  return {
    ...used,
    ...suspectedIn(from, silenced, looks),
    firstGoneMs: since(from, looks, ({ silent }) => silent < silenced),
    allGoneMs: since(from, looks, ({ silent }) => silent === 0),
    looks: looks.length,
    missing: missingIn(looks),
    wronged: Math.max(...looks.map((look) => look.wronged)),
    leasesLeft: fleet.leases,
  };
}

export interface Returned extends Suspected {
  /** Until nobody was suspected any more, since they came back. */
  readonly clearedMs: number | null;
}

/** The same, but they come back while they are held. */
export async function mostReturned(fleet: Fleet, share: number): Promise<Returned> {
  const from = fleet.at;
  const silenced = fleet.silence(share);
  fleet.graceMs = guard.holdTtls * ttlMs;
  const silent = await fleet.watch(2 * ttlMs, fleet.lookMs);
  const back = fleet.at;
  fleet.revive();
  const after = await fleet.watch(untilGoneMs - (back - from), fleet.lookMs);
  return {
    ...suspectedIn(from, silenced, silent),
    clearedMs: since(back, after, ({ wronged }) => wronged === 0),
    looks: silent.length + after.length,
    missing: missingIn([...silent, ...after]),
    wronged: after.at(-1)?.wronged ?? 0,
    leasesLeft: fleet.leases,
  };
}

export interface Woken {
  readonly waiting: number;
  /** Times that anybody was woken while all of the fleet renewed. */
  readonly byRenewals: number;
  /** One service changes: who was woken, and how often altogether. */
  readonly ofOne: { readonly expected: number; readonly own: number; readonly all: number; readonly times: number };
  /** Until the last of them was. */
  readonly withinMs: number;
  /** Each other service changes once: the same, all together. */
  readonly ofAll: { readonly waiters: number; readonly times: number };
}

/** Many wait at one replica, each for one service. */
export async function woken(fleet: Fleet, waiting: number): Promise<Woken> {
  const waiters = new Waiters(fleet, waiting);
  await fleet.pass(60_000);
  const byRenewals = waiters.woken().times;
  const [first, ...others] = fleet.services;
  if (first === undefined) throw new Error("a fleet without services");
  const changedAt = fleet.at;
  fleet.change(first);
  await fleet.pass(5_000);
  const [own, all] = [waiters.woken(first), waiters.woken()];
  const expected = Math.ceil(waiting / fleet.services.length);
  for (const service of others) fleet.change(service);
  await fleet.pass(30_000);
  const { waiters: count, times } = waiters.woken();
  waiters.stop();
  return {
    waiting,
    byRenewals,
    ofOne: { expected, own: own.waiters, all: all.waiters, times: all.times },
    withinMs: own.last - changedAt,
    ofAll: { waiters: count, times },
  };
}
