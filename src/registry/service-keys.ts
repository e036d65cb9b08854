/**
 * Where the registry keeps what: an instance's key is its service's name, a zero byte, and the instance's own name, so
 * that the instances of one service lie together and no name runs into another. Used by the registry and by the doors
 * that name services. Names are DNS labels, so letters of either case are the same name.
 */
import { leaseId } from "../support/brand.ts";
import type { Brand, ByteString, LeaseId } from "../support/brand.ts";
import { serviceSpace } from "../store/key-space.ts";

/** A service's name: one DNS label, in small letters. */
export type ServiceName = Brand<string, "ServiceName">;
/** An instance's name within its service. */
export type InstanceName = Brand<string, "InstanceName">;

export interface InstancePlace {
  readonly service: ServiceName;
  readonly instance: InstanceName;
}

/** @returns null when `text` cannot be a DNS label. */
export function serviceName(text: string): ServiceName | null {
  return /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(text) ? (text.toLowerCase() as ServiceName) : null;
}

/** @returns null unless `text` has 1 to 128 of the characters that need no escaping in a path. */
export function instanceName(text: string): InstanceName | null {
  return /^[A-Za-z0-9._:-]{1,128}$/.test(text) ? (text as InstanceName) : null;
}

export const allServices: ByteString = serviceSpace;

export const instancesPrefix = (service: ServiceName): ByteString => `${serviceSpace}${service}\0` as ByteString;

/** After every instance of `service` and before every other service's: where a seek to the next service starts. */
export const instancesEnd = (service: ServiceName): ByteString => `${serviceSpace}${service}\u0001` as ByteString;

export const instanceKey = ({ service, instance }: InstancePlace): ByteString =>
  `${instancesPrefix(service)}${instance}` as ByteString;

/** @returns null when `key` is not an instance's. */
export function placeOf(key: ByteString): InstancePlace | null {
  if (!key.startsWith(serviceSpace)) return null;
  const end = key.indexOf("\0");
  if (end < 0) return null;
  const service = serviceName(key.slice(serviceSpace.length, end));
  const instance = instanceName(key.slice(end + 1));
  return service === null || instance === null ? null : { service, instance };
}

/** Each instance has a lease of its own: it lives as long as it renews, whatever becomes of its neighbours. */
export const instanceLease = ({ service, instance }: InstancePlace): LeaseId =>
  leaseId(`service/${service}/${instance}`);
