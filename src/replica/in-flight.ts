/**
 * Proposals under way: which slots a leader has sent and whose votes are missing, and the adopted values that wait for
 * room. Bounds how much is under way at once, and asks ever more rarely an acceptor that does not answer. Serves P4.
 */
import type { Instant, Slot } from "../support/brand.ts";
import { limits } from "../support/limits.ts";
import { stampOf } from "../store/batch-codec.ts";
import type { ChosenValue } from "./messages.ts";
import type { Turn } from "./turn.ts";

/** A slot this leader has sent. */
export interface Flight {
  readonly value: string;
  readonly stamp: number;
  readonly sentAt: Instant;
  /** Acceptors whose call ended without a vote: when to ask again, should the slot still be open. */
  readonly missing: Map<string, number>;
  /** The pause before each of them is asked once more. */
  readonly pauses: Map<string, number>;
  /** Acceptors that found the stamp too far ahead of their clocks (T2). */
  readonly ahead: Set<string>;
  /** Votes under this leader's own ballot made it chosen. */
  confirmed: boolean;
}

/** Sends phase 2a for one slot to one acceptor. */
export type Ask = (region: string, slot: Slot, flight: Flight) => void;

export class InFlight {
  readonly #flights = new Map<Slot, Flight>();
  #backlog: ChosenValue[] = [];

  /** Slots under way or waiting for it. */
  get size(): number {
    return this.#flights.size + this.#backlog.length;
  }

  /** When the oldest unanswered proposal left, or null. */
  get oldest(): Instant | null {
    let oldest: Instant | null = null;
    for (const { sentAt } of this.#flights.values()) if (oldest === null || sentAt < oldest) oldest = sentAt;
    return oldest;
  }

  get(at: Slot): Flight | undefined {
    return this.#flights.get(at);
  }

  add(entries: readonly ChosenValue[]): void {
    this.#backlog.push(...entries);
  }

  /** Sends what has room, and asks again whom it is time to ask. */
  drive(turn: Turn, regions: readonly string[], ask: Ask): void {
    for (const [at, flight] of this.#flights) {
      for (const [region, notBefore] of flight.missing) {
        if (notBefore > turn.now) turn.wakeBy(notBefore);
        else {
          flight.missing.delete(region);
          ask(region, at, flight);
        }
      }
    }
    while (this.#flights.size < limits.slotsInFlight) {
      const next = this.#backlog.shift();
      if (next === undefined) return;
      const { slot, value } = next;
      const flight: Flight = {
        value,
        stamp: stampOf(value),
        sentAt: turn.now,
        missing: new Map(),
        pauses: new Map(),
        ahead: new Set(),
        confirmed: false,
      };
      this.#flights.set(slot, flight);
      for (const region of regions) ask(region, slot, flight);
    }
  }

  /** A call ended without a vote. */
  missed(at: Slot, region: string, now: Instant): void {
    const flight = this.#flights.get(at);
    if (flight === undefined) return;
    const pauseMs = flight.pauses.get(region) ?? limits.askAgainMs;
    flight.missing.set(region, now + pauseMs);
    flight.pauses.set(region, Math.min(2 * pauseMs, limits.callMs));
  }

  close(at: Slot): void {
    this.#flights.delete(at);
    if (this.#backlog.length > 0) this.#backlog = this.#backlog.filter((entry) => entry.slot !== at);
  }

  clear(): void {
    this.#flights.clear();
    this.#backlog = [];
  }
}
