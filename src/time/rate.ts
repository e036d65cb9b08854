/**
 * How fast an interval grows as it ages. A rate is the other clock's gain on ours per unit of our time: dimensionless,
 * 1e-6 is one part in a million. It is an interval too. Two assumptions, named in the configuration and told to the user,
 * turn measured offsets into it:
 *
 * - A: our base never runs wrong by more than `driftPpm`;
 * - B: within any `steadyMs`, its rate stays within `wanderPpm` of its own mean over any part of them.
 *
 * From two intervals some time apart the mean rate between them is bounded, whatever the network did; with B that bounds
 * the rate from then on. The past may take half of `steadyMs`, the future the other half (`lifeMs`).
 */
import type { Interval } from "./causality.ts";
import { intersection } from "./causality.ts";

export const partsPerMillion = 1e-6;

export interface Aged extends Interval {
  /** Our base's reading at which the interval held. */
  readonly at: number;
}

/** The interval at a later instant, grown by all that the rate can have done. */
export function grown({ low, high, at }: Aged, rate: Interval, now: number): Interval {
  const age = Math.max(0, now - at);
  return { low: low + rate.low * age, high: high + rate.high * age };
}

export interface RateAssumptions {
  readonly driftPpm: number;
  readonly wanderPpm: number;
  readonly steadyMs: number;
}

export const assumedRate = ({ driftPpm }: RateAssumptions): Interval => ({
  low: -driftPpm * partsPerMillion,
  high: driftPpm * partsPerMillion,
});

/**
 * @param history intervals of the same offset at different times; the newest last.
 * @returns null when they cannot all be true.
 */
export function rateInterval(history: readonly Aged[], assumptions: RateAssumptions): Interval | null {
  const newest = history.at(-1);
  let rate: Interval | null = assumedRate(assumptions);
  if (newest === undefined) return rate;
  const wander = assumptions.wanderPpm * partsPerMillion;
  for (const then of history) {
    const passed = newest.at - then.at;
    if (passed <= 0 || passed > assumptions.steadyMs / 2 || rate === null) continue;
    const mean = { low: (newest.low - then.high) / passed, high: (newest.high - then.low) / passed };
    rate = intersection(rate, { low: mean.low - wander, high: mean.high + wander });
  }
  return rate;
}
