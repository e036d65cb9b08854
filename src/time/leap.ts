/**
 * Leap seconds. Unix time shows none: at the end of the day it repeats one second (or leaves one out). The platform does
 * not say whether its clocks do that at once or smear it over a day, so for a while both must fit into the interval. What
 * the sources announce is believed if more than half of the truechimers say so. Pure.
 */
import type { Interval } from "./causality.ts";

/** RFC 5905's leap indicator. */
export const leapInserted = 1;
export const leapDeleted = 2;
export const leapUnsynchronised = 3;

const dayMs = 86_400_000;
const secondMs = 1000;

/** The end of the UTC day in which the warning was given: the instant of the leap, in Unix time. */
export const leapAfter = (unixMs: number): number => (Math.floor(unixMs / dayMs) + 1) * dayMs;

export interface PendingLeap {
  readonly kind: typeof leapInserted | typeof leapDeleted;
  /** Unix time, ms. */
  readonly at: number;
}

/** The offset's interval once the leap may have happened: where it was, and a second lower or higher. */
export function acrossLeap(offset: Interval, leap: PendingLeap): Interval {
  return leap.kind === leapInserted
    ? { low: offset.low - secondMs, high: offset.high }
    : { low: offset.low, high: offset.high + secondMs };
}
