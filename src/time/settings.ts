/** What the estimator assumes, and how it behaves: each figure with its reason. Times in milliseconds unless named. */
import type { RateAssumptions } from "./rate.ts";

export interface TimeSettings extends RateAssumptions {
  /** The step by which our own base moves. */
  readonly ownTickMs: number;
  /** Agreements after which the virtual clock may no longer be stepped below the threshold. */
  readonly stepUpdates: number;
  /** Further ahead than this, time is stepped forward. Backwards it is never stepped. */
  readonly stepThresholdMs: number;
  /** Further off than this, nobody is believed any more. */
  readonly panicMs: number;
  /** The usual limit of slewing. */
  readonly slewPpm: number;
  /** The limit while the virtual clock is known to be wrong, because it lies outside what is agreed. */
  readonly hurryPpm: number;
  /** No correction is made faster than over this time. */
  readonly correctionMs: number;
  /** log2 seconds between rounds. */
  readonly pollMin: number;
  readonly pollMax: number;
  /** Exchanges with each source in the first round, and after a doubt. */
  readonly firstBurst: number;
  /** Exchanges with each source in any other round. */
  readonly burst: number;
  /** Between two exchanges of a burst; as much again is drawn at random, so that they meet every part of a tick. */
  readonly spacingMs: number;
  readonly timeoutMs: number;
  /** Rounds without agreement after which the clock runs free. */
  readonly missedRounds: number;
  /** An interval wider than twice this is no knowledge. */
  readonly maxRadiusMs: number;
  /** So long after the last agreement nothing is promised any more, whatever the arithmetic says. */
  readonly lifeMs: number;
  /** Wall clock and base apart by more than this: one was set, or the other slept. */
  readonly jumpMs: number;
}

export const defaultSettings: TimeSettings = {
  // Workers and some browsers show whole milliseconds; who has a finer base may say so.
  ownTickMs: 1,
  // TrueTime assumes 200 microseconds a second of its machines' oscillators.
  driftPpm: 200,
  // ClockBound: chrony's 1 ppm is fit for an estimate, not for a bound; 50 unless measured.
  wanderPpm: 50,
  // Temperature moves a quartz in the course of hours.
  steadyMs: 7_200_000,
  // chrony's usual `makestep 1 3`.
  stepUpdates: 3,
  // RFC 5905, STEPT as in its code; its text says 125.
  stepThresholdMs: 128,
  // RFC 5905, PANICT.
  panicMs: 1_000_000,
  // What ntpd allows itself.
  slewPpm: 500,
  // chrony's `maxslewrate`: a twelfth.
  hurryPpm: 83_333,
  correctionMs: 8_000,
  pollMin: 4,
  pollMax: 10,
  // RFC 5905's `iburst`.
  firstBurst: 8,
  burst: 4,
  spacingMs: 100,
  timeoutMs: 4_000,
  // Three in a row are no accident.
  missedRounds: 3,
  // RFC 5905, MAXDIST.
  maxRadiusMs: 1_000,
  // Half of `steadyMs`: after three of the longest polls, and a little more.
  lifeMs: 3_600_000,
  // ntpd-rs compares the two clocks as well, with this threshold.
  jumpMs: 5_000,
};
