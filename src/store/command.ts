/**
 * What a namespace's log carries: batches of commands, and what came of each. Written by replicas, chosen by Paxos,
 * applied by the store. Everything an apply needs travels inside (SPEC L3): no clock and no randomness at apply.
 */
import type { ByteString, LeaseId, LogTime, RequestId, Revision } from "../support/brand.ts";
import type { Transaction, TxnResponse } from "./transaction.ts";

/** The newest meaning of commands this code can apply. A batch with a higher one stops a replica (SPEC L4). */
export const SEMANTICS = 1;

/** What must hold of the key for an operation to be carried out. */
export type Condition =
  | { readonly type: "always" }
  /** `If-None-Match: *`: the key does not exist. */
  | { readonly type: "absent" }
  /** `If-Match: *`: the key exists. */
  | { readonly type: "present" }
  /** `If-Match: "7"`: the key exists and was last changed by this revision. */
  | { readonly type: "unchanged-since"; readonly modRevision: Revision };

/** The lease that comes with a put. */
export interface OwnLease {
  readonly id: LeaseId;
  readonly ttlMs: number;
  /** Whose renewals are judged together when some of them are missing (SPEC H1). A put without it takes the lease out. */
  readonly herd?: string;
  /** The put is refused if a key is tied to the lease that begins with none of these. */
  readonly within?: readonly ByteString[];
}

/** A lease that a put does not tie its key to, but rests on. */
export interface NeededLease {
  readonly lease: LeaseId;
  readonly renew: boolean;
  /** The put is refused if a key is tied to that lease that begins with none of these. */
  readonly within?: readonly ByteString[];
}

/** When a lease whose time is over is held instead of ended, because most of its herd is missing with it (SPEC H1). */
export interface ExpiryGuard {
  /** More than so many in a hundred of the herd must be missing. */
  readonly percent: number;
  /** A herd of fewer leases is not guarded. */
  readonly atLeast: number;
  /** It is held for so many of its times to live. */
  readonly holdTtls: number;
}

export type Operation =
  | {
      readonly type: "put";
      readonly key: ByteString;
      readonly value: Uint8Array;
      readonly condition: Condition;
      /** Grants this lease, or renews it, and ties the key to it: the key goes when the lease ends. */
      readonly lease?: OwnLease;
      /** Ties the key to a lease that must have been granted before. Excludes `lease`. */
      readonly tie?: LeaseId;
      /** Refused unless there is this lease; `renew`: which is then renewed, for as long as it was granted. */
      readonly needs?: NeededLease;
      /** With an equal value and the same lease already there, only the lease is renewed: no new revision. */
      readonly keepIfEqual?: boolean;
    }
  | { readonly type: "delete"; readonly key: ByteString; readonly condition: Condition }
  /** Ends a lease and deletes its keys, but only if it has not been renewed since `renewal` (SPEC E1). */
  | { readonly type: "expire"; readonly lease: LeaseId; readonly renewal: number; readonly guard?: ExpiryGuard }
  /** Several keys at once, under comparisons: one revision for all of it, or none. */
  | { readonly type: "txn"; readonly transaction: Transaction }
  /** Grants a lease that lives on without keys. Refused when there is one of that name. */
  | { readonly type: "grant"; readonly lease: LeaseId; readonly ttlMs: number }
  /**
   * Renews a lease for as long as it was granted. Refused when there is none, and when a key is tied to it that begins
   * with none of `within`.
   */
  | { readonly type: "renew"; readonly lease: LeaseId; readonly within?: readonly ByteString[] }
  /** Ends a lease and deletes its keys, in one revision, whatever time it has left. */
  | { readonly type: "revoke"; readonly lease: LeaseId }
  /** History before this revision may go: reading there is refused from now on. */
  | { readonly type: "compact"; readonly revision: Revision }
  /**
   * Takes the last place of a queue, under a key that ends in the revision it is created by, tied to a lease that comes
   * and goes with it. Who has a place under that lease already keeps it, and renews it. The first place of a queue holds
   * its lock, or leads its election.
   */
  | {
      readonly type: "enqueue";
      /** What all keys of the queue begin with. */
      readonly queue: ByteString;
      readonly value: Uint8Array;
      readonly lease: { readonly id: LeaseId; readonly ttlMs: number };
    };

/** Holds as long as the first place of the queue was created by this very revision (SPEC K1). */
export interface Guard {
  readonly queue: ByteString;
  readonly token: Revision;
}

