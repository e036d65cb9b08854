/**
 * What is asked of the registry, answered from the store. Called by replicas' queries. Every answer says by its index when
 * it last changed, and by its ranges what it rests on: nothing outside of them changes it.
 */
import type { ByteString, RegionName, Revision } from "../support/brand.ts";
import { limits } from "../support/limits.ts";
import { serviceSpace } from "../store/key-space.ts";
import { covers } from "../store/transaction.ts";
import type { KeyRange } from "../store/transaction.ts";
import { ServiceCache } from "./cache.ts";
import type { Whole } from "./cache.ts";
import { isTended } from "./health.ts";
import * as keys from "./keys.ts";
import type {
  CheckName,
  CheckPlace,
  CheckStatus,
  CheckView,
  InstanceName,
  InstanceView,
  Lookup,
  NodeName,
  NodeView,
  ServiceName,
} from "./model.ts";
import { Reader, nodeView, unregistered } from "./reader.ts";
import type { RegistryReads } from "./reader.ts";
import { decodeInstance, decodeNode } from "./records.ts";
import { select } from "./selection.ts";

export type { RegistryReads } from "./reader.ts";

/** What all answers say of themselves. */
export interface Grounds {
  /** The newest revision that changed anything the answer rests on. */
  readonly index: Revision;
  readonly ranges: readonly KeyRange[];
}

export interface ServiceSummary {
  readonly name: ServiceName;
  /** Counted no further than `limits.instancesPerLookup`. */
  readonly instances: number;
  /** Of all its instances, in order; of a very large service, of the first ones. */
  readonly tags: readonly string[];
}

type Answer<Members> = Members & Grounds;
/** `nodes`: those that the instances stand on. */
export type InstancesFound = Answer<{
  readonly instances: readonly InstanceView[];
  readonly nodes: readonly NodeView[];
  readonly more: boolean;
}>;
export type ServicesFound = Answer<{ readonly services: readonly ServiceSummary[]; readonly more: boolean }>;
export type NodesFound = Answer<{ readonly nodes: readonly NodeView[]; readonly more: boolean }>;
export type NodeFound = Answer<{
  readonly node: NodeView | null;
  readonly instances: readonly InstanceView[];
  readonly checks: readonly CheckView[];
  readonly more: boolean;
}>;
/** `next` is where to go on: `after` of the next question. */
export type ChecksFound = Answer<{ readonly checks: readonly CheckPlace[]; readonly next: ByteString | null }>;
export type InstanceFound = Answer<{
  readonly instance: InstanceView | null;
  readonly nodes: readonly NodeView[];
}>;
/** `instance` is the one that the check is of; null for a node's own. */
export type CheckFound = Answer<{ readonly check: CheckPlace | null; readonly instance: InstanceView | null }>;

/** A question for everything that a service has, in the order of names. */
export const everything = (service: ServiceName): Lookup => ({
  service,
  health: "any",
  tags: [],
  notTags: [],
  meta: {},
  regions: [],
  failover: [],
  order: { type: "name" },
  limit: limits.instancesPerLookup,
  after: null,
});

const grounds = (reader: Reader, ranges = reader.ranges()): Grounds => ({ index: reader.index(ranges), ranges });

export function findInstances(reads: RegistryReads, lookup: Lookup): InstancesFound {
  const { views, nodes, index, ranges } = wholeOf(reads, lookup.service);
  const selected = select(views, lookup);
  const names = new Set(selected.instances.map(({ node }) => node.toLowerCase()));
  return { ...selected, nodes: [...nodes].filter(([name]) => names.has(name)).map(([, view]) => view), index, ranges };
}

const caches = new WeakMap<RegistryReads, ServiceCache>();

/** What was read before is as good as read again, as long as nothing of it has changed. */
function wholeOf(reads: RegistryReads, service: ServiceName): Whole {
  const cache = caches.get(reads) ?? new ServiceCache();
  caches.set(reads, cache);
  const known = cache.get(service);
  const at = reads.revision;
  if (known?.at === at) return known;
  const changed = reads.lastChange(keys.serviceRange(service));
  const reader = new Reader(reads);
  const found = known?.changed === changed ? known.found : reader.found(service);
  const views = reader.views(service, found);
  const nodes = new Map(nodesOf(reader, views).map((view) => [view.name.toLowerCase(), view]));
  const whole = { at, changed, found, views, nodes, ...grounds(reader) };
  cache.set(service, whole);
  return whole;
}

