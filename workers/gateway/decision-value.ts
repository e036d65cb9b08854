/**
 * What the acceptors store for a decision, and what has been decided. The proposal's id travels with the value, so that
 * "was it mine?" compares ids, never bytes.
 */
import * as v from "valibot";
import { packBytes, unpackBytes } from "../../src/support/bytes.ts";
import { parseJson } from "../../src/store/json-shape.ts";
import type { Ballot } from "../../src/paxos/ballot.ts";

export interface Proposal {
  readonly id: string;
  readonly value: Uint8Array;
}

/** A chosen proposal, and how this gateway learned it. */
export interface Decided {
  readonly proposal: Proposal;
  readonly ballot: Pick<Ballot, "round" | "proposer">;
  /** The acceptors seen to have voted for it, a majority at least. */
  readonly acceptors: readonly string[];
}

/** Equal proposals have equal stored forms. */
export const encodeProposal = ({ id, value }: Proposal): string =>
  JSON.stringify({ proposal: id, value: packBytes(value) });

const stored = v.strictObject({ proposal: v.string(), value: v.string() });

/** @returns null when `text` is not what `encodeProposal` writes. */
export function decodeProposal(text: string): Proposal | null {
  const read = v.safeParse(stored, parseJson(text));
  const value = read.success ? unpackBytes(read.output.value) : null;
  return read.success && value !== null ? { id: read.output.proposal, value } : null;
}

const decided = v.strictObject({
  value: v.string(),
  ballot: v.strictObject({ round: v.number(), proposer: v.string() }),
  acceptors: v.array(v.string()),
});

export const encodeDecided = ({ proposal, ballot, acceptors }: Decided): string =>
  JSON.stringify({ value: encodeProposal(proposal), ballot, acceptors });

/** @returns null when `text` is not what `encodeDecided` writes. */
export function decodeDecided(text: string): Decided | null {
  const read = v.safeParse(decided, parseJson(text));
  if (!read.success) return null;
  const { value, ballot, acceptors } = read.output;
  const proposal = decodeProposal(value);
  return proposal === null ? null : { proposal, ballot, acceptors };
}
