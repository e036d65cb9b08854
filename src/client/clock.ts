/**
 * The client's clock: between which two instants is it now? Carries out what `src/time/synchroniser.ts` decides: asks the
 * sources, hands over their answers, waits. After TrueTime (`now`, `before`, `after`, commit wait) and ClockBound (status,
 * `voidAfter`). A wide interval makes callers wait, never wrong; while nothing is known, `before` and `after` are false.
 */
import { defaultSettings } from "../time/settings.ts";
import type { TimeSettings } from "../time/settings.ts";
import type { Plan } from "../time/plan.ts";
import { Synchroniser } from "../time/synchroniser.ts";
import type { Question, Step } from "../time/synchroniser.ts";
import type { Conclusion, Reading } from "../time/estimator.ts";
import type { ClockPlatform } from "./platform.ts";
import type { TimeSource } from "./time-source.ts";

export interface SynodClockOptions {
  /** More than half of them must agree; with three, one may be wrong or away. */
  readonly sources: readonly TimeSource[];
  readonly platform: ClockPlatform;
  readonly settings?: Partial<TimeSettings>;
  /** Periodic, unless said otherwise. */
  readonly plan?: Plan;
  /** Told after each round: which sources agreed, or why nothing was steered. */
  readonly onRound?: (conclusion: Conclusion) => void;
}

/** While nothing is known, looked at again after this, or when a round is over. */
const lookAgainMs = 1000;
/** Between two comparisons of wall clock and base when nobody reads the clock. */
const observeMs = 1000;

export class SynodClock {
  readonly #synchroniser: Synchroniser;
  readonly #sources: ReadonlyMap<string, TimeSource>;
  readonly #platform: ClockPlatform;
  readonly #timeoutMs: number;
  readonly #onRound: ((conclusion: Conclusion) => void) | undefined;
  /** Called when a round is over, and when the clock is stopped. */
  readonly #waiting = new Set<() => void>();
  #stopping = new AbortController();
  #running = false;
  #forgetTimer: () => void = () => undefined;

  /** @throws {Error} when two sources have one name. */
  constructor({ sources, platform, settings, plan, onRound }: SynodClockOptions) {
    this.#sources = new Map(sources.map((source) => [source.name, source]));
    if (this.#sources.size !== sources.length) throw new Error("two sources of time have the same name");
    const all = { ...defaultSettings, ownTickMs: platform.baseTickMs, ...settings };
    this.#timeoutMs = all.timeoutMs;
    this.#platform = platform;
    this.#onRound = onRound;
    this.#synchroniser = new Synchroniser([...this.#sources.keys()], all, platform.random, plan);
  }

  /** Begins to ask. Without it the clock knows nothing. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#stopping = new AbortController();
    this.#wake();
  }

  /** Asks nobody any more. What is known stays known, and grows. Who waits is told. */
  stop(): void {
    this.#running = false;
    this.#forgetTimer();
    this.#stopping.abort();
    this.#tellWaiting();
  }

  now(): Reading {
    this.#observe();
    return this.#synchroniser.read(this.#platform.base());
  }

  /** True only if `unixMs` is certainly still to come. */
  before(unixMs: number): boolean {
    return this.now().latest < unixMs;
  }

  /** True only if `unixMs` has certainly passed. */
  after(unixMs: number): boolean {
    return this.now().earliest > unixMs;
  }

  /**
   * Commit wait: resolves when `unixMs` has certainly passed, everywhere. Take `now().latest` as the stamp of what you do,
   * wait for it, and only then let others see it: then stamps are in the order of what happened.
   * @throws {Error} when `signal` is aborted, or the clock is stopped before.
   */
  async waitUntilAfter(unixMs: number, signal?: AbortSignal): Promise<void> {
    for (;;) {
      signal?.throwIfAborted();
      const { earliest, status } = this.now();
      if (earliest > unixMs) return;
      if (!this.#running) throw new Error("the clock is stopped");
      await this.#pause(status === "unknown" ? lookAgainMs : Math.max(1, unixMs - earliest), signal);
    }
  }

  /** Until so much time has passed, a round is over, or it is given up. */
  async #pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const forget = this.#platform.after(ms, resolve);
    signal?.addEventListener("abort", () => resolve(), { once: true });
    this.#waiting.add(resolve);
    await promise;
    this.#waiting.delete(resolve);
    forget();
  }

  #tellWaiting(): void {
    for (const tell of [...this.#waiting]) tell();
  }

  /** Notices that the machine slept, or was set: then a round begins at once. */
  #observe(): void {
    const { base, wall } = this.#platform;
    if (this.#synchroniser.observe(base(), wall()) && this.#running) this.#wake();
  }

  #wake(): void {
    this.#carryOut(this.#synchroniser.wake(this.#platform.base()));
  }

  #carryOut({ ask, wakeAt, concluded }: Step): void {
    if (!this.#running) return;
    for (const question of ask) void this.#ask(question);
    this.#forgetTimer();
    const wait = wakeAt - this.#platform.base();
    this.#forgetTimer = this.#platform.after(Math.min(Math.max(wait, 0), observeMs), () => {
      this.#observe();
      this.#wake();
    });
    if (concluded === null) return;
    this.#onRound?.(concluded);
    this.#tellWaiting();
  }

  async #ask({ id, source: name }: Question): Promise<void> {
    const source = this.#sources.get(name);
    if (source === undefined) return;
    const { base, after } = this.#platform;
    const giveUp = new AbortController();
    const forget = after(this.#timeoutMs, () => giveUp.abort());
    const asked = await source.ask(base, AbortSignal.any([giveUp.signal, this.#stopping.signal]));
    forget();
    if (!this.#running) return;
    const now = base();
    this.#carryOut(
      asked.type === "answer"
        ? this.#synchroniser.answer(id, asked.answer, now)
        : this.#synchroniser.failure(id, asked, now),
    );
  }
}
