/**
 * The door to locks: `/locks/{name}`. The first place of a queue holds the lock; its token is a revision, so it only grows.
 * Holding a lock is not knowing that one still holds it: writes prove that by `If-Lock` (SPEC K1).
 */
import type { Context } from "hono";
import * as v from "valibot";
import type { Revision } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import { lockQueue } from "../../src/store/key-space.ts";
import { placeKey } from "../../src/store/queues.ts";
import { jsonBodyOf, noBodyOf } from "../gateway/bodies.ts";
import { bytesMember } from "../gateway/bytes-member.ts";
import { refuseConditions } from "../gateway/conditions.ts";
import { ttlSchema, wholeSchema } from "../gateway/members.ts";
import { handedOver } from "../gateway/handover.ts";
import { resource } from "../gateway/methods.ts";
import type { App } from "../gateway/methods.ts";
import { lockNameIn, tokenIn } from "../gateway/names.ts";
import { Problem } from "../gateway/problems.ts";
import { Query } from "../gateway/query.ts";
import { acquire, placesOf, renew } from "../gateway/queues.ts";
import type { Place, Queue } from "../gateway/queues.ts";
import { consistencyIn, consistencyParameters } from "../gateway/reads.ts";
import type { GatewayEnv } from "../gateway/arrival.ts";
import { write } from "../gateway/writes.ts";

type Door = Context<GatewayEnv>;

const bodySchema = v.strictObject({
  ttl: ttlSchema,
  wait: v.optional(wholeSchema(0, limits.lockWaitSeconds), 0),
  owner: v.optional(
    v.pipe(
      v.string(),
      v.minLength(1),
      v.maxLength(limits.ownerCharacters),
      v.check((text) => text.isWellFormed(), "is not text: it holds half a character"),
    ),
  ),
});

export function addLockRoutes(app: App): void {
  resource(app, "/locks/:name", { GET: show, POST: take });
  resource(app, "/locks/:name/:token", { PUT: extend, DELETE: release });
}

/** From the path as it was sent: names are bytes. */
function queueOf({ req }: Door): Queue {
  const name = lockNameIn(req.path.split("/")[2] ?? "");
  return { kind: "lock", name, prefix: lockQueue(name) };
}

const tokenOf = ({ req }: Door): Revision => tokenIn(req.path.split("/")[3] ?? "");

const shownName = ({ name }: Queue) => bytesMember("name", "nameEncoding", name);

/** The same for every spelling of one name. */
const canonicalPath = ({ prefix }: Queue, token?: Revision): string => `/locks/${prefix}${token ?? ""}`;

async function take(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const { visit } = doors;
  const queue = queueOf(context);
  new Query(req.url, []);
  const { headers, signal } = req.raw;
  refuseConditions(headers);
  const { bytes, value } = await jsonBodyOf(req.raw, bodySchema);
  const { ttl, wait, owner = null } = value;
  const asked = { method: "POST", path: canonicalPath(queue), condition: "always", body: bytes };
  const place = { ttlMs: ttl * 1000, owner, value: null };
  const acquiring = acquire(visit, { queue, value: place, waitMs: wait * 1000, asked, headers, signal });
  // Should the client hang up, its place is still to be given up.
  visit.afterwards(acquiring.catch(() => undefined));
  const acquired = await acquiring;
  if (acquired.type === "taken") throw held(acquired.first);
  const { token, headers: said, leave } = acquired;
  const shown = { ...shownName(queue), token, ttl, owner };
  return leave === null ? context.json(shown, 201, said) : handedOver(visit, signal, shown, said, leave);
}

function held(first: Place | null): Problem {
  if (first === null) return new Problem("lock-held", "somebody else held it for as long as it was waited for");
  const { token, owner } = first;
  return new Problem("lock-held", `it is held with token ${token}`, { extra: { token, owner } });
}

async function show(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const queue = queueOf(context);
  const consistency = consistencyIn(new Query(req.url, consistencyParameters));
  const { places, revision, headers } = await placesOf(doors.visit, consistency, queue);
  const [holder = null, ...waiting] = places.map(({ token, owner, ttlMs }) => ({ token, owner, ttl: ttlMs / 1000 }));
  return context.json({ ...shownName(queue), holder, waiting, revision }, 200, headers);
}

async function extend(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const [queue, token] = [queueOf(context), tokenOf(context)];
  new Query(req.url, []);
  refuseConditions(req.raw.headers);
  await noBodyOf(req.raw);
  const asked = { method: "PUT", path: canonicalPath(queue, token), condition: "always", body: new Uint8Array(0) };
  const { outcome, headers } = await renew(doors.visit, req.raw.headers, asked, queue, token);
  return context.json({ ...shownName(queue), token, ttl: outcome.ttlMs / 1000 }, 200, headers);
}

async function release(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const [queue, token] = [queueOf(context), tokenOf(context)];
  new Query(req.url, []);
  refuseConditions(req.raw.headers);
  const asked = { method: "DELETE", path: canonicalPath(queue, token), condition: "always", body: new Uint8Array(0) };
  const operation = { type: "delete", key: placeKey(queue.prefix, token), condition: { type: "always" } } as const;
  const { outcome, headers } = await write(doors.visit, req.raw.headers, asked, operation, "deleted");
  return context.json({ ...shownName(queue), token, released: outcome.existed }, 200, headers);
}