function nodesOf(reader: Reader, instances: readonly InstanceView[]): readonly NodeView[] {
  const names = new Map(instances.map(({ node }) => [node.toLowerCase(), node]));
  return [...names.values()].map((name) => reader.node(name).view).filter((view) => view !== null);
}

/** Names of services that have instances. */
export function findServices(
  reads: RegistryReads,
  limit: number,
  afterName: ServiceName | null,
  prefix = "",
): ServicesFound {
  const range = keys.servicesRange(prefix);
  const reader = new Reader(reads);
  const found: ServiceSummary[] = [];
  const said = grounds(reader, [range]);
  // No key is the beginning of a range itself.
  let after = afterName === null || endOf(afterName) < range.key ? range.key : endOf(afterName);
  for (;;) {
    const next = reader.next(serviceSpace, after);
    if (next === null || !covers(range, next.key)) return { services: found, more: false, ...said };
    const name = keys.serviceKeyOf(next.key)?.place.service;
    // A key of some other shape is none of ours: step over it alone.
    after = name === undefined ? next.key : endOf(name);
    if (name === undefined) continue;
    const own = keys.instancesPrefix(name);
    const instances = reads.count(own, limits.instancesPerLookup);
    // Of a service that is gone a check may still be there, until its own time is over.
    if (instances === 0) continue;
    if (found.length === limit) return { services: found, more: true, ...said };
    found.push({ name, instances, tags: tagsOf(reader, own) });
  }
}

/** After all keys of a service, and before every other service's. */
const endOf = (service: ServiceName): ByteString => keys.serviceRange(service).end ?? keys.serviceRange(service).key;

function tagsOf(reader: Reader, prefix: ByteString): readonly string[] {
  const tags = new Set<string>();
  let left: number = limits.instancesPerLookup;
  for (const { value } of reader.each(prefix)) {
    for (const tag of decodeInstance(value)?.tags ?? []) tags.add(tag);
    left -= 1;
    if (left === 0 || tags.size >= limits.instancesPerLookup) break;
  }
  return [...tags].toSorted();
}

export function findNodes(reads: RegistryReads, limit: number, after: NodeName | null): NodesFound {
  const reader = new Reader(reads);
  const said = grounds(reader, [keys.allNodes]);
  const known = [...reader.each(keys.allNodes.key)]
    .map((entry) => ({ record: decodeNode(entry.value), entry }))
    .flatMap(({ record, entry }) => (record === null ? [] : [nodeView(record, entry)]));
  const agent = known.some(({ name }) => keys.sameNode(name, keys.agentNode)) ? null : unregistered(keys.agentNode);
  const nodes = (agent === null ? known : [...known, agent])
    .map((view) => ({ view, name: view.name.toLowerCase() }))
    .filter(({ name }) => after === null || name > after.toLowerCase())
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return { nodes: nodes.slice(0, limit).map(({ view }) => view), more: nodes.length > limit, ...said };
}

/**
 * Everything on a node; its instances in the order of their names, as many as fit one answer.
 * @param last where the answer before ended.
 */
export function findNode(reads: RegistryReads, node: NodeName, last: InstanceName | null = null): NodeFound {
  const reader = new Reader(reads);
  const { view, checks } = reader.node(node);
  const instances: InstanceView[] = [];
  let [bytes, more] = [0, false];
  for (const instance of instancesOn(reads, reader, node, last)) {
    bytes += JSON.stringify(instance).length;
    more = instances.length > 0 && bytes > limits.lookupBytes;
    if (more) break;
    instances.push(instance);
  }
  // Whatever is registered on this node next may be of any service.
  const ranges = [keys.allServices, ...reader.ranges().filter(isOfNodes)];
  return { node: view, instances, checks, more, ...grounds(reader, ranges) };
}

/** Leases are in the order of their names, and an instance's begins with its node's. */
function* instancesOn(
  reads: RegistryReads,
  reader: Reader,
  node: NodeName,
  last: InstanceName | null,
): Generator<InstanceView, void> {
  const prefix = keys.nodeLeases(node);
  for (let after = `${prefix}${last ?? ""}`; ;) {
    const leases = reads.leases(after, limits.pageKeys);
    const own = leases.filter(({ id }) => id.startsWith(prefix));
    for (const { id } of own) {
      const instance = reader.instance(node, id.slice(prefix.length) as InstanceName);
      if (instance !== null) yield instance;
    }
    after = own.at(-1)?.id ?? "";
    if (own.length < limits.pageKeys) return;
  }
}

const isOfNodes = ({ key }: KeyRange): boolean => key < keys.allServices.key;

