/**
 * The registry as it stands in a store at one revision: entries read and put together to instances, nodes and checks with
 * their health. One of these lives as long as one question, and reads nothing twice. Used by `lookup.ts`. Reads no clock:
 * what ended, ended in the log.
 */
import { assert } from "../support/assert.ts";
import { revision } from "../support/brand.ts";
import type { ByteString, LeaseId, Revision } from "../support/brand.ts";
import { limits } from "../support/limits.ts";
import type { Entry } from "../store/command.ts";
import type { Lease } from "../store/leases.ts";
import type { Listing, Page, Unreadable } from "../store/store.ts";
import type { KeyRange } from "../store/transaction.ts";
import { maintenance, viewOf, worstOf } from "./health.ts";
import type { StoredState, Target } from "./health.ts";
import * as keys from "./keys.ts";
import type {
  CheckDefinition,
  CheckView,
  InstanceName,
  InstancePlace,
  InstanceRecord,
  InstanceView,
  NodeName,
  NodeRecord,
  NodeView,
  ServiceName,
} from "./model.ts";
import { agentRecord, decodeInstance, decodeNode, decodeNodeCheck, decodeState } from "./records.ts";

/** What the registry needs of a store: nothing but reading. */
export interface RegistryReads {
  readonly revision: Revision;
  get(key: ByteString): Entry | null;
  list(listing: Listing): Page | Unreadable;
  count(prefix: ByteString, atMost: number): number;
  lease(id: LeaseId): Pick<Lease, "heldUntil"> | null;
  leases(after: string, limit: number): readonly Pick<Lease, "id">[];
  leaseKeys(id: LeaseId, limit: number): readonly ByteString[];
  /** The newest revision that changed a key of the range. */
  lastChange(range: KeyRange): Revision;
}

/** An instance as it is stored, with all that is stored of its checks. */
export interface Found {
  readonly place: InstancePlace;
  readonly record: InstanceRecord;
  readonly entry: Entry;
  readonly states: ReadonlyMap<string, StoredState>;
  /** A renewal of its own or of one of its states is missing together with most others. */
  readonly suspect: boolean;
}

interface KnownNode {
  readonly view: NodeView | null;
  readonly checks: readonly CheckView[];
}

/** Under an instance's lease lie the instance, the states of its checks, and where these are found. */
const keysOfInstance = 4 * limits.checksPerInstance;

export class Reader {
  readonly #reads: RegistryReads;
  readonly #nodes = new Map<string, KnownNode>();
  readonly #services = new Set<ServiceName>();
  /** An instance was looked for that is not there: nobody knows under which service it will be. */
  #isAnywhere = false;
  readonly #target: Target = (alias) => this.#statusesOf(alias);

  constructor(reads: RegistryReads) {
    this.#reads = reads;
  }

