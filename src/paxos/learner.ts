/**
 * Learner: finds out which values are chosen by counting votes (Lamport 2001, section 2.3). Pure. A value is chosen once
 * a majority of the set has accepted it under one ballot. Upholds Q1 and C1.
 */
import { assert } from "../support/assert.ts";
import type { Slot } from "../support/brand.ts";
import { outranks, sameBallot } from "./ballot.ts";
import type { Ballot } from "./ballot.ts";
import { incarnationOf, isMajority } from "./membership.ts";
import type { Members } from "./membership.ts";
import type { Vote } from "./messages.ts";

/** The votes seen for one slot, under the highest ballot seen there. */
export interface Tally {
  readonly ballot: Ballot;
  readonly value: string;
  readonly acceptors: ReadonlySet<string>;
}

export interface Chosen {
  readonly slot: Slot;
  readonly ballot: Ballot;
  readonly value: string;
  readonly acceptors: readonly string[];
}

export type Tallies = ReadonlyMap<Slot, Tally>;

/** Counts one vote. Votes under a lower ballot than already seen are ignored: were their value chosen, the higher ballot carries it too. */
export function countVote(
  tallies: Tallies,
  members: Members,
  acceptor: string,
  vote: Vote,
): { readonly tallies: Tallies; readonly chosen: Chosen | null } {
  // Q1: strangers do not count.
  if (incarnationOf(members, acceptor) === null) return { tallies, chosen: null };
  const seen = tallies.get(vote.slot);
  if (seen !== undefined && outranks(seen.ballot, vote.ballot)) return { tallies, chosen: null };
  assert(
    seen === undefined || !sameBallot(seen.ballot, vote.ballot) || seen.value === vote.value,
    "P4 one value for each slot and ballot",
  );
  const acceptors = new Set(seen !== undefined && sameBallot(seen.ballot, vote.ballot) ? seen.acceptors : []);
  acceptors.add(acceptor);
  const next = new Map(tallies).set(vote.slot, { ballot: vote.ballot, value: vote.value, acceptors });
  const chosen = isMajority(members, acceptors)
    ? { slot: vote.slot, ballot: vote.ballot, value: vote.value, acceptors: [...acceptors] }
    : null;
  return { tallies: next, chosen };
}

/** Forgets slots up to `applied`: they are learned. */
export function forgetUpTo(tallies: Tallies, applied: Slot): Tallies {
  return new Map([...tallies].filter(([slot]) => slot > applied));
}
