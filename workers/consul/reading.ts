/**
 * How a read is asked for and answered: consistency modes, the `X-Consul-*` headers, and blocking queries. A blocking query
 * reads, and when nothing is newer than the client's index it waits at a replica for a change of its own ranges, in
 * several rounds, and reads again. An unrelated change wakes nobody.
 */
import { assert } from "../../src/support/assert.ts";
import { revision } from "../../src/support/brand.ts";
import type { Revision } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import { integerBetween } from "../../src/support/random.ts";
import type { Consistency } from "../../src/replica/messages.ts";
import { startOf } from "../../src/store/events.ts";
import type { KeyRange } from "../../src/store/transaction.ts";
import { Problem } from "../gateway/problems.ts";
import { happenings } from "../gateway/watching.ts";
import type { Call } from "./call.ts";
import { durationOf, millisecondsOf } from "./durations.ts";
import { ConsulError } from "./errors.ts";

/** What was read: of one moment. */
export interface Found {
  /**
   * The newest revision of what the answer is about, deletions included: the index that a client waits on. It may be
   * higher than that, up to `revision`, never lower.
   */
  readonly index: number;
  /** The store's, at which it was read. */
  readonly revision: Revision;
  /** Whose changes make this answer another one, where that is known only now; without it, what was asked about. */
  readonly ranges?: readonly KeyRange[];
  /** As `read` answers them: `synod-age` becomes `X-Consul-LastContact`. */
  readonly headers: Readonly<Record<string, string>>;
  /** JSON; without it the answer has no body. */
  readonly body?: unknown;
  readonly status?: number;
  /** Instead of a body as JSON. */
  readonly raw?: { readonly bytes: Uint8Array<ArrayBuffer>; readonly headers: Readonly<Record<string, string>> };
}

export type Ask = (consistency: Consistency) => Promise<Found>;

/**
 * A read that may block (`?index=`).
 * @param ranges whose changes wake it, unless the answer says so itself: those that `index` tells of.
 * @throws {ConsulError} for parameters that are not well formed, before anything is read.
 */
export async function blocking(call: Call, ranges: readonly KeyRange[], ask: Ask): Promise<Response> {
  const { first, later } = consistencyIn(call);
  const wait = waitIn(call);
  const { visit, signal } = call;
  const until = visit.now() + wait.ms;
  let found = await ask(first);
  while (wait.index > 0 && indexOf(found) <= wait.index && !signal.aborted) {
    const left = until - visit.now();
    if (left <= 0) break;
    const changed = await changeWithin(call, found.ranges ?? ranges, found.revision, left);
    if (changed === null) break;
    found = await ask(later(changed));
  }
  return answer(call, found, first);
}

/** A client's index is never below 1: 0 would make it ask again at once, for ever. */
const indexOf = ({ index }: Found): number => Math.max(1, index);

/** @returns the revision of the first change after one, or null when there was none in time, or nobody waits any more. */
export async function changeWithin(
  { visit, signal }: Call,
  ranges: readonly KeyRange[],
  after: Revision,
  waitMs: number,
): Promise<Revision | null> {
  const [range, ...also] = ranges;
  assert(range !== undefined, "a blocking query is about something");
  const followed = { range, ...(also.length === 0 ? {} : { also }), puts: true, deletes: true, previous: false };
  const until = visit.now() + waitMs;
  for (let from = startOf(after + 1); ;) {
    const left = until - visit.now();
    if (left <= 0 || signal.aborted) return null;
    try {
      const { events, next } = await happenings(visit, followed, from, Math.min(left, limits.watchWaitMs), 1);
      const [event] = events;
      if (event !== undefined) return event.entry.modRevision;
      from = next;
    } catch (error) {
      // Where history is gone, a look at what there is tells.
      if (error instanceof Problem && error.code === "revision-compacted") return revision(from.revision);
      throw error;
    }
  }
}

/** The answer to a read that cannot block, or is done with it. */
export function answer(call: Call, found: Found, consistency: Consistency): Response {
  const headers = { ...readHeaders(found, consistency), ...found.raw?.headers };
  const status = found.status ?? 200;
  if (found.raw !== undefined) return new Response(found.raw.bytes, { status, headers });
  return found.body === undefined ? call.empty({ status, headers }) : call.json(found.body, { status, headers });
}

function readHeaders(found: Found, consistency: Consistency): Readonly<Record<string, string>> {
  const stale = consistency.type === "local";
  const age = Number(found.headers["synod-age"] ?? "unknown");
  const knownAge = Number.isFinite(age);
  return {
    "cache-control": "no-store",
    vary: "Accept-Encoding",
    "x-consul-index": String(indexOf(found)),
    "x-consul-knownleader": String(!stale || knownAge),
    "x-consul-lastcontact": stale && knownAge ? String(Math.round(age)) : "0",
    "x-consul-query-backend": "blocking-query",
    "x-consul-effective-consistency": stale ? "stale" : "consistent",
    "x-consul-default-acl-policy": "allow",
    ...(found.headers["synod-region"] === undefined ? {} : { "synod-region": found.headers["synod-region"] }),
  };
}

// --- what the client asked for ---

interface Modes {
  readonly first: Consistency;
  /** After a wait: at least as new as the change that ended it. */
  readonly later: (changed: Revision) => Consistency;
}

/** Neither `stale` nor `consistent`: as `consistent`, since nobody here rests on a lease. */
export function consistencyIn(call: Call): Modes {
  const stale = call.has("stale");
  const asked = call.parameter("max_stale");
  const bound = asked === null || asked === "" ? null : durationOf(asked);
  if (asked !== null && asked !== "" && (bound === null || bound < 0n)) {
    throw new ConsulError(400, `Invalid max_stale value ${JSON.stringify(asked.slice(0, 80))}`);
  }
  if ((stale || bound !== null) && call.has("consistent")) {
    throw new ConsulError(400, "Cannot specify ?stale with ?consistent, conflicting semantics.");
  }
  if (!stale && bound === null) {
    return { first: { type: "linearizable" }, later: () => ({ type: "linearizable" }) };
  }
  const maxAgeMs = bound === null ? null : Math.min(millisecondsOf(bound), Number.MAX_SAFE_INTEGER);
  return {
    first: { type: "local", maxAgeMs },
    later: (changed) => ({ type: "session", atLeast: changed }),
  };
}

const defaultWaitMs = 300_000;
const longestWaitMs = 600_000;

interface Wait {
  /** 0: not at all. */
  readonly index: number;
  readonly ms: number;
}

/** As Consul: 5 minutes unless asked for, at most 10, and up to a sixteenth more, so that not all come back at once. */
export function waitIn(call: Call): Wait {
  const text = call.parameter("index") ?? "";
  const index = text === "" ? 0 : Number(text);
  if (text !== "" && !/^[0-9]{1,20}$/.test(text)) throw new ConsulError(400, "Invalid index");
  const asked = call.parameter("wait") ?? "";
  const wait = asked === "" ? 0n : durationOf(asked);
  if (wait === null) throw new ConsulError(400, "Invalid wait time");
  const ms = wait <= 0n ? defaultWaitMs : Math.min(millisecondsOf(wait), longestWaitMs);
  return { index, ms: ms + integerBetween(call.visit.random, 0, Math.floor(ms / 16)) };
}
