/** The door to keys and values: `/kv/{key}` and `/kv`. HTTP as it is meant: entity tags, conditions, raw bodies. */
import type { Context } from "hono";
import { revision } from "../../src/support/brand.ts";
import type { ByteString, LeaseId, Revision } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import type { Consistency } from "../../src/replica/messages.ts";
import type { Entry } from "../../src/store/command.ts";
import { userKey } from "../../src/store/key-space.ts";
import { allOf, rangeStart } from "../../src/store/ranges.ts";
import { bodyOf } from "../gateway/bodies.ts";
import { describeCondition, isKnown, knownTags, tagOf, writeCondition } from "../gateway/conditions.ts";
import { decodeCursor, encodeCursor } from "../gateway/cursors.ts";
import { shownDeletion, shownEntry, shownPut } from "../gateway/entries.ts";
import { notAllowed, resource } from "../gateway/methods.ts";
import type { App } from "../gateway/methods.ts";
import { checkKeySize, keyIn, leaseIdOf } from "../gateway/names.ts";
import type { NamedKey } from "../gateway/names.ts";
import { answerProblem, Problem, problemOf } from "../gateway/problems.ts";
import { Query } from "../gateway/query.ts";
import { consistencyIn, consistencyParameters, read } from "../gateway/reads.ts";
import type { GatewayEnv } from "../gateway/arrival.ts";
import type { Visit } from "../gateway/visit.ts";
import { write } from "../gateway/writes.ts";

export function addKeyRoutes(app: App): void {
  resource(app, "/kv", { GET: list });
}

/** The path of one key begins so. */
export const keyPath = "/kv/";

/** A request for one key. */
interface Door {
  readonly request: Request;
  readonly key: NamedKey;
  readonly visit: Visit;
}

const methods: Readonly<Record<string, (door: Door) => Promise<Response>>> = {
  GET: get,
  HEAD: head,
  PUT: put,
  DELETE: remove,
};
const allow = Object.keys(methods).join(", ");

/**
 * Answers at one key. Not by way of the router: these are most of all requests, and its share of a local read was a tenth.
 * @param door the path behind the namespace, as it was sent.
 */
export async function answerAtKey(request: Request, door: string, enter: () => Visit): Promise<Response> {
  const { method } = request;
  try {
    const visit = enter();
    const answer = Object.hasOwn(methods, method) ? methods[method] : undefined;
    if (answer === undefined) throw notAllowed(method, allow);
    return await answer({ request, key: keyIn(door.slice(keyPath.length)), visit });
  } catch (error) {
    const answer = answerProblem(problemOf(error), method);
    return method === "HEAD" ? new Response(null, answer) : answer;
  }
}

/** The same for every spelling of one key. */
const canonicalPath = ({ stored }: NamedKey): string => `/kv/${stored}`;

async function put({ request, key, visit }: Door): Promise<Response> {
  const { headers: sent } = request;
  const tie = leaseIn(new Query(request.url, ["lease"]));
  const condition = writeCondition(sent);
  const value = await bodyOf(request, limits.valueBytes);
  const tied = tie === null ? "" : ` lease=${tie}`;
  const said = `${describeCondition(condition)}${tied}`;
  const asked = { method: "PUT", path: canonicalPath(key), condition: said, body: value };
  const operation = { type: "put", key: key.stored, value, condition, ...(tie === null ? {} : { tie }) } as const;
  const { outcome, headers } = await write(visit, sent, asked, operation, "put");
  const created = outcome.version === 1;
  return json(shownPut(key, outcome), created ? 201 : 200, { ...headers, etag: tagOf(outcome.revision) });
}

function leaseIn(query: Query): LeaseId | null {
  const text = query.text("lease", 32);
  const lease = text === null ? null : leaseIdOf(text);
  if (text === null || lease !== null) return lease;
  throw new Problem("invalid-query", "lease must be a lease's id, a decimal number from 1");
}

