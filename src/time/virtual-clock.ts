/**
 * The clock that is steered: a straight line over a monotonic base, bent at every correction. It is never set back and
 * never stands still, so who reads it twice sees two times in order. Small errors are slewed, within a limit; it is stepped
 * forward only at first or past a threshold. The machine's own clock is never touched. Pure.
 */
import { assert } from "../support/assert.ts";
import { partsPerMillion } from "./rate.ts";
import type { TimeSettings } from "./settings.ts";

/** Where the base's reading should lead to, and how fast that changes. */
export interface Target {
  /** Unix time minus the base's reading, now. */
  readonly offset: number;
  readonly slope: number;
  /** How far from `offset` the agreed interval reaches: further off, the clock is known to be wrong. */
  readonly below: number;
  readonly above: number;
}

export type Correction = "started" | "slewed" | "stepped" | "panic";

export class VirtualClock {
  readonly #settings: TimeSettings;
  #started = false;
  #updates = 0;
  /** The line: from `#from` on it runs at `#rate`, and at `#rest` once the correction is done. */
  #from = 0;
  #time = 0;
  #rate = 1;
  #until = 0;
  #rest = 1;

  constructor(settings: TimeSettings) {
    this.#settings = settings;
  }

  get started(): boolean {
    return this.#started;
  }

  /** Unix time, ms. Only after the first `follow`. */
  read(now: number): number {
    const corrected = Math.min(Math.max(now, this.#from), this.#until);
    const after = Math.max(0, now - this.#until);
    return this.#time + (corrected - this.#from) * this.#rate + after * this.#rest;
  }

  /** @param anyStep our base may have stood still: any step forward is allowed. */
  follow(now: number, target: Target, anyStep: boolean): Correction {
    const { stepThresholdMs, stepUpdates, panicMs, slewPpm, hurryPpm, correctionMs } = this.#settings;
    this.#updates += 1;
    const wanted = now + target.offset;
    if (!this.#started) {
      this.#started = true;
      this.#bend(now, wanted, 1 + target.slope, now, 1 + target.slope);
      return "started";
    }
    const time = this.read(now);
    const error = wanted - time;
    if (Math.abs(error) > panicMs && !anyStep) return "panic";
    const early = this.#updates <= stepUpdates;
    if (error > 0 && (anyStep || early || error > stepThresholdMs)) {
      this.#bend(now, wanted, 1 + target.slope, now, 1 + target.slope);
      return "stepped";
    }
    const wrong = error > target.below || -error > target.above;
    const limit = (wrong ? hurryPpm : slewPpm) * partsPerMillion;
    const duration = Math.max(correctionMs, Math.abs(error) / limit);
    this.#bend(now, time, 1 + target.slope + error / duration, now + duration, 1 + target.slope);
    return "slewed";
  }

  #bend(from: number, time: number, rate: number, until: number, rest: number): void {
    assert(rate > 0 && rest > 0, "a virtual clock never stands still nor goes back");
    assert(!this.#started || this.#updates <= 1 || time >= this.read(from), "a virtual clock is never set back");
    this.#from = from;
    this.#time = time;
    this.#rate = rate;
    this.#until = until;
    this.#rest = rest;
  }
}
