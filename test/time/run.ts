/** Runs one scenario: the real synchroniser, stepped in virtual time, watched once a second by someone who knows the truth. */
import { seededRandom } from "../../src/support/random.ts";
import type { Random } from "../../src/support/random.ts";
import type { Answer } from "../../src/time/answer.ts";
import type { Conclusion, Reading, Status } from "../../src/time/estimator.ts";
import { defaultSettings } from "../../src/time/settings.ts";
import { Synchroniser } from "../../src/time/synchroniser.ts";
import type { Step } from "../../src/time/synchroniser.ts";
import { fromUnixMs, toUnixMs } from "../../src/time/timestamps.ts";
import { Base, floored } from "./clocks.ts";
import { Queue } from "./queue.ts";
import type { Fault, Scenario, SourceSpec } from "./scenario.ts";
import { second } from "./scenario.ts";

/** Floats of 1.8e12 have steps of 0.24 microseconds; a few of them add up. */
const roundingMs = 0.002;
const frequencyWindow = 200;
const usuallyKnown = 0.95;
const pivot = Date.UTC(2026, 10, 23);

export interface Result {
  readonly rounds: number;
  readonly steered: number;
  readonly refusals: Readonly<Record<string, number>>;
  readonly falsetickers: Readonly<Record<string, number>>;
  readonly statuses: Readonly<Record<Status, number>>;
  readonly exchanges: number;
  readonly asked: number;
  readonly limited: number;
  /** Since when the estimate has been within the limit, s; Infinity: not at the end. */
  readonly syncS: number;
  readonly maxMs: number;
  readonly rmsMs: number;
  readonly frequencyPpm: number;
  readonly meanRadiusMs: number;
  readonly lastPollS: number;
  readonly violations: number;
  readonly backwards: number;
  readonly faults: readonly Fault[];
}

/** Sees what the client sees, and may judge it with what it cannot see. */
export interface Observer {
  answered?(source: string, answer: Answer): void;
  concluded?(now: number, conclusion: Conclusion): void;
  watched?(now: number, truth: number, reading: Reading): void;
}

class Run {
  readonly #scenario: Scenario;
  readonly #observer: Observer;
  readonly #queue: Queue;
  readonly #random: Random;
  readonly #base: Base;
  readonly #synchroniser: Synchroniser;
  readonly #lastAsked = new Map<string, number>();
  readonly #refusals: Record<string, number> = {};
  readonly #falsetickers: Record<string, number> = {};
  readonly #statuses: Record<Status, number> = { synchronised: 0, "free-running": 0, unknown: 0 };
  readonly #errors: { readonly s: number; readonly ms: number }[] = [];
  #wakes = 0;
  #rounds = 0;
  #steered = 0;
  #exchanges = 0;
  #asked = 0;
  #limited = 0;
  #violations = 0;
  #firstViolation = "";
  #backwards = 0;
  #radii = 0;
  #last = { estimate: -Infinity, earliest: -Infinity };
  #lastRound = 0;
  #lastPollS = 0;

  constructor(scenario: Scenario, observer: Observer) {
    this.#scenario = scenario;
    this.#observer = observer;
    this.#queue = new Queue(scenario.startUnixMs);
    this.#random = seededRandom(scenario.seed);
    const random = (): Random => seededRandom(Math.floor(this.#random.next() * 2 ** 32));
    this.#base = new Base(scenario.base, random(), scenario.startUnixMs);
    const settings = { ...defaultSettings, ownTickMs: scenario.base.tickMs, ...scenario.settings };
    const names = scenario.sources.map(({ name }) => name);
    this.#synchroniser = new Synchroniser(names, settings, random());
  }

  get #elapsed(): number {
    return this.#queue.now - this.#scenario.startUnixMs;
  }

  get #truth(): number {
    return this.#queue.now + this.#scenario.civil(this.#elapsed);
  }

  result(): Result {
    const { startUnixMs, seconds } = this.#scenario;
    this.#wake();
    for (let s = 1; s <= seconds; s += 1) this.#queue.at(startUnixMs + s * second - 0.5, () => this.#watch(s));
    this.#queue.runUntil(startUnixMs + seconds * second);
    return this.#sum();
  }

