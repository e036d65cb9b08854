/** `/v1/catalog/...`, the reading half: nodes, services and where they are. Writing is in `catalog-register.ts`. */
import { allNodes, allServices } from "../../src/registry/keys.ts";
import type { Consistency } from "../../src/replica/messages.ts";
import type { Call, Doors } from "./call.ts";
import { deregister, register } from "./catalog-register.ts";
import {
  allInstances,
  filterIn,
  inOrder,
  instancesOf,
  nearIn,
  nodeIn,
  nodeMetaIn,
  nodeOf,
  nodesOf,
  onNode,
  serviceIn,
  servicesOf,
  tagsIn,
} from "./finding.ts";
import type { FoundInstances } from "./finding.ts";
import type { Filter } from "./filter.ts";
import { blocking } from "./reading.ts";
import { byMember, catalogShown, nodeShown, selectable, serviceShown } from "./shapes.ts";
import type { Json } from "./shapes.ts";

export const catalogDoors: Doors = {
  "catalog/register": { PUT: register },
  "catalog/deregister": { PUT: deregister },
  "catalog/datacenters": { GET: (call) => call.json([call.datacenter]) },
  "catalog/nodes": { GET: nodes },
  "catalog/node/": { GET: node },
  "catalog/node-services/": { GET: nodeServices },
  "catalog/services": { GET: services },
  "catalog/service/": { GET: service },
};

async function nodes(call: Call): Promise<Response> {
  const filter = filterIn(call, selectable.node);
  const fits = nodeMetaIn(call);
  return blocking(call, [allNodes], async (consistency) => {
    const { nodes: found, ...origin } = await nodesOf(call.visit, consistency);
    const wanted = fits === null ? found : found.filter(fits);
    return { ...origin, body: wanted.map((one) => nodeShown(one, call.datacenter)).filter(filter) };
  });
}

async function node(call: Call): Promise<Response> {
  const name = nodeIn(call);
  const filter = filterIn(call, selectable.service);
  return blocking(call, [], async (consistency) => {
    const { view, instances, ...origin } = await onNode(call.visit, consistency, name);
    if (view === null) return { ...origin, body: null };
    const shown = instances.map(serviceShown).filter(filter);
    const byId = byMember(shown, "ID");
    return { ...origin, body: { Node: nodeShown(view, call.datacenter), Services: byId } };
  });
}

async function nodeServices(call: Call): Promise<Response> {
  const name = nodeIn(call);
  const filter = filterIn(call, selectable.service);
  return blocking(call, [], async (consistency) => {
    const { view, instances, ...origin } = await onNode(call.visit, consistency, name);
    if (view === null) return { ...origin, body: { Node: null, Services: [] } };
    const shown = instances.map(serviceShown).filter(filter);
    return { ...origin, body: { Node: nodeShown(view, call.datacenter), Services: shown } };
  });
}

async function services(call: Call): Promise<Response> {
  const filtered = (call.parameter("filter") ?? "") !== "";
  const filter = filterIn(call, selectable.catalogService);
  const fits = nodeMetaIn(call);
  return blocking(call, [allServices], async (consistency) => {
    if (!filtered && fits === null) {
      const { services: found, ...origin } = await servicesOf(call.visit, consistency);
      return { ...origin, body: Object.fromEntries(found.map(({ name, tags }) => [name, tags])) };
    }
    return servicesWith(call, consistency, filter, fits);
  });
}

/** The names and tags of those instances that fit. */
async function servicesWith(call: Call, consistency: Consistency, filter: Filter, fits: ReturnType<typeof nodeMetaIn>) {
  const { found, ...origin } = await allInstances(call.visit, consistency);
  const tags = new Map<string, Set<string>>();
  for (const one of found) {
    for (const { ServiceName, ServiceTags } of entriesOf(call, one, filter, fits)) {
      const known = tags.get(String(ServiceName)) ?? new Set<string>();
      for (const tag of ServiceTags as readonly string[]) known.add(tag);
      tags.set(String(ServiceName), known);
    }
  }
  const body = Object.fromEntries([...tags].map(([name, all]) => [name, [...all].toSorted()]));
  // Nodes matter too, once their meta is asked for.
  return { ...origin, ranges: [...origin.ranges, allNodes], body };
}

function entriesOf(
  call: Call,
  found: FoundInstances,
  filter: Filter,
  fits: ReturnType<typeof nodeMetaIn>,
): readonly Json[] {
  return found.instances
    .map((instance) => ({ instance, of: nodeOf(found, instance) }))
    .filter(({ of }) => fits === null || fits(of))
    .map(({ instance, of }) => catalogShown(instance, of, call.datacenter))
    .filter(filter);
}

async function service(call: Call): Promise<Response> {
  const name = serviceIn(call);
  const filter = filterIn(call, selectable.catalogService);
  const fits = nodeMetaIn(call);
  const tags = tagsIn(call);
  const near = await nearIn(call);
  return blocking(call, [], async (consistency) => {
    const found = await instancesOf(call.visit, consistency, name, { tags });
    const { index, revision, headers, ranges } = found;
    const instances = inOrder(found.instances, near, ({ region }) => region);
    return { index, revision, headers, ranges, body: entriesOf(call, { ...found, instances }, filter, fits) };
  });
}
