/** A gateway whose process runs answers, though it be with 503, before its clients lose their patience. */
import { usualPatienceMs } from "../clients/http.ts";
import type { Standing } from "../faults/ledger.ts";
import type { Recording } from "../recording.ts";
import { finding, type Finding } from "./finding.ts";

export function judgeSilences({ silences }: Recording, entries: readonly Standing[], requests: number): Finding {
  const complaints = silences
    .filter(({ calledAt, returnedAt }) => returnedAt - calledAt >= usualPatienceMs)
    .filter(({ region, calledAt, returnedAt }) => !wasAway(region, calledAt, returnedAt))
    .map(({ region, what, calledAt }) => `${region} said nothing to ${what}, sent at ${calledAt.toFixed(1)}`);
  return finding(`a region that is up answers within ${usualPatienceMs / 1_000} s`, requests, complaints);

  function wasAway(region: string, from: number, to: number): boolean {
    return entries.some(({ since, away }, index) => {
      const until = entries[index + 1]?.since ?? Infinity;
      return away.has(region) && since < to && until > from;
    });
  }
}
