/**
 * The clock of one simulated machine. It may be off, run too fast or too slow, stand still, or be set. Whoever waits by it
 * waits in real time: a timer does not notice that the clock was set.
 */
import { instant } from "../../src/support/brand.ts";
import type { Instant } from "../../src/support/brand.ts";
import type { World } from "./world.ts";

export class Clock {
  readonly #world: World;
  #offset = 0;
  #rate = 1;
  #since: number;
  #frozenAt: number | null = null;

  constructor(world: World) {
    this.#world = world;
    this.#since = world.now;
  }

  now(): Instant {
    return instant(Math.floor(this.#frozenAt ?? this.#running()));
  }

  #running(): number {
    const { now } = this.#world;
    return now + this.#offset + (now - this.#since) * (this.#rate - 1);
  }

  /** Sets it: forward or back. @param offsetMs against a perfect clock. @param rate 1 for a perfect one. */
  set(offsetMs: number, rate = 1): void {
    this.#offset = offsetMs;
    this.#rate = rate;
    this.#since = this.#world.now;
    this.#frozenAt = null;
  }

  setBack(ms: number): void {
    this.set(this.#offset - ms);
  }

  freeze(): void {
    this.#frozenAt ??= this.#running();
  }

  thaw(): void {
    this.#frozenAt = null;
  }
}
