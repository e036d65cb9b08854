/**
 * Events: what happened to the keys of a range from a revision on, read from history, a page at a time. What etcd promises
 * of watches (ordered, unique, reliable, atomic, resumable) follows from reading the log's own record of changes in its
 * order; nobody keeps a queue for anybody. Used by the store.
 */
import { assert } from "../support/assert.ts";
import { nextSlot, revision } from "../support/brand.ts";
import type { ByteString, Revision } from "../support/brand.ts";
import type { Change } from "./changes.ts";
import type { Entry } from "./command.ts";
import type { History } from "./history.ts";
import type { Keys } from "./keys.ts";
import { covers } from "./transaction.ts";
import type { KeyRange } from "./transaction.ts";

/** One change of one key. For a deletion `entry` has version 0, no value, and the revision of the deletion. */
export interface StoreEvent {
  readonly type: "put" | "delete";
  readonly entry: Entry;
  /** What the key held before; null when it did not exist, or nobody asked. */
  readonly previous: Entry | null;
}

/** Where events go on: with the change of that index among those of that revision (SPEC N1). */
export interface EventPlace {
  readonly revision: Revision;
  readonly index: number;
}

export interface EventQuery {
  readonly range: KeyRange;
  /** Further ranges, followed by the same question. A key that lies in several of them is told once. */
  readonly also?: readonly KeyRange[];
  readonly from: EventPlace;
  /** Which kinds are told. */
  readonly puts: boolean;
  readonly deletes: boolean;
  /** Tell what was there before, too. */
  readonly previous: boolean;
}

export interface EventBounds {
  readonly events: number;
  /** Of keys and values. The first event is given however large it is. */
  readonly bytes: number;
  /** Changes looked at, told or not: bounds the time of one answer. */
  readonly changes: number;
}

export interface Events {
  readonly type: "events";
  readonly events: readonly StoreEvent[];
  /** All that lies before was told. Index 0: all events of the revisions before were. */
  readonly next: EventPlace;
}

type Followed = Pick<EventQuery, "range" | "also">;

export const isFollowed = ({ range, also = [] }: Followed, key: ByteString): boolean =>
  covers(range, key) || also.some((one) => covers(one, key));

/** Whether any of these keys is followed. @param sorted in their order: many questions are asked of the same keys. */
export const isTouched = ({ range, also = [] }: Followed, sorted: readonly ByteString[]): boolean =>
  holdsAny(range, sorted) || also.some((one) => holdsAny(one, sorted));

function holdsAny(range: KeyRange, sorted: readonly ByteString[]): boolean {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((sorted[middle] ?? "") < range.key) low = middle + 1;
    else high = middle;
  }
  const first = sorted[low];
  return first !== undefined && covers(range, first);
}

export const startOf = (at: number): EventPlace => ({ revision: revision(at), index: 0 });

export class EventReader {
  readonly #keys: Keys;
  readonly #history: History;

  constructor(keys: Keys, history: History) {
    this.#keys = keys;
    this.#history = history;
  }

  /** Events up to the newest revision, or to the first that has no room. `query.from` must not lie below what is kept. */
  read(query: EventQuery, present: Revision, bounds: EventBounds): Events {
    const events: StoreEvent[] = [];
    let [bytes, looked] = [0, 0];
    for (const { change, place } of this.#changesFrom(query.from)) {
      if (looked >= bounds.changes) return { type: "events", events, next: place };
      looked += 1;
      if (!isFollowed(query, change.key) || !(change.deleted ? query.deletes : query.puts)) continue;
      const event = this.#eventOf(change, query.previous);
      bytes += sizeOf(event.entry) + (event.previous === null ? 0 : sizeOf(event.previous));
      if (events.length > 0 && (events.length === bounds.events || bytes > bounds.bytes)) {
        return { type: "events", events, next: place };
      }
      events.push(event);
    }
    // A place this store has not come to stays as it is, with its index: it may divide a revision that others know (N1).
    const next = query.from.revision > present ? query.from : startOf(present + 1);
    return { type: "events", events, next };
  }

  *#changesFrom(from: EventPlace): Generator<{ readonly change: Change; readonly place: EventPlace }> {
    const history = this.#history;
    let batch = history.batchOf(from.revision);
    while (batch !== null) {
      // No revision goes on into the next batch.
      let [at, index] = [0, 0];
      for (const change of history.changesOf(batch.slot)) {
        index = change.mod === at ? index + 1 : 0;
        at = change.mod;
        if (at < from.revision || (at === from.revision && index < from.index)) continue;
        yield { change, place: { revision: revision(at), index } };
      }
      batch = history.batchOf(revision(batch.revision + 1), nextSlot(batch.slot));
    }
  }

  #eventOf({ key, mod, previous, deleted }: Change, withPrevious: boolean): StoreEvent {
    const before = withPrevious && previous !== null ? this.#keys.at(key, previous) : null;
    if (deleted) {
      const entry = {
        key,
        value: new Uint8Array(0),
        createRevision: revision(0),
        modRevision: mod,
        version: 0,
        lease: null,
      };
      return { type: "delete", entry, previous: before };
    }
    const entry = this.#keys.at(key, mod);
    assert(entry !== null, "N1 a change that is kept has its row");
    return { type: "put", entry, previous: before };
  }
}

const sizeOf = ({ key, value }: Entry): number => key.length + value.length + 64;
