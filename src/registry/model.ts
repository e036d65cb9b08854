/**
 * What the registry knows: services, their instances, the nodes they stand on, and checks of their health. Types only.
 * Made by the doors, stored by `records.ts`, answered by `lookup.ts`. The words are Consul's where Consul has one.
 */
import type { Condition } from "../store/command.ts";
import type { Brand, RegionName, Revision } from "../support/brand.ts";

/** A service's name, in small letters: 1 to 63 of letters, digits, `_` and inner `-`. */
export type ServiceName = Brand<string, "ServiceName">;
/** An instance's name, unique on its node. */
export type InstanceName = Brand<string, "InstanceName">;
/** A node's name; letters of either case are the same name. */
export type NodeName = Brand<string, "NodeName">;
/** A check's name, unique on its node. */
export type CheckName = Brand<string, "CheckName">;

/** Where an instance stands: all that are registered natively, or through Consul's agent, stand on `agentNode`. */
export interface InstancePlace {
  readonly service: ServiceName;
  readonly node: NodeName;
  readonly instance: InstanceName;
}

export type CheckStatus = "passing" | "warning" | "critical";

/** Results in a row that an active check needs before its status changes: 0 or 1 for at once. */
export interface Thresholds {
  readonly successBeforePassing: number;
  readonly failuresBeforeCritical: number;
}

interface CheckCommon {
  readonly check: CheckName;
  /** For people. */
  readonly name: string;
  readonly notes: string;
  /** After being critical for so long the instance is removed; null: never. In ms. */
  readonly deregisterAfterMs: number | null;
}

interface Active extends CheckCommon, Thresholds {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

export type CheckDefinition =
  /** Set by its owner within `ttlMs`, again and again. */
  | (CheckCommon & { readonly kind: "ttl"; readonly ttlMs: number })
  /** 2xx is passing, 429 warning, all else critical. */
  | (Active & {
      readonly kind: "http";
      readonly url: string;
      readonly method: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
    })
  /** A connection that opens is passing. */
  | (Active & { readonly kind: "tcp"; readonly host: string; readonly port: number })
  /** As healthy as another instance; `instance` null: as the node itself. */
  | (CheckCommon & { readonly kind: "alias"; readonly node: NodeName; readonly instance: InstanceName | null })
  /** Set by whoever knows, and stays so: maintenance, external monitors. */
  | (CheckCommon & { readonly kind: "plain" });

export interface CheckState {
  readonly status: CheckStatus;
  /** What the check last said, for people. */
  readonly output: string;
}

/** A check as it is answered. */
export interface CheckView extends CheckState {
  readonly definition: CheckDefinition;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
}

/** What an instance says of itself. */
export interface InstanceRecord {
  /** An IP address or a host name; empty: its node's, which only Consul's catalogue takes. */
  readonly address: string;
  /** 0 when the service has none. */
  readonly port: number;
  /** As in `_web._tcp`: `tcp` unless it says otherwise. */
  readonly protocol: "tcp" | "udp";
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  /** Its share while passing, and while warning. 0: none unless nobody else is there. */
  readonly weights: { readonly passing: number; readonly warning: number };
  /** Where it stands. */
  readonly region: RegionName;
  /** How long it lives without renewing, in ms; null: until it is removed. */
  readonly ttlMs: number | null;
  readonly checks: readonly CheckDefinition[];
  /** What only Consul's clients ask for. */
  readonly taggedAddresses: Readonly<Record<string, { readonly address: string; readonly port: number }>>;
  readonly enableTagOverride: boolean;
}

export interface NodeRecord {
  /** As it was written: keys hold it in small letters. */
  readonly name: NodeName;
  /** A UUID, or empty. */
  readonly id: string;
  readonly address: string;
  readonly taggedAddresses: Readonly<Record<string, string>>;
  readonly meta: Readonly<Record<string, string>>;
}

export interface NodeView extends NodeRecord {
  readonly createRevision: Revision;
  readonly modRevision: Revision;
}

/** A check of a node itself. Of one with a ttl the state is kept apart, for it ends by itself. */
export interface NodeCheck {
  readonly definition: CheckDefinition;
  readonly state: CheckState;
}

/** What is registered: an instance, and what its checks say as long as nobody has looked. */
export interface Registration {
  readonly place: InstancePlace;
  readonly record: InstanceRecord;
  /** By the checks' names; critical where nothing is said. What a check said before is kept. */
  readonly initial: Readonly<Record<string, CheckState>>;
  /** Its checks can be found by their names alone (`CheckName`), as Consul's agents do. */
  readonly indexed: boolean;
  readonly condition?: Condition;
}

/** A check, and what it is a check of. */
export interface CheckPlace {
  readonly node: NodeName;
  /** Both null for a node's own check. */
  readonly service: ServiceName | null;
  readonly instance: InstanceName | null;
  readonly region: RegionName | null;
  readonly tags: readonly string[];
  readonly view: CheckView;
}

/** An instance as it is answered, with the health that its checks and its node's add up to. */
export interface InstanceView extends InstancePlace, InstanceRecord {
  readonly status: CheckStatus;
  /** Its renewals are missing together with most of its region's: it is held, for it is probably us (SPEC H1). */
  readonly suspect: boolean;
  /** Its own; the node's are with the node. */
  readonly states: readonly CheckView[];
  readonly nodeStates: readonly CheckView[];
  readonly nodeAddress: string;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
}

/** A question for instances of one service. */
export interface Lookup {
  readonly service: ServiceName;
  /** "healthy": passing or warning. */
  readonly health: "passing" | "healthy" | "any";
  /** All of these, and none of those; letters of either case are the same. */
  readonly tags: readonly string[];
  readonly notTags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  /** Only in these; empty: in all. */
  readonly regions: readonly RegionName[];
  /** In the order of preference: the first of these regions that has anything to answer is answered alone; empty: no failover. */
  readonly failover: readonly RegionName[];
  readonly order:
    | { readonly type: "name" }
    /** Regions nearest first; within one drawn by weight where there is a seed, else by name. */
    | { readonly type: "near"; readonly regions: readonly RegionName[]; readonly seed?: number }
    /** Drawn by weight, the same for the same seed. */
    | { readonly type: "weighted"; readonly seed: number }
    /** Turned by `seed` places. */
    | { readonly type: "round-robin"; readonly seed: number };
  readonly limit: number;
  /** Only after this one, in the order of names; only with that order. */
  readonly after: { readonly node: NodeName; readonly instance: InstanceName } | null;
}
