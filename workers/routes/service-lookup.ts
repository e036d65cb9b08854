/**
 * `GET /services/{service}`: who offers it. Healthy ones only and nearest first, unless the caller says otherwise; answered
 * at once, or, with the index of an answer before, once the service has changed since. What nearby replicas know may be
 * kept for a few seconds, and goes on being answered where no majority can be reached, marked as stale.
 */
import type { Context } from "hono";
import { regionName, revision } from "../../src/support/brand.ts";
import type { ByteString, RegionName } from "../../src/support/brand.ts";
import { utf8 } from "../../src/support/bytes.ts";
import { limits } from "../../src/support/limits.ts";
import { integerBetween } from "../../src/support/random.ts";
import { instanceName, nodeName } from "../../src/registry/keys.ts";
import type { Lookup, ServiceName } from "../../src/registry/model.ts";
import type { Consistency } from "../../src/replica/messages.ts";
import { isLocationHint, locationHints } from "../config.ts";
import type { LocationHint } from "../config.ts";
import { isKnown, knownTags } from "../gateway/conditions.ts";
import { decodeCursor, encodeCursor } from "../gateway/cursors.ts";
import { hexDigest } from "../gateway/identity.ts";
import { serviceIn } from "../gateway/names.ts";
import { Problem } from "../gateway/problems.ts";
import { Query } from "../gateway/query.ts";
import { consistencyIn, consistencyParameters } from "../gateway/reads.ts";
import type { Read } from "../gateway/reads.ts";
import { nearestFirst } from "../gateway/regions.ts";
import { lookUp, waitForChange } from "../gateway/registry.ts";
import { confirmSoon, isStale } from "../gateway/staleness.ts";
import type { GatewayEnv } from "../gateway/arrival.ts";
import type { Visit } from "../gateway/visit.ts";
import { shownInstance } from "./service-answers.ts";

const repeatable = ["tag", "not-tag", "meta", "region"];
const parameters = [
  ...repeatable,
  "health",
  "near",
  "order",
  "failover",
  "limit",
  "cursor",
  "index",
  "wait",
  ...consistencyParameters,
];

const regionCharacters = 32;
const invalid = (detail: string): Problem => new Problem("invalid-query", detail);

export async function answerLookup(context: Context<GatewayEnv>): Promise<Response> {
  const { req, var: doors } = context;
  const { visit } = doors;
  const service = serviceIn(req.path.slice("/services/".length));
  const query = new Query(req.url, parameters, repeatable);
  const consistency = consistencyIn(query);
  const lookup = lookupIn(visit, query, service);
  const wait = waitIn(query);
  const known = knownTags(req.raw.headers);
  const found = await waited(visit, consistency, lookup, wait, req.raw.signal);
  const { result, revision: at } = found;
  const stale = isStale(consistency, found);
  if (stale) confirmSoon(visit);
  const tag = isDrawn(lookup) ? null : `W/"${result.index}-${await digestOf(lookup, stale)}"`;
  const headers = {
    ...found.headers,
    "synod-index": String(result.index),
    "cache-control": cacheControl(lookup, consistency),
    ...(tag === null ? {} : { etag: tag }),
    ...(stale ? { "synod-stale": "true" } : {}),
  };
  if (tag !== null && isKnown(known, tag)) return new Response(null, { status: 304, headers });
  const last = result.instances.at(-1);
  const after = last === undefined ? null : (`${last.node}\0${last.instance}` as ByteString);
  const body = {
    service,
    instances: result.instances.map(shownInstance),
    more: result.more,
    ...(lookup.order.type === "name" ? { cursor: result.more && after !== null ? cursorAt(at, after) : null } : {}),
    index: result.index,
    revision: at,
    ...(stale ? { stale } : {}),
  };
  return context.json(body, 200, headers);
}

const cursorAt = (at: number, after: ByteString): string => encodeCursor({ revision: revision(at), after });

/** Another draw is another answer: nobody may take the one before for it. */
const isDrawn = ({ order }: Lookup): boolean => order.type === "weighted" || order.type === "round-robin";

function cacheControl(lookup: Lookup, consistency: Consistency): string {
  if (isDrawn(lookup)) return "no-store";
  // Whose place it is that things are near to is told by no header: only the caller itself may keep it.
  return consistency.type === "local" ? `private, max-age=${limits.lookupMaxAgeSeconds}` : "no-cache";
}

const digestOf = async (lookup: Lookup, stale: boolean): Promise<string> =>
  (await hexDigest(utf8(JSON.stringify([lookup, stale])))).slice(0, 16);

// --- later ---

interface Wait {
  readonly index: number;
  readonly ms: number;
}

function waitIn(query: Query): Wait | null {
  const index = query.whole("index", 0);
  const seconds = query.whole("wait", 0, limits.lookupWaitSeconds);
  if (index !== null) return { index, ms: (seconds ?? limits.lookupWaitSeconds / 2) * 1000 };
  if (seconds !== null) throw invalid("wait needs index: that of the answer before");
  return null;
}

