/**
 * What proposers and acceptors say to each other, with the paper's names (Lamport, "Paxos Made Simple", 2001).
 * A log and a decision are the same thing to an acceptor: a decision is a log with one slot.
 */
import type { Slot } from "../support/brand.ts";
import type { Ballot } from "./ballot.ts";
import type { Members } from "./membership.ts";

/** What is being agreed on: the namespace's log, or one decision. */
export type Subject = "log" | `decision/${string}`;
export const LOG: Subject = "log";
export const decisionSubject = (id: string): Subject => `decision/${id}`;

/** A value an acceptor accepted for a slot, and under which ballot. Values are opaque to Paxos. */
export interface Vote {
  readonly slot: Slot;
  readonly ballot: Ballot;
  readonly value: string;
}

/** Phase 1a, proposer to acceptors. Asks for a promise for all slots from `from` on; again with a later `from` for the next page. */
export interface Prepare {
  readonly type: "prepare";
  readonly subject: Subject;
  readonly ballot: Ballot;
  readonly from: Slot;
}

/** Phase 2a, proposer to acceptors. Sent only after a majority promised this ballot; one value for each (slot, ballot), ever. */
export interface Accept {
  readonly type: "accept";
  readonly subject: Subject;
  readonly ballot: Ballot;
  readonly slot: Slot;
  readonly value: string;
  /** The batch's stamp, so that an acceptor can refuse one far ahead of its own clock (T2). 0 for decisions. */
  readonly stamp: number;
  /** A majority of replicas has durably applied everything up to here: votes at or below may go (L5). */
  readonly floor: Slot;
}

/** Replica to acceptors: what could have been chosen above `above`? The read barrier (R1). */
export interface Inquire {
  readonly type: "inquire";
  readonly subject: Subject;
  readonly above: Slot;
}

export type ProtocolRequest = Prepare | Accept | Inquire;

/** How far an acceptor's log reaches, in every answer that speaks of it. */
export interface Extent {
  /** Votes at or below were trimmed: a proposer whose first open slot is not above it must load a snapshot (L6). */
  readonly floor: Slot;
  /** The highest slot ever voted here; survives trimming. */
  readonly highest: Slot;
}

/**
 * Phase 1b. Sent after the promise is durable: the sender will reject every lower ballot from now on. `votes` are those
 * from `from` on; `next` is where the following page starts, null on the last.
 */
export interface PromiseReply extends Extent {
  readonly type: "promise";
  readonly ballot: Ballot;
  readonly votes: readonly Vote[];
  readonly next: Slot | null;
  /** The acceptor's own clock, in ms: what the leader keeps its stamps close to (T2). */
  readonly clock: number;
}

/** Phase 2b. Sent after the vote is durable: the sender accepted this ballot's value for the slot. */
export interface Accepted {
  readonly type: "accepted";
  readonly ballot: Ballot;
  readonly slot: Slot;
}

/** Answer to `inquire`, after a durable write (D2): the votes above, page by page, and what is promised. */
export interface Standing extends Extent {
  readonly type: "standing";
  readonly promised: Ballot | null;
  readonly votes: readonly Vote[];
  readonly next: Slot | null;
}

/** The ballot is below the promise: accepting it could overwrite a choice that a newer ballot is completing. */
export interface Outranked extends Extent {
  readonly type: "outranked";
  readonly promised: Ballot;
}

/** The slot was trimmed: whoever asks has missed choices and must not fill it (L6). */
export interface Trimmed extends Extent {
  readonly type: "trimmed";
}

/** The batch's stamp is too far ahead of this acceptor's clock (T2). */
export interface StampAhead {
  readonly type: "stamp-ahead";
  readonly clock: number;
}

export type ProtocolReply = PromiseReply | Accepted | Standing | Outranked | Trimmed | StampAhead;

/** Founding, step 0: what are you? Answered without a write; carries no authority. */
export interface Identify {
  readonly type: "identify";
}
/** Founding, step 1: mint an incarnation, if you hold nothing. Repeating it changes nothing. */
export interface Mint {
  readonly type: "mint";
  readonly cluster: string;
  readonly regions: readonly string[];
}
/** Founding, step 2: store the whole set. Refused unless it names the incarnation minted here. Repeating it changes nothing. */
export interface Enrol {
  readonly type: "enrol";
  readonly members: Members;
}
/** Founding, step 3: every acceptor has stored the set. */
export interface Open {
  readonly type: "open";
  readonly members: Members;
}
export type FoundingRequest = Identify | Mint | Enrol | Open;

/** What an acceptor is. */
export type Identity =
  /** Holds nothing: new, or emptied. It never founds itself on a protocol message (F1). */
  | { readonly type: "empty" }
  | { readonly type: "minted"; readonly incarnation: string }
  /** `open`: it has heard that every acceptor stored the set. */
  | { readonly type: "enrolled"; readonly incarnation: string; readonly members: Members; readonly open: boolean }
  | { readonly type: "retired"; readonly reason: string };

/** Protocol messages are refused with one of these when sender and acceptor do not mean the same set (F1, F4, F5). */
export interface NotMember {
  readonly type: "not-member";
  readonly why: "unfounded" | "wrong-address" | "wrong-set" | "wrong-incarnation" | "retired";
}

export interface IdentityReply {
  readonly type: "identity";
  readonly identity: Identity;
}

/** To which acceptor a protocol message speaks, and what its sender knows of it. */
export interface Address {
  readonly namespace: string;
  readonly region: string;
  /** `setDigest` of the set the sender means; sent only once the sender knows that all members stored it (F3). */
  readonly set: string;
  readonly incarnation: string;
  /** The highest counter seen from this acceptor: one that answers from below it was restored (F5). */
  readonly seen: number;
}

export type AcceptorRequest =
  | { readonly type: "protocol"; readonly address: Address; readonly body: ProtocolRequest }
  | { readonly type: "founding"; readonly namespace: string; readonly region: string; readonly body: FoundingRequest };

export type AcceptorReply =
  /** `counter` was written in the event that gave this answer (D2). */
  { readonly type: "protocol"; readonly counter: number; readonly body: ProtocolReply } | NotMember | IdentityReply;
