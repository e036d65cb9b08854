/**
 * The registry's nodes, instances and checks as Consul's JSON shows them, and the fields that a filter may select. Pure.
 * Members that are always the same here are there because clients read them.
 */
import { agentNode, maintenanceCheck, nodeMaintenanceCheck, sameNode } from "../../src/registry/keys.ts";
import { isIpv4, isIpv6 } from "../../src/registry/addresses.ts";
import type { CheckPlace, CheckView, InstanceView, NodeView } from "../../src/registry/model.ts";
import type { Field } from "./filter.ts";

export type Json = Readonly<Record<string, unknown>>;

/** A list as the map that some endpoints answer. */
export const byMember = (all: readonly Json[], member: string): Readonly<Record<string, Json>> =>
  Object.fromEntries(all.map((one) => [String(one[member]), one] as const));

const noProxy = { Mode: "", MeshGateway: {}, Expose: {} };

const revisions = ({ createRevision, modRevision }: { createRevision: number; modRevision: number }) => ({
  CreateIndex: createRevision,
  ModifyIndex: modRevision,
});

export function nodeShown(node: NodeView, datacenter: string): Json {
  return {
    ID: node.id,
    Node: node.name,
    Address: node.address,
    Datacenter: datacenter,
    TaggedAddresses: node.taggedAddresses,
    Meta: node.meta,
    ...revisions(node),
  };
}

/** Of an instance that names its own address, as Consul's agents fill it in. */
function taggedAddresses({ address, port, taggedAddresses: own }: InstanceView): Json {
  const kind = isIpv4(address) ? "ipv4" : isIpv6(address) ? "ipv6" : null;
  const default_ = { Address: address, Port: port };
  return {
    ...(kind === null ? {} : { [`lan_${kind}`]: default_, [`wan_${kind}`]: default_ }),
    ...Object.fromEntries(Object.entries(own).map(([name, one]) => [name, { Address: one.address, Port: one.port }])),
  };
}

const weightsShown = ({ weights }: InstanceView) => ({ Passing: weights.passing, Warning: weights.warning });

/** An instance by itself: in `/catalog/node` and `/health/service`. */
export function serviceShown(instance: InstanceView): Json {
  return {
    ID: instance.instance,
    Service: instance.service,
    Tags: instance.tags,
    Address: instance.address,
    TaggedAddresses: taggedAddresses(instance),
    Meta: instance.meta,
    Port: instance.port,
    Weights: weightsShown(instance),
    EnableTagOverride: instance.enableTagOverride,
    Proxy: noProxy,
    Connect: {},
    ...revisions(instance),
  };
}

/** An instance as its agent knows it. */
export function agentServiceShown(instance: InstanceView, datacenter: string): Json {
  return {
    ID: instance.instance,
    Service: instance.service,
    Tags: instance.tags,
    Meta: instance.meta,
    Port: instance.port,
    Address: instance.address,
    TaggedAddresses: taggedAddresses(instance),
    Weights: weightsShown(instance),
    EnableTagOverride: instance.enableTagOverride,
    Datacenter: datacenter,
  };
}

/** An instance with its node: in `/catalog/service`. */
export function catalogShown(instance: InstanceView, node: NodeView | null, datacenter: string): Json {
  return {
    ID: node?.id ?? "",
    Node: instance.node,
    Address: node?.address ?? instance.nodeAddress,
    Datacenter: datacenter,
    TaggedAddresses: node?.taggedAddresses ?? {},
    NodeMeta: node?.meta ?? {},
    ServiceKind: "",
    ServiceID: instance.instance,
    ServiceName: instance.service,
    ServiceTags: instance.tags,
    ServiceAddress: instance.address,
    ServiceTaggedAddresses: taggedAddresses(instance),
    ServiceWeights: weightsShown(instance),
    ServiceMeta: instance.meta,
    ServicePort: instance.port,
    ServiceSocketPath: "",
    ServiceEnableTagOverride: instance.enableTagOverride,
    ServiceProxy: noProxy,
    ServiceConnect: {},
    ...revisions(instance),
  };
}

const types: Readonly<Record<CheckView["definition"]["kind"], string>> = {
  ttl: "ttl",
  http: "http",
  tcp: "tcp",
  alias: "alias",
  plain: "",
};

