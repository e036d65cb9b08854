/**
 * The estimator: what several sources prove, put together. A round's answers come in, `conclude` ends it: the majority's
 * interval, what it says of the offset and the rate, and the correction of the virtual clock; or the named reason why
 * nothing was steered. `read` says between which two instants it is now.
 *
 * The promise (`earliest`, `latest`) rests on intervals only, never on the estimate: on causality, on a majority of honest
 * sources, on what they say of themselves and on assumptions A and B of `rate.ts`. The estimate (regression, virtual clock)
 * is inside it by construction. Stepped; reads no clock.
 */
import type { Answer, Failure } from "./answer.ts";
import { refusalOf } from "./answer.ts";
import { clamp, halfWidth, hull, intersection, middle } from "./causality.ts";
import type { Interval } from "./causality.ts";
import { cluster, combine } from "./combine.ts";
import { acrossLeap, leapAfter, leapDeleted, leapInserted } from "./leap.ts";
import type { PendingLeap } from "./leap.ts";
import { assumedRate, grown, partsPerMillion, rateInterval } from "./rate.ts";
import type { Aged } from "./rate.ts";
import { mostSamples, regress } from "./regression.ts";
import type { Line, Point } from "./regression.ts";
import { leapVote, select } from "./select.ts";
import type { SelectionRefusal } from "./select.ts";
import type { TimeSettings } from "./settings.ts";
import { Source } from "./source.ts";
import { VirtualClock } from "./virtual-clock.ts";
import type { Correction } from "./virtual-clock.ts";

export type Status = "synchronised" | "free-running" | "unknown";

export interface Reading {
  /** Unix time, ms: it is not earlier than this. Minus infinity while unknown. */
  readonly earliest: number;
  /** It is not later than this. Infinity while unknown. */
  readonly latest: number;
  /** The virtual clock; null before the first agreement. Never goes back; between the other two while those are known. */
  readonly estimate: number | null;
  readonly status: Status;
  /** Unix time, ms, by our own estimate: from then on nothing is promised unless a majority agrees again. */
  readonly voidAfter: number;
  /** Why the status is not `synchronised`. */
  readonly reason: Doubt | null;
}

export type Refusal =
  | SelectionRefusal
  /** The majority's interval and ours exclude each other: it must say so twice. */
  | "contradiction"
  /** The majority is further off than anyone is believed. */
  | "panic";

export type Doubt =
  | Refusal
  /** No round has ended yet. */
  | "not-started"
  /** Wall clock and base went apart: one was set, or the other slept. */
  | "disrupted"
  /** Rounds are overdue. */
  | "missed-rounds"
  /** `voidAfter` has passed. */
  | "void";

export type Conclusion =
  | {
      readonly type: "steered";
      readonly correction: Correction;
      readonly truechimers: readonly string[];
      readonly falsetickers: readonly string[];
      /** How far the measurement was from the prediction, and how far it may have been. */
      readonly miss: number;
      readonly radius: number;
      readonly samples: number;
    }
  | { readonly type: "refused"; readonly reason: Refusal };

/** Least deviation of the rate that is believed when answers of one round are put together. */
const leastSkew = 1 * partsPerMillion;
const leastSpread = 1e-3;
/** A stratum more weighs like a second of distance (RFC 5905, section 11.2.2: MAXDIST). */
const stratumDistance = 1000;
/** So long after a leap it is taken to be over: the second itself, and as much for the sources' doubt. */
const leapOverMs = 2000;

interface Measurement extends Interval {
  readonly at: number;
  readonly offset: number;
  readonly radius: number;
}

/** While there is one of these, nothing is promised. */
const voiding: ReadonlySet<Doubt> = new Set<Doubt>(["disrupted", "contradiction", "panic", "void"]);

const nothing = { earliest: -Infinity, latest: Infinity } as const;

export class Estimator {
  readonly sources: readonly Source[];
  readonly #settings: TimeSettings;
  readonly #clock: VirtualClock;
  readonly #drift: Interval;
  #rate: Interval;
  #slope = 0;
  /** Our best guess, made at `#learnedAt`. */
  #offset = 0;
  #learnedAt = 0;
  #line: Line | null = null;
  #agreed: Aged | null = null;
  /** An agreement that contradicts `#agreed`, until it is confirmed or dropped. */
  #pending: Aged | null = null;
  /** Oldest first. */
  #history: readonly Measurement[] = [];
  #disrupted = false;
  #doubt: Doubt | null = "not-started";
  #leap: PendingLeap | null = null;
  /** How long the agreement may be without a successor before rounds count as overdue. */
  #patience = Infinity;

  constructor(names: readonly string[], settings: TimeSettings) {
    this.sources = names.map((name) => new Source(name, settings.ownTickMs));
    this.#settings = settings;
    this.#clock = new VirtualClock(settings);
    this.#drift = assumedRate(settings);
    this.#rate = this.#drift;
  }

