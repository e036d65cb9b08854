/**
 * What instances and nodes say of themselves, and the stored form of it. Made from a client's body by the doors, written by
 * `register.ts`, read by `lookup.ts`. The stored form of equal records is equal byte for byte, because a renewal is told
 * from a change by comparing bytes.
 */
import { regionName } from "../support/brand.ts";
import { textOf, utf8 } from "../support/bytes.ts";
import { limits } from "../support/limits.ts";
import { parseJson } from "../store/json-shape.ts";
import { isAddress } from "./addresses.ts";
import { checkDefinition, checkState, storedDefinition } from "./checks.ts";
import { agentNode, nodeName } from "./keys.ts";
import type { CheckDefinition, CheckState, InstanceRecord, NodeCheck, NodeRecord } from "./model.ts";
import { inOrder, isList, isPlainRecord, isRejected, isText, isWhole, rejected, textPairs } from "./shapes.ts";
import type { Rejected } from "./shapes.ts";

/** The parts as a client sent them, not yet looked at. */
export type Input<Record> = { readonly [Part in keyof Record]: unknown };

const ttlMsMin = limits.ttlSecondsMin * 1000;
const ttlMsMax = limits.ttlSecondsMax * 1000;

/** @returns a record whose every part is within its limits. Equal input in any order of names gives equal parts. */
export function instanceRecord(input: Input<InstanceRecord>): InstanceRecord | Rejected {
  const { address, port, protocol, tags, weights, ttlMs, region, enableTagOverride } = input;
  if (address !== "" && !isAddress(address))
    return rejected("address must be an IP address or a host's name (RFC 1123)");
  if (!isWhole(port, 0, 65_535)) return rejected("port must be a whole number from 0 to 65535");
  if (protocol !== "tcp" && protocol !== "udp") return rejected("protocol must be tcp or udp");
  if (!isTags(tags)) {
    return rejected(`tags must be at most ${limits.tags} texts of 1 to ${limits.tagCharacters} characters`);
  }
  const pairs = metaPairs(input.meta);
  if (pairs === null)
    return rejected(`meta must be at most ${limits.metaEntries} texts under names, within their sizes`);
  if (!isWeights(weights)) {
    return rejected(`weights must be {"passing","warning"}: whole numbers from 0 to ${limits.instanceWeight}`);
  }
  if (ttlMs !== null && !isWhole(ttlMs, ttlMsMin, ttlMsMax)) {
    return rejected(`ttl must be from ${limits.ttlSecondsMin} to ${limits.ttlSecondsMax} seconds`);
  }
  if (typeof region !== "string" || region.length > 32 || !/^[a-z]+(-[a-z]+)?$/.test(region))
    return rejected("region is not a region's name");
  const checks = checksIn(input.checks, ttlMs);
  if (!isList(checks)) return checks;
  const tagged = taggedIn(input.taggedAddresses);
  if (tagged === null) return rejected("taggedAddresses must be a few addresses with ports, under short names");
  if (typeof enableTagOverride !== "boolean") return rejected("enableTagOverride must be true or false");
  return {
    address,
    port,
    protocol,
    tags,
    meta: Object.fromEntries(pairs),
    weights: { passing: weights.passing, warning: weights.warning },
    region: regionName(region),
    ttlMs,
    checks,
    taggedAddresses: Object.fromEntries(tagged),
    enableTagOverride,
  };
}

const metaPairs = (meta: unknown) =>
  textPairs(meta, limits.metaEntries, limits.metaKeyCharacters, limits.metaValueCharacters);

function checksIn(input: unknown, ttlMs: number | null): readonly CheckDefinition[] | Rejected {
  if (!isList(input) || input.length > limits.checksPerInstance) {
    return rejected(`checks must be at most ${limits.checksPerInstance}`);
  }
  const checks: CheckDefinition[] = [];
  for (const one of input) {
    const check = checkDefinition(one);
    if (isRejected(check)) return check;
    if (checks.some((other) => other.check === check.check)) return rejected(`the check ${check.check} stands twice`);
    if (check.kind === "ttl" && check.deregisterAfterMs !== null && ttlMs !== null) {
      return rejected("an instance with a ttl goes when that ends: its ttl checks have no deregisterAfter");
    }
    checks.push(check);
  }
  return checks;
}

function taggedIn(
  value: unknown,
): readonly (readonly [string, { readonly address: string; readonly port: number }])[] | null {
  if (!isPlainRecord(value)) return null;
  const pairs: (readonly [string, { readonly address: string; readonly port: number }])[] = [];
  for (const [name, one] of Object.entries(value)) {
    if (!isText(name, limits.metaKeyCharacters) || !isPlainRecord(one)) return null;
    const { address, port } = one;
    if (!isAddress(address) || !isWhole(port, 0, 65_535) || Object.keys(one).length !== 2) return null;
    pairs.push([name, { address, port }]);
  }
  return pairs.length > limits.taggedAddresses ? null : inOrder(pairs);
}

const isTags = (value: unknown): value is readonly string[] =>
  isList(value) && value.length <= limits.tags && value.every((tag) => isText(tag, limits.tagCharacters));

