/**
 * Ballots: the numbers that order attempts to propose (Lamport 2001, section 2.2). Immutable values, totally ordered,
 * each belonging to one incarnation of one proposer. Upholds B1 and B2.
 */
import { assert } from "../support/assert.ts";

export interface Ballot {
  /** Counts attempts, from 1. Persisted by a replica before it is sent (B2). */
  readonly round: number;
  /** Who proposes: a replica's region, or a gateway's random id. */
  readonly proposer: string;
  /** Fresh at each start of the proposer, so that an old instance still running can never share a ballot with the new one. */
  readonly incarnation: string;
}

export function ballot(round: number, proposer: string, incarnation: string): Ballot {
  assert(Number.isSafeInteger(round) && round > 0, `B1 a round is a whole number from 1: ${round}`);
  return Object.freeze({ round, proposer, incarnation });
}

const compareText = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1);

/** Negative, zero or positive as `a` is below, equal to or above `b`. Equal only if all three parts are. */
export function compareBallots(a: Ballot, b: Ballot): number {
  return a.round - b.round || compareText(a.proposer, b.proposer) || compareText(a.incarnation, b.incarnation);
}

export const outranks = (a: Ballot, b: Ballot | null): boolean => b === null || compareBallots(a, b) > 0;
export const sameBallot = (a: Ballot, b: Ballot | null): boolean => b !== null && compareBallots(a, b) === 0;
export const higherBallot = (a: Ballot | null, b: Ballot | null): Ballot | null =>
  a === null ? b : outranks(a, b) ? a : b;
