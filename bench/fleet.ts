/**
 * `npm run bench:fleet`: a fleet of service instances in virtual time. What it costs to register and to renew; how long the
 * dead are still answered, and whether any of the living ever is not; the guard against mass expiry; who is woken by a
 * change. Ends with exit code 1 when an instance was missing that had to be there.
 *
 *   node bench/fleet.ts [INSTANCES] [MINUTES]
 */
import { endsIn } from "./fleet/ends.ts";
import { Fleet, renewEveryMs, ttlMs } from "./fleet/fleet.ts";
import { fewDied, lostLeader, mostDied, mostReturned, registered, renewed, woken } from "./fleet/scenarios.ts";
import type { Used } from "./fleet/scenarios.ts";
import { printHead, printTable } from "./report.ts";

const instances = Number(process.argv[2] ?? 10_000);
const minutes = Number(process.argv[3] ?? 10);
const watchers = 1_000;
const shape = { instances, services: Math.max(1, Math.round(instances / 500)), seed: 1, lookMs: 1_000 };
const together = { ...shape, perRequest: 1_000 };

const number = (value: number): string => value.toLocaleString("en-US", { maximumFractionDigits: 1 });
const seconds = (ms: number | null): string => (ms === null ? "never" : `${(ms / 1000).toFixed(0)} s`);
const per1000 = ({ renewals, requests, slots, rows, votes }: Used): readonly string[] =>
  [requests, slots, rows, votes].map((one) => number((1000 * one) / renewals));

printHead(
  `npm run bench:fleet -- ${instances} ${minutes}`,
  `${number(instances)} instances of ${shape.services} services in 3 regions, ttl ${ttlMs / 1000} s, renewed every ${renewEveryMs / 1000} s, up to 1,000 in a request. ` +
    "Virtual time; the gateway's, replicas' and acceptors' real code and SQLite, in test/sim's world. " +
    "A look asks each region for every service; while something happens there is one every second.",
);

let wrong = 0;
const must = (what: string, holds: boolean): void => {
  if (holds) return;
  wrong += 1;
  console.error(`WRONG: ${what}`);
};
const missed = (where: string, missing: number, { failed }: Fleet): void => {
  must(`${where}: ${missing} times somebody was missing in a look`, missing === 0);
  must(`${where}: ${failed} tasks failed`, failed === 0);
};
const progress = (what: string): void => void process.stderr.write(`${what} ...\n`);

const rows: (readonly string[])[] = [["What", "Virtual time", "Requests", "Slots", "Rows at a replica", "Came of it"]];
const add = (what: string, { ms, requests, slots, rows: written }: Used, came: string): void =>
  void rows.push([what, seconds(ms), number(requests), number(slots), number(written), came]);

progress("registering and renewing");
const half = new Fleet(together);
add("registering all", await registered(half), `${number(half.leases)} leases`);
const steady = await renewed(half, minutes * 60_000);
missed("renewing", steady.missing, half);
add(`renewing for ${minutes} min`, steady, `${number(steady.renewals)} renewals, ${steady.looks} looks, none missing`);

progress("waking those who wait");
const told = await woken(half, watchers);
must("a renewal woke somebody", told.byRenewals === 0);
must("a change woke others than its own", told.ofOne.own === told.ofOne.expected && told.ofOne.all === told.ofOne.own);
must("a change woke somebody twice", told.ofOne.times === told.ofOne.own && told.ofAll.times === watchers);
must("a change left somebody asleep", told.ofAll.waiters === watchers);

progress("the leader's region goes down");
const lost = await lostLeader(half, 20_000);
missed("the leader's region goes down", lost.missing, half);
must("nobody else leads", lost.moved);
add(
  "the leader's region is down for 20 s",
  lost,
  `${number(lost.renewals)} renewals, ${lost.failedMeanwhile} failed; ${lost.looks} looks, until a minute later: none missing`,
);

progress("half of it dies");
const few = await fewDied(half, 0.5);
missed("half dies", few.missing, half);
must("half dies: not all of them went", few.allGoneMs !== null && few.leasesLeft === instances - few.silenced);
add(
  `${number(few.silenced)} fall silent`,
  few,
  `first gone after ${seconds(few.firstGoneMs)}, all after ${seconds(few.allGoneMs)}; ${few.looks} looks, none of the living missing`,
);

progress("nine tenths die");
const most = new Fleet(together);
await registered(most);
await most.pass(3 * renewEveryMs);
const held = await mostDied(most, 0.9);
missed("nine tenths die", held.missing, most);
must("nine tenths die: somebody was suspected who renews", held.wronged === 0);
must("nine tenths die: not all were suspected", held.allSuspectMs !== null);
must("nine tenths die: not all of them went", held.allGoneMs !== null && held.leasesLeft === instances - held.silenced);
add(
  `${number(held.silenced)} fall silent`,
  held,
  `suspects after ${seconds(held.firstSuspectMs)} to ${seconds(held.allSuspectMs)}, gone after ${seconds(held.firstGoneMs)} to ${seconds(held.allGoneMs)}; ${held.looks} looks, none missing before`,
);

progress("nine tenths die and come back");
const back = new Fleet(together);
await registered(back);
await back.pass(3 * renewEveryMs);
const healed = await mostReturned(back, 0.9);
missed("nine tenths come back", healed.missing, back);
must("nine tenths come back: some are suspects for ever", healed.clearedMs !== null && healed.wronged === 0);
must("nine tenths come back: not all are there", healed.leasesLeft === instances);
rows.push([
  `${number(healed.silenced)} fall silent, and come back after 60 s`,
  "",
  "",
  "",
  "",
  `suspects after ${seconds(healed.firstSuspectMs)} to ${seconds(healed.allSuspectMs)}, none ${seconds(healed.clearedMs)} after they came back; ${healed.looks} looks, none missing`,
]);
printTable(rows);

progress("each by itself");
const alone = new Fleet({ ...shape, perRequest: 1 });
await registered(alone);
const singly = await renewed(alone, 60_000);
missed("each by itself", singly.missing, alone);
printTable([
  ["For 1,000 renewals", "Requests", "Slots", "Rows at a replica", "Rows at an acceptor"],
  ["up to 1,000 in a request", ...per1000(steady)],
  ["each in a request of its own", ...per1000(singly)],
]);
printTable([
  [`${number(watchers)} waiting at one replica`, "Woken"],
  ["one minute of renewals", number(told.byRenewals)],
  [
    "one service changes",
    `${told.ofOne.all}, all of the ${told.ofOne.expected} that wait for it, once each, within ${told.withinMs} virtual ms`,
  ],
  ["each other service changes", `${number(told.ofAll.waiters)}, once each`],
]);
printTable([
  ["Leases in one batch", "of 10,000", "Batches", "Bytes of commands", "Longest to apply, in ms of processor"],
  ...[100, 1_000].flatMap((size) =>
    [0.5, 0.9].map((share) => {
      const { batches, commandBytes, longestMs } = endsIn(size, share);
      const what = share === 0.5 ? "5,000 end" : "9,000 are suspected";
      return [number(size), what, number(batches), number(commandBytes), longestMs.toFixed(0)];
    }),
  ),
]);
if (wrong > 0) process.exitCode = 1;
