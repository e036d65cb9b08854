/**
 * What the catalog's and the health endpoints read of the registry: whole lists, put together from pages of one moment and
 * those after it, and what the caller's parameters leave of them.
 */
import { assert } from "../../src/support/assert.ts";
import type { RegionName, Revision } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import { agentNode, nodeName, sameNode, serviceName } from "../../src/registry/keys.ts";
import type {
  CheckPlace,
  CheckStatus,
  InstanceView,
  Lookup,
  NodeName,
  NodeView,
  ServiceName,
} from "../../src/registry/model.ts";
import type { Grounds, ServiceSummary } from "../../src/registry/lookup.ts";
import type { Consistency } from "../../src/replica/messages.ts";
import type { KeyRange } from "../../src/store/transaction.ts";
import { read } from "../gateway/reads.ts";
import { everything, lookUp } from "../gateway/registry.ts";
import { nearestFirst } from "../gateway/regions.ts";
import type { Visit } from "../gateway/visit.ts";
import type { Call } from "./call.ts";
import { ConsulError } from "./errors.ts";
import { filterOf } from "./filter.ts";
import type { Field, Filter } from "./filter.ts";

/** Where an answer comes from, as `blocking` wants to know it. */
export interface Origin {
  readonly index: number;
  readonly revision: Revision;
  readonly headers: Readonly<Record<string, string>>;
  readonly ranges: readonly KeyRange[];
}

/** Of the first page: what comes later is as new, or newer, and whoever waits is woken by the difference. */
const originOf = ({ result, revision, headers }: Page): Origin => ({
  index: result.index,
  revision,
  headers,
  ranges: result.ranges,
});

type Page = Pick<Origin, "revision" | "headers"> & { readonly result: Grounds };

const since = ({ revision }: Pick<Origin, "revision">): Consistency => ({ type: "session", atLeast: revision });

// --- names in paths ---

export function serviceIn(call: Call): ServiceName {
  const text = call.name("Missing service name");
  const name = serviceName(text);
  if (name !== null) return name;
  throw new ConsulError(
    400,
    `Invalid service name ${JSON.stringify(text.slice(0, 80))}: 1 to 63 letters, digits, _ and inner hyphens`,
  );
}

export function nodeIn(call: Call): NodeName {
  const text = call.name("Missing node name");
  const name = nodeName(text);
  if (name !== null) return name;
  throw new ConsulError(
    400,
    `Invalid node name ${JSON.stringify(text.slice(0, 80))}: 1 to 63 letters, digits, _ and inner dots and hyphens`,
  );
}

// --- lists ---

export interface FoundInstances extends Origin {
  readonly instances: readonly InstanceView[];
  /** Those that the instances stand on; by their names in small letters. */
  readonly nodes: ReadonlyMap<string, NodeView>;
}

export const nodeOf = ({ nodes }: FoundInstances, { node }: InstanceView): NodeView | null =>
  nodes.get(node.toLowerCase()) ?? null;

/** All instances of a service, however many pages that takes. */
export async function instancesOf(
  visit: Visit,
  consistency: Consistency,
  service: ServiceName,
  wanted: Partial<Pick<Lookup, "health" | "tags">> = {},
): Promise<FoundInstances> {
  const lookup: Lookup = { ...everything(service), ...wanted };
  let page = await lookUp(visit, consistency, lookup);
  const origin = originOf(page);
  const instances = [...page.result.instances];
  const nodes = new Map(named(page.result.nodes));
  while (page.result.more) {
    const last = instances.at(-1);
    assert(last !== undefined, "a page with more after it has a last instance");
    page = await lookUp(visit, since(origin), { ...lookup, after: last });
    instances.push(...page.result.instances);
    for (const [name, node] of named(page.result.nodes)) nodes.set(name, node);
  }
  return { ...origin, instances, nodes };
}

const named = (nodes: readonly NodeView[]): readonly (readonly [string, NodeView])[] =>
  nodes.map((node) => [node.name.toLowerCase(), node]);

export async function servicesOf(
  visit: Visit,
  consistency: Consistency,
): Promise<Origin & { readonly services: readonly ServiceSummary[] }> {
  const page = async (how: Consistency, after: ServiceName | null) =>
    read(visit, how, { type: "services", after, limit: limits.pageKeys }, "services");
  let found = await page(consistency, null);
  const origin = originOf(found);
  const services = [...found.result.services];
  while (found.result.more) {
    found = await page(since(origin), services.at(-1)?.name ?? null);
    services.push(...found.result.services);
  }
  return { ...origin, services };
}

/**
 * All instances of all services.
 * @throws {ConsulError} when these are more services than one request may ask for.
 */