const shownMs = (ms: number): string => (ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`);

export function checkShown({ node, service, instance, tags, view }: Omit<CheckPlace, "region">): Json {
  const { definition, status, output } = view;
  const active = definition.kind === "http" || definition.kind === "tcp" ? definition : null;
  const maintained = isMaintenance(definition.check, instance);
  return {
    Node: node,
    CheckID: definition.check,
    Name: definition.name,
    Status: status,
    // The reason of a maintenance is what Consul calls its notes.
    Notes: maintained ? output : definition.notes,
    Output: maintained ? "" : output,
    ServiceID: instance ?? "",
    ServiceName: service ?? "",
    ServiceTags: tags,
    Type: maintained ? "maintenance" : types[definition.kind],
    Interval: active === null ? "" : shownMs(active.intervalMs),
    Timeout: active === null ? "" : shownMs(active.timeoutMs),
    ExposedPort: 0,
    Definition: {},
    ...revisions(view),
  };
}

const isMaintenance = (check: string, instance: InstanceView["instance"] | null): boolean =>
  check === nodeMaintenanceCheck || (instance !== null && check === maintenanceCheck(instance));

/**
 * Consul's agents know by gossip that they live. The node that stands for them here lives as long as anything answers;
 * nobody may register a check of that name on it.
 */
export const aliveCheck = "serfHealth";

export function aliveShown(node: string): Json {
  return {
    Node: node,
    CheckID: aliveCheck,
    Name: "Serf Health Status",
    Status: "passing",
    Notes: "",
    Output: "Agent alive and reachable",
    ServiceID: "",
    ServiceName: "",
    ServiceTags: [],
    Type: "",
    Interval: "",
    Timeout: "",
    ExposedPort: 0,
    Definition: {},
    CreateIndex: 1,
    ModifyIndex: 1,
  };
}

/** The checks of a node itself. */
export function nodeChecksShown(node: NodeView["name"], checks: readonly CheckView[]): readonly Json[] {
  const own = checks.map((view) => checkShown({ node, service: null, instance: null, tags: [], view }));
  return sameNode(node, agentNode) ? [aliveShown(node), ...own] : own;
}

export const instanceChecksShown = (instance: InstanceView): readonly Json[] =>
  instance.states.map((view) => checkShown({ ...instance, view }));

/** An instance with its node and all checks that its health is made of: in `/health/service`. */
export function healthShown(instance: InstanceView, node: NodeView | null, datacenter: string): Json {
  return {
    Node: {
      ID: node?.id ?? "",
      Node: instance.node,
      Address: node?.address ?? instance.nodeAddress,
      Datacenter: datacenter,
      TaggedAddresses: node?.taggedAddresses ?? {},
      Meta: node?.meta ?? {},
      ...revisions(node ?? instance),
    },
    Service: serviceShown(instance),
    Checks: [...nodeChecksShown(instance.node, instance.nodeStates), ...instanceChecksShown(instance)],
  };
}

// --- what a filter may select ---

const texts = (...names: readonly string[]): Readonly<Record<string, Field>> =>
  Object.fromEntries(names.map((name) => [name, "text"]));
const object = (fields: Readonly<Record<string, Field>>): Field => ({ type: "object", fields });
const mapOf = (value: Field): Field => ({ type: "map", value });

const weights = object({ Passing: "number", Warning: "number" });
const addresses = mapOf(object({ Address: "text", Port: "number" }));
const proxy = object(texts("DestinationServiceName", "DestinationServiceID", "Mode"));
const connect = object({ Native: "flag" });

const nodeFields = {
  ...texts("ID", "Node", "Address", "Datacenter"),
  TaggedAddresses: mapOf("text"),
  Meta: mapOf("text"),
};

const serviceFields = {
  ...texts("Kind", "ID", "Service", "Address"),
  Tags: "texts",
  TaggedAddresses: addresses,
  Meta: mapOf("text"),
  Port: "number",
  Weights: weights,
  EnableTagOverride: "flag",
  Proxy: proxy,
  Connect: connect,
} as const;

const checkFields = {
  ...texts("Node", "CheckID", "Name", "Status", "Notes", "Output", "ServiceID", "ServiceName", "Type"),
  ServiceTags: "texts",
} as const;

/** By what an endpoint answers a list of. */
export const selectable = {
  node: object(nodeFields),
  service: object(serviceFields),
  agentService: object({ ...serviceFields, Datacenter: "text" }),
  check: object(checkFields),
  catalogService: object({
    ...texts("ID", "Node", "Address", "Datacenter", "ServiceKind", "ServiceID", "ServiceName", "ServiceAddress"),
    TaggedAddresses: mapOf("text"),
    NodeMeta: mapOf("text"),
    ServiceTags: "texts",
    ServiceTaggedAddresses: addresses,
    ServiceMeta: mapOf("text"),
    ServicePort: "number",
    ServiceWeights: weights,
    ServiceEnableTagOverride: "flag",
    ServiceProxy: proxy,
    ServiceConnect: connect,
  }),
  serviceHealth: object({
    Node: object(nodeFields),
    Service: object(serviceFields),
    Checks: { type: "list", item: object(checkFields) },
  }),
} as const satisfies Readonly<Record<string, Field>>;
