/**
 * Questions to the registry and its answers, as parts of messages between the gateway and a replica. Instances travel as
 * they are stored, with what their checks say beside it. Upholds W1.
 */
import * as v from "valibot";
import { textOf, utf8 } from "../support/bytes.ts";
import { limits } from "../support/limits.ts";
import { checkDefinition, checkStatuses, storedDefinition } from "../registry/checks.ts";
import { checkName, instanceName, isServicePrefix, nodeName, serviceName } from "../registry/keys.ts";
import type { CheckPlace, CheckView, InstanceView, NodeView } from "../registry/model.ts";
import { decodeInstance, decodeNode, encodeInstance, encodeNode } from "../registry/records.ts";
import type { RegistryQuery, RegistryResult } from "../replica/messages.ts";
import { packRange, readRange } from "../store/transaction-codec.ts";
import { byteStringSchema, readBy, regionNameSchema, revisionSchema, text, whole } from "./envelope.ts";

const textBy =
  <T>(read: (text: string) => T | null) =>
  (value: unknown): T | null =>
    typeof value === "string" ? read(value) : null;

const service = readBy(textBy(serviceName), "a service's name");
const instanceNamed = readBy(textBy(instanceName), "an instance's name");
const node = readBy(textBy(nodeName), "a node's name");
const check = readBy(textBy(checkName), "a check's name");

const tag = text(limits.tagCharacters);
const tags = v.pipe(v.array(tag), v.maxLength(limits.tags));
const regions = v.pipe(v.array(regionNameSchema), v.maxLength(limits.tags));
const status = v.picklist(checkStatuses);
const seed = v.pipe(whole, v.maxValue(Number.MAX_SAFE_INTEGER));
/** Names may be such as objects give a meaning to: only pairs keep them all. */
const pairs = v.pipe(
  v.array(v.strictTuple([text(limits.metaKeyCharacters), text(limits.metaValueCharacters)])),
  v.maxLength(limits.metaEntries),
  v.transform((list) => Object.fromEntries(list)),
);
const pageLimit = v.pipe(whole, v.minValue(1), v.maxValue(limits.pageKeys));

const near = v.pipe(
  v.strictObject({ type: v.literal("near"), regions, seed: v.nullable(seed) }),
  v.transform(({ seed: drawn, ...rest }) => ({ ...rest, ...(drawn === null ? {} : { seed: drawn }) })),
);

const lookup = v.strictObject({
  service,
  health: v.picklist(["passing", "healthy", "any"]),
  tags,
  notTags: tags,
  meta: pairs,
  regions,
  failover: regions,
  order: v.union([
    v.strictObject({ type: v.literal("name") }),
    near,
    v.strictObject({ type: v.literal("weighted"), seed }),
    v.strictObject({ type: v.literal("round-robin"), seed }),
  ]),
  limit: pageLimit,
  after: v.nullable(v.strictObject({ node, instance: instanceNamed })),
});

export const registryQueries = [
  v.strictObject({ type: v.literal("instances"), lookup }),
  v.pipe(
    v.strictObject({
      type: v.literal("services"),
      after: v.nullable(service),
      limit: pageLimit,
      prefix: v.nullable(v.pipe(text(63), v.check(isServicePrefix, "not a prefix"))),
    }),
    v.transform(({ prefix, ...rest }) => ({ ...rest, ...(prefix === null ? {} : { prefix }) })),
  ),
  v.strictObject({ type: v.literal("nodes"), after: v.nullable(node), limit: pageLimit }),
  v.pipe(
    v.strictObject({ type: v.literal("node"), node, after: v.nullable(instanceNamed) }),
    v.transform(({ after, ...rest }) => ({ ...rest, ...(after === null ? {} : { after }) })),
  ),
  v.strictObject({
    type: v.literal("checks"),
    status: v.nullable(status),
    region: v.nullable(regionNameSchema),
    activeOnly: v.boolean(),
    limit: pageLimit,
    after: v.nullable(byteStringSchema),
  }),
  v.strictObject({ type: v.literal("instance"), node, instance: instanceNamed }),
  v.strictObject({ type: v.literal("check"), node, check }),
] as const;

export function packRegistryQuery(query: RegistryQuery): object {
  if (query.type === "node") return { ...query, after: query.after ?? null };
  if (query.type === "services") return { ...query, prefix: query.prefix ?? null };
  if (query.type !== "instances") return query;
  const { meta, order, after, ...rest } = query.lookup;
  const packed = {
    ...rest,
    meta: Object.entries(meta),
    order: order.type === "near" ? { ...order, seed: order.seed ?? null } : order,
    after: after === null ? null : { node: after.node, instance: after.instance },
  };
  return { ...query, lookup: packed };
}

const definition = readBy((value) => {
  const read = checkDefinition(value);
  return "type" in read ? null : read;
}, "a check");

