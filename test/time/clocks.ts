/**
 * The simulated clocks. True time is a number that only the simulator knows. A base runs too fast or too slow, its rate
 * wanders, it stands still while its machine sleeps; a source's clock is off by what the scenario says and shows ticks.
 */
import type { Random } from "../../src/support/random.ts";

/** From a uniform to a normal distribution (Box and Muller). */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}

export const exponential = (random: Random, mean: number): number => -mean * Math.log(1 - random.next());

export const floored = (ms: number, tickMs: number): number => (tickMs > 0 ? Math.floor(ms / tickMs) * tickMs : ms);

export interface BaseSpec {
  readonly tickMs: number;
  /** How much it gains. */
  readonly ppm: number;
  /** Standard deviation of the rate's random walk, per second, as a share of the time. */
  readonly wander: number;
  /** Spans of true time, in ms since the start, in which it stands still. */
  /** When its rate changes at once, and by how much. */
  readonly jumps: readonly { readonly atMs: number; readonly ppm: number }[];
  readonly sleeps: readonly { readonly fromMs: number; readonly untilMs: number }[];
}

const stepMs = 1000;

export class Base {
  readonly #spec: BaseSpec;
  readonly #random: Random;
  readonly #began: number;
  #at: number;
  #reading = 5_000;
  #rate: number;

  constructor(spec: BaseSpec, random: Random, now: number) {
    this.#spec = spec;
    this.#random = random;
    this.#began = now;
    this.#at = now;
    this.#rate = 1 + spec.ppm * 1e-6;
  }

  /** @param now true time; never less than before. */
  read(now: number): number {
    while (this.#at < now) {
      const next = Math.min(now, (Math.floor(this.#at / stepMs) + 1) * stepMs);
      this.#reading += (next - this.#at - this.#asleep(this.#at, next)) * this.#rate;
      this.#at = next;
      if (next % stepMs !== 0) continue;
      this.#rate += this.#spec.wander * normal(this.#random);
      for (const { atMs, ppm } of this.#spec.jumps) if (next === this.#began + atMs) this.#rate += ppm * 1e-6;
    }
    return floored(this.#reading, this.#spec.tickMs);
  }

  #asleep(from: number, until: number): number {
    let sum = 0;
    for (const { fromMs, untilMs } of this.#spec.sleeps)
      sum += Math.max(0, Math.min(until, this.#began + untilMs) - Math.max(from, this.#began + fromMs));
    return sum;
  }

  /** True time at which it will have gone on by so much, as far as can be said now. */
  after(now: number, ms: number): number {
    return now + Math.max(0.01, this.#spec.tickMs / 2, ms / this.#rate);
  }
}