  /** What everything read so far rests on: whatever else changes, the answer stays. */
  ranges(): readonly KeyRange[] {
    if (this.#services.size + 3 * this.#nodes.size > limits.lookupRanges) {
      return [keys.allServices, keys.allNodes, keys.allNodeChecks, keys.allNodeStates];
    }
    const nodes = [...this.#nodes.keys()].map((node) => node as NodeName);
    return [
      ...(this.#isAnywhere ? [keys.allServices] : [...this.#services].map(keys.serviceRange)),
      ...nodes.flatMap((node) => [
        { key: keys.nodeKey(node), end: null },
        keys.nodeChecksRange(node),
        keys.nodeStatesRange(node),
      ]),
    ];
  }

  /** The newest change of any of the ranges. */
  index(ranges: readonly KeyRange[] = this.ranges()): Revision {
    return revision(Math.max(1, ...ranges.map((range) => this.#reads.lastChange(range))));
  }

  /** All instances of a service, in the order of their names; no more than are read of one. */
  instances(service: ServiceName): readonly InstanceView[] {
    return this.views(service, this.found(service));
  }

  /** As they are answered, with what is known of their nodes and of whom they stand for. */
  views(service: ServiceName, found: readonly Found[]): readonly InstanceView[] {
    this.#services.add(service);
    return found.map((one) => this.#view(one));
  }

  found(service: ServiceName): readonly Found[] {
    const states = new Map<string, Map<string, StoredState>>();
    const suspects = new Set<string>();
    const found: Found[] = [];
    for (const entry of this.each(keys.serviceRange(service).key)) {
      const key = keys.serviceKeyOf(entry.key);
      if (key === null) continue;
      const own = `${key.place.node}\0${key.place.instance}`;
      // States come before instances, in the order of keys.
      if (key.type === "state") {
        const state = stateIn(entry);
        if (state === null) continue;
        states.set(own, (states.get(own) ?? new Map<string, StoredState>()).set(key.check, state));
        if (this.#isStateSuspect(entry, key.place)) suspects.add(own);
      } else {
        const record = decodeInstance(entry.value);
        if (record === null) continue;
        const mine = states.get(own) ?? new Map<string, StoredState>();
        const suspect = suspects.has(own) || this.#isSuspect(keys.instanceLease(key.place));
        found.push({ place: key.place, record, entry, states: mine, suspect });
        if (found.length === limits.instancesPerService) break;
      }
    }
    return found;
  }

  /** One instance, wherever it is registered: found by its lease. */
  instance(node: NodeName, instance: InstanceName): InstanceView | null {
    const found = this.#foundBy(node, instance);
    return found === null ? null : this.#view(found);
  }

  #foundBy(node: NodeName, instance: InstanceName): Found | null {
    const lease = keys.instanceLease({ node, instance });
    for (const key of this.#reads.leaseKeys(lease, keysOfInstance)) {
      const read = keys.serviceKeyOf(key);
      if (read?.type !== "instance") continue;
      this.#services.add(read.place.service);
      const entry = this.#reads.get(key);
      const record = entry === null ? null : decodeInstance(entry.value);
      if (entry !== null && record !== null) return { place: read.place, record, entry, ...this.#states(read.place) };
    }
    this.#isAnywhere = true;
    return null;
  }

  #states(place: InstancePlace): Pick<Found, "states" | "suspect"> {
    const states = new Map<string, StoredState>();
    let suspect = this.#isSuspect(keys.instanceLease(place));
    for (const entry of this.each(keys.statesRange(place).key)) {
      const key = keys.serviceKeyOf(entry.key);
      const state = stateIn(entry);
      if (key?.type !== "state" || state === null) continue;
      states.set(key.check, state);
      suspect ||= this.#isStateSuspect(entry, place);
    }
    return { states, suspect };
  }

  #isStateSuspect(entry: Entry, place: InstancePlace): boolean {
    if (entry.lease === null || entry.lease === keys.instanceLease(place)) return false;
    return this.#isSuspect(entry.lease);
  }

  #isSuspect(lease: LeaseId): boolean {
    return (this.#reads.lease(lease)?.heldUntil ?? null) !== null;
  }

  #view(found: Found): InstanceView {
    const { place, record, entry } = found;
    const node = this.node(place.node);
    const states = this.#checksOf(found);
    return {
      ...place,
      node: node.view?.name ?? place.node,
      ...record,
      status: worstOf([...states, ...node.checks].map(({ status }) => status)),
      suspect: found.suspect,
      states,
      nodeStates: node.checks,
      nodeAddress: node.view?.address ?? "",
      createRevision: entry.createRevision,
      modRevision: entry.modRevision,
    };
  }

  #checksOf({ place, record, entry, states }: Found): readonly CheckView[] {
    const views = record.checks.map((one) => viewOf(one, states.get(one.check), entry, this.#target));
    const held = maintenance(place.instance);
    const said = states.get(held.check);
    return said === undefined ? views : [...views, viewOf(held, said, entry, this.#target)];
  }

  /** A node, and its own checks. The one that instances stand on natively is there without having been registered. */
  node(node: NodeName): KnownNode {
    const name = node.toLowerCase();
    const known = this.#nodes.get(name);
    if (known !== undefined) return known;
    const entry = this.#reads.get(keys.nodeKey(node));
    const record = entry === null ? null : decodeNode(entry.value);
    const view = record === null || entry === null ? unregistered(node) : nodeView(record, entry);
    // An alias among them that stands for an instance of this very node asks for the node again.
    this.#nodes.set(name, { view, checks: [] });
    const checks = [...this.#nodeChecks(node)];
    this.#nodes.set(name, { view, checks });
    return { view, checks };
  }

  *#nodeChecks(node: NodeName): Generator<CheckView, void> {
    for (const entry of this.each(keys.nodeChecksRange(node).key)) {
      const check = decodeNodeCheck(entry.value);
      if (check === null) continue;
      const { definition, state } = check;
      const stored =
        definition.kind === "ttl" ? this.#nodeState(node, definition) : { ...state, ...revisionsOf(entry) };
      yield viewOf(definition, stored, entry, this.#target);
    }
  }

  #nodeState(node: NodeName, { check }: CheckDefinition): StoredState | undefined {
    const entry = this.#reads.get(keys.nodeStateKey(node, check));
    return entry === null ? undefined : (stateIn(entry) ?? undefined);
  }

  /** What an alias stands for: never what another alias says, so that no two turn in a circle. */
  #statusesOf({ node, instance }: Parameters<Target>[0]): ReturnType<Target> {
    const own = (views: readonly CheckView[]) =>
      views.filter(({ definition }) => definition.kind !== "alias").map(({ status }) => status);
    if (instance === null) {
      const known = this.node(node);
      return known.view === null ? null : own(known.checks);
    }
    const found = this.#foundBy(node, instance);
    if (found === null) return null;
    const withoutAliases = found.record.checks.filter(({ kind }) => kind !== "alias");
    return own(this.#checksOf({ ...found, record: { ...found.record, checks: withoutAliases } }));
  }

  /** Every entry that begins with `prefix`, read a page at a time. */
  *each(prefix: ByteString, from: ByteString | null = null): Generator<Entry, void> {
    for (let after = from; ;) {
      const { entries, more } = this.#page(prefix, after);
      yield* entries;
      after = entries.at(-1)?.key ?? null;
      if (!more || after === null) return;
    }
  }

  /** The first entry after a place, at the cost of one seek. */
  next(prefix: ByteString, after: ByteString): Entry | null {
    return this.#page(prefix, after, 1).entries[0] ?? null;
  }

  #page(prefix: ByteString, after: ByteString | null, limit: number = limits.pageKeys): Page {
    const bounds = { limit, maxBytes: limits.pageBytes };
    const page = this.#reads.list({ prefix, ...bounds, ...(after === null ? {} : { after }) });
    assert(page.type === "page", "the current revision is readable");
    return page;
  }
}

const revisionsOf = ({ createRevision, modRevision }: Entry) => ({ createRevision, modRevision });

function stateIn(entry: Entry): StoredState | null {
  const state = decodeState(entry.value);
  return state === null ? null : { ...state, ...revisionsOf(entry) };
}

const nodeView = (record: NodeRecord, entry: Entry): NodeView => ({ ...record, ...revisionsOf(entry) });

export const unregistered = (node: NodeName): NodeView | null =>
  keys.sameNode(node, keys.agentNode)
    ? { ...agentRecord, createRevision: revision(1), modRevision: revision(1) }
    : null;

export { nodeView };