export async function allInstances(
  visit: Visit,
  consistency: Consistency,
  wanted: Partial<Pick<Lookup, "health" | "tags">> = {},
): Promise<Origin & { readonly found: readonly FoundInstances[] }> {
  const { services, ...origin } = await servicesOf(visit, consistency);
  if (services.length > limits.consulSweptServices) {
    const most = `more than ${limits.consulSweptServices} services`;
    throw new ConsulError(400, `${most} are too many to look through in one request: name those that you want`);
  }
  const found: FoundInstances[] = [];
  for (let from = 0; from < services.length; from += atOnce) {
    const some = services.slice(from, from + atOnce);
    found.push(...(await Promise.all(some.map(async ({ name }) => instancesOf(visit, since(origin), name, wanted)))));
  }
  return { ...origin, found };
}

/** Lookups under way at the same time. */
const atOnce = 8;

export async function nodesOf(
  visit: Visit,
  consistency: Consistency,
): Promise<Origin & { readonly nodes: readonly NodeView[] }> {
  const page = async (how: Consistency, after: NodeName | null) =>
    read(visit, how, { type: "nodes", after, limit: limits.pageKeys }, "nodes");
  let found = await page(consistency, null);
  const origin = originOf(found);
  const nodes = [...found.result.nodes];
  while (found.result.more) {
    found = await page(since(origin), nodes.at(-1)?.name ?? null);
    nodes.push(...found.result.nodes);
  }
  return { ...origin, nodes };
}

export async function checksOf(
  visit: Visit,
  consistency: Consistency,
  status: CheckStatus | null,
): Promise<Origin & { readonly checks: readonly CheckPlace[] }> {
  const wanted = { type: "checks", status, region: null, activeOnly: false, limit: limits.pageKeys } as const;
  let found = await read(visit, consistency, { ...wanted, after: null }, "checks");
  const origin = originOf(found);
  const checks = [...found.result.checks];
  while (found.result.next !== null) {
    found = await read(visit, since(origin), { ...wanted, after: found.result.next }, "checks");
    checks.push(...found.result.checks);
  }
  return { ...origin, checks };
}

/** Everything on a node, however many pages that takes. */
export async function onNode(visit: Visit, consistency: Consistency, node: NodeName) {
  let found = await read(visit, consistency, { type: "node", node }, "node");
  const origin = originOf(found);
  const { node: view, checks } = found.result;
  const instances = [...found.result.instances];
  while (found.result.more) {
    const after = instances.at(-1)?.instance;
    assert(after !== undefined, "a page with more after it has a last instance");
    found = await read(visit, since(origin), { type: "node", node, after }, "node");
    instances.push(...found.result.instances);
  }
  return { ...origin, view, instances, checks };
}

// --- what the caller wants of them ---

/** `?filter=`, understood before anything is read. */
export const filterIn = (call: Call, field: Field): Filter => filterOf(call.parameter("filter") ?? "", field);

/** `?tag=`, again and again: all of them. */
export const tagsIn = (call: Call): readonly string[] => call.query.getAll("tag").filter((tag) => tag !== "");

/** `?passing`, with or without a value, as Consul reads it. */
export function passingIn(call: Call): boolean {
  const asked = call.parameter("passing");
  if (asked === null) return false;
  if (["", "1", "t", "T", "true", "TRUE", "True"].includes(asked)) return true;
  if (["0", "f", "F", "false", "FALSE", "False"].includes(asked)) return false;
  throw new ConsulError(400, "Invalid value for ?passing");
}

/** `?node-meta=name:value`, again and again: all of them. */
export function nodeMetaIn(call: Call): ((node: NodeView | null) => boolean) | null {
  const wanted = call.query.getAll("node-meta").map((pair) => {
    const at = pair.includes(":") ? pair.indexOf(":") : pair.length;
    return [pair.slice(0, at), pair.slice(at + 1)] as const;
  });
  if (wanted.length === 0) return null;
  return (node) =>
    node !== null && wanted.every(([name, value]) => Object.hasOwn(node.meta, name) && node.meta[name] === value);
}

/** How far a region is from where the caller is, or says to be. */
export type Distance = (region: RegionName | null) => number;

/** `?near=`: `_agent` is the gateway that was asked, and any other node is where most of its instances stand. */
export async function nearIn(call: Call): Promise<Distance | null> {
  const near = call.parameter("near") ?? "";
  if (near === "") return null;
  const { visit } = call;
  const regions =
    near === "_agent" || sameNode(near as NodeName, agentNode) ? visit.regions : await around(visit, near);
  return (region) => {
    const place = regions.findIndex((one) => one === region);
    return place < 0 ? regions.length : place;
  };
}

async function around(visit: Visit, near: string): Promise<readonly string[]> {
  const node = nodeName(near);
  if (node === null) throw new ConsulError(400, `Invalid node name ${JSON.stringify(near.slice(0, 80))}`);
  const { instances } = await onNode(visit, { type: "local", maxAgeMs: null }, node);
  const home = instances[0]?.region;
  // Of a node without instances nobody knows where it is: the order stays.
  return home === undefined ? [] : nearestFirst<string>([...visit.config.regions, home], home, null);
}

export const inOrder = <T>(all: readonly T[], distance: Distance | null, regionOf: (one: T) => RegionName | null) =>
  distance === null ? all : all.toSorted((a, b) => distance(regionOf(a)) - distance(regionOf(b)));
