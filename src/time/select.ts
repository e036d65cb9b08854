/**
 * Who tells the truth: selection by interval majority, after Marzullo and RFC 5905, section 11.2.1. Pure.
 *
 * Each source says in which interval the truth lies. If more than half of all configured sources are honest, the truth is
 * at a point that more than half of the intervals hold; so it lies within the hull of all such points, and that hull is
 * what is promised. It is wider than the part on which *most* agree, which a lying minority can draw to its side.
 *
 * RFC 5905's further rule, that a source's own middle must lie inside, is left out, as chrony and ntpd-rs do: a wide but
 * honest source would lose by it. Whoever did not answer counts as a source that agrees with nobody: silence must not
 * make a majority of the rest.
 */
import type { Interval } from "./causality.ts";

export type SelectionRefusal =
  /** No source has said anything usable, or none of those that agree has in this round. */
  | "no-answers"
  /** Too few have answered to be more than half of all sources. */
  | "too-few-answers"
  /** Enough have answered, but no point lies in the intervals of more than half. */
  | "no-majority";

export interface Selected {
  /** The truth lies here, if more than half of the sources are honest. */
  readonly agreed: Interval;
  /** Those on whom most agree. Positions in the list given. */
  readonly truechimers: readonly number[];
  readonly falsetickers: readonly number[];
}

/** More than half of `associations`. */
const majorityOf = (associations: number): number => Math.floor(associations / 2) + 1;

/**
 * @param associations all configured sources, whether they answered or not.
 * @param needed how many must agree; never fewer than more than half.
 */
export function select(
  intervals: readonly Interval[],
  associations = intervals.length,
  needed = majorityOf(associations),
): Selected | { readonly refusal: SelectionRefusal } {
  if (intervals.length === 0) return { refusal: "no-answers" };
  const least = Math.max(needed, majorityOf(associations));
  if (intervals.length < least) return { refusal: "too-few-answers" };
  const { agreed, best } = sweep(intervals, least);
  if (agreed === null) return { refusal: "no-majority" };
  const truechimers: number[] = [];
  const falsetickers: number[] = [];
  for (const [position, { low, high }] of intervals.entries()) {
    const holds = best.some((region) => low <= region.low && high >= region.high);
    (holds ? truechimers : falsetickers).push(position);
  }
  return { agreed, truechimers, falsetickers };
}

/** Walks over all ends in order. Intervals are closed: at one value, those that begin come before those that end. */
function sweep(
  intervals: readonly Interval[],
  least: number,
): { readonly agreed: Interval | null; readonly best: readonly Interval[] } {
  const edges = intervals
    .flatMap(({ low, high }) => [
      { at: low, begins: true },
      { at: high, begins: false },
    ])
    .toSorted((a, b) => a.at - b.at || Number(b.begins) - Number(a.begins));
  let depth = 0;
  let deepest = 0;
  let from: number | null = null;
  let to = -Infinity;
  let best: Interval[] = [];
  for (const [position, { at, begins }] of edges.entries()) {
    if (begins) {
      depth += 1;
      if (depth >= least) from ??= at;
      if (depth > deepest) best = [];
      deepest = Math.max(deepest, depth);
      // The region of this depth ends at the next edge, whichever it is.
      if (depth === deepest) best.push({ low: at, high: edges[position + 1]?.at ?? at });
    } else {
      if (depth >= least) to = at;
      depth -= 1;
    }
  }
  return { agreed: from === null ? null : { low: from, high: to }, best };
}

/** The leap warning that more than half of the voters give; 0, none, otherwise. */
export function leapVote(leaps: readonly number[]): number {
  const majority = majorityOf(leaps.length);
  for (const leap of [1, 2]) if (leaps.filter((one) => one === leap).length >= majority) return leap;
  return 0;
}