  /** When the sleep under way is over; now, if there is none. */
  #wakesUp(): number {
    const elapsed = this.#elapsed;
    const sleep = this.#scenario.base.sleeps.find(({ fromMs, untilMs }) => elapsed >= fromMs && elapsed < untilMs);
    return this.#scenario.startUnixMs + (sleep?.untilMs ?? elapsed);
  }

  #wakeUnlessAsleep(): void {
    const awake = this.#wakesUp();
    if (awake > this.#queue.now) this.#queue.at(awake, () => this.#wakeUnlessAsleep());
    else this.#wake();
  }

  #wake(): void {
    this.#take(this.#synchroniser.wake(this.#base.read(this.#queue.now)));
  }

  #take({ ask, wakeAt, concluded }: Step): void {
    const now = this.#base.read(this.#queue.now);
    for (const { id, source } of ask) this.#ask(id, source);
    if (concluded !== null) this.#concluded(concluded, now);
    this.#wakes += 1;
    const wake = this.#wakes;
    if (wakeAt === Infinity) return;
    const awake = Math.max(this.#base.after(this.#queue.now, wakeAt - now), this.#wakesUp());
    this.#queue.at(awake, () => {
      if (wake === this.#wakes) this.#wakeUnlessAsleep();
    });
  }

  #concluded(concluded: Conclusion, now: number): void {
    this.#rounds += 1;
    this.#lastPollS = (now - this.#lastRound) / second;
    this.#lastRound = now;
    if (concluded.type === "refused") {
      this.#refusals[concluded.reason] = (this.#refusals[concluded.reason] ?? 0) + 1;
    } else {
      this.#steered += 1;
      for (const name of concluded.falsetickers) this.#falsetickers[name] = (this.#falsetickers[name] ?? 0) + 1;
    }
    this.#observer.concluded?.(now, concluded);
  }

  #ask(id: number, name: string): void {
    const source = this.#scenario.sources.find((one) => one.name === name);
    if (source === undefined) throw new Error(`nobody is called ${name}`);
    this.#asked += 1;
    const t1 = this.#base.read(this.#queue.now);
    const random = this.#random;
    if (!source.answers(this.#elapsed, random)) return;
    this.#queue.at(this.#queue.now + source.out(random), () => this.#serve(id, source, t1));
  }

  #stamp(source: SourceSpec): number {
    const shown = floored(this.#truth + source.error(this.#elapsed), source.tickMs);
    return this.#scenario.ntpStamps ? toUnixMs(fromUnixMs(shown), pivot) : shown;
  }

  #serve(id: number, source: SourceSpec, t1: number): void {
    const came = this.#queue.now;
    const before = this.#lastAsked.get(source.name) ?? -Infinity;
    if (came - before < source.minIntervalMs) {
      this.#limited += 1;
      const retryAfterMs = Math.ceil((source.minIntervalMs - (came - before)) / second) * second;
      this.#queue.at(came + source.back(this.#random), () =>
        this.#take(this.#synchroniser.failure(id, { type: "rate", retryAfterMs }, this.#base.read(this.#queue.now))),
      );
      return;
    }
    this.#lastAsked.set(source.name, came);
    const t2 = this.#stamp(source);
    const leap = source.leap(this.#elapsed);
    const held = source.frozen ? this.#random.next() : 0.05;
    this.#queue.at(came + held, () => {
      const t3 = source.frozen ? t2 : this.#stamp(source);
      this.#queue.at(this.#queue.now + source.back(this.#random), () => {
        // Whoever sleeps hears nothing.
        if (this.#wakesUp() > this.#queue.now) return;
        const t4 = this.#base.read(this.#queue.now);
        const { tickMs, rootDispersionMs } = source;
        const answer = { t1, t2, t3, t4, tickMs, leap, stratum: 3, rootDelayMs: 0, rootDispersionMs };
        this.#exchanges += 1;
        this.#observer.answered?.(source.name, answer);
        this.#take(this.#synchroniser.answer(id, answer, t4));
      });
    });
  }

  #watch(s: number): void {
    if (this.#wakesUp() > this.#queue.now) return;
    const now = this.#base.read(this.#queue.now);
    const { wall, excused, recedes } = this.#scenario;
    if (wall !== null && this.#synchroniser.observe(now, this.#queue.now + wall(this.#elapsed))) this.#wake();
    const reading = this.#synchroniser.read(now);
    const { earliest, latest, estimate, status } = reading;
    const truth = this.#truth;
    this.#statuses[status] += 1;
    this.#observer.watched?.(now, truth, reading);
    if (!excused(this.#elapsed) && (truth < earliest - roundingMs || truth > latest + roundingMs)) {
      this.#violations += 1;
      this.#firstViolation ||= `at ${s} s it was ${truth}, not in [${earliest}, ${latest}]`;
    }
    if (estimate === null) return;
    // An interval that is withdrawn and given anew begins anew.
    const earlier = status !== "unknown" && earliest < this.#last.earliest - roundingMs && !recedes(this.#elapsed);
    if (estimate < this.#last.estimate || earlier) this.#backwards += 1;
    this.#last = { estimate, earliest: status === "unknown" ? -Infinity : earliest };
    this.#errors.push({ s, ms: estimate - truth });
    if (Number.isFinite(latest)) this.#radii += (latest - earliest) / 2;
  }

  #sum(): Result {
    const { limits, seconds } = this.#scenario;
    const settled = this.#errors.filter(({ s }) => s >= (limits?.syncS ?? 0));
    const late = limits === null ? undefined : this.#errors.findLast(({ ms }) => Math.abs(ms) > limits.maxMs);
    const syncS = late === undefined ? (this.#errors[0]?.s ?? Infinity) : late.s >= seconds ? Infinity : late.s + 1;
    const rms = (values: readonly number[]): number =>
      values.length === 0 ? NaN : Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
    const rates: number[] = [];
    for (let i = frequencyWindow; i < settled.length; i += frequencyWindow) {
      const [a, b] = [settled[i - frequencyWindow], settled[i]];
      if (a !== undefined && b !== undefined) rates.push(((b.ms - a.ms) / (b.s - a.s) / second) * 1e6);
    }
    const known = this.#statuses.synchronised + this.#statuses["free-running"];
    const result = {
      rounds: this.#rounds,
      steered: this.#steered,
      refusals: this.#refusals,
      falsetickers: this.#falsetickers,
      statuses: this.#statuses,
      exchanges: this.#exchanges,
      asked: this.#asked,
      limited: this.#limited,
      syncS,
      maxMs: settled.reduce((most, { ms }) => Math.max(most, Math.abs(ms)), 0),
      rmsMs: rms(settled.map(({ ms }) => ms)),
      frequencyPpm: rms(rates),
      meanRadiusMs: this.#radii / known,
      lastPollS: this.#lastPollS,
      violations: this.#violations,
      backwards: this.#backwards,
    };
    return { ...result, faults: this.#faults({ ...result, faults: [] }) };
  }

  #faults(result: Result): readonly Fault[] {
    const faults: Fault[] = [...this.#scenario.judge(result)];
    const { limits } = this.#scenario;
    const check = (name: string, value: number, most: number): void => {
      if (!(value <= most)) faults.push({ check: name, detail: `${value.toFixed(3)}, at most ${most}` });
    };
    if (result.violations > 0)
      faults.push({
        check: "promise",
        detail: `${result.violations} readings without the truth: ${this.#firstViolation}`,
      });
    if (result.backwards > 0) faults.push({ check: "never backwards", detail: `${result.backwards} times` });
    if (limits === null) return faults;
    check("time to synchronise", result.syncS, limits.syncS);
    check("largest error", result.maxMs, limits.maxMs);
    check("root mean square", result.rmsMs, limits.rmsMs);
    if (limits.frequencyPpm !== undefined) check("frequency", result.frequencyPpm, limits.frequencyPpm);
    const { synchronised, "free-running": running, unknown } = result.statuses;
    const known = (synchronised + running) / (synchronised + running + unknown);
    const least = limits.known ?? usuallyKnown;
    if (!(known >= least))
      faults.push({ check: "something promised", detail: `${known.toFixed(3)}, at least ${least}` });
    return faults;
  }
}

export const runScenario = (scenario: Scenario, observer: Observer = {}): Result =>
  new Run(scenario, observer).result();
