/**
 * The parts of RFC 5905 that our estimator replaces, for comparison and for the published vectors: selection by midpoints
 * (section 11.2.1; ours is `src/time/select.ts`) and the phase and frequency loops (section 11.3; ours is a regression).
 */
import type { Interval } from "../../src/time/causality.ts";

export interface Correctness {
  readonly offset: number;
  /** LAMBDA. */
  readonly distance: number;
}

/** The intersection algorithm. The RFC's skeleton is not runnable as printed; this is the text. */
export function intersectMidpoints(
  associations: readonly Correctness[],
): { readonly interval: Interval; readonly survivors: readonly number[]; readonly falsetickers: number } | null {
  const m = associations.length;
  const edges = associations
    .flatMap(({ offset, distance }) => [
      { at: offset - distance, type: -1 },
      { at: offset, type: 0 },
      { at: offset + distance, type: 1 },
    ])
    .toSorted((a, b) => a.at - b.at || a.type - b.type);
  for (let f = 0; 2 * f < m; f += 1) {
    let midpoints = 0;
    const scan = (list: typeof edges, begins: number): number | null => {
      let chime = 0;
      for (const { at, type } of list) {
        if (type === begins) chime += 1;
        else if (type === -begins) chime -= 1;
        else midpoints += 1;
        if (chime >= m - f) return at;
      }
      return null;
    };
    const low = scan(edges, -1);
    const high = scan(edges.toReversed(), 1);
    if (midpoints > f || low === null || high === null || low >= high) continue;
    const survivors = associations.flatMap(({ offset }, i) => (offset >= low && offset <= high ? [i] : []));
    return { interval: { low, high }, survivors, falsetickers: f };
  }
  return null;
}

/** The loop's gain, as in the text and in ntpd; the skeleton's 65536 is a slip. */
const gain = 16;

/** The phase-locked loop. @param poll log2 seconds. @param mu seconds since the last update. @returns a share of time. */
export const phaseLockedFrequency = (offset: number, poll: number, mu: number): number =>
  (offset * Math.min(mu, 2 ** poll)) / (4 * gain * 2 ** poll) ** 2;

/** What the first second takes off an offset; of the rest, the next takes the same share. */
export const firstSecondPhase = (offset: number, poll: number): number => offset / (gain * 2 ** poll);

/** The RFC text's and its skeleton's jitter, for the vector that shows that they differ. */
export function printedJitters(offsets: readonly number[]): { readonly text: number; readonly skeleton: number } {
  const [best = 0] = offsets;
  const root = Math.sqrt(offsets.reduce((sum, offset) => sum + (best - offset) ** 2, 0));
  return { text: root / (offsets.length - 1), skeleton: root };
}
