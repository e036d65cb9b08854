/**
 * The door to locks: `/locks/{name}`. The first place of a queue holds the lock; its token is a revision, so it only grows.
 * Holding a lock is not knowing that one still holds it: writes prove that by `If-Lock` (SPEC K1).
 */
import * as v from "valibot";
import { limits } from "../../src/support/limits.ts";
import { lockQueue } from "../../src/store/key-space.ts";
import { jsonBodyOf, noBodyOf } from "../gateway/bodies.ts";
import { ttlSchema, wholeSchema } from "../gateway/members.ts";
import { resource } from "../gateway/methods.ts";
import type { App } from "../gateway/methods.ts";
import { Problem } from "../gateway/problems.ts";
import * as queues from "../gateway/queue-door.ts";
import type { Door } from "../gateway/queue-door.ts";
import { renew } from "../gateway/queues.ts";
import type { Place } from "../gateway/queues.ts";

const locks: queues.Queues = { kind: "lock", prefixOf: lockQueue };

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

async function take(context: Door): Promise<Response> {
  const queue = queues.queueIn(context, locks);
  queues.plain(context);
  const { bytes: body, value } = await jsonBodyOf(context.req.raw, bodySchema);
  const { ttl, wait, owner = null } = value;
  return queues.take(context, { queue, body, ttl, wait, owner, value: null, shown: { owner }, taken: held });
}

function held(first: Place | null): Problem {
  if (first === null) return new Problem("lock-held", "somebody else held it for as long as it was waited for");
  const { token, owner } = first;
  return new Problem("lock-held", `it is held with token ${token}`, { extra: { token, owner } });
}

async function show(context: Door): Promise<Response> {
  const queue = queues.queueIn(context, locks);
  const { places, revision, headers } = await queues.placesAsked(context, queue);
  const [holder = null, ...waiting] = places.map(({ token, owner, ttlMs }) => ({ token, owner, ttl: ttlMs / 1000 }));
  return context.json({ ...queues.shownName(queue), holder, waiting, revision }, 200, headers);
}

async function extend(context: Door): Promise<Response> {
  const [queue, token] = [queues.queueIn(context, locks), queues.tokenOf(context)];
  const asking = queues.plain(context);
  await noBodyOf(context.req.raw);
  const { outcome, headers } = await renew(
    context.var.visit,
    asking,
    queues.askedOf("PUT", queue, token),
    queue,
    token,
  );
  return context.json({ ...queues.shownName(queue), token, ttl: outcome.ttlMs / 1000 }, 200, headers);
}

const release = async (context: Door): Promise<Response> =>
  queues.leave(context, queues.queueIn(context, locks), "released");
