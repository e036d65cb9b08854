/**
 * A hybrid logical clock (Kulkarni and others 2014, as CockroachDB has it): stamps that follow cause and effect and stay
 * close to the time. Each stamp is greater than all that were made or heard of here before. A message whose stamp is too far
 * ahead is refused, so that one wild clock cannot drag all others along. Nothing in Synod's safety rests on it.
 */

export interface HybridStamp {
  /** Ms since 1970. */
  readonly wall: number;
  /** Counts the stamps of one `wall`. */
  readonly logical: number;
}

export const compareStamps = (a: HybridStamp, b: HybridStamp): number => a.wall - b.wall || a.logical - b.logical;

export interface TooFarAhead {
  readonly refusal: "too-far-ahead";
  readonly aheadMs: number;
}

/** CockroachDB's default. */
const usualOffsetMs = 500;

export interface HybridClockOptions {
  /** The time, ms since 1970; it may go back. */
  readonly physical: () => number;
  readonly maxOffsetMs?: number;
  /**
   * After a restart: a bound above all stamps made before, kept somewhere durable. All stamps from now on are greater,
   * even if the machine's clock was set back meanwhile.
   */
  readonly above?: number;
}

export class HybridClock {
  readonly #physical: () => number;
  readonly #maxOffsetMs: number;
  #last: HybridStamp;

  constructor({ physical, maxOffsetMs = usualOffsetMs, above = 0 }: HybridClockOptions) {
    this.#physical = physical;
    this.#maxOffsetMs = maxOffsetMs;
    this.#last = { wall: above, logical: 0 };
  }

  /** For an event here, and for a message that leaves. */
  now(): HybridStamp {
    const wall = Math.floor(this.#physical());
    return this.#set(wall > this.#last.wall ? { wall, logical: 0 } : this.#after(this.#last));
  }

  /** For a message that came, with its stamp. @returns the event's own stamp, greater than both; or why it is refused. */
  update(heard: HybridStamp): HybridStamp | TooFarAhead {
    const wall = Math.floor(this.#physical());
    const aheadMs = heard.wall - wall;
    if (aheadMs > this.#maxOffsetMs) return { refusal: "too-far-ahead", aheadMs };
    const greatest = compareStamps(heard, this.#last) > 0 ? heard : this.#last;
    return this.#set(wall > greatest.wall ? { wall, logical: 0 } : this.#after(greatest));
  }

  #after = ({ wall, logical }: HybridStamp): HybridStamp =>
    logical < Number.MAX_SAFE_INTEGER ? { wall, logical: logical + 1 } : { wall: wall + 1, logical: 0 };

  #set(stamp: HybridStamp): HybridStamp {
    this.#last = stamp;
    return stamp;
  }
}
