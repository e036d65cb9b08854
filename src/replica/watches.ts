/**
 * Watches that wait at this replica: each is one question after events, answered as soon as there is one, or with none
 * when its time is over. Nothing is queued for anybody: who is answered asks again from where the answer ended, so a slow
 * client costs nothing here, and any replica can go on where another one stopped. Upholds N1-N4.
 */
import { instant } from "../support/brand.ts";
import type { Instant } from "../support/brand.ts";
import { limits } from "../support/limits.ts";
import { isTouched, startOf } from "../store/events.ts";
import type { EventPlace } from "../store/events.ts";
import type { Store } from "../store/store.ts";
import type { Failure, WatchRequest } from "./messages.ts";
import type { Turn } from "./turn.ts";

interface Waiting {
  readonly handle: number;
  readonly request: WatchRequest;
  readonly until: Instant;
  /** Nothing it asked for happened before this. */
  from: EventPlace;
}

const halfLoaded = "this replica is loading a snapshot from a peer; another one can answer";

/** Changes looked at for one answer: what is not told costs time, too. */
const changesPerAnswer = 10_000;

export class Watches {
  readonly #store: Store;
  #waiting: readonly Waiting[] = [];

  constructor(store: Store) {
    this.#store = store;
  }

  get size(): number {
    return this.#waiting.length;
  }

  /**
   * A client asks. It is answered now if there is something to tell.
   * @returns true when it waits, and nobody has confirmed lately that this replica is not behind.
   */
  ask(turn: Turn, handle: number, request: WatchRequest, ageMs: number | null): boolean {
    const waiting = { handle, request, until: instant(turn.now + request.waitMs), from: request.query.from };
    if (this.#store.loading) fail(turn, handle, "catching-up", halfLoaded);
    else if (this.#tell(turn, waiting, ageMs)) return false;
    else if (request.waitMs === 0) this.#answerNothing(turn, waiting, ageMs);
    else if (this.#waiting.length >= limits.waitingWatches) {
      fail(turn, handle, "too-many-watches", `${limits.waitingWatches} watches wait at this replica`);
    } else {
      this.#waiting = [...this.#waiting, waiting];
      return ageMs === null || ageMs > limits.watchConfirmMs;
    }
    return false;
  }

  /** After every event: tells who waits for what changed, and ends whose time is over. */
  drive(turn: Turn, ageMs: number | null): void {
    const touched = this.#store.takeTouched();
    if (this.#waiting.length === 0) return;
    if (this.#store.loading) return this.failAll(turn, "catching-up", halfLoaded);
    const sorted = touched?.toSorted() ?? null;
    const concerns = ({ request }: Waiting): boolean => sorted === null || isTouched(request.query, sorted);
    const quiet = touched !== null && touched.length === 0;
    const left: Waiting[] = [];
    for (const waiting of this.#waiting) {
      if (!quiet && concerns(waiting)) {
        if (this.#tell(turn, waiting, ageMs)) continue;
      } else this.#passOver(waiting);
      if (waiting.until <= turn.now) this.#answerNothing(turn, waiting, ageMs);
      else left.push(waiting);
    }
    this.#waiting = left;
    const next = Math.min(...left.map(({ until }) => until));
    if (left.length > 0) turn.wakeBy(next);
  }

  /** Nothing of what it asked for happened: it has missed nothing, even if what lies before is compacted now (N3). */
  #passOver(waiting: Waiting): void {
    if (waiting.from.revision <= this.#store.revision) waiting.from = startOf(this.#store.revision + 1);
  }

  failAll(turn: Turn, failure: Failure, detail: string): void {
    for (const { handle } of this.#waiting) fail(turn, handle, failure, detail);
    this.#waiting = [];
  }

  /** @returns false when there is nothing to tell yet. */
  #tell(turn: Turn, waiting: Waiting, ageMs: number | null): boolean {
    const { query, maxBytes } = waiting.request;
    const bounds = { events: limits.watchEvents, bytes: maxBytes, changes: changesPerAnswer };
    const result = this.#store.events({ ...query, from: waiting.from }, bounds);
    const { revision } = this.#store;
    if (result.type === "events") {
      waiting.from = result.next;
      // Where there was too much to look at, it is gone on with the next question.
      if (result.events.length === 0 && result.next.revision > revision) return false;
    }
    turn.reply(waiting.handle, { type: "result", result, revision, ageMs });
    return true;
  }

  #answerNothing(turn: Turn, { handle, from }: Waiting, ageMs: number | null): void {
    const result = { type: "events", events: [], next: from } as const;
    turn.reply(handle, { type: "result", result, revision: this.#store.revision, ageMs });
  }
}

function fail(turn: Turn, handle: number, failure: Failure, detail: string): void {
  turn.reply(handle, { type: "failed", failure, outcome: "not-applied", detail });
}
