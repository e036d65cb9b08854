/**
 * What distance alone costs, computed from a matrix of round trips: no protocol that survives the loss of a minority of
 * its acceptors answers sooner. Counts neither computing nor disks. Pure; used by `npm run bench:wan`.
 */
import { roundTrip, type RoundTrips } from "../../scripts/links/round-trips.ts";

export class Floor {
  readonly #regions: readonly string[];
  readonly #roundTrips: RoundTrips;

  /** @param regions each with one acceptor. */
  constructor(regions: readonly string[], roundTrips: RoundTrips) {
    this.#regions = regions;
    this.#roundTrips = roundTrips;
  }

  /** One round trip from here to the nearest acceptors that, the one here included, make a majority. */
  majority(from: string): number {
    const distances = this.#regions.map((to) => roundTrip(this.#roundTrips, from, to)).toSorted((a, b) => a - b);
    return distances[Math.floor(this.#regions.length / 2)] ?? Number.NaN;
  }

  /** A write of a client in `from`: to the leader and back, and the leader's round trip to its nearest majority. */
  write(from: string, leader: string): number {
    return roundTrip(this.#roundTrips, from, leader) + this.majority(leader);
  }

  /** A linearizable read that asks the acceptors itself. */
  read(from: string): number {
    return this.majority(from);
  }

  /** A linearizable read that must be confirmed by a leader, as Raft's are. */
  readThroughLeader(from: string, leader: string): number {
    return this.write(from, leader);
  }

  /** Two phases from here; in one, if the proposer needed no first one. */
  decision(from: string): number {
    return 2 * this.majority(from);
  }

  get largest(): number {
    return Math.max(...this.#regions.map((from) => Math.max(...this.#regions.map((to) => this.#between(from, to)))));
  }

  /** Where a leader serves the clients of all regions best, on average, and where worst. */
  get placements(): { readonly best: string; readonly worst: string } {
    const cost = (leader: string): number => this.#regions.reduce((sum, from) => sum + this.write(from, leader), 0);
    const order = this.#regions.toSorted((a, b) => cost(a) - cost(b));
    return { best: order[0] ?? "", worst: order.at(-1) ?? "" };
  }

  #between(from: string, to: string): number {
    return roundTrip(this.#roundTrips, from, to);
  }
}

/** The bound that a median must keep: a tenth above the floor or 5 ms, whichever is more. */
export const allowed = (floorMs: number): number => floorMs + Math.max(5, floorMs / 10);
