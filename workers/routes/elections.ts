/**
 * The door to elections: `/elections/{name}`. The first place of a queue leads, and proclaims a value; who waits in it leads
 * next. A leader that lost its place learns so when it proclaims, and its writes fail only where they are guarded.
 */
import * as v from "valibot";
import type { Revision } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import { electionQueue } from "../../src/store/key-space.ts";
import { startOf } from "../../src/store/events.ts";
import { prefixRange } from "../../src/store/transaction.ts";
import { jsonBodyOf } from "../gateway/bodies.ts";
import { bytesMember } from "../gateway/bytes-member.ts";
import { eventStream } from "../gateway/event-stream.ts";
import type { EventSource, ServerEvent } from "../gateway/event-stream.ts";
import { bytesFrom, encodingSchema, ttlSchema, wholeSchema } from "../gateway/members.ts";
import { resource } from "../gateway/methods.ts";
import type { App } from "../gateway/methods.ts";
import { Problem } from "../gateway/problems.ts";
import { Query } from "../gateway/query.ts";
import * as queues from "../gateway/queue-door.ts";
import type { Door } from "../gateway/queue-door.ts";
import { placesOf, proclaim } from "../gateway/queues.ts";
import type { Place, Queue } from "../gateway/queues.ts";
import type { Visit } from "../gateway/visit.ts";
import { happenings } from "../gateway/watching.ts";

const elections: queues.Queues = { kind: "election", prefixOf: electionQueue };

const valueMembers = { value: v.string(), encoding: encodingSchema };
const campaignSchema = v.strictObject({
  ...valueMembers,
  ttl: ttlSchema,
  wait: v.optional(wholeSchema(0, limits.lockWaitSeconds), 0),
});
const proclaimSchema = v.strictObject(valueMembers);

export function addElectionRoutes(app: App): void {
  resource(app, "/elections/:name", { GET: lead, POST: campaign });
  resource(app, "/elections/:name/observe", { GET: observe });
  resource(app, "/elections/:name/:token", { PUT: speak, DELETE: resign });
}

const shownValue = (value: Uint8Array | null) => bytesMember("value", "encoding", value ?? new Uint8Array(0));

async function campaign(context: Door): Promise<Response> {
  const queue = queues.queueIn(context, elections);
  queues.plain(context);
  const { bytes: body, value: asked } = await jsonBodyOf(context.req.raw, campaignSchema);
  const value = bytesFrom(asked.value, asked.encoding, "value");
  const { ttl, wait } = asked;
  return queues.take(context, { queue, body, ttl, wait, owner: null, value, shown: shownValue(value), taken: led });
}

function led(first: Place | null): Problem {
  if (first === null) return new Problem("not-elected", "somebody else led for as long as it was waited for");
  const { token, value } = first;
  return new Problem("not-elected", `somebody leads with token ${token}`, { extra: { token, ...shownValue(value) } });
}

async function speak(context: Door): Promise<Response> {
  const [queue, token] = [queues.queueIn(context, elections), queues.tokenOf(context)];
  const headers = queues.plain(context);
  const { bytes, value: body } = await jsonBodyOf(context.req.raw, proclaimSchema);
  const value = bytesFrom(body.value, body.encoding, "value");
  const asked = queues.askedOf("PUT", queue, token, bytes);
  const said = await proclaim(context.var.visit, headers, asked, queue, token, value);
  const { revision } = said.outcome;
  const shown = { ...queues.shownName(queue), token, ttl: said.ttlMs / 1000, ...shownValue(value), revision };
  return context.json(shown, 200, said.headers);
}

const resign = async (context: Door): Promise<Response> =>
  queues.leave(context, queues.queueIn(context, elections), "resigned");

const shownLeader = ({ token, ttlMs, value, modRevision }: Place) => ({
  token,
  ttl: ttlMs / 1000,
  ...shownValue(value),
  modRevision,
});

async function lead(context: Door): Promise<Response> {
  const queue = queues.queueIn(context, elections);
  const { places, revision, headers } = await queues.placesAsked(context, queue, 1);
  const [leader] = places;
  if (leader === undefined) throw new Problem("no-leader", "nobody stands for this election", { headers });
  return context.json({ ...queues.shownName(queue), ...shownLeader(leader), revision }, 200, headers);
}

async function observe(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const queue = queues.queueIn(context, elections);
  new Query(req.url, []);
  return eventStream(doors.visit, req.raw.signal, observed(doors.visit, queue));
}

/**
 * Who leads and what it proclaims: now, and whenever that changes. A state, not a history: of changes that follow each
 * other closely the last is told, and who comes back is told what is, whatever it missed.
 */
async function* observed(visit: Visit, queue: Queue): EventSource {
  const followed = { range: prefixRange(queue.prefix), puts: true, deletes: true, previous: false };
  let told: ServerEvent["data"];
  let now = await placesOf(visit, { type: "linearizable" }, queue, 1);
  for (;;) {
    const [leader = null] = now.places;
    const data = leader === null ? null : shownLeader(leader);
    if (JSON.stringify(data) !== JSON.stringify(told)) {
      told = data;
      const id = String(now.revision);
      yield [leader === null ? { event: "no-leader", id, data: {} } : { event: "leader", id, data }];
    }
    let seen: Revision | null = null;
    for (let from = startOf(now.revision + 1); seen === null;) {
      const answer = await happenings(visit, followed, from, limits.watchProgressMs).catch(compacted);
      // Nothing to tell, and a place to stop at when the observer is gone.
      yield [];
      if (answer === null) seen = now.revision;
      else if (answer.events.length > 0) seen = answer.revision;
      else from = answer.next;
    }
    now = await placesOf(visit, { type: "session", atLeast: seen }, queue, 1);
  }
}

/** History is no matter here: what is now is read anew. */
function compacted(error: unknown): null {
  if (error instanceof Problem && error.code === "revision-compacted") return null;
  throw error;
}
