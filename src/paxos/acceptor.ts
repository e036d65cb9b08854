/**
 * Acceptor: the durable voter of Paxos (Lamport 2001, phases 1b and 2b), for the log and for decisions alike. Stepped
 * only by the acceptor's shell and by tests. Never reads a clock, never draws a number, never sends. Identity and
 * founding are next door in `enrolment.ts`. Upholds A1-A4, D1, D2, L5, L6, T2.
 */
import { slot } from "../support/brand.ts";
import type { Slot } from "../support/brand.ts";
import { assertNever } from "../support/assert.ts";
import { limits } from "../support/limits.ts";
import { outranks, sameBallot } from "./ballot.ts";
import type { Ballot } from "./ballot.ts";
import { LOG } from "./messages.ts";
import type { Accept, Extent, Inquire, Prepare, ProtocolReply, ProtocolRequest, Subject, Vote } from "./messages.ts";

/** What an acceptor remembers of one subject, besides its votes. */
export interface Ledger extends Extent {
  /** Written before the promise leaves. Forgetting it lets two proposers both believe that they own the past. */
  readonly promised: Ballot | null;
}

export const emptyLedger: Ledger = Object.freeze({ promised: null, floor: slot(0), highest: slot(0) });

/** The read side of an acceptor's storage. */
export interface AcceptorView {
  ledger(subject: Subject): Ledger;
  /** Votes from `from` on, lowest slot first, at most a page; `next` is the first slot left out. */
  votes(
    subject: Subject,
    from: Slot,
    maxRows: number,
    maxBytes: number,
  ): { readonly votes: readonly Vote[]; readonly next: Slot | null };
}

/** What must be durable, together, before the reply leaves. */
export type AcceptorChange =
  | { readonly type: "promised"; readonly subject: Subject; readonly ballot: Ballot }
  | { readonly type: "voted"; readonly subject: Subject; readonly vote: Vote }
  /** Raise the floor and delete votes at or below it. */
  | { readonly type: "trimmed"; readonly floor: Slot };

/** Carried out in this order: persist (with the counter), then reply. */
export interface AcceptorOutcome {
  /** May be empty: the counter is written all the same, for an answer that carries authority comes with a write (D2). */
  readonly persist: readonly AcceptorChange[];
  readonly reply: ProtocolReply;
}

/**
 * One message, one outcome.
 * @param clock the acceptor's own clock in ms, used for nothing but refusing wild stamps (T2).
 */
export function stepAcceptor(view: AcceptorView, request: ProtocolRequest, clock: number): AcceptorOutcome {
  switch (request.type) {
    case "prepare":
      return prepare(view, request, clock);
    case "accept":
      return accept(view, request, clock);
    case "inquire":
      return inquire(view, request);
    default:
      return assertNever(request, "acceptor request");
  }
}

const extentOf = (ledger: Ledger): Extent => ({ floor: ledger.floor, highest: ledger.highest });
const refuse = (reply: ProtocolReply): AcceptorOutcome => ({ persist: [], reply });

/** Phase 1b. */
function prepare(view: AcceptorView, request: Prepare, clock: number): AcceptorOutcome {
  const ledger = view.ledger(request.subject);
  // A1: a lower ballot is refused; promising it would let its proposer act on a past that a higher one is settling.
  if (ledger.promised !== null && outranks(ledger.promised, request.ballot)) {
    return refuse({ type: "outranked", promised: ledger.promised, ...extentOf(ledger) });
  }
  // L6: below the floor votes are gone; a promise without them would say "nothing was chosen there".
  if (request.from <= ledger.floor) return refuse({ type: "trimmed", ...extentOf(ledger) });
  const page = view.votes(request.subject, request.from, limits.messagePageRows, limits.messagePageBytes);
  return {
    persist: sameBallot(request.ballot, ledger.promised)
      ? []
      : [{ type: "promised", subject: request.subject, ballot: request.ballot }],
    reply: { type: "promise", ballot: request.ballot, ...page, clock, ...extentOf(ledger) },
  };
}

/** Phase 2b. */
function accept(view: AcceptorView, request: Accept, clock: number): AcceptorOutcome {
  const ledger = view.ledger(request.subject);
  // A2: a ballot below the promise is refused: whoever was promised may already have found this slot empty.
  if (ledger.promised !== null && outranks(ledger.promised, request.ballot)) {
    return refuse({ type: "outranked", promised: ledger.promised, ...extentOf(ledger) });
  }
  if (request.slot <= ledger.floor) return refuse({ type: "trimmed", ...extentOf(ledger) });
  if (request.stamp > clock + limits.stampAheadMs) return refuse({ type: "stamp-ahead", clock });
  const { subject, ballot } = request;
  const persist: AcceptorChange[] = [];
  // A3: accepting is promising: otherwise a lower ballot could still be accepted after this one.
  if (!sameBallot(ballot, ledger.promised)) persist.push({ type: "promised", subject, ballot });
  persist.push({ type: "voted", subject, vote: { slot: request.slot, ballot, value: request.value } });
  // Only the log is trimmed: a decision's one vote stays for ever.
  if (subject === LOG && request.floor > ledger.floor) persist.push({ type: "trimmed", floor: request.floor });
  return { persist, reply: { type: "accepted", ballot, slot: request.slot } };
}

/** The read barrier's question. Changes no promise and no vote, but is answered only with a write (D2). */
function inquire(view: AcceptorView, request: Inquire): AcceptorOutcome {
  const ledger = view.ledger(request.subject);
  const from = slot(Math.max(request.above, ledger.floor) + 1);
  const page = view.votes(request.subject, from, limits.messagePageRows, limits.messagePageBytes);
  return { persist: [], reply: { type: "standing", promised: ledger.promised, ...page, ...extentOf(ledger) } };
}
