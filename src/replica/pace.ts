/**
 * Spacing of what could each carry more: batches, forwards, barriers. What one client sends leaves at once. Where there
 * are several, the next leaves a moment after the last, with all that has gathered by then, and only as many at a time
 * as distance takes: a replica far from a majority has many under way, one near to it a single one. What is slow for having too much to do is
 * told from what is far by the quickest that was seen lately. Used by the replica. Liveness only: no safety rule is here.
 */
import { instant } from "../support/brand.ts";
import type { Instant } from "../support/brand.ts";
import type { Turn } from "./turn.ts";

/** How long the quickest is remembered at least, in ms; at most twice as long. */
const rememberedMs = 30_000;

export class Pace {
  readonly #gapMs: number;
  #lastAt = instant(0);
  #lastCarried = 0;
  /** The quickest of this span of time and of the one before it, in ms. */
  #quickest = Infinity;
  #quickestBefore = Infinity;
  #since = instant(0);

  /** @param gapMs from one to the next, in ms. */
  constructor(gapMs: number) {
    this.#gapMs = gapMs;
  }

  /** Whether one more may leave now. If not, it may later: when one of those under way ends, or the turn is woken. */
  allows(turn: Turn, underWay: number): boolean {
    if (underWay === 0 && this.#lastCarried <= 1) return true;
    const quickest = Math.min(this.#quickest, this.#quickestBefore);
    if (underWay > 0 && quickest <= underWay * this.#gapMs) return false;
    if (turn.now - this.#lastAt >= this.#gapMs) return true;
    turn.wakeBy(this.#lastAt + this.#gapMs);
    return false;
  }

  /** @param carried for how many it was. */
  left(now: Instant, carried: number): void {
    this.#lastAt = now;
    this.#lastCarried = carried;
  }

  /** One has ended, so many ms after it left. */
  took(ms: number, now: Instant): void {
    if (now - this.#since > rememberedMs) {
      this.#since = now;
      this.#quickestBefore = this.#quickest;
      this.#quickest = Infinity;
    }
    this.#quickest = Math.min(this.#quickest, ms);
  }
}
