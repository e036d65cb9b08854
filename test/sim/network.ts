/**
 * The simulated network: carries messages between regions, each way with a delay of its own, and delays, loses, doubles,
 * cuts and slows them. Order is kept by nobody.
 */
import type { Weather } from "./swarm.ts";
import type { World } from "./world.ts";

export class Network {
  readonly #world: World;
  readonly #weather: Weather;
  /** One-way delay in ms, by `from>to`. */
  readonly #delays = new Map<string, number>();
  readonly #cuts = new Set<string>();
  readonly #slow = new Map<string, number>();
  #calm = false;

  constructor(world: World, regions: readonly string[], weather: Weather) {
    this.#world = world;
    this.#weather = weather;
    for (const from of regions) {
      for (const to of regions) {
        const back = this.#delays.get(`${to}>${from}`);
        // The way back takes about as long as the way there.
        const ms = back === undefined ? weather.delayMs * world.between(0.3, 1.7) : back * world.between(0.8, 1.2);
        this.#delays.set(`${from}>${to}`, from === to ? 0 : ms);
      }
    }
  }

  /** Stops what is sent from one region to the other, in that direction only. */
  cut(from: string, to: string): void {
    this.#world.count("cut", `${from}>${to}`);
    this.#cuts.add(`${from}>${to}`);
  }

  /** Everything to and from this region takes so many times as long. */
  slow(region: string, factor: number): void {
    this.#world.count("slow-region", region);
    this.#slow.set(region, factor);
  }

  heal(): void {
    this.#cuts.clear();
    this.#slow.clear();
  }

  /** No more loss, doubling, cuts or slowness from now on. */
  calm(): void {
    this.#calm = true;
    this.heal();
  }

  /**
   * Carries one message: late, twice, or never. Within a region it is quick, but not safer.
   * @param once the platform doubles no calls: what is not made to be safe against it is not doubled here.
   */
  carry(from: string, to: string, deliver: () => void, once = false): void {
    const world = this.#world;
    if (this.#cuts.has(`${from}>${to}`)) return world.count("blocked");
    if (!this.#calm && world.chance(this.#weather.loss)) return world.count("lost");
    world.after(this.#travelMs(from, to), deliver);
    if (!once && !this.#calm && world.chance(this.#weather.duplication)) {
      world.count("duplicated");
      world.after(this.#travelMs(from, to), deliver);
    }
  }

  #travelMs(from: string, to: string): number {
    const factor = Math.max(this.#slow.get(from) ?? 1, this.#slow.get(to) ?? 1);
    const jitter = this.#world.random.next() * (this.#calm ? 1 : this.#weather.jitterMs);
    return ((this.#delays.get(`${from}>${to}`) ?? 0) + jitter) * factor;
  }
}
