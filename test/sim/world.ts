/**
 * The simulated world: one seeded scheduler in virtual time, and a network that delays, loses, duplicates and cuts.
 * Knows nothing of Paxos. The same seed gives the same order of everything.
 */
import type { Random } from "../../src/support/random.ts";
import { seededRandom } from "../../src/support/random.ts";

interface Task {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** What a seed decides about the weather. */
export interface Weather {
  /** Chance that a message, or an answer, is lost. */
  readonly loss: number;
  /** Chance that a message arrives twice. */
  readonly duplication: number;
  /** One-way delay between two regions, in ms, before jitter. */
  readonly delayMs: number;
  readonly jitterMs: number;
}

export class World {
  readonly random: Random;
  readonly weather: Weather;
  now = 1_800_000_000_000;
  readonly counts: Record<string, number> = {};
  #hash = 0;
  #order = 0;
  readonly #tasks: Task[] = [];
  readonly #cuts = new Set<string>();
  #calm = false;

  constructor(seed: number, weather?: Partial<Weather>) {
    this.random = seededRandom(seed);
    const swarm = (values: readonly number[]): number => values[Math.floor(this.random.next() * values.length)] ?? 0;
    this.weather = {
      loss: swarm([0, 0, 0.02, 0.1, 0.2]),
      duplication: swarm([0, 0.05, 0.3]),
      delayMs: swarm([1, 10, 40, 100]),
      jitterMs: swarm([0, 5, 50, 300]),
      ...weather,
    };
  }

  /** Counts an event by kind: a run must show that the faults it claims really happened. */
  count(kind: string): void {
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
    for (let i = 0; i < kind.length; i += 1) this.#hash = (Math.imul(this.#hash, 31) + kind.charCodeAt(i)) | 0;
    this.#hash = (Math.imul(this.#hash, 31) + (this.now % 1_000_003)) | 0;
  }

  /** A hash over all that happened: equal for equal seeds. */
  get traceHash(): string {
    return (this.#hash >>> 0).toString(16);
  }

  after(ms: number, run: () => void): void {
    this.#order += 1;
    const task = { at: this.now + Math.max(0, Math.round(ms)), order: this.#order, run };
    // A binary heap: earliest first, insertion order among equals.
    this.#tasks.push(task);
    let i = this.#tasks.length - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = this.#tasks[parent];
      if (above === undefined || before(above, task)) break;
      this.#tasks[i] = above;
      this.#tasks[parent] = task;
      i = parent;
    }
  }

  #next(): Task | undefined {
    const [first] = this.#tasks;
    const last = this.#tasks.pop();
    if (first === undefined || last === undefined || this.#tasks.length === 0) return first;
    let i = 0;
    for (;;) {
      const left = 2 * i + 1;
      const a = this.#tasks[left];
      if (a === undefined) break;
      const b = this.#tasks[left + 1];
      const [child, at] = b !== undefined && before(b, a) ? [b, left + 1] : [a, left];
      if (before(last, child)) break;
      this.#tasks[i] = child;
      i = at;
    }
    this.#tasks[i] = last;
    return first;
  }

  /** Runs everything due within the next `ms`, in order. @returns the number of tasks run. */
  run(ms: number): number {
    const until = this.now + Math.round(ms);
    let ran = 0;
    for (;;) {
      const next = this.#tasks[0];
      if (next === undefined || next.at > until) break;
      this.#next();
      this.now = Math.max(this.now, next.at);
      next.run();
      ran += 1;
    }
    this.now = until;
    return ran;
  }

  chance(probability: number): boolean {
    return this.random.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.random.next() * items.length)];
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  }

  /** Stops what is sent from one region to the other, in that direction only. */
  cut(from: string, to: string): void {
    this.count("cut");
    this.#cuts.add(`${from}>${to}`);
  }
  /** No more loss, duplication or cuts from now on. */
  heal(): void {
    this.#cuts.clear();
  }
  calm(): void {
    this.#calm = true;
    this.heal();
  }

  /** Carries one message: late, twice, or never. Within a region it is quick, but not safer. */
  carry(from: string, to: string, deliver: () => void): void {
    if (this.#cuts.has(`${from}>${to}`)) return this.count("blocked");
    if (!this.#calm && this.chance(this.weather.loss)) return this.count("lost");
    const distance = from === to ? 0 : this.weather.delayMs;
    const travel = (): number => distance + this.random.next() * (this.#calm ? 1 : this.weather.jitterMs);
    this.after(travel(), deliver);
    if (!this.#calm && this.chance(this.weather.duplication)) {
      this.count("duplicated");
      this.after(travel(), deliver);
    }
  }
}

const before = (a: Task, b: Task): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
