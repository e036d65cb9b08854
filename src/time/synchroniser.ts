/**
 * Who is asked when: rounds of short bursts, spread so that they meet every part of a tick, with pauses that adapt. Events
 * in (an answer, a failure, a wake-up), questions out. Stepped by `src/client` with real timers and by the simulator with
 * its own; every event carries `now`, our monotonic base in ms.
 */
import type { Random } from "../support/random.ts";
import type { Answer, Failure } from "./answer.ts";
import { Estimator } from "./estimator.ts";
import type { Conclusion, Reading } from "./estimator.ts";
import { untilDaily } from "./plan.ts";
import type { Plan } from "./plan.ts";
import { PollInterval } from "./poll.ts";
import type { TimeSettings } from "./settings.ts";
import type { Source } from "./source.ts";

export interface Question {
  /** Named again by the answer or the failure; each is taken once. */
  readonly id: number;
  readonly source: string;
}

export interface Step {
  /** To be asked now. */
  readonly ask: readonly Question[];
  /** When to call `wake` at the latest, by the base; Infinity: never. */
  readonly wakeAt: number;
  /** The round that ended with this event. */
  readonly concluded: Conclusion | null;
}

interface Planned {
  readonly id: number;
  readonly source: Source;
  readonly at: number;
  asked: boolean;
}

export class Synchroniser {
  readonly #settings: TimeSettings;
  readonly #estimator: Estimator;
  readonly #poll: PollInterval;
  readonly #random: Random;
  readonly #plan: Plan;
  #nextId = 1;
  /** The questions of the round under way that are open or still to be asked. */
  #open = new Map<number, Planned>();
  #asked = new Set<Source>();
  #running = false;
  #nextRound = -Infinity;
  /** Wall clock minus base, when last seen. */
  #apart: { readonly ms: number; readonly at: number } | null = null;

  constructor(sources: readonly string[], settings: TimeSettings, random: Random, plan: Plan = { type: "periodic" }) {
    this.#settings = settings;
    this.#random = random;
    this.#plan = plan;
    this.#estimator = new Estimator(sources, settings);
    this.#poll = new PollInterval(settings.pollMin, settings.pollMax, random);
  }

  read(now: number): Reading {
    return this.#estimator.read(now);
  }

  /**
   * Compares the base with the machine's own clock, which nothing else here looks at.
   * @returns true when a round should begin at once.
   */
  observe(now: number, wall: number): boolean {
    const last = this.#apart;
    this.#apart = { ms: wall - now, at: now };
    if (last === null) return false;
    const { jumpMs, hurryPpm } = this.#settings;
    // Others may slew the wall clock meanwhile.
    const allowed = jumpMs + ((now - last.at) * hurryPpm) / 1e6;
    if (Math.abs(wall - now - last.ms) <= allowed) return false;
    this.#estimator.disrupt();
    this.#poll.hurry();
    this.#abandon();
    this.#nextRound = now;
    return true;
  }

  wake(now: number): Step {
    if (!this.#running && now >= this.#nextRound) this.#begin(now);
    for (const { id, at } of [...this.#open.values()]) if (now >= at + this.#settings.timeoutMs) this.#open.delete(id);
    return this.#step(now);
  }

  answer(id: number, answer: Answer, now: number): Step {
    const planned = this.#open.get(id);
    if (planned?.asked === true) {
      this.#open.delete(id);
      const failure = this.#estimator.answer(planned.source, answer, this.#poll.milliseconds);
      if (failure !== null) this.#spare(planned.source);
    }
    return this.#step(now);
  }

  failure(id: number, failure: Failure, now: number): Step {
    const planned = this.#open.get(id);
    if (planned?.asked === true) {
      this.#open.delete(id);
      planned.source.failure(failure, now, this.#poll.milliseconds);
      if (failure.type !== "lost") this.#spare(planned.source);
    }
    return this.#step(now);
  }

  #begin(now: number): void {
    const { burst, firstBurst, spacingMs } = this.#settings;
    this.#running = true;
    this.#asked = new Set();
    const questions = this.#estimator.doubtful ? firstBurst : burst;
    for (const source of this.#estimator.sources) {
      if (!source.begin(now)) continue;
      this.#asked.add(source);
      for (let i = 0; i < source.burst(questions); i += 1) {
        const at = now + spacingMs * (i + this.#random.next());
        this.#open.set(this.#nextId, { id: this.#nextId, source, at, asked: false });
        this.#nextId += 1;
      }
    }
  }

  /** Nothing more from this source in this round. */
  #spare(source: Source): void {
    for (const planned of [...this.#open.values()])
      if (planned.source === source && !planned.asked) this.#open.delete(planned.id);
  }

  #abandon(): void {
    this.#open.clear();
    this.#running = false;
  }

  #step(now: number): Step {
    const ask: Question[] = [];
    let wakeAt = Infinity;
    for (const planned of this.#open.values()) {
      const { id, source, at } = planned;
      if (!planned.asked && now >= at) {
        planned.asked = true;
        ask.push({ id, source: source.name });
      }
      wakeAt = Math.min(wakeAt, planned.asked ? at + this.#settings.timeoutMs : at);
    }
    if (this.#running && this.#open.size === 0) {
      const concluded = this.#end(now);
      return { ask, wakeAt: this.#nextRound, concluded };
    }
    return { ask, wakeAt: this.#running ? wakeAt : this.#nextRound, concluded: null };
  }

  #end(now: number): Conclusion {
    this.#running = false;
    for (const source of this.#estimator.sources) source.end(this.#asked.has(source));
    const pause = this.#poll.draw();
    const concluded = this.#estimator.conclude(now, this.#patience(now, pause));
    if (concluded.type === "steered") this.#poll.learn(concluded.samples, concluded.miss, concluded.radius);
    else if (concluded.reason === "contradiction") this.#poll.hurry();
    this.#nextRound = now + this.#pause(now, concluded, pause);
    return concluded;
  }

  #patience(now: number, pause: number): number {
    const { missedRounds, timeoutMs } = this.#settings;
    const usual = missedRounds * (pause + timeoutMs);
    return this.#plan.type === "daily" ? this.#untilPlanned(now, this.#plan.atMs) + usual : usual;
  }

  #pause(now: number, concluded: Conclusion, pause: number): number {
    // Until it has worked once, or while something is wrong, every plan goes on trying.
    if (concluded.type === "refused") {
      const { pollMin } = this.#settings;
      return concluded.reason === "contradiction" ? 2 ** pollMin * 1000 * this.#random.next() : pause;
    }
    switch (this.#plan.type) {
      case "once":
        return Infinity;
      case "daily":
        return this.#untilPlanned(now, this.#plan.atMs);
      case "periodic":
        return Math.min(pause, this.#untilLeap(now));
    }
  }

  /** A second is due to be repeated or left out: ask as soon as it is over, not all clients at once. */
  #untilLeap(now: number): number {
    const over = this.#estimator.leapOverIn(now);
    return over === null ? Infinity : Math.max(0, over) + 2 ** this.#settings.pollMin * 1000 * this.#random.next();
  }

  #untilPlanned(now: number, atMs: number): number {
    const { estimate } = this.#estimator.read(now);
    return estimate === null ? this.#poll.milliseconds : untilDaily(atMs, estimate);
  }
}