export function findInstance(reads: RegistryReads, node: NodeName, instance: InstanceName): InstanceFound {
  const reader = new Reader(reads);
  const found = reader.instance(node, instance);
  // Until it is registered nobody knows under which service it will be.
  if (found === null) return { instance: null, nodes: [], ...grounds(reader, [keys.allServices]) };
  return { instance: found, nodes: nodesOf(reader, [found]), ...grounds(reader) };
}

const ofNode = (node: NodeName, view: CheckView): CheckPlace => ({
  node,
  service: null,
  instance: null,
  region: null,
  tags: [],
  view,
});

const ofInstance = ({ node, service, instance, region, tags }: InstanceView, view: CheckView): CheckPlace => ({
  node,
  service,
  instance,
  region,
  tags,
  view,
});

/** Where a check of that name is: a node's own, an instance's by the name it has of itself, or by the index. */
export function findCheck(reads: RegistryReads, node: NodeName, check: CheckName): CheckFound {
  const reader = new Reader(reads);
  const known = reader.node(node);
  const own = known.checks.find(({ definition }) => definition.check === check);
  if (own !== undefined) {
    return { check: ofNode(known.view?.name ?? node, own), instance: null, ...grounds(reader) };
  }
  for (const instance of [...keys.instancesNamedBy(check), ...indexed(reads, node, check)]) {
    const found = reader.instance(node, instance);
    const view = found?.states.find(({ definition }) => definition.check === check);
    if (found !== null && view !== undefined) {
      return { check: ofInstance(found, view), instance: found, ...grounds(reader) };
    }
  }
  return { check: null, instance: null, ...grounds(reader, [keys.allServices, keys.nodeChecksRange(node)]) };
}

function indexed(reads: RegistryReads, node: NodeName, check: CheckName): readonly InstanceName[] {
  const entry = reads.get(keys.checkIndexKey(node, check));
  const named = entry === null ? null : keys.indexedInstance(entry.value);
  return named === null ? [] : [named];
}

export interface ChecksWanted {
  readonly status: CheckStatus | null;
  readonly region: RegionName | null;
  /** Only those that somebody must look after (`isTended`). */
  readonly activeOnly: boolean;
  readonly limit: number;
  readonly after: ByteString | null;
}

/** Checks of all nodes, then of all instances. The limit may be passed by the checks of one more instance. */
export function findChecks(reads: RegistryReads, wanted: ChecksWanted): ChecksFound {
  const reader = new Reader(reads);
  const said = grounds(reader, [keys.allServices, keys.allNodeChecks, keys.allNodeStates]);
  const checks: CheckPlace[] = [];
  for (const { key, places } of eachPlace(reads, wanted.after)) {
    checks.push(...places.filter((place) => isWanted(place, wanted)));
    if (checks.length >= wanted.limit) return { checks, next: key, ...said };
  }
  return { checks, next: null, ...said };
}

function* eachPlace(
  reads: RegistryReads,
  after: ByteString | null,
): Generator<{ readonly key: ByteString; readonly places: readonly CheckPlace[] }, void> {
  const reader = new Reader(reads);
  if (after === null || after < keys.allServices.key) {
    for (const { key } of reader.each(keys.allNodeChecks.key, after)) {
      const named = keys.nodeCheckOf(key);
      if (named === null) continue;
      const { view, checks } = reader.node(named.node);
      const own = checks.filter(({ definition }) => definition.check === named.check);
      yield { key, places: own.map((one) => ofNode(view?.name ?? named.node, one)) };
    }
  }
  const start =
    after === null || after < keys.allServices.key ? null : (keys.serviceKeyOf(after)?.place.service ?? null);
  for (const service of eachService(reader, start)) {
    for (const instance of reader.instances(service)) {
      const key = keys.instanceKey(instance);
      if (after === null || key > after) yield { key, places: instance.states.map((one) => ofInstance(instance, one)) };
    }
  }
}

/** @param first a service to begin with; null for all of them. */
function* eachService(reader: Reader, first: ServiceName | null): Generator<ServiceName, void> {
  if (first !== null) yield first;
  for (let after = first === null ? keys.allServices.key : endOf(first); ;) {
    const next = reader.next(serviceSpace, after);
    if (next === null) return;
    const name = keys.serviceKeyOf(next.key)?.place.service;
    after = name === undefined ? next.key : endOf(name);
    if (name !== undefined) yield name;
  }
}

const isWanted = ({ view, region }: CheckPlace, wanted: ChecksWanted): boolean =>
  (wanted.status === null || view.status === wanted.status) &&
  (wanted.region === null || region === wanted.region) &&
  (!wanted.activeOnly || isTended(view.definition));
