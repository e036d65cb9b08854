/**
 * What replicas say to each other, and what the gateway asks of a replica. Every message is one request with one answer.
 */
import type { ByteString, LeaseId, LogTime, RequestId, Revision, Slot } from "../support/brand.ts";
import type {
  CheckFound,
  ChecksFound,
  ChecksWanted,
  InstanceFound,
  InstancesFound,
  NodeFound,
  NodesFound,
  ServicesFound,
} from "../registry/lookup.ts";
import type { CheckName, InstanceName, Lookup, NodeName, ServiceName } from "../registry/model.ts";
import type { Entry, Guard, Operation, Outcome, Refusal } from "../store/command.ts";
import type { EventPlace, EventQuery, StoreEvent } from "../store/events.ts";
import type { RangePlace } from "../store/ranges.ts";
import type { KeyRange, RangeQuery, RangeResult, Transaction, TxnResponse } from "../store/transaction.ts";

/** A chosen value on its way to a learner. */
export interface ChosenValue {
  readonly slot: Slot;
  readonly value: string;
}

/** Replica to the leader: propose these commands (encoded one by one). Answered when all are applied at the receiver. */
export interface Forward {
  readonly type: "forward";
  readonly commands: readonly string[];
  /** The sender cannot reach the leader and asks the receiver to act as if its own clients had sent them. */
  readonly relay: boolean;
}
/** Are you there, and do you lead? Decides whether a leader is silent or merely slow. */
export interface Ping {
  readonly type: "ping";
}
/** Learner's phase: these values are chosen. From the leader to active replicas, and between any two that differ. */
export interface Learn {
  readonly type: "learn";
  readonly entries: readonly ChosenValue[];
  readonly leader: string | null;
}
/** Give me what was chosen from here on. */
export interface CatchUp {
  readonly type: "catch-up";
  readonly from: Slot;
}
/** Gossip: how far each of us is. Travels only after activity, and stops when equal. */
export interface Digest {
  readonly type: "digest";
  readonly applied: Slot;
  /** The newest semantics the sender can apply (L4). */
  readonly knows: number;
}
/** One page of a snapshot; without `id` a new one is opened. */
export interface SnapshotPage {
  readonly type: "snapshot";
  readonly id: string | null;
  readonly cursor: string | null;
}
export type PeerRequest = Forward | Ping | Learn | CatchUp | Digest | SnapshotPage;

export type PeerReply =
  /** In the order of the commands; all applied up to `slot`. */
  | {
      readonly type: "results";
      readonly outcomes: readonly Outcome[];
      readonly slot: Slot;
      /** The store's at that slot: where a refusal can be read back. */
      readonly revision: Revision;
      readonly leader: string | null;
    }
  /** The receiver does not lead; some of the commands may have been proposed by it all the same. */
  | { readonly type: "not-leader"; readonly leader: string | null }
  /** Too much is waiting at the receiver: none of the commands was taken. A busy leader is not a silent one. */
  | { readonly type: "busy" }
  | { readonly type: "pong"; readonly leading: boolean; readonly stalled: boolean; readonly leader: string | null }
  | { readonly type: "progress"; readonly applied: Slot; readonly knows: number }
  | { readonly type: "entries"; readonly entries: readonly ChosenValue[]; readonly applied: Slot }
  /** The receiver no longer keeps that slot: load a snapshot. */
  | { readonly type: "gone"; readonly applied: Slot }
  | {
      readonly type: "snapshot-page";
      readonly id: string;
      readonly slot: Slot;
      readonly rows: string;
      readonly next: string | null;
    }
  /** That snapshot is not there any more: begin again. */
  | { readonly type: "no-snapshot" };

/** How strong a read must be. */
export type Consistency =
  | { readonly type: "linearizable" }
  | { readonly type: "session"; readonly atLeast: Revision }
  /** `maxAgeMs` null: any age is served. */
  | { readonly type: "local"; readonly maxAgeMs: number | null };

