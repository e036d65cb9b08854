/**
 * The clock filter (RFC 5905, section 10): the last eight samples of one source, of which the one with the least delay
 * speaks; the others tell how far to trust it. Pure, in any unit of time that is the same throughout; RFC 5905's own limits
 * are seconds, so `second` says how long one is.
 *
 * Jitter: the RFC's text puts 1/(n-1) outside the root and its skeleton does not divide at all. Taken here is the
 * root-mean-square proper, sqrt(sum / (n-1)), as ntpd does.
 */
import { frequencyTolerance } from "./exchange.ts";

const stages = 8;

export interface Sample {
  readonly offset: number;
  readonly delay: number;
  readonly dispersion: number;
  /** When it was taken, by our base. */
  readonly at: number;
}

export interface Filtered {
  readonly offset: number;
  readonly delay: number;
  readonly dispersion: number;
  readonly jitter: number;
  /** When the sample that speaks was taken. */
  readonly at: number;
}

export class ClockFilter {
  readonly #maxDispersion: number;
  readonly #precision: number;
  /** Newest first; null where nobody answered. */
  #samples: readonly (Sample | null)[] = [];
  #lastUsed = -Infinity;

  /** @param precision the least jitter that can be seen. @param second how many of the caller's units it has. */
  constructor(precision: number, second = 1) {
    this.#precision = precision;
    this.#maxDispersion = 16 * second;
  }

  clear(): void {
    this.#samples = [];
    this.#lastUsed = -Infinity;
  }

  /** @returns what is new since the last answer, or null: no sample is used twice. */
  add(sample: Sample): Filtered | null {
    this.#samples = [sample, ...this.#samples].slice(0, stages);
    const best = this.read(sample.at);
    if (best === null || best.at <= this.#lastUsed) return null;
    this.#lastUsed = best.at;
    return best;
  }

  /** Polls that nobody answered: a dummy goes in, the oldest sample out. */
  miss(): void {
    this.#samples = [null, ...this.#samples].slice(0, stages);
  }

  /**
   * All of it as it stands, aged to `now`.
   * @param slope the offset's known change per unit of time, so that it does not count as jitter. RFC 5905 needs none,
   *   because it measures against a clock that it steers; our base is never touched.
   */
  read(now: number, slope = 0): Filtered | null {
    const aged = this.#samples
      .filter((sample) => sample !== null)
      .map(({ offset, delay, dispersion, at }) => ({
        offset: offset + slope * (now - at),
        delay,
        dispersion: Math.min(this.#maxDispersion, dispersion + frequencyTolerance * (now - at)),
        at,
      }))
      .toSorted((a, b) => a.delay - b.delay || b.at - a.at);
    const [best] = aged;
    if (best === undefined) return null;
    let dispersion = 0;
    for (let i = 0; i < stages; i += 1) dispersion += (aged[i]?.dispersion ?? this.#maxDispersion) / 2 ** (i + 1);
    const squares = aged.reduce((sum, { offset }) => sum + (best.offset - offset) ** 2, 0);
    const jitter = Math.max(this.#precision, aged.length > 1 ? Math.sqrt(squares / (aged.length - 1)) : 0);
    return { offset: best.offset, delay: best.delay, dispersion, jitter, at: best.at };
  }
}
