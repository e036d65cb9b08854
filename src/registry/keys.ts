/**
 * Where the registry keeps what. All that belongs to one service is one contiguous range, so that its index and its
 * watchers are those of that range. Names hold no zero byte, which divides them, so no name runs into another. Used by
 * the registry and by the doors that name services.
 */
import { leaseId } from "../support/brand.ts";
import type { ByteString, LeaseId } from "../support/brand.ts";
import { textOf, utf8 } from "../support/bytes.ts";
import { serviceSpace } from "../store/key-space.ts";
import { prefixRange } from "../store/transaction.ts";
import type { KeyRange } from "../store/transaction.ts";
import type { CheckName, InstanceName, InstancePlace, NodeName, ServiceName } from "./model.ts";

/** @returns null unless `text` has 1 to 63 letters, digits, `_` and inner hyphens. */
export function serviceName(text: string): ServiceName | null {
  return /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(text) ? (text.toLowerCase() as ServiceName) : null;
}

/** @returns null unless `text` has 1 to 128 of the characters that need no escaping in a path. */
export function instanceName(text: string): InstanceName | null {
  return /^[A-Za-z0-9._:@-]{1,128}$/.test(text) ? (text as InstanceName) : null;
}

/** @returns null unless `text` has 1 to 63 letters, digits, `_`, and inner dots and hyphens. */
export function nodeName(text: string): NodeName | null {
  return /^[a-z0-9_]([a-z0-9._-]{0,61}[a-z0-9_])?$/i.test(text) ? (text as NodeName) : null;
}

export function checkName(text: string): CheckName | null {
  return /^[A-Za-z0-9._:@-]{1,192}$/.test(text) ? (text as CheckName) : null;
}

/** Where all instances stand that name no node: registered natively, or at Consul's agent. */
export const agentNode = "synod" as NodeName;

export const sameNode = (a: NodeName, b: NodeName): boolean => folded(a) === folded(b);
const folded = (node: NodeName): string => node.toLowerCase();
const key = (text: string): ByteString => text as ByteString;

// --- of a service ---

/** All services: no name begins with what other keys of the registry begin with. */
export const allServices: KeyRange = { key: key(`${serviceSpace}"`), end: key("t") };

/** What the names of services may begin with. */
export const isServicePrefix = (text: string): boolean => /^([a-z0-9_][a-z0-9_-]{0,62})?$/.test(text);

/** All services whose names begin with `prefix`. */
export const servicesRange = (prefix: string): KeyRange =>
  prefix === "" ? allServices : prefixRange(key(`${serviceSpace}${prefix}`));

const servicePrefix = (service: ServiceName): ByteString => key(`${serviceSpace}${service}\0`);

export const serviceRange = (service: ServiceName): KeyRange => prefixRange(servicePrefix(service));

export const instancesPrefix = (service: ServiceName): ByteString => key(`${servicePrefix(service)}i`);

export const instanceKey = ({ service, node, instance }: InstancePlace): ByteString =>
  key(`${instancesPrefix(service)}${folded(node)}\0${instance}`);

const statesPrefix = ({ service, node, instance }: InstancePlace): ByteString =>
  key(`${servicePrefix(service)}c${folded(node)}\0${instance}\0`);

/** The states of all checks of one instance. */
export const statesRange = (place: InstancePlace): KeyRange => prefixRange(statesPrefix(place));

export const stateKey = (place: InstancePlace, check: CheckName): ByteString => key(`${statesPrefix(place)}${check}`);

export type ServiceKey =
  | { readonly type: "instance"; readonly place: InstancePlace }
  | { readonly type: "state"; readonly place: InstancePlace; readonly check: CheckName };

/** @returns null when `stored` is no key of a service. */
export function serviceKeyOf(stored: ByteString): ServiceKey | null {
  if (!stored.startsWith(serviceSpace)) return null;
  const [own = "", nodePart = "", instancePart = "", checkPart, ...rest] = stored
    .slice(serviceSpace.length)
    .split("\0");
  const [service, node, instance] = [serviceName(own), nodeName(nodePart.slice(1)), instanceName(instancePart)];
  if (service === null || node === null || instance === null || rest.length > 0) return null;
  const place = { service, node, instance };
  if (checkPart === undefined) return nodePart.startsWith("i") ? { type: "instance", place } : null;
  const check = checkName(checkPart);
  return check !== null && nodePart.startsWith("c") ? { type: "state", place, check } : null;
}

// --- of a node ---

export const allNodes: KeyRange = prefixRange(key(`${serviceSpace}!n`));

