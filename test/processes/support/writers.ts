/**
 * Clients that write without pause: each puts one key after the other through its region's gateway, each key once, and
 * remembers what it was told. Nothing is ever written a second time, so whatever was acknowledged stays to be looked for.
 */
import type { Cluster } from "../../../scripts/runtime/cluster.ts";
import { eventually, pause, putKey, urlOf, type Told } from "./gateway.ts";

export interface Write {
  readonly region: string;
  /** Which of its region's clients wrote it. */
  readonly client: number;
  readonly key: string;
  readonly value: string;
  readonly endedMs: number;
  readonly told: Told;
}

/** After a failure: a dead gateway refuses faster than a living one answers. */
const pauseAfterFailureMs = 100;

export class Writers {
  /** Every key begins with it. */
  readonly prefix: string;
  readonly writes: Write[] = [];
  readonly #perRegion: number;
  readonly #pauseMs: number;
  #ending = false;
  readonly #loops: readonly Promise<void>[];

  /** @param pauseMs after each acknowledged write: leaves this machine some time for the cluster. */
  constructor(cluster: Cluster, prefix: string, regions: readonly string[], perRegion = 3, pauseMs = 5) {
    this.prefix = prefix;
    this.#perRegion = perRegion;
    this.#pauseMs = pauseMs;
    this.#loops = regions.flatMap((region) =>
      Array.from({ length: perRegion }, async (_, client) => this.#loop(urlOf(cluster, region), region, client)),
    );
  }

  acknowledged(region: string, sinceMs = 0): readonly Write[] {
    return this.writes.filter(
      (one) => one.region === region && one.endedMs >= sinceMs && one.told.type === "acknowledged",
    );
  }

  /** Waits until each of the regions has so many more writes acknowledged. */
  async progress(regions: readonly string[], writes: number): Promise<void> {
    const since = performance.now();
    await eventually(`${writes} more acknowledged writes in each of ${regions.join(", ")}`, async () => {
      await pause(0);
      return regions.every((region) => this.acknowledged(region, since).length >= writes) ? true : null;
    });
  }

  /** For each client of these regions: its longest time without an acknowledged write, in ms, from `sinceMs` to now. */
  gaps(regions: readonly string[], sinceMs: number): readonly number[] {
    const now = performance.now();
    return regions.flatMap((region) => {
      const writes = this.acknowledged(region, sinceMs);
      return Array.from({ length: this.#perRegion }, (_, client) => {
        const own = writes.filter((write) => write.client === client).map(({ endedMs }) => endedMs);
        const times = [sinceMs, ...own, now];
        return Math.max(...times.slice(1).map((time, i) => time - (times[i] ?? time)));
      });
    });
  }

  /** How many writes were told what. */
  summary(): string {
    const told = Map.groupBy(this.writes, (write) => write.told.type);
    return [...told].map(([type, writes]) => `${writes.length} ${type}`).join(", ");
  }

  async stop(): Promise<void> {
    this.#ending = true;
    await Promise.all(this.#loops);
  }

  async #loop(gateway: string, region: string, client: number): Promise<void> {
    for (let count = 0; !this.#ending; count += 1) {
      const key = `${this.prefix}${region}-${client}-${count}`;
      const value = `${key} was here`;
      const told = await putKey(gateway, key, value);
      this.writes.push({ region, client, key, value, endedMs: performance.now(), told });
      await pause(told.type === "acknowledged" ? this.#pauseMs : pauseAfterFailureMs);
    }
  }
}
