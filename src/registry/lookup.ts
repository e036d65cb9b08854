/**
 * Who offers a service, read from the store. Called by the doors for services, catalogues and DNS. Reads no clock: an
 * instance is there until its lease has ended in the log, so every replica at one revision gives the same answer.
 */
import { assert } from "../support/assert.ts";
import type { ByteString, RegionName, Revision } from "../support/brand.ts";
import { limits } from "../support/limits.ts";
import type { Entry } from "../store/command.ts";
import type { Listing, Page, Unreadable } from "../store/store.ts";
import { decodeRegistration } from "./registration.ts";
import type { Registration } from "./registration.ts";
import { allServices, instancesEnd, instancesPrefix, placeOf } from "./service-keys.ts";
import type { InstanceName, InstancePlace, ServiceName } from "./service-keys.ts";

/** What the registry needs of a store: nothing but reading. */
export interface RegistryReads {
  list(listing: Listing): Page | Unreadable;
  count(prefix: ByteString, atMost: number): number;
}

export interface Instance extends InstancePlace, Registration {
  readonly createRevision: Revision;
  readonly modRevision: Revision;
}

export interface InstanceQuery {
  /** Only instances that carry this tag. */
  readonly tag?: string;
  /** Only instances registered in this region. */
  readonly region?: RegionName;
  /** Only instances after this one. */
  readonly after?: InstanceName;
}

export interface Instances {
  /** In the order of their names. */
  readonly instances: readonly Instance[];
  /** There may be further instances after the last. */
  readonly more: boolean;
  readonly revision: Revision;
}

export interface ServiceCount {
  readonly name: ServiceName;
  /** As many as a lookup would answer: counted no further than `limits.instancesPerLookup`. */
  readonly instances: number;
}

export interface Services {
  readonly services: readonly ServiceCount[];
  readonly more: boolean;
  readonly revision: Revision;
}

export function instancesOf(reads: RegistryReads, service: ServiceName, query: InstanceQuery = {}): Instances {
  const prefix = instancesPrefix(service);
  const found: Instance[] = [];
  let after = query.after === undefined ? undefined : (`${prefix}${query.after}` as ByteString);
  for (;;) {
    const page = pageOf(reads, prefix, after, limits.pageKeys);
    for (const entry of page.entries) {
      const instance = instanceIn(entry);
      if (instance === null || !answers(instance, query)) continue;
      if (found.length === limits.instancesPerLookup) return { instances: found, more: true, revision: page.revision };
      found.push(instance);
    }
    after = page.entries.at(-1)?.key;
    if (!page.more || after === undefined) return { instances: found, more: false, revision: page.revision };
  }
}

/** Names of services that have instances. Each costs one seek and a count, however many instances lie between. */
export function services(reads: RegistryReads, limit: number, afterName?: ServiceName): Services {
  const found: ServiceCount[] = [];
  let after = afterName === undefined ? undefined : instancesEnd(afterName);
  for (;;) {
    const page = pageOf(reads, allServices, after, 1);
    const [next] = page.entries;
    if (next === undefined) return { services: found, more: false, revision: page.revision };
    if (found.length === limit) return { services: found, more: true, revision: page.revision };
    const name = placeOf(next.key)?.service;
    // A key of some other shape is none of ours: step over it alone.
    after = name === undefined ? next.key : instancesEnd(name);
    if (name === undefined) continue;
    found.push({ name, instances: reads.count(instancesPrefix(name), limits.instancesPerLookup) });
  }
}

function pageOf(reads: RegistryReads, prefix: ByteString, after: ByteString | undefined, limit: number): Page {
  const page = reads.list({
    prefix,
    ...(after === undefined ? {} : { after }),
    limit,
    maxBytes: limits.pageBytes,
  });
  assert(page.type === "page", "the current revision is readable");
  return page;
}

function instanceIn(entry: Entry): Instance | null {
  const place = placeOf(entry.key);
  const registration = decodeRegistration(entry.value);
  if (place === null || registration === null) return null;
  return { ...place, ...registration, createRevision: entry.createRevision, modRevision: entry.modRevision };
}

const answers = (instance: Instance, { tag, region }: InstanceQuery): boolean =>
  (tag === undefined || instance.tags.includes(tag)) && (region === undefined || instance.region === region);