export interface WriteRequest {
  readonly type: "write";
  readonly id: RequestId;
  /** Set when the client chose the id: what it asked for, so that the id's reuse for something else is noticed. */
  readonly fingerprint?: string;
  readonly order?: { readonly session: string; readonly sequence: number };
  /**
   * Set by a sender that gives one request to several replicas: past it, an attempt that was held up on its way is
   * refused, instead of being carried out a second time after the first outcome was forgotten (X1). Without it the
   * replica gives the command its own.
   */
  readonly deadline?: LogTime;
  /** `If-Lock`: refused unless the lock is held with this token when the write is applied (SPEC K1). */
  readonly guard?: Guard;
  readonly operation: Operation;
  /** The command that it becomes, as it travelled: set by the decoder, where there is a deadline. */
  readonly encoded?: string;
}
export type Query =
  | { readonly type: "get"; readonly key: ByteString }
  | {
      readonly type: "list";
      readonly prefix: ByteString;
      readonly after: ByteString | null;
      readonly limit: number;
      /** The revision a page before was read at; null for the first page. */
      readonly revision: Revision | null;
    }
  /** One page of a range; `range.revision` is that of the first page in all later ones. */
  | { readonly type: "range"; readonly range: RangeQuery; readonly place: RangePlace }
  /** A transaction that only reads. */
  | { readonly type: "transaction"; readonly transaction: Transaction }
  /** `keys`: at most so many of those tied to it. */
  | { readonly type: "lease"; readonly lease: LeaseId; readonly keys: number }
  /** Leases after one, in the order of their ids; "" for the first. */
  | { readonly type: "leases"; readonly after: string; readonly limit: number }
  /** When anything in each of these ranges changed last, deletions included. */
  | { readonly type: "last-changes"; readonly ranges: readonly KeyRange[] }
  | RegistryQuery;

/** What is asked of the registry. */
export type RegistryQuery =
  | { readonly type: "instances"; readonly lookup: Lookup }
  /** `prefix`: only those whose names begin with it. */
  | { readonly type: "services"; readonly after: ServiceName | null; readonly limit: number; readonly prefix?: string }
  | { readonly type: "nodes"; readonly after: NodeName | null; readonly limit: number }
  /** Everything on a node; of its instances those after one. */
  | { readonly type: "node"; readonly node: NodeName; readonly after?: InstanceName }
  | ({ readonly type: "checks" } & ChecksWanted)
  /** One instance, under whatever service it is. */
  | { readonly type: "instance"; readonly node: NodeName; readonly instance: InstanceName }
  | { readonly type: "check"; readonly node: NodeName; readonly check: CheckName };

export interface ReadRequest {
  readonly type: "read";
  readonly consistency: Consistency;
  readonly query: Query;
}
/**
 * What happened from a place on? Answered at once when something did, else as soon as something does, else with nothing
 * when `waitMs` are over. Nothing is kept for who asks: the next question says where to go on (SPEC N1-N4).
 */
export interface WatchRequest {
  readonly type: "watch";
  readonly query: EventQuery;
  /** Bytes of events in one answer, at most `limits.watchBytes`; one event is always answered. */
  readonly maxBytes: number;
  readonly waitMs: number;
}
/** Independent requests in one message: each is answered by itself, in the same place of the answer. */
export interface BatchRequest {
  readonly type: "batch";
  readonly requests: readonly (WriteRequest | ReadRequest)[];
}
export interface StatusRequest {
  readonly type: "status";
  /** Also compute the digest over all logical rows: reads the whole store. */
  readonly digest: boolean;
}
export type ClientRequest = WriteRequest | ReadRequest | WatchRequest | BatchRequest | StatusRequest;

export interface LeaseState {
  readonly id: LeaseId;
  readonly ttlMs: number;
  /** By the clock of the replica that answers; 0 when it is due. */
  readonly remainingMs: number;
  /** Lives on without keys. */
  readonly granted: boolean;
}

