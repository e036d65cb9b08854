/** Latencies by what was measured, gathered over the rounds of `npm run bench:wan`, and how they are shown. */
import { allowed } from "./floor.ts";
import { percentile } from "./probe.ts";

export class Samples {
  readonly #times = new Map<string, number[]>();

  add(name: string, times: readonly number[]): void {
    this.#times.set(name, [...(this.#times.get(name) ?? []), ...times]);
  }

  median(name: string): number {
    return percentile(this.#of(name), 0.5);
  }

  /** `p50 / p99`, in ms. */
  show(name: string): string {
    const times = this.#of(name);
    return `${percentile(times, 0.5).toFixed(1)} / ${percentile(times, 0.99).toFixed(1)}`;
  }

  /** The same with how far the median lies above the floor, and whether that is within the goal. */
  judge(name: string, floorMs: number): string {
    const over = this.median(name) - floorMs;
    const verdict = this.median(name) <= allowed(floorMs) ? "met" : "missed";
    return `${this.show(name)} (+${over.toFixed(1)}, goal +${(allowed(floorMs) - floorMs).toFixed(1)}: ${verdict})`;
  }

  #of(name: string): readonly number[] {
    const times = this.#times.get(name);
    if (times === undefined) throw new Error(`nothing was measured of ${name}`);
    return times;
  }
}
