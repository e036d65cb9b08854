/**
 * How often to ask (after chrony's `sourcestats`): as seldom as a straight line predicts the offset. Long windows lengthen
 * the pause, short ones shorten it at double speed, and a miss by more than the interval's width shortens it at once. Pure.
 */
import type { Random } from "../support/random.ts";

/** Samples that the line should rest on. */
const targetSamples = 8;
/** Each pause is drawn from this much around it, so that clients do not fall into step. */
const jitter = 0.02;

export class PollInterval {
  readonly #min: number;
  readonly #max: number;
  readonly #random: Random;
  /** log2 seconds; not whole. */
  #exponent: number;

  constructor(min: number, max: number, random: Random) {
    this.#min = min;
    this.#max = max;
    this.#random = random;
    this.#exponent = min;
  }

  get milliseconds(): number {
    return 2 ** this.#exponent * 1000;
  }

  /** The next pause. */
  draw(): number {
    return this.milliseconds * (1 + jitter * (2 * this.#random.next() - 1));
  }

  /**
   * @param samples how many the line rests on.
   * @param miss how far the last measurement was from what the line said, and `radius` how far it may have been.
   */
  learn(samples: number, miss: number, radius: number): void {
    let change = (samples / targetSamples - 1) / targetSamples;
    if (change < 0) change *= 2;
    if (miss > radius) change = Math.min(change, -Math.log2(miss / radius));
    this.#set(this.#exponent + change);
  }

  /** Something is wrong: look again soon. */
  hurry(): void {
    this.#set(this.#min);
  }

  #set(exponent: number): void {
    this.#exponent = Math.min(Math.max(exponent, this.#min), this.#max);
  }
}