export type QueryResult =
  | { readonly type: "entry"; readonly entry: Entry | null }
  | { readonly type: "page"; readonly entries: readonly Entry[]; readonly more: boolean; readonly revision: Revision }
  | { readonly type: "compacted"; readonly compactedRevision: Revision }
  | { readonly type: "future" }
  | { readonly type: "range"; readonly range: RangeResult; readonly revision: Revision }
  | { readonly type: "transaction"; readonly succeeded: boolean; readonly responses: readonly TxnResponse[] }
  | { readonly type: "refused"; readonly why: Refusal; readonly compactedRevision: Revision }
  | { readonly type: "lease"; readonly lease: LeaseState | null; readonly keys: readonly ByteString[] }
  | { readonly type: "leases"; readonly leases: readonly LeaseState[]; readonly more: boolean }
  /** In the order of the ranges; 0 where nothing is known to have happened. */
  | { readonly type: "last-changes"; readonly revisions: readonly Revision[] }
  /** `next` is where to go on; its index is 0 exactly when the events of all revisions before it are told. */
  | { readonly type: "events"; readonly events: readonly StoreEvent[]; readonly next: EventPlace }
  | RegistryResult;

export type RegistryResult =
  | ({ readonly type: "instances" } & InstancesFound)
  | ({ readonly type: "services" } & ServicesFound)
  | ({ readonly type: "nodes" } & NodesFound)
  | ({ readonly type: "node" } & NodeFound)
  | ({ readonly type: "checks" } & ChecksFound)
  | ({ readonly type: "instance" } & InstanceFound)
  | ({ readonly type: "check" } & CheckFound);

/** Why a request ended without an outcome. */
export type Failure =
  /** No majority answered in time. */
  | "no-quorum"
  /** Log time had passed the command's deadline. Told only where an earlier copy of it may have been carried out before. */
  | "deadline-passed"
  /** Too much is waiting here. */
  | "overloaded"
  /** The command, or what a batch of requests is answered, is larger than a message may be. */
  | "too-large"
  /** The state here is older than the caller allows, and no newer one could be had. */
  | "too-stale"
  /** This replica is loading a snapshot: another one can answer. */
  | "catching-up"
  /** As many watches as a replica takes wait here already. */
  | "too-many-watches"
  /** `at-least` names a revision that nobody has. */
  | "revision-in-future"
  /** The namespace's data was founded with other acceptor regions. */
  | "wrong-regions"
  /** Founding needs all acceptors, and not all answered. */
  | "founding-incomplete"
  /** An acceptor was emptied before the namespace was founded to the end. */
  | "founding-conflict"
  /** This replica cannot apply what a newer version wrote (L4). */
  | "unknown-semantics";

export interface ReplicaStatus {
  readonly region: string;
  readonly applied: Slot;
  readonly revision: Revision;
  readonly logTime: number;
  readonly firstKept: Slot;
  readonly leading: boolean;
  readonly leader: string | null;
  readonly waiting: number;
  readonly halted: string | null;
  readonly digest: string | null;
}

export type ClientReply =
  | { readonly type: "outcome"; readonly outcome: Outcome; readonly revision: Revision }
  | {
      readonly type: "result";
      readonly result: QueryResult;
      readonly revision: Revision;
      /** ms since the start of the last completed confirmation; null when there was none since this replica started. */
      readonly ageMs: number | null;
    }
  | { readonly type: "batch"; readonly replies: readonly ClientReply[] }
  | { readonly type: "status"; readonly status: ReplicaStatus }
  /** `outcome` is for writes: `unknown` if the command may have been proposed and can still be chosen (U1). */
  | {
      readonly type: "failed";
      readonly failure: Failure;
      readonly outcome: "not-applied" | "unknown";
      readonly detail: string;
    };
