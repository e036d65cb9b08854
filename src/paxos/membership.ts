/**
 * Who may vote: the founded set of acceptors, and what a majority of it is. Pure. Upholds Q1 (each acceptor counts
 * once) and F4 (messages name the set and the incarnation they mean).
 */
import { assert } from "../support/assert.ts";

export interface Member {
  readonly region: string;
  /** Minted by the acceptor itself at founding: 128 random bits that an emptied or replaced acceptor cannot know. */
  readonly incarnation: string;
}

/** The founded set, sorted by region. Never changes once stored. */
export type Members = readonly Member[];

export function membersOf(list: readonly Member[]): Members {
  const sorted = list.toSorted((a, b) => (a.region < b.region ? -1 : 1));
  assert(new Set(sorted.map((m) => m.region)).size === sorted.length, "Q1 each acceptor stands in the set once");
  return Object.freeze(sorted.map((m) => Object.freeze({ region: m.region, incarnation: m.incarnation })));
}

/** Names a set in 40 random bits of each member: short enough for every message, distinct for every founding. */
export const setDigest = (members: Members): string =>
  members.map((m) => `${m.region}:${m.incarnation.slice(0, 8)}`).join(".");

export const majorityOf = (memberCount: number): number => Math.floor(memberCount / 2) + 1;

/** Q1: duplicates and strangers never count. */
export function isMajority(members: Members, regions: Iterable<string>): boolean {
  const distinct = new Set(regions);
  return members.filter((m) => distinct.has(m.region)).length >= majorityOf(members.length);
}

export const incarnationOf = (members: Members, region: string): string | null =>
  members.find((m) => m.region === region)?.incarnation ?? null;
