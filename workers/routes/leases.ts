/**
 * The door to leases: `/leases`. A lease is granted for a time, renewed or revoked; keys that are tied to it go when it
 * ends. Shared with etcd's clients, whose ids are the same numbers.
 */
import type { Context } from "hono";
import * as v from "valibot";
import { leaseId, revision } from "../../src/support/brand.ts";
import type { ByteString, LeaseId } from "../../src/support/brand.ts";
import { utf8 } from "../../src/support/bytes.ts";
import { limits } from "../../src/support/limits.ts";
import { integerBetween } from "../../src/support/random.ts";
import type { Random } from "../../src/support/random.ts";
import type { LeaseState } from "../../src/replica/messages.ts";
import { jsonBodyOf, noBodyOf } from "../gateway/bodies.ts";
import { refuseConditions } from "../gateway/conditions.ts";
import { decodeCursor, encodeCursor } from "../gateway/cursors.ts";
import { shownName } from "../gateway/entries.ts";
import { hexDigest, idempotencyKey } from "../gateway/identity.ts";
import { leaseFrom, ttlSchema } from "../gateway/members.ts";
import { resource } from "../gateway/methods.ts";
import type { App } from "../gateway/methods.ts";
import { leaseIdOf, leaseIn } from "../gateway/names.ts";
import { Problem } from "../gateway/problems.ts";
import { Query } from "../gateway/query.ts";
import { consistencyIn, consistencyParameters, read } from "../gateway/reads.ts";
import type { GatewayEnv } from "../gateway/arrival.ts";
import { write } from "../gateway/writes.ts";
import { userKeyBytes } from "../../src/store/key-space.ts";

type Door = Context<GatewayEnv>;

const bodySchema = v.strictObject({ ttl: ttlSchema, id: v.optional(v.string()) });

export function addLeaseRoutes(app: App): void {
  resource(app, "/leases", { GET: list, POST: grant });
  resource(app, "/leases/:id", { GET: get, PUT: renew, DELETE: revoke });
}

const idOf = ({ req }: Door): LeaseId => leaseIn(req.path.slice("/leases/".length));

async function grant(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  new Query(req.url, []);
  refuseConditions(req.raw.headers);
  const { bytes, value } = await jsonBodyOf(req.raw, bodySchema);
  const lease = value.id === undefined ? await mint(doors.visit, req.raw.headers) : leaseFrom(value.id, "id");
  const asked = { method: "POST", path: "/leases", condition: "always", body: bytes };
  const operation = { type: "grant", lease, ttlMs: value.ttl * 1000 } as const;
  const { outcome, headers } = await write(doors.visit, req.raw.headers, asked, operation, "granted");
  return context.json({ id: lease, ttl: outcome.ttlMs / 1000, revision: outcome.revision }, 201, headers);
}

/** An id nobody else has. Under an `Idempotency-Key` it follows from the key: a retry is told the same one. */
async function mint({ random }: { readonly random: Random }, headers: Headers): Promise<LeaseId> {
  const key = idempotencyKey(headers);
  const digits =
    key === null
      ? Array.from({ length: 16 }, () => integerBetween(random, 0, 15).toString(16)).join("")
      : (await hexDigest(utf8(`lease/${key}`))).slice(0, 16);
  const id = BigInt.asUintN(63, BigInt(`0x${digits}`));
  return leaseId(String(id === 0n ? 1n : id));
}

async function renew(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const lease = idOf(context);
  new Query(req.url, []);
  refuseConditions(req.raw.headers);
  await noBodyOf(req.raw);
  const asked = { method: "PUT", path: `/leases/${lease}`, condition: "always", body: new Uint8Array(0) };
  const { outcome, headers } = await write(doors.visit, req.raw.headers, asked, { type: "renew", lease }, "renewed");
  return context.json({ id: lease, ttl: outcome.ttlMs / 1000, revision: outcome.revision }, 200, headers);
}

async function revoke(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const lease = idOf(context);
  new Query(req.url, []);
  refuseConditions(req.raw.headers);
  const asked = { method: "DELETE", path: `/leases/${lease}`, condition: "always", body: new Uint8Array(0) };
  const { outcome, headers } = await write(doors.visit, req.raw.headers, asked, { type: "revoke", lease }, "revoked");
  const { deletedKeys, revision: at } = outcome;
  return context.json({ id: lease, revoked: true, deletedKeys, revision: at }, 200, headers);
}

/** By the clock of the replica that answers; a lease past due ends only once that is chosen. */
const shown = ({ id, ttlMs, remainingMs }: LeaseState) => ({ id, ttl: ttlMs / 1000, remaining: remainingMs / 1000 });

async function get(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const lease = idOf(context);
  const query = new Query(req.url, ["keys", ...consistencyParameters]);
  const withKeys = query.flag("keys");
  const asked = { type: "lease", lease, keys: withKeys ? limits.deletedKeys : 0 } as const;
  const { result, revision: at, headers } = await read(doors.visit, consistencyIn(query), asked, "lease");
  if (result.lease === null) {
    throw new Problem("lease-not-found", "it ended, or was never granted", { headers });
  }
  const keys = result.keys.map((key) => shownName({ bytes: userKeyBytes(key) ?? new Uint8Array(0) }));
  return context.json({ ...shown(result.lease), ...(withKeys ? { keys } : {}), revision: at }, 200, headers);
}

async function list(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const query = new Query(req.url, ["limit", "cursor", ...consistencyParameters]);
  const limit = query.whole("limit", 1, limits.pageKeys) ?? limits.defaultPageKeys;
  const asked = { type: "leases", after: afterIn(query), limit } as const;
  const { result, revision: at, headers } = await read(doors.visit, consistencyIn(query), asked, "leases");
  // Leases of services, locks and elections come with what they are for, and are named by words: after all numbers.
  const granted = result.leases.filter(({ id }) => leaseIdOf(id) !== null);
  const last = granted.at(-1)?.id;
  const more = result.more && granted.length === result.leases.length;
  const cursor =
    more && last !== undefined ? encodeCursor({ revision: revision(at), after: last as string as ByteString }) : null;
  return context.json({ leases: granted.map(shown), cursor, revision: at }, 200, headers);
}

/** A page of leases is read at the newest revision: its cursor holds nothing but the last id. */
function afterIn(query: Query): string {
  const text = query.text("cursor", limits.queryCharacters);
  if (text === null) return "";
  const lease = leaseIdOf(decodeCursor(text).after);
  if (lease === null) throw new Problem("invalid-cursor", "that cursor belongs to another listing");
  return lease;
}