export interface Command {
  /** The key of exactly-once (SPEC X1): the same id is carried out at most once. */
  readonly id: RequestId;
  /** Past this log time the command is refused, and its outcome may be forgotten: no copy of it can take effect any more. */
  readonly deadline: LogTime;
  /** What the request asked for, when the client chose the id (`Idempotency-Key`): another request under it is refused. */
  readonly fingerprint?: string;
  /** The client's own order (SPEC X3): carried out only if `sequence` is the next of this session, which starts at 1. */
  readonly order?: { readonly session: string; readonly sequence: number };
  /** `If-Lock`: refused unless it holds when the command is applied. */
  readonly guard?: Guard;
  readonly operation: Operation;
}

/** The value of one slot. An empty one is a no-op, which closes a hole. */
export interface Batch {
  readonly semantics: number;
  /** The leader's clock when it made the batch. The log's time is the highest stamp applied so far. */
  readonly stamp: LogTime;
  readonly commands: readonly Command[];
}

/** What a key holds. */
export interface Entry {
  readonly key: ByteString;
  readonly value: Uint8Array;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  /** How often the key was written since it was created, from 1. */
  readonly version: number;
  readonly lease: LeaseId | null;
}

/**
 * What came of a command. Refusals are outcomes too, and remembered like any other (SPEC X1): who is told `not-applied`
 * relies on it that no copy of the command, chosen later, is carried out after all (SPEC U1). So who wants to try again
 * after a refusal, e.g. once the condition holds or its turn has come, takes a new id.
 */
export type Outcome =
  /** `revision` is the key's mod revision; `renewedOnly` says that an equal value was kept. */
  | {
      readonly type: "put";
      readonly revision: Revision;
      readonly version: number;
      readonly createRevision: Revision;
      readonly renewedOnly: boolean;
    }
  /** `existed` false: nothing was there and no revision was used. */
  | { readonly type: "deleted"; readonly existed: boolean; readonly revision: Revision }
  | { readonly type: "expired"; readonly deletedKeys: number; readonly revision: Revision }
  /** The lease was not ended, but is held until then in log time: most of its herd is missing with it (SPEC H1). */
  | { readonly type: "suspected"; readonly heldUntil: number; readonly revision: Revision }
  /** `revision` is the store's after it, whether it changed anything or not. */
  | {
      readonly type: "txn";
      readonly revision: Revision;
      readonly succeeded: boolean;
      /** Null: it was carried out, but what it answered was too large to be remembered. */
      readonly responses: readonly TxnResponse[] | null;
    }
  | { readonly type: "granted"; readonly ttlMs: number; readonly revision: Revision }
  | { readonly type: "renewed"; readonly ttlMs: number; readonly revision: Revision }
  | { readonly type: "revoked"; readonly deletedKeys: number; readonly revision: Revision }
  | { readonly type: "compacted"; readonly revision: Revision }
  /** `token` is the revision that created the place: it only ever grows, from one holder to the next. */
  | {
      readonly type: "enqueued";
      readonly key: ByteString;
      readonly token: Revision;
      /** False: the lease had a place already. */
      readonly created: boolean;
      readonly revision: Revision;
    }
  /** Nothing was changed. `revision` is the store's; `compactedRevision` the first that can still be read. */
  | {
      readonly type: "refused";
      readonly why: Refusal;
      readonly revision: Revision;
      readonly compactedRevision: Revision;
    }
  /** The condition did not hold. `modRevision` is the key's, null when the key does not exist. */
  | { readonly type: "condition-failed"; readonly modRevision: Revision | null }
  /** Refused: log time is past the command's deadline (SPEC X2). Not remembered: log time never goes back, so it stays so. */
  | { readonly type: "past-deadline" }
  /** Refused: the deadline lies further ahead of log time than any honest clock would put it. Remembered until then. */
  | { readonly type: "deadline-too-far" }
  /** Refused: this session's next sequence is `expected` (SPEC X3). Remembered: in its turn it needs a new id. */
  | { readonly type: "out-of-order"; readonly expected: number }
  /** Refused: this id was used for another request, which is remembered until this one's deadline too. */
  | { readonly type: "id-reused" };

/** Why an operation was not carried out, besides conditions, order and deadlines. */
export type Refusal =
  /** A value or a lease was to be kept, but the key does not exist. */
  | "key-not-found"
  | "lease-not-found"
  | "lease-exists"
  /** The lease has keys elsewhere: what it stands for is known by another name. */
  | "lease-elsewhere"
  /** The lock is no longer held with that token. */
  | "lock-lost"
  | "queue-full"
  /** A revision is named that is no longer kept ... */
  | "compacted"
  /** ... or that nobody has yet. */
  | "future"
  /** What is to be answered does not fit one row: ask for fewer keys, or without the values before. */
  | "result-too-large"
  /** A range to be deleted holds more keys than one command may change. */
  | "too-many-keys"
  /** Other commands of the same batch have used up its room for answers. */
  | "busy";