const checkView = v.pipe(
  v.strictTuple([definition, status, text(limits.checkOutputCharacters), revisionSchema, revisionSchema]),
  v.transform(([of, said, output, createRevision, modRevision]): CheckView => ({
    definition: of,
    status: said,
    output,
    createRevision,
    modRevision,
  })),
);
const packCheck = (one: CheckView) => [
  storedDefinition(one.definition),
  one.status,
  one.output,
  one.createRevision,
  one.modRevision,
];

const record = readBy((value) => (typeof value === "string" ? decodeInstance(utf8(value)) : null), "an instance");
const checks = v.pipe(v.array(checkView), v.maxLength(limits.checksPerInstance + 1));

const instance = v.pipe(
  v.strictTuple([
    service,
    node,
    instanceNamed,
    record,
    status,
    v.boolean(),
    checks,
    v.array(checkView),
    text(255),
    revisionSchema,
    revisionSchema,
  ]),
  v.transform(
    ([of, on, id, said, health, suspect, states, nodeStates, nodeAddress, created, changed]): InstanceView => ({
      service: of,
      node: on,
      instance: id,
      ...said,
      status: health,
      suspect,
      states,
      nodeStates,
      nodeAddress,
      createRevision: created,
      modRevision: changed,
    }),
  ),
);
const packInstance = (one: InstanceView) => [
  one.service,
  one.node,
  one.instance,
  textOf(encodeInstance(one)),
  one.status,
  one.suspect,
  one.states.map(packCheck),
  one.nodeStates.map(packCheck),
  one.nodeAddress,
  one.createRevision,
  one.modRevision,
];

const nodeRecord = readBy((value) => (typeof value === "string" ? decodeNode(utf8(value)) : null), "a node");
const nodeView = v.pipe(
  v.strictTuple([nodeRecord, revisionSchema, revisionSchema]),
  v.transform(([said, createRevision, modRevision]): NodeView => ({ ...said, createRevision, modRevision })),
);
const packNode = (one: NodeView) => [textOf(encodeNode(one)), one.createRevision, one.modRevision];

const checkPlace = v.pipe(
  v.strictTuple([node, v.nullable(service), v.nullable(instanceNamed), v.nullable(regionNameSchema), tags, checkView]),
  v.transform(([on, of, id, region, own, view]): CheckPlace => ({
    node: on,
    service: of,
    instance: id,
    region,
    tags: own,
    view,
  })),
);
const packPlace = (one: CheckPlace) => [one.node, one.service, one.instance, one.region, one.tags, packCheck(one.view)];

const grounds = {
  index: revisionSchema,
  ranges: v.pipe(v.array(readBy(readRange, "a range")), v.maxLength(limits.lookupRanges + 8)),
};
const more = v.boolean();
const nodes = v.array(nodeView);

export const registryResults = [
  v.strictObject({ type: v.literal("instances"), instances: v.array(instance), nodes, more, ...grounds }),
  v.strictObject({
    type: v.literal("services"),
    services: v.array(v.strictObject({ name: service, instances: whole, tags: v.array(tag) })),
    more,
    ...grounds,
  }),
  v.strictObject({ type: v.literal("nodes"), nodes, more, ...grounds }),
  v.strictObject({
    type: v.literal("node"),
    node: v.nullable(nodeView),
    instances: v.array(instance),
    checks: v.array(checkView),
    more,
    ...grounds,
  }),
  v.strictObject({
    type: v.literal("checks"),
    checks: v.array(checkPlace),
    next: v.nullable(byteStringSchema),
    ...grounds,
  }),
  v.strictObject({ type: v.literal("instance"), instance: v.nullable(instance), nodes, ...grounds }),
  v.strictObject({
    type: v.literal("check"),
    check: v.nullable(checkPlace),
    instance: v.nullable(instance),
    ...grounds,
  }),
] as const;

export function packRegistryResult(answer: RegistryResult): object {
  const packed = { ...answer, ranges: answer.ranges.map(packRange) };
  switch (answer.type) {
    case "instances":
      return { ...packed, instances: answer.instances.map(packInstance), nodes: answer.nodes.map(packNode) };
    case "services":
      return packed;
    case "nodes":
      return { ...packed, nodes: answer.nodes.map(packNode) };
    case "node":
      return {
        ...packed,
        node: answer.node === null ? null : packNode(answer.node),
        instances: answer.instances.map(packInstance),
        checks: answer.checks.map(packCheck),
      };
    case "checks":
      return { ...packed, checks: answer.checks.map(packPlace) };
    case "instance":
      return {
        ...packed,
        instance: answer.instance === null ? null : packInstance(answer.instance),
        nodes: answer.nodes.map(packNode),
      };
    case "check":
      return {
        ...packed,
        check: answer.check === null ? null : packPlace(answer.check),
        instance: answer.instance === null ? null : packInstance(answer.instance),
      };
  }
}
