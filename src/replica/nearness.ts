/**
 * Which acceptors answer soonest: a question that a majority can settle need not trouble the others. Measured, not
 * configured, and forgotten after a while, so that whoever was slow, dead or far is asked again. Used by the read barrier.
 * Liveness only: whoever is asked, only a majority of answers counts (Q1).
 */
import type { Instant } from "../support/brand.ts";
import { limits } from "../support/limits.ts";
import { majorityOf } from "../paxos/membership.ts";
import type { Members } from "../paxos/membership.ts";

export class Nearness {
  readonly #home: string;
  /** How long each took to answer, in ms: a moving average; `Infinity` for one that did not. */
  readonly #took = new Map<string, number>();
  /** When all were asked last. */
  #lookedAt = -Infinity;

  /** @param home the region of whoever asks: nothing is nearer. */
  constructor(home: string) {
    this.#home = home;
  }

  answered(region: string, ms: number): void {
    const before = this.#took.get(region) ?? Infinity;
    this.#took.set(region, before === Infinity ? ms : before + (ms - before) / 4);
  }

  /** It did not answer, or not as soon as it used to: it is asked last. */
  failed(region: string): void {
    this.#took.set(region, Infinity);
  }

  /** Whom to ask first: the nearest majority, or everybody when that is not known, or not lately. */
  nearest(members: Members, now: Instant): readonly string[] {
    const regions = members.map(({ region }) => region);
    const known = regions.filter((region) => this.#tookOf(region) < Infinity);
    const majority = majorityOf(members.length);
    if (known.length < majority || now - this.#lookedAt >= limits.nearestMs) {
      this.#lookedAt = now;
      return regions;
    }
    return known.toSorted((a, b) => this.#distance(a) - this.#distance(b)).slice(0, majority);
  }

  /** How long to wait for these before the others are asked too, in ms. */
  patienceMs(regions: readonly string[]): number {
    return limits.nearestPatienceMs + 2 * Math.max(...regions.map((region) => this.#tookOf(region)));
  }

  #tookOf(region: string): number {
    return this.#took.get(region) ?? Infinity;
  }

  #distance(region: string): number {
    return region === this.#home ? -1 : this.#tookOf(region);
  }
}