/** Definitions and states of the checks of all nodes. */
export const allNodeChecks: KeyRange = prefixRange(key(`${serviceSpace}!c`));
export const allNodeStates: KeyRange = prefixRange(key(`${serviceSpace}!t`));

export const nodeKey = (node: NodeName): ByteString => key(`${serviceSpace}!n${folded(node)}`);

export const nodeChecksRange = (node: NodeName): KeyRange => prefixRange(key(`${serviceSpace}!c${folded(node)}\0`));
export const nodeStatesRange = (node: NodeName): KeyRange => prefixRange(key(`${serviceSpace}!t${folded(node)}\0`));

export const nodeCheckKey = (node: NodeName, check: CheckName): ByteString =>
  key(`${serviceSpace}!c${folded(node)}\0${check}`);

/** The state of a node's check with a ttl: it goes by itself, and its definition stays. */
export const nodeStateKey = (node: NodeName, check: CheckName): ByteString =>
  key(`${serviceSpace}!t${folded(node)}\0${check}`);

/** @returns null when `stored` is no node's check. */
export function nodeCheckOf(stored: ByteString): { readonly node: NodeName; readonly check: CheckName } | null {
  const [, own = "", of = ""] = /^s![ct]([^\0]*)\0([^\0]*)$/.exec(stored) ?? [];
  const [node, check] = [nodeName(own), checkName(of)];
  return node === null || check === null ? null : { node, check };
}

const checkIndexPrefix: ByteString = key(`${serviceSpace}!k`);

/** Says of which instance a check is that has a name of its own. */
export const checkIndexKey = (node: NodeName, check: CheckName): ByteString =>
  key(`${checkIndexPrefix}${folded(node)}\0${check}`);

/** @returns null when `stored` does not say where a check is. */
export const indexedCheck = (stored: ByteString): CheckName | null =>
  stored.startsWith(checkIndexPrefix) ? checkName(stored.slice(stored.indexOf("\0") + 1)) : null;

/** What is stored there: of which instance the check is. */
export const indexValue = ({ service, instance }: Omit<InstancePlace, "node">): Uint8Array =>
  utf8(`${service}\0${instance}`);

/** @returns null when it is not what `indexValue` writes. */
export const indexedInstance = (value: Uint8Array): InstanceName | null =>
  instanceName((textOf(value) ?? "").split("\0")[1] ?? "");

// --- leases ---

/** Each instance has a lease of its own: it lives as long as it renews, whatever becomes of its neighbours. */
export const instanceLease = ({ node, instance }: Omit<InstancePlace, "service">): LeaseId =>
  leaseId(`${nodeLeases(node)}${instance}`);

/** What the leases of all instances of a node begin with. */
export const nodeLeases = (node: NodeName): string => `instance/${folded(node)}/`;

export const checkLease = ({ node, instance }: Omit<InstancePlace, "service">, check: CheckName): LeaseId =>
  leaseId(`check/${folded(node)}/${instance}/${check}`);

export const nodeCheckLease = (node: NodeName, check: CheckName): LeaseId =>
  leaseId(`node-check/${folded(node)}/${check}`);

/** What all keys under an instance's lease begin with: any other is of an instance of that name elsewhere. */
export const within = (service: ServiceName): readonly ByteString[] => [servicePrefix(service), checkIndexPrefix];

// --- names that mean something ---

/** While it is there, the instance is out of service, whatever else is said of it. */
export const maintenanceCheck = (instance: InstanceName): CheckName => `_service_maintenance:${instance}` as CheckName;

export const nodeMaintenanceCheck = "_node_maintenance" as CheckName;

/** What the checks of an instance are called where they have no names: with several, each its number. */
export const ownCheck = (instance: InstanceName, number: number, of: number): CheckName =>
  (of === 1 ? `service:${instance}` : `service:${instance}:${number}`) as CheckName;

/** Whether a check can be found by its name without an index. */
export const isOwnCheck = (instance: InstanceName, check: CheckName): boolean =>
  check === `service:${instance}` ||
  (check.startsWith(`service:${instance}:`) && /^[1-9][0-9]?$/.test(check.slice(`service:${instance}:`.length)));

/** The instances that a check of this name may belong to, as far as its name tells. */
export function instancesNamedBy(check: CheckName): readonly InstanceName[] {
  const [, own = ""] = /^(?:service|_service_maintenance):(.*)$/.exec(check) ?? [];
  const numbered = check.startsWith("service:") ? /^(.*):[1-9][0-9]?$/.exec(own)?.[1] : undefined;
  return [own, numbered ?? ""].map(instanceName).filter((one) => one !== null);
}
