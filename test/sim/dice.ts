/**
 * Draws from a stream of its own, so that whoever takes part in some runs only changes nothing in those where it does not.
 * Used by actors that are not in every run.
 */
import { seededRandom } from "../../src/support/random.ts";
import type { Random } from "../../src/support/random.ts";

export class Dice {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  chance(probability: number): boolean {
    return this.#random.next() < probability;
  }

  between(low: number, high: number): number {
    return low + this.#random.next() * (high - low);
  }

  whole(low: number, high: number): number {
    return low + Math.floor(this.#random.next() * (high - low + 1));
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.whole(0, items.length - 1)];
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  }

  /** Each of them with this chance, in their order. */
  some<T>(items: readonly T[], probability: number): readonly T[] {
    return items.filter(() => this.chance(probability));
  }
}
