/**
 * Readers: clients whose answer waits until the state is fresh enough for what they asked, and the replica's own needs
 * of a barrier. Each is served, or told why not. Upholds R1-R4 and F6.
 */
import { instant } from "../support/brand.ts";
import type { Instant } from "../support/brand.ts";
import { limits } from "../support/limits.ts";
import { Pace } from "../support/pace.ts";
import type { Store } from "../store/store.ts";
import type { Applier } from "./applier.ts";
import type { Barriers, Completed } from "./barriers.ts";
import type { Expiry } from "./expiry.ts";
import type { Leadership } from "./leadership.ts";
import type { Failure, ReadRequest } from "./messages.ts";
import { answer } from "./query.ts";
import type { Turn } from "./turn.ts";

/** Who waits for a barrier. */
export type Reader =
  | { readonly type: "client"; readonly handle: number; readonly request: ReadRequest; readonly until: Instant }
  /** Only wants to know whom the acceptors promised. */
  | { readonly type: "locate" }
  /** Wants to be up to date before it ends leases. */
  | { readonly type: "expiry" }
  /** Watches wait here: what happened must be learned, even if nobody sends it. */
  | { readonly type: "watches" };

const halfLoaded = "this replica is loading a snapshot from a peer; another one can answer";

export class Readers {
  readonly #store: Store;
  readonly #applier: Applier;
  readonly #barriers: Barriers<Reader>;
  readonly #leadership: Leadership;
  readonly #expiry: Expiry;
  /** Readers whose namespace's set is being looked up. */
  #aside: readonly Reader[] = [];
  readonly #pace = new Pace(limits.barrierGapMs);
  /** When that question left. */
  #asideAt = instant(0);

  constructor(store: Store, applier: Applier, barriers: Barriers<Reader>, leadership: Leadership, expiry: Expiry) {
    this.#store = store;
    this.#applier = applier;
    this.#barriers = barriers;
    this.#leadership = leadership;
    this.#expiry = expiry;
  }

  /** A client asks. It is served now if the state is fresh enough already. */
  ask(turn: Turn, handle: number, request: ReadRequest): void {
    if (this.#store.loading) return this.#fail(turn, handle, "catching-up", halfLoaded);
    if (this.#freshEnough(turn.now, request)) return this.#serve(turn, handle, request);
    if (this.#barriers.readers >= limits.waitingReads) {
      return this.#fail(turn, handle, "overloaded", "too many reads are waiting at this replica");
    }
    this.#pace.came(turn.now);
    this.#barriers.join({ type: "client", handle, request, until: instant(turn.now + limits.readMs) });
  }

  #freshEnough(now: Instant, { consistency, query }: ReadRequest): boolean {
    // What was is read at its own revision, as are later pages: no fresher state is wanted.
    const past = query.type === "list" ? query.revision : query.type === "range" ? query.range.revision : null;
    if (past !== null && past <= this.#store.revision) return true;
    switch (consistency.type) {
      case "linearizable":
        return false;
      case "session":
        return this.#store.revision >= consistency.atLeast;
      case "local":
        return consistency.maxAgeMs === null || (this.#applier.ageAt(now) ?? Infinity) <= consistency.maxAgeMs;
    }
  }

  #serve(turn: Turn, handle: number, { query }: ReadRequest): void {
    const { revision } = this.#store;
    turn.reply(handle, {
      type: "result",
      result: answer(this.#store, query, turn.clock),
      revision,
      ageMs: this.#applier.ageAt(turn.now),
    });
  }

  #fail(turn: Turn, handle: number, failure: Failure, detail: string): void {
    turn.reply(handle, { type: "failed", failure, outcome: "not-applied", detail });
  }

  /** Starts a barrier for all who wait, if one may start. */
  start(turn: Turn): void {
    this.#barriers.askOthers(turn, this.#store.appliedSlot);
    const { waiting: carried, unanswered } = this.#barriers;
    if (carried === 0) return;
    const at = this.#pace.nextAt(unanswered, carried);
    if (at > turn.now) {
      if (at < Infinity) turn.wakeBy(at);
      return;
    }
    this.#barriers.start(turn, this.#store.appliedSlot);
    this.#pace.left(turn.now, carried);
  }

  /** Serves everybody whose barrier is met. */
  finish(turn: Turn): void {
    if (this.#store.loading) {
      const clients = this.#barriers.drop((reader) => reader.type === "client");
      return this.#endAll(turn, clients, "catching-up", halfLoaded);
    }
    for (const { readers, startedAt } of this.#barriers.met(this.#store.appliedSlot)) {
      if (startedAt !== null) {
        this.#applier.confirm(startedAt);
        this.#pace.ended(turn.now, turn.now - startedAt, this.#barriers.waiting);
      }
      for (const reader of readers) {
        if (reader.type === "client") this.#serveConfirmed(turn, reader.handle, reader.request);
        else if (reader.type === "expiry") this.#expiry.confirmed();
      }
    }
  }

  #serveConfirmed(turn: Turn, handle: number, request: ReadRequest): void {
    const { consistency } = request;
    if (consistency.type === "session" && this.#store.revision < consistency.atLeast) {
      const detail = `at-least=${consistency.atLeast}, but the store stands at revision ${this.#store.revision}`;
      return this.#fail(turn, handle, "revision-in-future", detail);
    }
    this.#serve(turn, handle, request);
  }

  /** Those who wait now are answered by the question, whether the namespace was ever founded, that is about to leave (R2). */
  setAside(now: Instant): void {
    this.#asideAt = now;
    this.#aside = this.#barriers.takeWaiting();
  }

  #takeAside(): readonly Reader[] {
    const aside = this.#aside;
    this.#aside = [];
    return aside;
  }

