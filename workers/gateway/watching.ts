/**
 * Following what happens to a range of keys: one question after another to the replicas, each from where the answer before
 * it ended. Whoever answers reads the log's own record, so it makes no difference which replica does, and when one dies the
 * next one goes on. Nothing is read ahead of the caller: a slow client slows down its own questions only (SPEC N1-N4). Those
 * who wait for the same share a question (`shared-questions.ts`).
 */
import { revision } from "../../src/support/brand.ts";
import type { Revision } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import { startOf } from "../../src/store/events.ts";
import type { EventPlace, EventQuery, StoreEvent } from "../../src/store/events.ts";
import { allOf } from "../../src/store/ranges.ts";
import { assert } from "../../src/support/assert.ts";
import { Problem } from "./problems.ts";
import { read } from "./reads.ts";
import { askReplicas } from "./replicas.ts";
import { happeningsTogether } from "./shared-questions.ts";
import type { Visit } from "./visit.ts";

/** What is followed: an `EventQuery` without its place. */
export type Followed = Omit<EventQuery, "from">;

/** One answer. Without events it is a sign of life: everything before `next` was told. */
export interface Happenings {
  readonly events: readonly StoreEvent[];
  readonly next: EventPlace;
  /** The store's at the replica that answered. */
  readonly revision: Revision;
}

/** The first revision that nobody who has seen all acknowledged writes has seen: where "from now on" begins. */
export async function fromNow(visit: Visit, { range }: Pick<Followed, "range">): Promise<EventPlace> {
  const query = { ...allOf({ key: range.key, end: null }), countOnly: true };
  const asked = { type: "range", range: query, place: { after: null, skip: 0 } } as const;
  const { revision: at } = await read(visit, { type: "linearizable" }, asked, "range");
  return startOf(at + 1);
}

/**
 * One question, or a part in one that others ask, too.
 * @param waitMs how long to wait for something to happen, at most `limits.watchWaitMs`; 0: not at all.
 * @param maxBytes of the events in the answer, unless it is shared; the first is answered however large it is.
 * @throws {Problem} `revision-compacted` when the place lies before what is kept; otherwise when no replica could answer.
 */
export async function happenings(
  visit: Visit,
  followed: Followed,
  from: EventPlace,
  waitMs: number = limits.watchWaitMs,
  maxBytes: number = limits.watchBytes,
): Promise<Happenings> {
  if (waitMs === 0 || !visit.gathers) return ask(visit, followed, from, waitMs, maxBytes);
  return happeningsTogether(visit, followed, from, waitMs, async (place, ms, bytes = maxBytes) =>
    ask(visit, followed, place, ms, bytes),
  );
}

async function ask(
  visit: Visit,
  followed: Followed,
  from: EventPlace,
  waitMs: number,
  maxBytes: number,
): Promise<Happenings> {
  const request = { type: "watch", query: { ...followed, from }, maxBytes, waitMs } as const;
  const { reply } = await askReplicas(visit, request);
  assert(reply.type === "result", "a watch is answered with a result");
  const { result } = reply;
  if (result.type === "compacted") throw compacted(result.compactedRevision);
  assert(result.type === "events", "a watch is answered with events");
  return { events: result.events, next: result.next, revision: revision(reply.revision) };
}

const compacted = (compactedRevision: Revision): Problem =>
  new Problem("revision-compacted", `events before revision ${compactedRevision} are no longer kept: begin there`, {
    extra: { compactedRevision },
  });
