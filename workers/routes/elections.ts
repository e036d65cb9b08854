/**
 * The door to elections: `/elections/{name}`. The first place of a queue leads, and proclaims a value; who waits in it leads
 * next. A leader that lost its place learns so when it proclaims, and its writes fail only where they are guarded.
 */
import type { Context } from "hono";
import * as v from "valibot";
import type { Revision } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import { electionQueue } from "../../src/store/key-space.ts";
import { placeKey } from "../../src/store/queues.ts";
import { startOf } from "../../src/store/events.ts";
import { prefixRange } from "../../src/store/transaction.ts";
import { jsonBodyOf } from "../gateway/bodies.ts";
import { bytesMember } from "../gateway/bytes-member.ts";
import { refuseConditions } from "../gateway/conditions.ts";
import { eventStream } from "../gateway/event-stream.ts";
import type { EventSource, ServerEvent } from "../gateway/event-stream.ts";
import { bytesFrom, encodingSchema, ttlSchema, wholeSchema } from "../gateway/members.ts";
import { handedOver } from "../gateway/handover.ts";
import { resource } from "../gateway/methods.ts";
import type { App } from "../gateway/methods.ts";
import { lockNameIn, tokenIn } from "../gateway/names.ts";
import { Problem } from "../gateway/problems.ts";
import { Query } from "../gateway/query.ts";
import { acquire, placesOf, proclaim } from "../gateway/queues.ts";
import type { Place, Queue } from "../gateway/queues.ts";
import { consistencyIn, consistencyParameters } from "../gateway/reads.ts";
import type { GatewayEnv } from "../gateway/arrival.ts";
import type { Visit } from "../gateway/visit.ts";
import { happenings } from "../gateway/watching.ts";
import { write } from "../gateway/writes.ts";

type Door = Context<GatewayEnv>;

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

/** From the path as it was sent: names are bytes. */
function queueOf({ req }: Door): Queue {
  const name = lockNameIn(req.path.split("/")[2] ?? "");
  return { kind: "election", name, prefix: electionQueue(name) };
}

const tokenOf = ({ req }: Door): Revision => tokenIn(req.path.split("/")[3] ?? "");

const shownName = ({ name }: Queue) => bytesMember("name", "nameEncoding", name);
const shownValue = (value: Uint8Array | null) => bytesMember("value", "encoding", value ?? new Uint8Array(0));

/** The same for every spelling of one name. */
const canonicalPath = ({ prefix }: Queue, token?: Revision): string => `/elections/${prefix}${token ?? ""}`;

async function campaign(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const { visit } = doors;
  const queue = queueOf(context);
  new Query(req.url, []);
  const { headers, signal } = req.raw;
  refuseConditions(headers);
  const { bytes, value: body } = await jsonBodyOf(req.raw, campaignSchema);
  const value = bytesFrom(body.value, body.encoding, "value");
  const { ttl, wait } = body;
  const asked = { method: "POST", path: canonicalPath(queue), condition: "always", body: bytes };
  const place = { ttlMs: ttl * 1000, owner: null, value };
  const acquiring = acquire(visit, { queue, value: place, waitMs: wait * 1000, asked, headers, signal });
  // Should the candidate hang up, its place is still to be given up.
  visit.afterwards(acquiring.catch(() => undefined));
  const acquired = await acquiring;
  if (acquired.type === "taken") throw led(acquired.first);
  const { token, headers: said, leave } = acquired;
  const shown = { ...shownName(queue), token, ttl, ...shownValue(value) };
  return leave === null ? context.json(shown, 201, said) : handedOver(visit, signal, shown, said, leave);
}

function led(first: Place | null): Problem {
  if (first === null) return new Problem("not-elected", "somebody else led for as long as it was waited for");
  const { token, value } = first;
  return new Problem("not-elected", `somebody leads with token ${token}`, { extra: { token, ...shownValue(value) } });
}

async function speak(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const [queue, token] = [queueOf(context), tokenOf(context)];
  new Query(req.url, []);
  refuseConditions(req.raw.headers);
  const { bytes, value: body } = await jsonBodyOf(req.raw, proclaimSchema);
  const value = bytesFrom(body.value, body.encoding, "value");
  const asked = { method: "PUT", path: canonicalPath(queue, token), condition: "always", body: bytes };
  const said = await proclaim(doors.visit, req.raw.headers, asked, queue, token, value);
  const { revision } = said.outcome;
  const shown = { ...shownName(queue), token, ttl: said.ttlMs / 1000, ...shownValue(value), revision };
  return context.json(shown, 200, said.headers);
}

async function resign(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const [queue, token] = [queueOf(context), tokenOf(context)];
  new Query(req.url, []);
  refuseConditions(req.raw.headers);
  const asked = { method: "DELETE", path: canonicalPath(queue, token), condition: "always", body: new Uint8Array(0) };
  const operation = { type: "delete", key: placeKey(queue.prefix, token), condition: { type: "always" } } as const;
  const { outcome, headers } = await write(doors.visit, req.raw.headers, asked, operation, "deleted");
  return context.json({ ...shownName(queue), token, resigned: outcome.existed }, 200, headers);
}

const shownLeader = ({ token, ttlMs, value, modRevision }: Place) => ({
  token,
  ttl: ttlMs / 1000,
  ...shownValue(value),
  modRevision,
});

async function lead(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const queue = queueOf(context);
  const consistency = consistencyIn(new Query(req.url, consistencyParameters));
  const { places, revision, headers } = await placesOf(doors.visit, consistency, queue, 1);
  const [leader] = places;
  if (leader === undefined) throw new Problem("no-leader", "nobody stands for this election", { headers });
  return context.json({ ...shownName(queue), ...shownLeader(leader), revision }, 200, headers);
}

async function observe(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const queue = queueOf(context);
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
