/**
 * One exchange of stamps between two clocks (RFC 5905, section 8): how far apart they are, and how far wrong that can be.
 * Pure. Any unit, as long as it is one; differences are taken first, so that large stamps lose nothing.
 */

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
