/**
 * Decision: single-decree Paxos exactly as published (Lamport 2001, section 2.2), one attempt under one ballot. Pure;
 * driven by the gateway, which starts a fresh attempt, with a fresh ballot, after a refusal. Upholds P1-P4, C1.
 */
import { slot } from "../support/brand.ts";
import type { Ballot } from "./ballot.ts";
import { higherBallot, sameBallot } from "./ballot.ts";
import { countVote } from "./learner.ts";
import type { Tallies } from "./learner.ts";
import { majorityOf } from "./membership.ts";
import type { Members } from "./membership.ts";
import type { ProtocolReply, ProtocolRequest, Subject } from "./messages.ts";
import { idle, propose, receivePromise, startPreparing } from "./proposer.ts";
import type { Proposer } from "./proposer.ts";

const THE_SLOT = slot(1);

export interface Attempt {
  readonly subject: Subject;
  readonly members: Members;
  readonly ballot: Ballot;
  /** The value to propose if none may have been chosen; null for an attempt that only completes what it finds. */
  readonly own: string | null;
  readonly proposer: Proposer;
  readonly tallies: Tallies;
  /** Acceptors from which this phase can expect nothing more. */
  readonly lost: ReadonlySet<string>;
  /** The highest ballot seen in a refusal: the next attempt goes above it. */
  readonly above: Ballot | null;
  /** True once a value may have left for an acceptor: from then on a failure leaves the outcome unknown. */
  readonly proposed: boolean;
}

export type AttemptResult =
  | { readonly type: "chosen"; readonly value: string; readonly ballot: Ballot; readonly acceptors: readonly string[] }
  /** A majority has voted for nothing, and this attempt had nothing to propose. */
  | { readonly type: "nothing" }
  | { readonly type: "refused"; readonly above: Ballot | null; readonly proposed: boolean };

export interface AttemptStep {
  readonly state: Attempt;
  readonly send: readonly { readonly to: string; readonly body: ProtocolRequest }[];
  readonly result: AttemptResult | null;
}

const toAll = (members: Members, body: ProtocolRequest) => members.map((m) => ({ to: m.region, body }));

/** Phase 1a. @param ballot fresh: never used by any other attempt. */
export function startAttempt(subject: Subject, members: Members, ballot: Ballot, own: string | null): AttemptStep {
  const state: Attempt = {
    subject,
    members,
    ballot,
    own,
    proposer: startPreparing(ballot, THE_SLOT),
    tallies: new Map(),
    lost: new Set(),
    above: null,
    proposed: false,
  };
  return { state, send: toAll(members, { type: "prepare", subject, ballot, from: THE_SLOT }), result: null };
}

const step = (state: Attempt): AttemptStep => ({ state, send: [], result: null });

/** An acceptor answered, or (null) will not. Late, duplicated and reordered replies change nothing. */
export function stepAttempt(state: Attempt, acceptor: string, reply: ProtocolReply | null): AttemptStep {
  if (reply === null) return lose(state, acceptor, null);
  switch (reply.type) {
    case "promise":
      return promised(state, acceptor, reply);
    case "accepted": {
      if (state.proposer.phase !== "leading" || !sameBallot(reply.ballot, state.ballot)) return step(state);
      const value = state.proposer.open.get(THE_SLOT);
      if (value === undefined || reply.slot !== THE_SLOT) return step(state);
      const counted = countVote(state.tallies, state.members, acceptor, {
        slot: THE_SLOT,
        ballot: reply.ballot,
        value,
      });
      const { chosen } = counted;
      return {
        ...step({ ...state, tallies: counted.tallies }),
        result: chosen === null ? null : { type: "chosen", ...chosen },
      };
    }
    case "outranked":
      return lose(state, acceptor, reply.promised);
    case "standing":
    case "trimmed":
    case "stamp-ahead":
      return lose(state, acceptor, null);
  }
}

function promised(state: Attempt, acceptor: string, reply: ProtocolReply & { readonly type: "promise" }): AttemptStep {
  const outcome = receivePromise(state.proposer, state.members, acceptor, reply, null);
  switch (outcome.type) {
    case "ignored":
      return step(state);
    case "waiting":
      return step({ ...state, proposer: outcome.state });
    case "next-page":
    case "behind":
      return lose(state, acceptor, null);
    case "leading": {
      const adopted = outcome.adopted.find((p) => p.slot === THE_SLOT);
      if (adopted === undefined && state.own === null) {
        return { ...step({ ...state, proposer: idle }), result: { type: "nothing" } };
      }
      const { proposer, value } =
        adopted !== undefined
          ? { proposer: outcome.state, value: adopted.value }
          : { proposer: propose(outcome.state, state.own ?? "").state, value: state.own ?? "" };
      const body = {
        type: "accept",
        subject: state.subject,
        ballot: state.ballot,
        slot: THE_SLOT,
        value,
        stamp: 0,
        floor: slot(0),
      } as const;
      // Acceptors lost to phase 1 are asked again: what they refused then was something else.
      return {
        state: { ...state, proposer, lost: new Set(), proposed: true },
        send: toAll(state.members, body),
        result: null,
      };
    }
  }
}

/** This acceptor will not help this phase. Without a majority left, the attempt is over. */
function lose(state: Attempt, acceptor: string, promised: Ballot | null): AttemptStep {
  const lost = new Set(state.lost).add(acceptor);
  const next: Attempt = { ...state, lost, above: higherBallot(state.above, promised) };
  if (state.members.length - lost.size >= majorityOf(state.members.length)) return step(next);
  // U1: a refused attempt sends nothing more, whatever answers still arrive.
  return {
    ...step({ ...next, proposer: idle }),
    result: { type: "refused", above: next.above, proposed: next.proposed },
  };
}
