/** The door to keys and values: `/kv/{key}` and `/kv`. HTTP as it is meant: entity tags, conditions, raw bodies. */
import type { Context } from "hono";
import type { ByteString } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import { userKey, userKeyBytes } from "../../src/store/key-space.ts";
import { bodyOf } from "../gateway/bodies.ts";
import { bytesMember } from "../gateway/bytes-member.ts";
import { describeCondition, isKnown, knownTags, tagOf, writeCondition } from "../gateway/conditions.ts";
import { decodeCursor, encodeCursor } from "../gateway/cursors.ts";
import { resource } from "../gateway/methods.ts";
import type { App } from "../gateway/methods.ts";
import { checkKeySize, keyIn } from "../gateway/names.ts";
import type { NamedKey } from "../gateway/names.ts";
import { Problem } from "../gateway/problems.ts";
import { Query } from "../gateway/query.ts";
import { consistencyIn, consistencyParameters, read } from "../gateway/reads.ts";
import type { GatewayEnv } from "../gateway/arrival.ts";
import { write } from "../gateway/writes.ts";

type Door = Context<GatewayEnv>;

export function addKeyRoutes(app: App): void {
  resource(app, "/kv", { GET: list });
  resource(app, "/kv/:key{.*}", { GET: get, PUT: put, DELETE: remove });
}

const keyOf = ({ req }: Door): NamedKey => keyIn(req.path.slice("/kv/".length));

/** The same for every spelling of one key. */
const canonicalPath = ({ stored }: NamedKey): string => `/kv/${stored}`;

const nameOf = ({ bytes }: NamedKey) => bytesMember("key", "keyEncoding", bytes);

async function put(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const key = keyOf(context);
  new Query(req.url, []);
  const condition = writeCondition(req.raw.headers);
  const value = await bodyOf(req.raw, limits.valueBytes);
  const asked = { method: "PUT", path: canonicalPath(key), condition: describeCondition(condition), body: value };
  const operation = { type: "put", key: key.stored, value, condition } as const;
  const { outcome, headers } = await write(doors.visit, req.raw.headers, asked, operation, "put");
  const { revision, version, createRevision } = outcome;
  const created = version === 1;
  const said = { ...headers, etag: tagOf(revision) };
  return context.json({ ...nameOf(key), revision, version, createRevision }, created ? 201 : 200, said);
}

async function remove(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const key = keyOf(context);
  new Query(req.url, []);
  const condition = writeCondition(req.raw.headers);
  const asked = {
    method: "DELETE",
    path: canonicalPath(key),
    condition: describeCondition(condition),
    body: new Uint8Array(0),
  };
  const operation = { type: "delete", key: key.stored, condition } as const;
  const { outcome, headers } = await write(doors.visit, req.raw.headers, asked, operation, "deleted");
  return context.json({ ...nameOf(key), deleted: outcome.existed, revision: outcome.revision }, 200, headers);
}

async function get(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const key = keyOf(context);
  const query = new Query(req.url, consistencyParameters);
  const known = knownTags(req.raw.headers);
  const { result, headers } = await read(doors.visit, consistencyIn(query), { type: "get", key: key.stored }, "entry");
  const { entry } = result;
  if (entry === null) throw new Problem("key-not-found", "the key does not exist", { headers });
  const etag = tagOf(entry.modRevision);
  if (isKnown(known, etag)) return context.body(null, 304, { ...headers, etag });
  return context.body(entry.value.slice().buffer, 200, {
    ...headers,
    etag,
    "content-type": "application/octet-stream",
    // Values are anybody's bytes: no browser may take them for a page.
    "x-content-type-options": "nosniff",
  });
}

async function list(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const query = new Query(req.url, ["prefix", "limit", "cursor", ...consistencyParameters]);
  const prefix = query.bytes("prefix") ?? new Uint8Array(0);
  checkKeySize(prefix, "a prefix");
  const stored = userKey(prefix);
  const limit = query.whole("limit", 1, limits.pageKeys) ?? limits.defaultPageKeys;
  const asked = consistencyIn(query);
  const cursor = cursorIn(query, stored);
  // Later pages belong to the revision of the first: whoever is that far will do.
  const consistency = cursor === null ? asked : ({ type: "session", atLeast: cursor.revision } as const);
  const page = {
    type: "list",
    prefix: stored,
    limit,
    after: cursor?.after ?? null,
    revision: cursor?.revision ?? null,
  } as const;
  const { result, headers } = await read(doors.visit, consistency, page, "page");
  const keys = result.entries.map(({ key, value, createRevision, modRevision, version }) => ({
    ...bytesMember("key", "keyEncoding", userKeyBytes(key) ?? new Uint8Array(0)),
    ...bytesMember("value", "encoding", value),
    createRevision,
    modRevision,
    version,
  }));
  const last = result.entries.at(-1)?.key;
  const next = result.more && last !== undefined ? encodeCursor({ revision: result.revision, after: last }) : null;
  return context.json({ keys, revision: result.revision, cursor: next }, 200, headers);
}

function cursorIn(query: Query, prefix: ByteString) {
  const text = query.text("cursor", limits.queryCharacters);
  const cursor = text === null ? null : decodeCursor(text);
  if (cursor === null || cursor.after.startsWith(prefix)) return cursor;
  throw new Problem("invalid-cursor", "that cursor belongs to a listing with another prefix");
}
