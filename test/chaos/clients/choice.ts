/**
 * Which region a client asks next: any, but rarely one that has just failed it. Without that, a few clients would all wait
 * for the one region that hangs, and the run would measure them instead of the cluster.
 */
import { integerBetween, type Random } from "../../../src/support/random.ts";

const shunnedForMs = 1_500;

/** How often a client tries a region that has just failed all the same. */
const boldness = 0.1;

export class Choice {
  readonly #random: Random;
  readonly #regions: readonly string[];
  readonly #failedAt = new Map<string, number>();

  constructor(random: Random, regions: readonly string[]) {
    this.#random = random;
    this.#regions = regions;
  }

  next(): string {
    const now = performance.now();
    const fresh = this.#regions.filter((region) => now - (this.#failedAt.get(region) ?? -Infinity) > shunnedForMs);
    const among = fresh.length === 0 || this.#random.next() < boldness ? this.#regions : fresh;
    const region = among[integerBetween(this.#random, 0, among.length - 1)];
    if (region === undefined) throw new Error("no region to choose from");
    return region;
  }

  failed(region: string): void {
    this.#failedAt.set(region, performance.now());
  }
}
