/**
 * The simulated world: one seeded scheduler in virtual time. Knows nothing of Paxos and nothing of networks. The same
 * seed gives the same order of everything, code that awaits included: whoever wakes it says so (`stir`), and before the
 * next task all promises have settled.
 */
import type { Random } from "../../src/support/random.ts";
import { seededRandom } from "../../src/support/random.ts";

interface Task {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** Where a trace goes, line by line. */
export type Trace = (line: string) => void;

export class World {
  readonly random: Random;
  /** Virtual ms since the Unix epoch: what a perfect clock would show. */
  now = 1_800_000_000_000;
  readonly began = 1_800_000_000_000;
  readonly counts: Record<string, number> = {};
  readonly #trace: Trace | null;
  #hash = 0;
  #order = 0;
  #stirred = false;
  #broken: { readonly error: unknown } | null = null;
  readonly #tasks: Task[] = [];

  constructor(seed: number, trace: Trace | null = null) {
    this.random = seededRandom(seed);
    this.#trace = trace;
  }

  /** Counts an event by kind: a run must show that the faults it claims really happened. */
  count(kind: string, detail = ""): void {
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
    this.#mix(kind);
    this.#mix(detail);
    this.#hash = (Math.imul(this.#hash, 31) + (this.now % 1_000_003)) | 0;
    this.#trace?.(`${((this.now - this.began) / 1000).toFixed(3).padStart(8)} ${kind} ${detail}`);
  }

  /** Shows something in the trace that is not worth counting. */
  show(what: () => string): void {
    this.#trace?.(`${((this.now - this.began) / 1000).toFixed(3).padStart(8)} ${what()}`);
  }

  #mix(text: string): void {
    for (let i = 0; i < text.length; i += 1) this.#hash = (Math.imul(this.#hash, 31) + text.charCodeAt(i)) | 0;
  }

  /** A hash over all that happened: equal for equal seeds. */
  get traceHash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, "0");
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

  /** Something that is awaited was settled: what follows it runs before the next task. */
  stir(): void {
    this.#stirred = true;
  }

  /** An error in code that nobody awaits ends the run. */
  fail(error: unknown): void {
    this.#broken ??= { error };
  }

  /** Runs everything due within the next `ms`, in order. @returns the number of tasks run. */
  async run(ms: number): Promise<number> {
    const until = this.now + Math.round(ms);
    let ran = 0;
    for (;;) {
      const next = this.#tasks[0];
      if (next === undefined || next.at > until) break;
      this.#next();
      this.now = Math.max(this.now, next.at);
      next.run();
      ran += 1;
      if (this.#stirred) {
        this.#stirred = false;
        // A turn of Node's own loop: all microtasks are done before it.
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (this.#broken !== null) throw this.#broken.error;
    }
    this.now = until;
    return ran;
  }

  chance(probability: number): boolean {
    return this.random.next() < probability;
  }

  between(low: number, high: number): number {
    return low + this.random.next() * (high - low);
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.random.next() * items.length)];
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  }
}

const before = (a: Task, b: Task): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
