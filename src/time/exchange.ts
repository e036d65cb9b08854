/**
 * One exchange of stamps between two clocks (RFC 5905, section 8): how far apart they are, and how far wrong that can be.
 * Pure. Any unit, as long as it is one; differences are taken first, so that large stamps lose nothing.
 */
import { differenceSeconds } from "./timestamps.ts";

export interface Stamps {
  /** The asker's clock when the question left. */
  readonly t1: number;
  /** The other clock when the question came. */
  readonly t2: number;
  /** The other clock when the answer left. */
  readonly t3: number;
  /** The asker's clock when the answer came. */
  readonly t4: number;
}

export interface Exchange {
  /** Theta: the other clock minus the asker's. */
  readonly offset: number;
  /** Delta: the time spent on the way, both ways together; never negative. */
  readonly delay: number;
  /** The true difference lies within `offset` plus or minus this, however unlike the two ways were. */
  readonly errorBound: number;
}

/** @param tick the coarser of the two clocks' steps: each stamp may be that much older than it says. */
export function exchange({ t1, t2, t3, t4 }: Stamps, tick = 0): Exchange {
  const delay = Math.max(0, t4 - t1 - (t3 - t2));
  return { offset: (t2 - t1 + (t3 - t4)) / 2, delay, errorBound: delay / 2 + tick };
}

/** The same of 64-bit stamps, in seconds, across eras: each difference is signed and modulo 2^64. */
export function exchangeOfTimestamps(
  stamps: { readonly t1: bigint; readonly t2: bigint; readonly t3: bigint; readonly t4: bigint },
  tick = 0,
): Exchange {
  const since = (timestamp: bigint): number => differenceSeconds(timestamp, stamps.t1);
  // Everything against t1: of two differences only the other clock's are large, and they are taken as whole numbers.
  return exchange({ t1: 0, t2: since(stamps.t2), t3: since(stamps.t3), t4: since(stamps.t4) }, tick);
}

/** PHI: how fast RFC 5905 lets a clock's dispersion grow, as a share of the time passed. */
export const frequencyTolerance = 15e-6;

/** Epsilon of a new sample: both clocks' precision, and what the asker's may have drifted while it waited. */
export const dispersionOf = (ownPrecision: number, theirPrecision: number, waited: number): number =>
  ownPrecision + theirPrecision + frequencyTolerance * waited;
