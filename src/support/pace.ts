/**
 * When the next call may leave, where each could carry more: batches, forwards, barriers, and what a gateway asks its
 * replica. What a single client sends leaves at once. Where there are several, those who were just answered are about to
 * come again: the next call waits for as many as were here, a moment at most. Near by there is one call at a time; far
 * away there are as many, a gap apart, as hide the distance. What is slow for having too much to do is told from what is
 * far by the quickest that was seen lately. Used by the replica and the gateway. Liveness only: no safety rule is here.
 */

/** How long the quickest is remembered at least, in ms; at most twice as long. */
const rememberedMs = 30_000;

/** Who was answered comes again within so many gaps, or is not waited for. */
const patienceGaps = 1;

export class Pace {
  readonly #gapMs: number;
  #leftAt = -Infinity;
  #endedAt = -Infinity;
  #carried = 0;
  /** As many are expected to wait before the next call leaves: the clients seen around the last one. */
  #expected = 1;
  /** Of those answered last, who have not come again. */
  #owed = 0;
  /** How long after an answer as many have come as were answered, in ms: a moving average. */
  #returnMs: number;
  /** The quickest of this span of time and of the one before it, in ms. */
  #quickest = Infinity;
  #quickestBefore = Infinity;
  #since = 0;

  /** @param gapMs from one call to the next, in ms, unless all are there who are expected. */
  constructor(gapMs: number) {
    this.#gapMs = gapMs;
    this.#returnMs = gapMs / 2;
  }

  /**
   * @param underWay calls that have not ended. @param waiting whom the next call would carry.
   * @returns when it may leave: long ago means now, `Infinity` not before one of those under way has ended.
   */
  nextAt(underWay: number, waiting: number): number {
    if (underWay === 0) {
      if (waiting >= this.#expected) return -Infinity;
      return Math.max(this.#leftAt + this.#gapMs, this.#endedAt + this.#patienceMs);
    }
    const quickest = Math.min(this.#quickest, this.#quickestBefore);
    return quickest <= underWay * this.#gapMs ? Infinity : this.#leftAt + this.#gapMs;
  }

  get #patienceMs(): number {
    const longest = patienceGaps * this.#gapMs;
    return this.#returnMs > longest ? 0 : Math.min(longest, Math.ceil(1.25 * this.#returnMs));
  }

  /** Somebody wants to be carried. @param count how many at once. */
  came(now: number, count = 1): void {
    if (this.#owed === 0) return;
    this.#owed = Math.max(0, this.#owed - count);
    if (this.#owed === 0) this.#returned(now - this.#endedAt);
  }

  #returned(ms: number): void {
    this.#returnMs += (Math.min(ms, 2 * patienceGaps * this.#gapMs) - this.#returnMs) / 4;
  }

  /** A call has left. @param carried for how many. */
  left(now: number, carried: number): void {
    this.#leftAt = now;
    this.#carried = carried;
  }

  /** A call has ended. @param tookMs since it left. @param waiting those who came in the meantime. */
  ended(now: number, tookMs: number, waiting: number): void {
    // Not all have come again: it takes them at least so long.
    if (this.#owed > 0) this.#returned(now - this.#endedAt);
    this.#endedAt = now;
    this.#owed = this.#carried;
    this.#expected = Math.max(1, this.#carried + waiting);
    if (now - this.#since > rememberedMs) {
      this.#since = now;
      this.#quickestBefore = this.#quickest;
      this.#quickest = Infinity;
    }
    this.#quickest = Math.min(this.#quickest, tookMs);
  }
}
