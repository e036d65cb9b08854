/**
 * All links of a cluster: one proxy for each ordered pair of regions, and one direction for each, which two proxies
 * share. Knows ports, not processes.
 */
import { Direction, type Conditions } from "./direction.ts";
import { Link } from "./link.ts";
import { roundTrip, type RoundTrips } from "./round-trips.ts";

export interface LinkChange {
  readonly cut?: boolean | undefined;
  readonly delayMs?: number | undefined;
}

export interface LinkState extends Conditions {
  readonly from: string;
  readonly to: string;
}

export class Network {
  readonly #directions = new Map<string, Direction>();
  readonly #links = new Map<string, Link>();

  /** `doorPort` is asked for each connection. Half of a round trip is spent in each direction. */
  static async open(
    regions: readonly string[],
    roundTrips: RoundTrips,
    doorPort: (region: string) => number,
  ): Promise<Network> {
    const network = new Network();
    const pairs = regions.flatMap((from) => regions.filter((to) => to !== from).map((to) => ({ from, to })));
    for (const { from, to } of pairs) {
      const direction = new Direction(from, to, roundTrip(roundTrips, from, to) / 2);
      network.#directions.set(name(from, to), direction);
    }
    for (const { from, to } of pairs) {
      const there = network.#direction(from, to);
      const back = network.#direction(to, from);
      network.#links.set(name(from, to), await Link.listen({ there, back, targetPort: () => doorPort(to) }));
    }
    return network;
  }

  /** Where `from` finds its way to `to`: `host:port`. */
  address(from: string, to: string): string {
    const link = this.#links.get(name(from, to));
    if (link === undefined) throw new Error(`no link from ${from} to ${to}`);
    return `127.0.0.1:${link.port}`;
  }

  has(from: string, to: string): boolean {
    return this.#directions.has(name(from, to));
  }

  /** Changes the direction `from` to `to` alone. */
  change(from: string, to: string, change: LinkChange): LinkState {
    const direction = this.#direction(from, to);
    direction.set(change);
    return state(direction);
  }

  /** Every direction back to how it was at the start. */
  heal(): void {
    for (const direction of this.#directions.values()) direction.heal();
  }

  states(): readonly LinkState[] {
    return [...this.#directions.values()].map(state);
  }

  close(): void {
    for (const link of this.#links.values()) link.close();
  }

  #direction(from: string, to: string): Direction {
    const direction = this.#directions.get(name(from, to));
    if (direction === undefined) throw new Error(`no link from ${from} to ${to}`);
    return direction;
  }
}

const name = (from: string, to: string): string => `${from}>${to}`;

const state = ({ from, to, conditions }: Direction): LinkState => ({ from, to, ...conditions });
