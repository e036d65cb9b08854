/** Short names for what the unit tests of the core say all the time. */
import { ballot } from "../../../src/paxos/ballot.ts";
import type { Ballot } from "../../../src/paxos/ballot.ts";
import { LOG } from "../../../src/paxos/messages.ts";
import type { Accept, Prepare, PromiseReply, Vote } from "../../../src/paxos/messages.ts";
import { slot } from "../../../src/support/brand.ts";
import { testMembers } from "../../support/memory-acceptor.ts";

export const members = testMembers("a", "b", "c");

/** Ballots in ascending order: `low`, `middle`, `high`. */
export const low: Ballot = ballot(1, "p1", "start-1");
export const middle: Ballot = ballot(1, "p2", "start-1");
export const high: Ballot = ballot(2, "p1", "start-1");

export const prepare = (by: Ballot, from = 1): Prepare => ({
  type: "prepare",
  subject: LOG,
  ballot: by,
  from: slot(from),
});

export const accept = (by: Ballot, at: number, value: string, more: Partial<Accept> = {}): Accept => ({
  type: "accept",
  subject: LOG,
  ballot: by,
  slot: slot(at),
  value,
  stamp: 0,
  floor: slot(0),
  ...more,
});

export const vote = (at: number, by: Ballot, value: string): Vote => ({ slot: slot(at), ballot: by, value });

export const promise = (by: Ballot, votes: readonly Vote[] = [], more: Partial<PromiseReply> = {}): PromiseReply => ({
  type: "promise",
  ballot: by,
  votes,
  next: null,
  clock: 0,
  floor: slot(0),
  highest: slot(Math.max(0, ...votes.map((v) => v.slot))),
  ...more,
});