async function remove({ request, key, visit }: Door): Promise<Response> {
  const { headers: sent } = request;
  new Query(request.url, []);
  const condition = writeCondition(sent);
  const asked = {
    method: "DELETE",
    path: canonicalPath(key),
    condition: describeCondition(condition),
    body: new Uint8Array(0),
  };
  const operation = { type: "delete", key: key.stored, condition } as const;
  const { outcome, headers } = await write(visit, sent, asked, operation, "deleted");
  return json(shownDeletion(key, outcome), 200, headers);
}

const json = (shown: object, status: number, headers: Readonly<Record<string, string>>): Response =>
  new Response(JSON.stringify(shown), { status, headers: { ...headers, "content-type": "application/json" } });

async function head(door: Door): Promise<Response> {
  return new Response(null, await get(door));
}

async function get({ request, key, visit }: Door): Promise<Response> {
  const query = new Query(request.url, readParameters);
  const known = knownTags(request.headers);
  const at = revisionIn(query);
  const { entry, headers } = at === null ? await newest(visit, consistencyIn(query), key) : await past(visit, at, key);
  if (entry === null) throw new Problem("key-not-found", "the key does not exist", { headers });
  const etag = tagOf(entry.modRevision);
  if (isKnown(known, etag)) return new Response(null, { status: 304, headers: { ...headers, etag } });
  return new Response(entry.value.slice(), {
    headers: {
      ...headers,
      etag,
      ...(entry.lease === null ? {} : { "synod-lease": entry.lease }),
      "content-type": "application/octet-stream",
      // Values are anybody's bytes: no browser may take them for a page.
      "x-content-type-options": "nosniff",
    },
  });
}

const readParameters: readonly string[] = ["revision", ...consistencyParameters];

interface Found {
  readonly entry: Entry | null;
  readonly headers: Readonly<Record<string, string>>;
}

async function newest(visit: Visit, consistency: Consistency, { stored }: NamedKey): Promise<Found> {
  const { result, headers } = await read(visit, consistency, { type: "get", key: stored }, "entry");
  return { entry: result.entry, headers };
}

async function past(visit: Visit, at: Revision, { stored }: NamedKey): Promise<Found> {
  const range = { ...allOf({ key: stored, end: null }), revision: at };
  const { result, headers } = await read(visit, asOf(at), { type: "range", range, place: rangeStart }, "range");
  return { entry: result.range.entries[0] ?? null, headers };
}

/** What was is the same wherever it is read: whoever has come as far will do. */
const asOf = (at: Revision): Consistency => ({ type: "session", atLeast: at });

/** @throws {Problem} when a consistency stands beside a revision of the past, which knows only one. */
function revisionIn(query: Query): Revision | null {
  const at = query.whole("revision", 1);
  if (at === null) return null;
  const other = [...consistencyParameters, "cursor"].find((name) => query.bytes(name) !== null);
  if (other === undefined) return revision(at);
  throw new Problem("invalid-query", `revision and ${other} exclude each other`);
}

async function list(context: Context<GatewayEnv>): Promise<Response> {
  const { req, var: doors } = context;
  const query = new Query(req.url, ["prefix", "limit", "cursor", "revision", ...consistencyParameters]);
  const prefix = query.bytes("prefix") ?? new Uint8Array(0);
  checkKeySize(prefix, "a prefix");
  const stored = userKey(prefix);
  const limit = query.whole("limit", 1, limits.pageKeys) ?? limits.defaultPageKeys;
  const asked = consistencyIn(query);
  const cursor = cursorIn(query, stored);
  // Later pages belong to the revision of the first.
  const at = revisionIn(query) ?? cursor?.revision ?? null;
  const consistency = at === null ? asked : asOf(at);
  const page = {
    type: "list",
    prefix: stored,
    limit,
    after: cursor?.after ?? null,
    revision: at,
  } as const;
  const { result, headers } = await read(doors.visit, consistency, page, "page");
  const keys = result.entries.map((entry) => shownEntry(entry));
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