  /** The set is known: who was set aside needs a barrier after all. */
  rejoin(): void {
    for (const reader of this.#takeAside()) this.#barriers.join(reader);
  }

  /** F6: nothing was ever written in this namespace, and reading does not found it: who asked before sees an empty store. */
  serveUnfounded(turn: Turn): void {
    this.#applier.confirm(this.#asideAt);
    for (const reader of this.#takeAside()) {
      if (reader.type === "client") this.#serveConfirmed(turn, reader.handle, reader.request);
    }
  }

  /** A barrier ended without a majority. */
  without(turn: Turn, barrier: Completed<Reader>): void {
    this.#endAll(turn, barrier.readers, "no-quorum", "no majority of acceptors answered");
  }

  /** The acceptors' set could not be found out. */
  failAside(turn: Turn, failure: Failure, detail: string): void {
    this.#endAll(turn, this.#takeAside(), failure, detail);
  }

  failEverybody(turn: Turn, failure: Failure, detail: string): void {
    const everybody = this.#barriers.drop(() => true);
    this.#endAll(turn, [...this.#takeAside(), ...everybody], failure, detail);
  }

  /** Ends what has waited too long, and sees to it that the rest is looked at in time. */
  expire(turn: Turn): void {
    const over = this.#barriers.drop((reader) => reader.type === "client" && reader.until <= turn.now);
    this.#endAll(turn, over, "no-quorum", "no majority of acceptors answered in time");
    if (this.#barriers.readers > 0) turn.wakeBy(turn.now + limits.readMs);
  }

  #endAll(turn: Turn, readers: readonly Reader[], failure: Failure, detail: string): void {
    for (const reader of readers) {
      switch (reader.type) {
        case "client": {
          const stale = reader.request.consistency.type === "local" && failure === "no-quorum";
          this.#fail(turn, reader.handle, stale ? "too-stale" : failure, detail);
          break;
        }
        case "expiry":
          this.#expiry.postponed(turn.now);
          break;
        case "locate":
          this.#leadership.notLocated(turn);
          break;
        case "watches":
          // Whoever asks next looks again.
          break;
      }
    }
  }
}
