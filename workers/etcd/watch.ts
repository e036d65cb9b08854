/**
 * One watch of a stream: asks for what happens from its place on and tells it, in etcd's words. Revisions are not divided
 * unless the client takes fragments. What is asked for is not read ahead: an answer for which the stream has no room is
 * let go, and asked for again (SPEC N1-N4).
 */
import { assert } from "../../src/support/assert.ts";
import { revision } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import type { EventPlace, StoreEvent } from "../../src/store/events.ts";
import { Problem } from "../gateway/problems.ts";
import { pause } from "../gateway/visit.ts";
import type { Visit } from "../gateway/visit.ts";
import { happenings } from "../gateway/watching.ts";
import type { Followed, Happenings } from "../gateway/watching.ts";
import { base64OfKey, header, keyValue, message } from "./answers.ts";
import { etcdErrorOf } from "./errors.ts";
import type { Lines } from "./lines.ts";
import type { Room } from "./room.ts";

/** How long to wait when nobody could be asked. */
const pauseMs = 1_000;

export interface WatchWanted {
  readonly id: bigint;
  readonly followed: Followed;
  readonly fragments: boolean;
  readonly progress: boolean;
}

export class Watch {
  readonly #visit: Visit;
  readonly #lines: Lines;
  readonly #room: Room;
  readonly #wanted: WatchWanted;
  #from: EventPlace;
  #cancelled = false;

  constructor(visit: Visit, lines: Lines, room: Room, wanted: WatchWanted, from: EventPlace) {
    this.#visit = visit;
    this.#lines = lines;
    this.#room = room;
    this.#wanted = wanted;
    this.#from = from;
  }

  get #over(): boolean {
    return this.#cancelled || this.#lines.gone.aborted;
  }

  cancel(): void {
    this.#cancelled = true;
  }

  /** All events up to this revision were told. */
  async toldUpTo(at: number): Promise<number> {
    const told = this.#from.revision - 1;
    if (told >= at) return at;
    const { events, next } = await happenings(this.#visit, this.#wanted.followed, this.#from, 0);
    return Math.min(at, (events[0]?.entry.modRevision ?? next.revision) - 1);
  }

  /** Until it is cancelled, or the client is gone. @returns why the watch ended by itself. */
  async run(): Promise<object | null> {
    while (!this.#over) {
      try {
        await this.#step();
      } catch (error) {
        const end = this.#endOf(error);
        if (end !== null) return this.#over ? null : end;
        await pause(this.#visit, pauseMs);
      }
    }
    return null;
  }

  /** @returns null when it is worth trying again. */
  #endOf(error: unknown): object | null {
    const { id: watch } = this.#wanted;
    if (!(error instanceof Problem) || error.code === "internal") throw error;
    if (error.code === "revision-compacted") {
      const at = Number(error.particulars.extra?.["compactedRevision"] ?? 0);
      // etcd tells no revision here: the client is to begin again at the one that is named.
      const said = header(this.#visit, this.#visit.regions[0] ?? "", null);
      return message({ header: said, watch_id: String(watch), canceled: true, compact_revision: String(at) });
    }
    if (error.code !== "too-many-watches") return null;
    const said = header(this.#visit, this.#visit.regions[0] ?? "", this.#from.revision - 1);
    return message({
      header: said,
      watch_id: String(watch),
      canceled: true,
      cancel_reason: etcdErrorOf(error).message,
    });
  }

  async #step(): Promise<void> {
    await this.#room.free();
    if (this.#over) return;
    let answer = await happenings(this.#visit, this.#wanted.followed, this.#from);
    if (answer.events.length === 0) return this.#nothing(answer);
    const taken = this.#room.take(sizeOf(answer.events));
    if (taken === null) return;
    try {
      // A revision that did not fit is completed before it is told.
      while (!this.#wanted.fragments && answer.next.index > 0 && taken.size < limits.etcdAnswerBytes) {
        const rest = await happenings(this.#visit, this.#wanted.followed, answer.next, 0);
        answer = { ...rest, events: [...answer.events, ...rest.events] };
        taken.add(sizeOf(rest.events));
      }
      await this.#tell(answer);
    } finally {
      taken.release();
    }
  }

  async #tell({ events, next, revision: at }: Happenings): Promise<void> {
    if (this.#over) return;
    const whole = next.index === 0;
    // What a client goes on from after this answer must not lie beyond what it was told.
    const said = header(
      this.#visit,
      this.#visit.regions[0] ?? "",
      whole ? Math.min(at, next.revision - 1) : next.revision,
    );
    const told = message({
      header: said,
      watch_id: String(this.#wanted.id),
      fragment: !whole,
      events: events.map(shownEvent),
    });
    await this.#lines.write({ result: told });
    this.#from = next;
  }

  async #nothing({ next, revision: at }: Happenings): Promise<void> {
    this.#from = next;
    if (this.#over || !(this.#wanted.progress || this.#lines.tooSilent)) return;
    const told = Math.min(at, next.revision - 1);
    const said = header(this.#visit, this.#visit.regions[0] ?? "", told);
    await this.#lines.write({ result: message({ header: said, watch_id: String(this.#wanted.id) }) });
  }
}

const sizeOf = (events: readonly StoreEvent[]): number =>
  events.reduce((sum, { entry, previous }) => {
    const before = previous === null ? 0 : previous.key.length + previous.value.length;
    return sum + entry.key.length + entry.value.length + before + 64;
  }, 0);

function shownEvent({ type, entry, previous }: StoreEvent): object {
  const before = previous === null ? null : keyValue(previous);
  if (type === "put") return message({ kv: keyValue(entry), prev_kv: before });
  const kv = message({ key: base64OfKey(entry.key), mod_revision: String(entry.modRevision) });
  return message({ type: "DELETE", kv, prev_kv: before });
}

export const placeOf = (at: number): EventPlace => {
  assert(at >= 0, "a place lies not below zero");
  return { revision: revision(at), index: 0 };
};
