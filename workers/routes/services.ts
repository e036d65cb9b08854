/**
 * The doors to the registry: `/services`. An instance lives as long as it renews, or, with checks instead of a ttl, until
 * it is removed. Every instance that is registered here stands on one node, where its name is its own.
 */
import type { Context } from "hono";
import { revision } from "../../src/support/brand.ts";
import type { ByteString } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import { agentNode, serviceName } from "../../src/registry/keys.ts";
import type { InstancePlace, ServiceName } from "../../src/registry/model.ts";
import type { Outcome } from "../../src/store/command.ts";
import * as v from "valibot";
import { jsonBodyOf } from "../gateway/bodies.ts";
import { refuseConditions } from "../gateway/conditions.ts";
import { decodeCursor, encodeCursor } from "../gateway/cursors.ts";
import { guardIn } from "../gateway/guards.ts";
import { identityOf } from "../gateway/identity.ts";
import { resource } from "../gateway/methods.ts";
import type { App } from "../gateway/methods.ts";
import { checkIn, instanceIn, serviceIn } from "../gateway/names.ts";
import { Problem } from "../gateway/problems.ts";
import { Query } from "../gateway/query.ts";
import { consistencyIn, consistencyParameters, read } from "../gateway/reads.ts";
import { carryOutAll, existed, setCheck, setMaintenance } from "../gateway/registry.ts";
import type { Author, Result, Task } from "../gateway/registry.ts";
import type { GatewayEnv } from "../gateway/arrival.ts";
import { shownInstance, shownRecord } from "./service-answers.ts";
import { instanceSchema, placeOf, registrationOf, stateOf, stateSchema } from "./service-bodies.ts";
import { carryOutBulk } from "./service-bulk.ts";
import { servicePrefixIn, streamOfService, streamOfServices } from "./service-events.ts";
import { answerLookup } from "./service-lookup.ts";

type Door = Context<GatewayEnv>;

export function addServiceRoutes(app: App): void {
  resource(app, "/services", { GET: list, POST: carryOutBulk });
  resource(app, "/services/events", { GET: streamOfServices });
  resource(app, "/services/:service", { GET: answerLookup });
  resource(app, "/services/:service/events", { GET: streamOfService });
  resource(app, "/services/:service/:instance", { GET: one, PUT: put, DELETE: remove });
  resource(app, "/services/:service/:instance/maintenance", { PUT: takeOut, DELETE: takeIn });
  resource(app, "/services/:service/:instance/checks/:check", { PUT: say });
}

/** From the path as it was sent: `c.req.param` would decode it a second time, leniently. */
function placeIn({ req }: Door): InstancePlace {
  const [, , service = "", instance = ""] = req.path.split("/");
  return placeOf(serviceIn(service), instanceIn(instance));
}

const pathOf = ({ service, instance }: InstancePlace): string => `/services/${service}/${instance}`;

/** Who sent this one request: under its own id, holding its lock. */
function authorOf({ req, var: doors }: Door, path: string, body: Uint8Array): Author {
  const { headers } = req.raw;
  const guard = guardIn(headers);
  const asked = { method: req.method, path, condition: "always", body, ...(guard === null ? {} : { guard }) };
  return { guard, identify: async () => identityOf(headers, doors.visit.random, asked) };
}

type Done = Extract<Result, { readonly type: "done" }>;

async function carryOut(context: Door, task: Task, author: Author): Promise<Done> {
  const [result] = await carryOutAll(context.var.visit, [task], author);
  if (result?.type === "done") return result;
  throw result === undefined ? new Error("one task has one result") : result.problem;
}

const saidBy = ({ region, revision: at }: Done) => ({
  "synod-revision": String(at),
  "synod-region": region,
  "cache-control": "no-store",
});

/** @throws {Error} when the outcome is of another kind than what was asked. */
function putIn({ outcome }: Done): Extract<Outcome, { readonly type: "put" }> {
  if (outcome.type === "put") return outcome;
  throw new Error(`a registration came to ${outcome.type}`);
}

