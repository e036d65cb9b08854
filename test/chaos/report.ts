/** What a chaos run says of itself: as text for people, as JSON for programs. */
import { print, printHead, printTable } from "../../bench/report.ts";
import type { Ledger } from "./faults/ledger.ts";
import type { Finding } from "./judge/finding.ts";
import type { Options, Result } from "./run.ts";

export function printReport(result: Result): void {
  const { options, planDigest, stormMs, ledger, skipped, heard, takeovers, recording, availability, findings } = result;
  const { leaderKillsUnderLock } = result;
  printHead(
    commandOf(options),
    `Three region processes over loopback links. Plan ${planDigest}: the same minutes and seed draw it again; what the processes
are at when a fault comes is this machine's own.`,
  );
  for (const [kind, why] of skipped) print(`SKIPPED: no fault of the kind "${kind}" was injected: ${why}\n`);
  print(`The storm lasted ${seconds(stormMs)}.\n`);
  const faults = timesOf(ledger);
  printTable([
    ["fault", "times"],
    ...sorted(faults).map(([kind, times]) => [kind, String(times)]),
    ["**together**", String(total(faults))],
  ]);
  print(`Writes that failed because a disk was full: ${heard.diskFull} (lines printed by the regions).`);
  print(
    `Takeovers seen: ${takeovers}. The leader was killed while somebody held the lock: ${leaderKillsUnderLock} times.`,
  );
  const { acquisitions, guarded } = recording;
  print(
    `The lock was given ${acquisitions.length} times; under it were ${guarded.length} writes, ` +
      `${guarded.filter(({ told }) => told === "refused").length} of them refused for a token of the past.\n`,
  );
  printTable([
    ["operation", "times", "outcomes"],
    ...sorted(recording.counts).map(([kind, outcomes]) => [
      kind,
      String(total(outcomes)),
      sorted(outcomes)
        .map(([outcome, times]) => `${times} ${outcome}`)
        .join(", "),
    ]),
  ]);
  const retried = recording.writes.filter(({ sent }) => sent > 1);
  print(
    `Writes sent more than once under one Idempotency-Key: ${retried.length}, ` +
      `${retried.filter(({ retriedInDoubt }) => retriedInDoubt).length} of them after an attempt of unknown outcome.`,
  );
  const troubles = sorted(recording.troubles).map(([why, times]) => `${times} ${why}`);
  print(`Why requests failed: ${troubles.join(", ")}.
`);
  const { longest, longestWithMajority, majorityShare } = availability;
  print(
    `Longest time without an acknowledged write: ${seconds(longestWithMajority.ms)} (from second ` +
      `${(longestWithMajority.fromMs / 1_000).toFixed(1)}) while a majority was up and joined, which was ` +
      `${(100 * majorityShare).toFixed(0)} % of the time; ${seconds(longest.ms)} overall.\n`,
  );
  printTable([
    ["promise", "judged by", "verdict"],
    ...findings.map(({ check, judged, verdict }) => [check, String(judged), verdict]),
  ]);
  for (const { check, verdict, complaints } of findings) {
    if (verdict !== "holds") print(`${verdict.toUpperCase()}: ${check}\n${complaints.join("\n")}\n`);
  }
  print(`Verdict: ${summary(result)}`);
}

/** Faults by kind. */
export function timesOf({ faults }: Ledger): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  for (const { kind } of faults) times.set(kind, (times.get(kind) ?? 0) + 1);
  return times;
}

/** Everything but the calls themselves. */
export function reportOf(result: Result): unknown {
  const { recording, heard, ledger, skipped, ...rest } = result;
  return {
    ...rest,
    faults: Object.fromEntries(timesOf(ledger)),
    skipped: Object.fromEntries(skipped),
    diskFullLines: heard.diskFull,
    troubles: Object.fromEntries(recording.troubles),
    operations: Object.fromEntries(
      [...recording.counts].map(([kind, outcomes]) => [kind, Object.fromEntries(outcomes)]),
    ),
  };
}

/** All that was asked and told, and what was done to the cluster meanwhile, by the same clock. */
export function historyOf({ recording, ledger }: Result): unknown {
  const standings = ledger.entries.map(({ since, away, cuts }) => ({ since, away: [...away], cuts: [...cuts] }));
  const { writes, reads, repeats, decisions, renewals, lookups, silences, acquisitions, holds, guarded } = recording;
  return {
    faults: ledger.faults,
    standings,
    writes,
    reads,
    repeats,
    decisions,
    renewals,
    lookups,
    silences,
    acquisitions,
    holds,
    guarded,
  };
}

function summary({ verdict, options, findings }: Result): string {
  const count = (kind: Finding["verdict"]): number => findings.filter((one) => one.verdict === kind).length;
  if (verdict === "holds") return `everything promised was kept.`;
  return (
    `${count("violated")} violated, ${count("undecided")} undecided, of ${findings.length} promises. ` +
    `Again: ${commandOf(options)}`
  );
}

function commandOf({ minutes, seed, clients, twin }: Options): string {
  return `npm run chaos -- --minutes ${minutes} --seed ${seed} --clients ${clients}${twin === null ? "" : ` --twin ${twin}`}`;
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

const total = (counts: ReadonlyMap<string, number>): number => [...counts.values()].reduce((all, one) => all + one, 0);

const sorted = <Value>(map: ReadonlyMap<string, Value>): readonly (readonly [string, Value])[] =>
  [...map].toSorted(([one], [other]) => (one < other ? -1 : 1));
