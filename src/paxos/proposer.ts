/**
 * Proposer: phases 1a and 2a (Lamport 2001), over as many slots as needed. A decision uses one slot, the log one for each
 * batch. Pure: every function returns the next state. Stepped by the replica (log) and by `decision.ts`. It never sends a
 * value for a slot before a majority promised its ballot, and never two values for one (slot, ballot). Upholds P1-P4.
 */
import { assert } from "../support/assert.ts";
import { nextSlot, slot } from "../support/brand.ts";
import type { Slot } from "../support/brand.ts";
import { outranks, sameBallot } from "./ballot.ts";
import type { Ballot } from "./ballot.ts";
import { incarnationOf, isMajority } from "./membership.ts";
import type { Members } from "./membership.ts";
import type { PromiseReply, Vote } from "./messages.ts";

/** What one acceptor has promised so far, over one or several pages. */
interface Answer {
  readonly votes: readonly Vote[];
  readonly complete: boolean;
  readonly floor: Slot;
  readonly highest: Slot;
}

export interface Preparing {
  readonly phase: "preparing";
  readonly ballot: Ballot;
  /** The first open slot: everything below is chosen and learned here. */
  readonly from: Slot;
  readonly answers: ReadonlyMap<string, Answer>;
}

export interface Leading {
  readonly phase: "leading";
  readonly ballot: Ballot;
  /** The next unused slot. */
  readonly next: Slot;
  /** Proposed and not yet known to be chosen: the one value this ballot has for each of these slots. */
  readonly open: ReadonlyMap<Slot, string>;
}

export type Proposer = { readonly phase: "idle" } | Preparing | Leading;

export const idle: Proposer = Object.freeze({ phase: "idle" });

export interface Proposal {
  readonly slot: Slot;
  readonly value: string;
}

export const startPreparing = (ballot: Ballot, from: Slot): Preparing => ({
  phase: "preparing",
  ballot,
  from,
  answers: new Map(),
});

export type PromiseOutcome =
  /** Late, duplicated or for another ballot: nothing changes (Q2). */
  | { readonly type: "ignored" }
  | { readonly type: "waiting"; readonly state: Preparing }
  /** The acceptor has more votes: ask it again from there. */
  | { readonly type: "next-page"; readonly state: Preparing; readonly from: Slot }
  /** Chosen slots that this proposer has not learned were trimmed: it must load a snapshot first (L6). */
  | { readonly type: "behind"; readonly floor: Slot }
  /** A majority has promised. `adopted` must be proposed before anything new. */
  | {
      readonly type: "leading";
      readonly state: Leading;
      readonly adopted: readonly Proposal[];
    };

/**
 * Phase 1b arrives.
 * @param hole the value proposed for a slot that nobody voted for while a later one has votes; null where no slot may be
 * filled so (a decision).
 * @param postpone values that acceptors would refuse for now (T2). Any majority will do (P3): one without them is waited
 * for.
 */
export function receivePromise(
  state: Proposer,
  members: Members,
  acceptor: string,
  reply: PromiseReply,
  hole: string | null,
  postpone: (value: string) => boolean = () => false,
): PromiseOutcome {
  if (state.phase !== "preparing" || !sameBallot(state.ballot, reply.ballot)) return { type: "ignored" };
  // Q1: a stranger neither counts nor is adopted from.
  if (incarnationOf(members, acceptor) === null) return { type: "ignored" };
  const before = state.answers.get(acceptor);
  if (before?.complete === true) return { type: "ignored" };
  const answer: Answer = {
    votes: [...(before?.votes ?? []), ...reply.votes],
    complete: reply.next === null,
    floor: slot(Math.max(before?.floor ?? 0, reply.floor)),
    highest: slot(Math.max(before?.highest ?? 0, reply.highest)),
  };
  if (answer.floor >= state.from) return { type: "behind", floor: answer.floor };
  const next: Preparing = { ...state, answers: new Map(state.answers).set(acceptor, answer) };
  if (reply.next !== null) return { type: "next-page", state: next, from: reply.next };
  const complete = [...next.answers].filter(([, a]) => a.complete && !a.votes.some((vote) => postpone(vote.value)));
  const promised = complete.map(([region]) => region);
  if (!isMajority(members, promised)) return { type: "waiting", state: next };
  const answers = complete.map(([, a]) => a);
  return lead(next, answers, hole);
}

function lead(state: Preparing, answers: readonly Answer[], hole: string | null): PromiseOutcome {
  // P3: for each slot, the value of the highest accepted ballot in the majority: it may have been chosen.
  const adopted = new Map<Slot, Vote>();
  for (const vote of answers.flatMap((a) => a.votes)) {
    if (vote.slot >= state.from && outranks(vote.ballot, adopted.get(vote.slot)?.ballot ?? null))
      adopted.set(vote.slot, vote);
  }
  const last = Math.max(state.from - 1, ...answers.map((a) => a.highest), ...adopted.keys());
  const open = new Map<Slot, string>();
  for (let at = state.from; at <= last; at = nextSlot(at)) {
    const value = adopted.get(at)?.value ?? hole;
    assert(value !== null, "P3 a decision has one slot and no holes");
    open.set(at, value);
  }
  return {
    type: "leading",
    state: { phase: "leading", ballot: state.ballot, next: slot(last + 1), open },
    adopted: [...open].map(([at, value]) => ({ slot: at, value })),
  };
}

/** Phase 2a for a value of one's own, in the next unused slot. */
export function propose(state: Leading, value: string): { readonly state: Leading; readonly proposal: Proposal } {
  assert(!state.open.has(state.next), "P4 one value for each slot and ballot");
  const proposal = { slot: state.next, value };
  return {
    state: { ...state, next: nextSlot(state.next), open: new Map(state.open).set(proposal.slot, value) },
    proposal,
  };
}

/** The slot is known to be chosen: nothing is open there any more. */
export function close(state: Leading, at: Slot): Leading {
  if (!state.open.has(at)) return state;
  const open = new Map(state.open);
  open.delete(at);
  return { ...state, open };
}