async function put(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const place = placeIn(context);
  new Query(req.url, []);
  refuseConditions(req.raw.headers);
  const { bytes, value } = await jsonBodyOf(req.raw, instanceSchema);
  const registration = registrationOf(doors.visit, place, value);
  const author = authorOf(context, pathOf(place), bytes);
  const done = await carryOut(context, { type: "register", registration }, author);
  const { revision: at, version, renewedOnly } = putIn(done);
  const { service, instance } = place;
  const said = { service, instance, ...shownRecord(registration.record), revision: at, renewed: renewedOnly };
  return context.json(said, version === 1 && !renewedOnly ? 201 : 200, saidBy(done));
}

async function remove(context: Door): Promise<Response> {
  const { req } = context;
  const place = placeIn(context);
  new Query(req.url, []);
  refuseConditions(req.raw.headers);
  const author = authorOf(context, pathOf(place), new Uint8Array(0));
  const done = await carryOut(context, { type: "deregister", place }, author);
  const { service, instance } = place;
  const said = { service, instance, deleted: existed(done.outcome), revision: done.revision };
  return context.json(said, 200, saidBy(done));
}

async function one(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const { service, instance } = placeIn(context);
  const query = new Query(req.url, consistencyParameters);
  const asked = { type: "instance", node: agentNode, instance } as const;
  const { result, revision: at, headers } = await read(doors.visit, consistencyIn(query), asked, "instance");
  if (result.instance?.service !== service) {
    const detail = `no instance ${instance} of ${service} is registered`;
    throw new Problem("instance-not-found", detail, { extra: { revision: at }, headers });
  }
  const said = { service, ...shownInstance(result.instance), index: result.index, revision: at };
  return context.json(said, 200, { ...headers, "synod-index": String(result.index) });
}

async function say(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const place = placeIn(context);
  const check = checkIn(req.path.split("/")[5] ?? "");
  new Query(req.url, []);
  refuseConditions(req.raw.headers);
  const { bytes, value } = await jsonBodyOf(req.raw, stateSchema);
  const state = stateOf(value);
  const author = authorOf(context, `${pathOf(place)}/checks/${check}`, bytes);
  const { service, instance } = place;
  const address = { node: agentNode, check, of: place };
  const done = await setCheck(doors.visit, address, state, author);
  return context.json({ service, instance, check, ...state, revision: done.revision }, 200, saidBy(done));
}

const reasonSchema = v.strictObject({ reason: v.pipe(v.string(), v.maxLength(limits.checkTextCharacters)) });

async function takeOut(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const place = placeIn(context);
  new Query(req.url, []);
  refuseConditions(req.raw.headers);
  const { bytes, value } = await jsonBodyOf(req.raw, reasonSchema);
  if (!value.reason.isWellFormed()) throw new Problem("invalid-body", "reason: must be text");
  const author = authorOf(context, `${pathOf(place)}/maintenance`, bytes);
  const done = await setMaintenance(doors.visit, place, value.reason, author);
  const { service, instance } = place;
  const said = { service, instance, maintenance: true, reason: value.reason, revision: done.revision };
  return context.json(said, 200, saidBy(done));
}

async function takeIn(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const place = placeIn(context);
  new Query(req.url, []);
  refuseConditions(req.raw.headers);
  const author = authorOf(context, `${pathOf(place)}/maintenance`, new Uint8Array(0));
  const done = await setMaintenance(doors.visit, place, null, author);
  const { service, instance } = place;
  return context.json({ service, instance, maintenance: false, revision: done.revision }, 200, saidBy(done));
}

async function list(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const query = new Query(req.url, ["prefix", "limit", "cursor", ...consistencyParameters]);
  const limit = query.whole("limit", 1, limits.pageKeys) ?? limits.defaultPageKeys;
  const asked = { type: "services", limit, after: afterIn(query), prefix: servicePrefixIn(query) } as const;
  const { result, revision: at, headers } = await read(doors.visit, consistencyIn(query), asked, "services");
  const last = result.services.at(-1)?.name;
  const cursor =
    result.more && last !== undefined
      ? encodeCursor({ revision: revision(at), after: last as string as ByteString })
      : null;
  return context.json({ services: result.services, cursor, index: result.index, revision: at }, 200, headers);
}

/** A page of services is read at the newest revision: its cursor holds nothing but the last name. */
function afterIn(query: Query): ServiceName | null {
  const text = query.text("cursor", limits.queryCharacters);
  if (text === null) return null;
  const name = serviceName(decodeCursor(text).after);
  if (name === null) throw new Problem("invalid-cursor", "that cursor belongs to another listing");
  return name;
}
