/**
 * A local Synod whose objects are counted: started for `npm run cost`, `npm run bench:growth` and their tests. All regions
 * in one process of the runtime, the deployed code in all of them (`worker/entry.ts`).
 */
import { join } from "node:path";
import { startSingle } from "../../scripts/runtime/single.ts";
import type { Single } from "../../scripts/runtime/single.ts";
import { pause } from "../../test/processes/support/gateway.ts";
import { difference, requestsIn, rowsWrittenIn } from "./counts.ts";
import type { Counts, Reading, Weighed } from "./counts.ts";

/** Longer than any pause of those who still have something to tell each other (`limits.gossipMs`, and its first repeats). */
const usualQuietMs = 1_200;
const patienceMs = 60_000;

export class Counted {
  readonly single: Single;
  readonly #quietMs: number;

  constructor(single: Single, quietMs: number) {
    this.single = single;
    this.#quietMs = quietMs;
  }

  get url(): string {
    return this.single.url;
  }

  async reading(): Promise<Reading> {
    return this.#json("/counted");
  }

  /** Waits until nothing has been called and nothing written for a while. */
  async quiet(): Promise<Counts> {
    const end = performance.now() + patienceMs;
    let last = await this.reading();
    for (let since = performance.now(); performance.now() - since < this.#quietMs;) {
      if (performance.now() > end) throw new Error("the objects do not come to rest");
      await pause(50);
      const next = await this.reading();
      const moved = difference(next.counts, last.counts);
      if (requestsIn(moved) + rowsWrittenIn(moved) > 0) since = performance.now();
      last = next;
    }
    return last.counts;
  }

  /** What the work and all that follows from it has cost. */
  async count(work: () => Promise<unknown>): Promise<Counts> {
    const before = await this.quiet();
    await work();
    return difference(await this.quiet(), before);
  }

  async weigh(namespace: string): Promise<readonly Weighed[]> {
    return this.#json(`/counted/weigh?namespace=${namespace}`);
  }

  /** Puts the clock of everything behind the gateway forward. */
  async forward(ms: number): Promise<void> {
    await this.#json(`/counted/forward?ms=${ms}`);
  }

  async #json<Result>(path: string): Promise<Result> {
    return (await fetch(this.url + path)).json() as Promise<Result>;
  }
}

export async function startCounted(dataDir: string, quietMs: number = usualQuietMs): Promise<Counted> {
  const entry = join(import.meta.dirname, "worker", "entry.ts");
  return new Counted(await startSingle({ dataDir, port: 0, entry }), quietMs);
}
