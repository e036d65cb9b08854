/**
 * What an exchange proves (and no more): a cause comes before its effect. The question left before it came, the answer
 * left before it came back; so the other clock's lead over ours lies in an interval, whatever the network did. Stamps that
 * are rounded down belong to any instant of their tick, which is why the tick stands in the interval and is never rounded
 * away: the middle is then unbiased, where RFC 5905's theta of floored stamps is half a tick early.
 *
 * The promises of `clock.now()` rest on this file alone, on the rates of `rate.ts` and on the majority of `select.ts`.
 */
import type { Stamps } from "./exchange.ts";

/** Closed: both ends belong to it. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** How far each clock's stamp may be behind the clock's true reading: the step by which it moves. */
export interface Ticks {
  readonly own: number;
  readonly theirs: number;
}

/** The other clock minus ours, at some instant between t1 and t4. */
export function causalityInterval({ t1, t2, t3, t4 }: Stamps, ticks: Ticks): Interval {
  // The question left at t1 or later, and came before t2's tick was over.
  const high = t2 + ticks.theirs - t1;
  // The answer left at t3 or later, and came before t4's tick was over.
  const low = t3 - (t4 + ticks.own);
  return { low, high };
}

export const middle = ({ low, high }: Interval): number => low + (high - low) / 2;
export const halfWidth = ({ low, high }: Interval): number => (high - low) / 2;
export const widened = ({ low, high }: Interval, by: number): Interval => ({ low: low - by, high: high + by });

/** What both say, or null if they contradict each other. */
export function intersection(a: Interval, b: Interval): Interval | null {
  const low = Math.max(a.low, b.low);
  const high = Math.min(a.high, b.high);
  return low <= high ? { low, high } : null;
}

/** The smallest interval that holds both. */
export const hull = (a: Interval, b: Interval): Interval => ({
  low: Math.min(a.low, b.low),
  high: Math.max(a.high, b.high),
});

export const clamp = (value: number, { low, high }: Interval): number => Math.min(Math.max(value, low), high);
