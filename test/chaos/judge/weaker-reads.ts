/** Session reads (R3) and local reads (R4): what they promise less than a linearizable read, and must keep all the same. */
import type { Recording } from "../recording.ts";
import { finding, type Finding } from "./finding.ts";

/**
 * How much an age may be too small: it is told in whole milliseconds, and by the system's clock, which may be slewed
 * against this process's by 500 parts in a million.
 */
const roundingMs = 2;
const slew = 500 / 1_000_000;

export function judgeWeakerReads(recording: Recording): readonly Finding[] {
  return [judgeSessions(recording), judgeAges(recording)];
}

/** Each client asks for what it last saw, so this makes its session reads monotonic and lets it read its own writes. */
function judgeSessions({ reads }: Recording): Finding {
  const session = reads.filter(({ consistency }) => consistency === "session");
  const complaints = session
    .filter(({ revision, atLeast }) => !(revision >= (atLeast ?? 0)))
    .map(({ client, revision, atLeast, servedBy }) => `${client} asked ${servedBy} for ${atLeast} and got ${revision}`);
  return finding("session reads are at or above what they name (R3)", session.length, complaints);
}

/** The state holds everything that was acknowledged before the answer, less its age. */
function judgeAges({ reads, writes }: Recording): Finding {
  const acknowledged = writes
    .flatMap(({ told, returnedAt }) => (told.type === "acknowledged" ? [{ revision: told.revision, returnedAt }] : []))
    .toSorted((one, other) => one.returnedAt - other.returnedAt);
  const highest: { readonly at: number; readonly revision: number }[] = [];
  for (const { revision, returnedAt } of acknowledged) {
    highest.push({ at: returnedAt, revision: Math.max(revision, highest.at(-1)?.revision ?? 0) });
  }
  const aged = reads.filter(({ consistency, ageMs }) => consistency !== "linearizable" && ageMs !== null);
  const complaints = aged.flatMap(({ client, calledAt, ageMs, revision, servedBy }) => {
    const age = ageMs ?? Infinity;
    const confirmed = calledAt - age - roundingMs - age * slew;
    const missed = highest[lastBefore(highest, confirmed)];
    return missed === undefined || missed.revision <= revision
      ? []
      : [
          `${client} got revision ${revision}, ${age} ms old, from ${servedBy} at ${calledAt.toFixed(1)}, ` +
            `but ${missed.revision} had been acknowledged at ${missed.at.toFixed(1)}`,
        ];
  });
  return finding("a state is no older than its age says (R4)", aged.length, complaints);
}

/** The last place whose time is before `time`; -1 if there is none. */
function lastBefore(times: readonly { readonly at: number }[], time: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle]?.at ?? Infinity) < time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
