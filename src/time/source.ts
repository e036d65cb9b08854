/**
 * One source of time, as we know it: the intervals its answers proved, the clock filter's view of them, whether it can be
 * reached, and when it may be asked. Stepped by the estimator; reads no clock.
 */
import type { Answer, Failure } from "./answer.ts";
import { causalityInterval, halfWidth, intersection, middle, widened } from "./causality.ts";
import type { Interval } from "./causality.ts";
import { ClockFilter } from "./clock-filter.ts";
import { dispersionOf } from "./exchange.ts";
import { grown } from "./rate.ts";
import type { Aged } from "./rate.ts";
import { rootDistance } from "./root-distance.ts";

const second = 1000;
/** Proofs that are kept. Older ones have grown too wide to say anything new. */
const mostProofs = 32;
/** The reach register's bits (RFC 5905, section 9.2). */
const reachMask = 0xff;
const recentReach = 0b111;
/** Rounds without an answer after which it is asked in every second round only, and so on ... */
const patience = 24;
/** ... up to every so many. */
const mostSkipped = 32;

/** No "not so often" makes us ask more seldom than this by ourselves. */
const longestMs = 1024 * second;

interface Proof extends Aged {
  readonly round: number;
}

/** What one round said about the offset now: for the estimate, not for the promise. */
export interface Word {
  readonly offset: number;
  /** Half of the interval's width, without what lies behind the source. */
  readonly radius: number;
}

export class Source {
  readonly name: string;
  readonly #filter: ClockFilter;
  readonly #ownTick: number;
  /** Newest first. Each holds all others up to the drift between them: a contradiction cuts the older ones off. */
  #proofs: readonly Proof[] = [];
  #round = 0;
  #answered = false;
  #reach = 0;
  #missed = 0;
  #skipped = 0;
  #root = { rootDelay: 0, rootDispersion: 0 };
  #stratum = 16;
  #leap = 0;
  #notBefore = -Infinity;
  /** Not oftener than this, once it has said that it is asked too often. */
  #interval = 0;
  #raisedIn = 0;
  #denied = false;

  constructor(name: string, ownTick: number) {
    this.name = name;
    this.#ownTick = ownTick;
    this.#filter = new ClockFilter(ownTick, second);
  }

  get leap(): number {
    return this.#leap;
  }

  get stratum(): number {
    return this.#stratum;
  }

  /** How many questions it is asked in one round: who has said RATE is asked one at a time from then on. */
  burst(usual: number): number {
    return this.#interval > 0 ? 1 : usual;
  }

  /** In the round under way. */
  get answered(): boolean {
    return this.#answered;
  }

  /** True if it may be asked in a round that begins now. */
  begin(now: number): boolean {
    this.#round += 1;
    this.#answered = false;
    if (this.#denied || now < this.#notBefore) return false;
    const skips = Math.min(mostSkipped, 2 ** Math.floor(this.#missed / patience)) - 1;
    if (this.#skipped < skips) {
      this.#skipped += 1;
      return false;
    }
    this.#skipped = 0;
    this.#notBefore = now + this.#interval;
    this.#reach = (this.#reach << 1) & reachMask;
    return true;
  }

  /** @param drift the assumed limits of our rate. @param rate the limits of it that are known now. */
  answer(answer: Answer, drift: Interval, rate: Interval): void {
    const { t1, t4, tickMs } = answer;
    const proven = causalityInterval(answer, { own: this.#ownTick, theirs: tickMs });
    // It held at some instant of the exchange; at t4 the clocks may have drifted since.
    const waited = t4 - t1 + this.#ownTick;
    const low = proven.low + Math.min(0, drift.low) * waited;
    const high = proven.high + Math.max(0, drift.high) * waited;
    this.#root = { rootDelay: answer.rootDelayMs, rootDispersion: answer.rootDispersionMs };
    this.#stratum = answer.stratum;
    this.#leap = answer.leap;
    this.#keep({ low, high, at: t4, round: this.#round }, rate);
    const dispersion = dispersionOf(this.#ownTick, tickMs, waited);
    this.#filter.add({ offset: middle(proven), delay: proven.high - proven.low, dispersion, at: t4 });
    this.#answered = true;
    this.#reach |= 1;
    this.#missed = 0;
  }

  /** Those older than a contradiction are of another time: before a step, ours or theirs. */
  #keep(proof: Proof, rate: Interval): void {
    const proofs = [proof, ...this.#proofs].slice(0, mostProofs);
    let together: Interval | null = proof;
    let kept = 0;
    for (const older of proofs) {
      together = intersection(together, grown(older, rate, proof.at));
      if (together === null) break;
      kept += 1;
    }
    this.#proofs = proofs.slice(0, kept);
    if (kept < proofs.length) this.#filter.clear();
  }

  failure(failure: Failure, now: number, pollMs: number): void {
    switch (failure.type) {
      case "denied":
        this.#denied = true;
        this.forget();
        return;
      case "rate":
        // Raised at once, and again on each repeat (RFC 5905, section 7.4); a burst is told so several times.
        if (this.#raisedIn !== this.#round) this.#interval = Math.min(longestMs, Math.max(this.#interval, pollMs) * 2);
        this.#raisedIn = this.#round;
        this.#notBefore = now + Math.max(failure.retryAfterMs, this.#interval);
        return;
      case "refused":
        if (failure.reason === "unsynchronised") this.forget();
        return;
      case "lost":
    }
  }

  /** The round is over. */
  end(asked: boolean): void {
    if (!asked || this.#answered) return;
    this.#missed += 1;
    if ((this.#reach & recentReach) === 0) this.#filter.miss();
    if (this.#reach === 0) this.forget();
  }

  /** What it proved before is not worth anything any more. */
  forget(): void {
    this.#proofs = [];
    this.#filter.clear();
  }

  /** The source's clock minus our base, with all that lies behind the source; null if it proves nothing. */
  interval(now: number, rate: Interval): Interval | null {
    const own = this.#intersected(now, rate, this.#proofs);
    return own === null ? null : widened(own, this.#root.rootDelay / 2 + this.#root.rootDispersion);
  }

  /** The middle of what the answers of this round prove together; null if there are none. */
  word(now: number, slope: number, skew: number): Word | null {
    const rate = { low: slope - skew, high: slope + skew };
    const fresh = this.#proofs.filter(({ round }) => round === this.#round);
    const together = this.#intersected(now, rate, fresh);
    return together === null ? null : { offset: middle(together), radius: halfWidth(together) };
  }

  /** Newest first; at the first contradiction the newer ones stand. */
  #intersected(now: number, rate: Interval, proofs: readonly Proof[]): Interval | null {
    let together: Interval | null = null;
    for (const proof of proofs) {
      const today = grown(proof, rate, now);
      const next: Interval | null = together === null ? today : intersection(together, today);
      if (next === null) break;
      together = next;
    }
    return together;
  }

  /** The filter's jitter and the root distance, for weighing sources against each other. */
  quality(now: number, slope: number): { readonly jitter: number; readonly distance: number } | null {
    const filtered = this.#filter.read(now, slope);
    if (filtered === null) return null;
    return { jitter: filtered.jitter, distance: rootDistance(this.#root, filtered, now, second) };
  }
}
