/** The door to the service registry: `/services`. An instance lives as long as it renews; its ttl is a lease. */
import type { Context } from "hono";
import * as v from "valibot";
import { regionName, revision } from "../../src/support/brand.ts";
import type { ByteString, RegionName } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import { deregister, register } from "../../src/registry/register.ts";
import { registration } from "../../src/registry/registration.ts";
import type { Registration } from "../../src/registry/registration.ts";
import { serviceName } from "../../src/registry/service-keys.ts";
import type { InstancePlace, ServiceName } from "../../src/registry/service-keys.ts";
import { jsonBodyOf } from "../gateway/bodies.ts";
import { refuseConditions } from "../gateway/conditions.ts";
import { decodeCursor, encodeCursor } from "../gateway/cursors.ts";
import { resource } from "../gateway/methods.ts";
import type { App } from "../gateway/methods.ts";
import { instanceIn, serviceIn } from "../gateway/names.ts";
import { Problem } from "../gateway/problems.ts";
import { Query } from "../gateway/query.ts";
import { consistencyIn, consistencyParameters, read } from "../gateway/reads.ts";
import type { GatewayEnv } from "../gateway/arrival.ts";
import { write } from "../gateway/writes.ts";

type Door = Context<GatewayEnv>;

/** Which members there are; what each may hold is the registry's to say. */
const bodySchema = v.strictObject({
  address: v.unknown(),
  port: v.unknown(),
  tags: v.optional(v.unknown(), []),
  meta: v.optional(v.unknown(), {}),
  ttl: v.pipe(v.number(), v.minValue(limits.ttlSecondsMin), v.maxValue(limits.ttlSecondsMax)),
  region: v.optional(v.unknown()),
});

export function addServiceRoutes(app: App): void {
  resource(app, "/services", { GET: list });
  resource(app, "/services/:service", { GET: lookUp });
  resource(app, "/services/:service/:instance", { PUT: put, DELETE: remove });
}

/** From the path as it was sent: `c.req.param` would decode it a second time, leniently. */
function placeOf({ req }: Door): InstancePlace {
  const [, , service = "", instance = ""] = req.path.split("/");
  return { service: serviceIn(service), instance: instanceIn(instance) };
}

const pathOf = ({ service, instance }: InstancePlace): string => `/services/${service}/${instance}`;

/** Seconds outside, as DNS and Consul count; milliseconds inside. */
const shown = ({ address, port, tags, meta, ttlMs, region }: Registration) => ({
  address,
  port,
  tags,
  meta,
  ttl: ttlMs / 1000,
  region,
});

async function put(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const place = placeOf(context);
  new Query(req.url, []);
  refuseConditions(req.raw.headers);
  const { bytes, value } = await jsonBodyOf(req.raw, bodySchema);
  const { ttl, region = doors.visit.regions[0], ...rest } = value;
  const registered = registration({ ...rest, region, ttlMs: Math.round(ttl * 1000) });
  if ("type" in registered) throw new Problem("invalid-body", registered.reason);
  const asked = { method: "PUT", path: pathOf(place), condition: "always", body: bytes };
  const { outcome, headers } = await write(doors.visit, req.raw.headers, asked, register(place, registered), "put");
  const { revision, version, renewedOnly } = outcome;
  const said = { ...place, ...shown(registered), revision, renewed: renewedOnly };
  return context.json(said, version === 1 && !renewedOnly ? 201 : 200, headers);
}

async function remove(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const place = placeOf(context);
  new Query(req.url, []);
  refuseConditions(req.raw.headers);
  const asked = { method: "DELETE", path: pathOf(place), condition: "always", body: new Uint8Array(0) };
  const { outcome, headers } = await write(doors.visit, req.raw.headers, asked, deregister(place), "deleted");
  return context.json({ ...place, deleted: outcome.existed, revision: outcome.revision }, 200, headers);
}

async function lookUp(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const service = serviceIn(req.path.slice("/services/".length));
  const query = new Query(req.url, ["tag", "region", ...consistencyParameters]);
  const asked = {
    type: "instances",
    service,
    tag: query.text("tag", limits.tagCharacters),
    region: regionIn(query),
  } as const;
  const { result, revision, headers } = await read(doors.visit, consistencyIn(query), asked, "instances");
  const instances = result.instances.map(({ instance, createRevision, modRevision, ...registered }) => ({
    instance,
    ...shown(registered),
    createRevision,
    modRevision,
  }));
  return context.json({ service, instances, more: result.more, revision }, 200, headers);
}

function regionIn(query: Query): RegionName | null {
  const region = query.text("region", 32);
  if (region === null) return null;
  if (/^[a-z]+(-[a-z]+)?$/.test(region)) return regionName(region);
  throw new Problem("invalid-query", "region must be a region's name");
}

async function list(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const query = new Query(req.url, ["limit", "cursor", ...consistencyParameters]);
  const limit = query.whole("limit", 1, limits.pageKeys) ?? limits.defaultPageKeys;
  const asked = { type: "services", limit, after: afterIn(query) } as const;
  const { result, revision: at, headers } = await read(doors.visit, consistencyIn(query), asked, "services");
  const last = result.services.at(-1)?.name;
  const cursor =
    result.more && last !== undefined
      ? encodeCursor({ revision: revision(at), after: last as string as ByteString })
      : null;
  return context.json({ services: result.services, cursor, revision: at }, 200, headers);
}

/** A page of services is read at the newest revision: its cursor holds nothing but the last name. */
function afterIn(query: Query): ServiceName | null {
  const text = query.text("cursor", limits.queryCharacters);
  if (text === null) return null;
  const name = serviceName(decodeCursor(text).after);
  if (name === null) throw new Problem("invalid-cursor", "that cursor belongs to another listing");
  return name;
}