const isWeights = (value: unknown): value is InstanceRecord["weights"] =>
  isPlainRecord(value) &&
  Object.keys(value).length === 2 &&
  ["passing", "warning"].every((of) => isWhole(value[of], 0, limits.instanceWeight));

/** @returns a node's record, or why it is none. */
export function nodeRecord(input: Input<NodeRecord>): NodeRecord | Rejected {
  const { id, address } = input;
  const name = typeof input.name === "string" ? nodeName(input.name) : null;
  if (name === null) return rejected("a node's name must have 1 to 63 letters, digits, _ and inner . and -");
  if (typeof id !== "string" || !/^([0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12})?$/i.test(id)) {
    return rejected("a node's id must be a UUID, or empty");
  }
  if (!isAddress(address)) return rejected("a node's address must be an IP address or a host's name (RFC 1123)");
  const tagged = textPairs(input.taggedAddresses, limits.taggedAddresses, limits.metaKeyCharacters, 255);
  if (tagged?.every(([, one]) => isAddress(one)) !== true) {
    return rejected("a node's taggedAddresses must be a few addresses under short names");
  }
  const meta = metaPairs(input.meta);
  if (meta === null)
    return rejected(`meta must be at most ${limits.metaEntries} texts under names, within their sizes`);
  return { name, id, address, taggedAddresses: Object.fromEntries(tagged), meta: Object.fromEntries(meta) };
}

/** The node that nobody registered: what stands on it names its own addresses. */
export const agentRecord: NodeRecord = {
  name: agentNode,
  id: "",
  address: "127.0.0.1",
  taggedAddresses: {},
  meta: {},
};

const json = (value: object): Uint8Array => utf8(JSON.stringify(value));

/** What a reader finds stored: JSON of exactly the members of `names`, or null. */
function membersIn<Name extends string>(
  bytes: Uint8Array,
  names: readonly Name[],
): Readonly<Record<Name, unknown>> | null {
  const value = parseJson(textOf(bytes) ?? "");
  return hasExactly(value, names) ? value : null;
}

const hasExactly = <Name extends string>(
  value: unknown,
  names: readonly Name[],
): value is Readonly<Record<Name, unknown>> =>
  isPlainRecord(value) &&
  Object.keys(value).length === names.length &&
  names.every((name) => Object.hasOwn(value, name));

const instanceParts = [
  "address",
  "port",
  "protocol",
  "tags",
  "meta",
  "weights",
  "region",
  "ttlMs",
  "checks",
  "taggedAddresses",
  "enableTagOverride",
] as const satisfies readonly (keyof InstanceRecord)[];

export function encodeInstance(record: InstanceRecord): Uint8Array {
  const { address, port, protocol, tags, meta, weights, region, ttlMs, checks, enableTagOverride } = record;
  const taggedAddresses = inOrder(Object.entries(record.taggedAddresses)).map(
    ([name, one]) => [name, { address: one.address, port: one.port }] as const,
  );
  return json({
    address,
    port,
    protocol,
    tags,
    meta: Object.fromEntries(inOrder(Object.entries(meta))),
    weights: { passing: weights.passing, warning: weights.warning },
    region,
    ttlMs,
    checks: checks.map(storedDefinition),
    taggedAddresses: Object.fromEntries(taggedAddresses),
    enableTagOverride,
  });
}

/** @returns null when `bytes` are not what `encodeInstance` writes. */
export function decodeInstance(bytes: Uint8Array): InstanceRecord | null {
  const parts = membersIn(bytes, instanceParts);
  const record = parts === null ? null : instanceRecord(parts);
  return record === null || isRejected(record) ? null : record;
}

const nodeParts = ["name", "id", "address", "taggedAddresses", "meta"] as const satisfies readonly (keyof NodeRecord)[];

export function encodeNode({ name, id, address, taggedAddresses, meta }: NodeRecord): Uint8Array {
  const [tagged, pairs] = [taggedAddresses, meta].map((one) => Object.fromEntries(inOrder(Object.entries(one))));
  return json({ name, id, address, taggedAddresses: tagged, meta: pairs });
}

export function decodeNode(bytes: Uint8Array): NodeRecord | null {
  const parts = membersIn(bytes, nodeParts);
  const record = parts === null ? null : nodeRecord(parts);
  return record === null || isRejected(record) ? null : record;
}

export const encodeState = ({ status, output }: CheckState): Uint8Array => json({ status, output });

export function decodeState(bytes: Uint8Array): CheckState | null {
  const state = checkState(parseJson(textOf(bytes) ?? ""));
  return isRejected(state) ? null : state;
}

export const encodeNodeCheck = ({ definition, state }: NodeCheck): Uint8Array =>
  json({ definition: storedDefinition(definition), state: { status: state.status, output: state.output } });

export function decodeNodeCheck(bytes: Uint8Array): NodeCheck | null {
  const parts = membersIn(bytes, ["definition", "state"]);
  if (parts === null) return null;
  const [definition, state] = [checkDefinition(parts.definition), checkState(parts.state)];
  return isRejected(definition) || isRejected(state) ? null : { definition, state };
}