  /** @returns why the answer was not used, or null. */
  answer(source: Source, answer: Answer, pollMs: number): Failure | null {
    const reason = refusalOf(answer);
    if (reason === null) {
      source.answer(answer, this.#drift, this.#rate);
      return null;
    }
    const failure: Failure = { type: "refused", reason };
    source.failure(failure, answer.t4, pollMs);
    return failure;
  }

  /** Wall clock and base have gone apart: our base may have stood still, so nothing proven before is worth anything. */
  disrupt(): void {
    this.#disrupted = true;
    this.#doubt = "disrupted";
    for (const source of this.sources) source.forget();
  }

  get doubtful(): boolean {
    return this.#doubt !== null;
  }

  /** A round is over. @param patienceMs how long the next agreement may take. */
  conclude(now: number, patienceMs: number): Conclusion {
    const answered = this.sources.flatMap((source) => {
      const interval = source.interval(now, this.#rate);
      return interval === null ? [] : [{ source, interval }];
    });
    const selected = select(
      answered.map(({ interval }) => interval),
      this.sources.length,
    );
    if ("refusal" in selected) return this.#refuse(selected.refusal);
    const pick = (positions: readonly number[]): readonly Source[] =>
      positions.flatMap((position) => answered[position]?.source ?? []);
    const truechimers = pick(selected.truechimers);
    // What was heard in earlier rounds may make a majority, but repeats itself: nothing is learned from it twice.
    if (!truechimers.some(({ answered }) => answered)) return this.#refuse("no-answers");
    const accepted = this.#accept({ ...selected.agreed, at: now }, now);
    if (accepted === null) return this.#refuse("contradiction");
    this.#hear(truechimers, now + middle(accepted));
    const measured = this.#measure(truechimers, now);
    const { miss, offset } = this.#learn({ ...accepted, at: now, ...measured }, now);
    const { low, high } = accepted;
    const target = { offset, slope: this.#slope, below: offset - low, above: high - offset };
    // The instant at which `read` reads it, lest a bend come before what was read.
    const correction = this.#clock.follow(now + this.#settings.ownTickMs / 2, target, this.#disrupted);
    if (correction === "panic") return this.#refuse("panic");
    this.#agreed = { low, high, at: now };
    this.#disrupted = false;
    this.#doubt = null;
    this.#patience = patienceMs;
    return {
      type: "steered",
      correction,
      truechimers: truechimers.map(({ name }) => name),
      falsetickers: pick(selected.falsetickers).map(({ name }) => name),
      miss,
      radius: measured.radius,
      samples: this.#line?.samples ?? this.#history.length,
    };
  }

  #refuse(reason: Refusal): Conclusion {
    // A doubt that is worse stays: no answers do not heal a disrupted clock.
    const weak = this.#doubt === null || this.#doubt === "not-started";
    if (weak || reason === "contradiction" || reason === "panic") this.#doubt = reason;
    return { type: "refused", reason };
  }

  /** @returns the agreement narrowed by what was known, or null if both cannot be true and it is not yet confirmed. */
  #accept(fresh: Aged, now: number): Interval | null {
    const known = this.#known(now);
    if (known === null) return fresh;
    if (this.#disrupted) {
      this.#restart();
      return fresh;
    }
    const both = intersection(fresh, known);
    if (both !== null) {
      this.#pending = null;
      return both;
    }
    const before: Aged | null = this.#pending;
    this.#pending = fresh;
    if (before === null) return null;
    const confirmed = intersection(fresh, grown(before, this.#drift, now));
    if (confirmed === null) return null;
    this.#restart();
    return confirmed;
  }

  /** How long an agreement says anything: assumption B holds no longer, and no wider interval is knowledge. */
  #lifeOf(agreed: Aged): number {
    const { maxRadiusMs, lifeMs } = this.#settings;
    const spare = Math.max(0, maxRadiusMs - halfWidth(agreed));
    const growth = halfWidth(this.#rate);
    return growth > 0 ? Math.min(lifeMs, spare / growth) : lifeMs;
  }

  /** What was agreed, as it is now; null once it is void. */
  #known(now: number): Interval | null {
    if (this.#agreed === null || now - this.#agreed.at > this.#lifeOf(this.#agreed)) return null;
    const known = grown(this.#agreed, this.#rate, now);
    if (this.#leap === null) return known;
    // As soon as the leap may have been, by the latest reading.
    return now + known.high >= this.#leap.at ? acrossLeap(known, this.#leap) : known;
  }

  /** Time, or our base, has jumped: what was measured before is of another time. */
  #restart(): void {
    this.#pending = null;
    this.#history = [];
    this.#line = null;
    this.#rate = this.#drift;
    this.#leap = null;
  }

  #hear(truechimers: readonly Source[], unixMs: number): void {
    if (this.#leap !== null && unixMs < this.#leap.at + leapOverMs) return;
    if (this.#leap !== null) {
      // It is over. Measured before it is another time's.
      this.#leap = null;
      this.#history = [];
      this.#line = null;
      return;
    }
    const vote = leapVote(truechimers.map(({ leap }) => leap));
    if (vote === leapInserted || vote === leapDeleted) this.#leap = { kind: vote, at: leapAfter(unixMs) };
  }

  #measure(truechimers: readonly Source[], now: number): { readonly offset: number; readonly radius: number } {
    const skew = Math.max(leastSkew, 3 * (this.#line?.slopeDeviation ?? this.#settings.driftPpm * partsPerMillion));
    const words = truechimers
      .flatMap((source) => {
        const word = source.word(now, this.#slope, skew);
        const quality = source.quality(now, this.#slope);
        return word === null || quality === null ? [] : [{ ...word, ...quality, stratum: source.stratum }];
      })
      .toSorted((a, b) => (a.stratum - b.stratum) * stratumDistance + a.distance - b.distance);
    const [best, ...others] = cluster(words);
    // No truechimer has answered in this round: the middle of what older answers still say.
    if (best === undefined) {
      const known = this.#known(now);
      return known === null ? { offset: 0, radius: Infinity } : { offset: middle(known), radius: halfWidth(known) };
    }
    const { offset } = combine([best, ...others]);
    return { offset, radius: best.radius };
  }

  /** Offset and rate from all measurements: a guess, kept inside of what is agreed. */
  #learn(measured: Measurement, now: number): { readonly miss: number; readonly offset: number } {
    const predicted = this.#line === null ? null : this.#predicted(now);
    const miss = predicted === null ? 0 : Math.abs(measured.offset - predicted);
    this.#history = [...this.#history, measured].slice(-mostSamples);
    this.#rate = rateInterval(this.#history, this.#settings) ?? this.#drift;
    this.#line = regress(pointsOf(this.#history), now);
    // Without a line: what two intervals say, or what was known before.
    const guess = this.#history.length > 1 ? middle(this.#rate) : this.#slope;
    this.#slope = clamp(this.#line?.slope ?? guess, this.#rate);
    const offset = clamp(this.#line?.intercept ?? measured.offset, measured);
    this.#learnedAt = now;
    this.#offset = offset;
    return { miss, offset };
  }

  #predicted(now: number): number {
    return this.#offset + this.#slope * (now - this.#learnedAt);
  }

  /** How long until a leap is over, ms, if one is due. */
  leapOverIn(now: number): number | null {
    if (this.#leap === null || !this.#clock.started) return null;
    return this.#leap.at + leapOverMs - this.#clock.read(now);
  }

  read(now: number): Reading {
    const { ownTickMs } = this.#settings;
    // Whoever reads the base reads any instant of its tick: the middle is the best guess.
    const estimate = this.#clock.started ? this.#clock.read(now + ownTickMs / 2) : null;
    if (estimate === null || this.#agreed === null)
      return { ...nothing, estimate, status: "unknown", voidAfter: -Infinity, reason: this.#doubt };
    const age = now - this.#agreed.at;
    const voidAfter = estimate + this.#lifeOf(this.#agreed) - age;
    const known = this.#known(now);
    const reason = known === null ? "void" : this.#reasonAt(age);
    if (known === null || (reason !== null && voiding.has(reason)))
      return { ...nothing, estimate, status: "unknown", voidAfter, reason };
    // The whole tick is in it, and the estimate: a time that was told may be wrong, but not outside of what is promised.
    const { low, high } = hull(
      { low: now + known.low, high: now + ownTickMs + known.high },
      { low: estimate, high: estimate },
    );
    const status = reason === null ? "synchronised" : "free-running";
    return { earliest: low, latest: high, estimate, status, voidAfter, reason };
  }

  /** A round without a majority is no doubt yet: what was agreed before stands, and grows. */
  #reasonAt(age: number): Doubt | null {
    const overdue = age > this.#patience;
    if (this.#doubt !== null && voiding.has(this.#doubt)) return this.#doubt;
    return overdue ? (this.#doubt ?? "missed-rounds") : null;
  }
}

/** chrony's weights: a sample counts less the further it may be off, in units of what is usual here. */
function pointsOf(history: readonly Measurement[]): readonly Point[] {
  const radii = history.map(({ radius }) => radius).toSorted((a, b) => a - b);
  const least = radii[0] ?? 0;
  const usual = Math.max(leastSpread, ((radii[Math.floor(radii.length / 2)] ?? 0) - least) / 0.7);
  return history.map(({ at, offset, radius }) => ({ at, offset, spread: 1 + (radius - least) / usual }));
}