/** An index that the service has not come to is of another time: what there is now is answered at once. */
async function waited(
  visit: Visit,
  consistency: Consistency,
  lookup: Lookup,
  wait: Wait | null,
  signal: AbortSignal,
): Promise<Read<"instances">> {
  let found = await lookUp(visit, consistency, lookup);
  if (wait === null) return found;
  const until = visit.now() + wait.ms;
  while (found.result.index <= wait.index && wait.index <= found.revision) {
    const left = until - visit.now();
    const changed = await waitForChange(visit, found.result.ranges, found.revision, left, signal);
    if (changed === null) break;
    // Whoever is asked next may not have heard of it.
    found = await lookUp(visit, { type: "session", atLeast: changed }, lookup);
  }
  return found;
}

// --- what is asked for ---

/** @throws {Problem} for whatever is not well formed. */
function lookupIn(visit: Visit, query: Query, service: ServiceName): Lookup {
  const near = nearIn(query);
  const order = orderIn(visit, query, service, near);
  const failover = regionsIn(query.text("failover", limits.queryCharacters)?.split(",") ?? [], "failover");
  const nearby = regionName(near ?? visit.regions[0] ?? "weur");
  return {
    service,
    health: healthIn(query),
    tags: tagsIn(query, "tag"),
    notTags: tagsIn(query, "not-tag"),
    meta: metaIn(query),
    regions: regionsIn(query.texts("region", regionCharacters), "region"),
    failover: failover.length === 0 ? [] : [...new Set([nearby, ...failover])],
    order,
    limit: query.whole("limit", 1, limits.instancesPerLookup) ?? limits.instancesPerLookup,
    after: afterIn(query, order),
  };
}

const healths = ["passing", "healthy", "any"] as const;

function healthIn(query: Query): Lookup["health"] {
  const asked = query.text("health", regionCharacters) ?? "healthy";
  const health = healths.find((one) => one === asked);
  if (health === undefined) throw invalid(`health must be one of ${healths.join(", ")}`);
  return health;
}

function tagsIn(query: Query, name: string): readonly string[] {
  const tags = query.texts(name, limits.tagCharacters);
  if (tags.length > limits.tags) throw invalid(`${name} can stand at most ${limits.tags} times`);
  return tags;
}

function metaIn(query: Query): Readonly<Record<string, string>> {
  const pairs = query.texts("meta", limits.metaKeyCharacters + limits.metaValueCharacters + 1).map((text) => {
    const end = text.indexOf(":");
    if (end < 1) throw invalid("meta must be a name, a colon and a text: meta=zone:a");
    return [text.slice(0, end), text.slice(end + 1)] as const;
  });
  const names = new Set(pairs.map(([name]) => name));
  if (names.size < pairs.length) throw invalid("a name of meta stands twice: no instance has two texts under it");
  const fits = pairs.every(
    ([name, text]) => name.length <= limits.metaKeyCharacters && text.length <= limits.metaValueCharacters,
  );
  if (!fits || pairs.length > limits.metaEntries) throw invalid("meta is larger than any instance's may be");
  return Object.fromEntries(pairs);
}

function regionsIn(names: readonly string[], parameter: string): readonly RegionName[] {
  const known = names.every((name) => name.length <= regionCharacters && /^[a-z]+(-[a-z]+)?$/.test(name));
  if (!known || names.length > limits.tags) throw invalid(`${parameter} must be a region's name`);
  return [...new Set(names)].map(regionName);
}

function nearIn(query: Query): LocationHint | null {
  const near = query.text("near", regionCharacters);
  if (near === null) return null;
  if (isLocationHint(near)) return near;
  throw new Problem("unknown-region", `near must be one of ${locationHints.join(", ")}`);
}

const orders = ["near", "name", "weighted", "round-robin"] as const;

function orderIn(visit: Visit, query: Query, service: ServiceName, near: LocationHint | null): Lookup["order"] {
  const asked = query.text("order", regionCharacters) ?? "near";
  const order = orders.find((one) => one === asked);
  if (order === undefined) throw invalid(`order must be one of ${orders.join(", ")}`);
  switch (order) {
    case "near":
      return { type: order, regions: regionsNearest(visit, near) };
    case "name":
      return { type: order };
    case "weighted":
      return { type: order, seed: integerBetween(visit.random, 0, 2 ** 32 - 1) };
    case "round-robin":
      return { type: order, seed: nextTurn(visit, service) };
  }
}

/** All regions there are, nearest first: from where the caller says, else from where the request came in. */
const regionsNearest = (visit: Visit, near: LocationHint | null): readonly RegionName[] =>
  nearestFirst(locationHints, near ?? visit.regions[0] ?? null, null).map(regionName);

/** Of this gateway alone: each begins somewhere else, and goes round from there. */
function nextTurn({ memory, namespace, random }: Visit, service: ServiceName): number {
  const key = `${namespace}/${service}`;
  const turn = (memory.turns.get(key) ?? integerBetween(random, 0, 2 ** 20)) + 1;
  memory.turns.set(key, turn);
  return turn;
}

function afterIn(query: Query, order: Lookup["order"]): Lookup["after"] {
  const text = query.text("cursor", limits.queryCharacters);
  if (text === null) return null;
  if (order.type !== "name") throw invalid("cursor needs order=name: no other order stays the same");
  const [node = "", instance = ""] = decodeCursor(text).after.split("\0");
  const place = { node: nodeName(node), instance: instanceName(instance) };
  if (place.node !== null && place.instance !== null) return { node: place.node, instance: place.instance };
  throw new Problem("invalid-cursor", "that cursor belongs to another listing");
}
