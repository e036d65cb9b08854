/** How long nobody had a write acknowledged: over the whole run, and while a majority of the regions stood. */
import { majorityStands, type Standing } from "../faults/ledger.ts";
import type { Recording } from "../recording.ts";
import { finding, type Finding } from "./finding.ts";

export interface Gap {
  readonly ms: number;
  /** Since the storm began. */
  readonly fromMs: number;
}

export interface Availability {
  readonly longest: Gap;
  readonly longestWithMajority: Gap;
  /** Part of the time during which a majority stood. */
  readonly majorityShare: number;
}

/**
 * Long enough for a takeover to fail and be tried again under delays, on a machine that does other work too; a cluster
 * that got stuck is not back after it.
 */
const boundMs = 30_000;

export function measureAvailability(
  { writes }: Recording,
  entries: readonly Standing[],
  regions: readonly string[],
  end: number,
): Availability {
  const acknowledged = writes
    .flatMap(({ told, returnedAt }) => (told.type === "acknowledged" ? [returnedAt] : []))
    .toSorted((one, other) => one - other);
  const begin = entries[0]?.since ?? end;
  const stretches: { readonly from: number; to: number }[] = [];
  entries.forEach((entry, index) => {
    if (!majorityStands(entry, regions)) return;
    const to = entries[index + 1]?.since ?? end;
    const last = stretches.at(-1);
    if (last?.to === entry.since) last.to = to;
    else stretches.push({ from: entry.since, to });
  });
  const gaps = stretches.map(({ from, to }) => longestGap(acknowledged, from, to, begin));
  return {
    longest: longestGap(acknowledged, begin, end, begin),
    longestWithMajority: gaps.reduce((worst, gap) => (gap.ms > worst.ms ? gap : worst), { ms: 0, fromMs: 0 }),
    majorityShare: stretches.reduce((sum, { from, to }) => sum + to - from, 0) / (end - begin),
  };
}

function longestGap(times: readonly number[], from: number, to: number, begin: number): Gap {
  let longest: Gap = { ms: 0, fromMs: 0 };
  let last = from;
  for (const time of [...times.filter((one) => one > from && one < to), to]) {
    if (time - last > longest.ms) longest = { ms: time - last, fromMs: last - begin };
    last = time;
  }
  return longest;
}

export function judgeAvailability({ longestWithMajority: { ms, fromMs } }: Availability, writes: number): Finding {
  const seconds = (value: number): string => (value / 1_000).toFixed(1);
  const complaint = `no write for ${seconds(ms)} s from second ${seconds(fromMs)}, though a majority stood`;
  const check = `with a majority, some write is acknowledged within ${boundMs / 1_000} s`;
  return finding(check, writes, ms <= boundMs ? [] : [complaint]);
}
