/** Ballots are totally ordered, and order and equality agree. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ballot, compareBallots, higherBallot, outranks, sameBallot } from "../../src/paxos/ballot.ts";
import type { Ballot } from "../../src/paxos/ballot.ts";

/** Few rounds and short texts, so that ties in one or two parts are common. */
const text = fc.oneof(fc.constantFrom("", "a", "b", "ab"), fc.string({ unit: "binary", maxLength: 2 }));
const ballots = fc
  .tuple(fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })), text, text)
  .map(([round, proposer, incarnation]) => ballot(round, proposer, incarnation));

const throughJson = (b: Ballot): Ballot => JSON.parse(JSON.stringify(b)) as Ballot;

test("[B1] exactly one of below, equal and above holds, seen from either side", () => {
  fc.assert(
    fc.property(ballots, ballots, (a, b) => {
      expect([outranks(a, b), sameBallot(a, b), outranks(b, a)].filter(Boolean)).toHaveLength(1);
      expect(Math.sign(compareBallots(a, b)) + Math.sign(compareBallots(b, a))).toBe(0);
    }),
  );
});

test("[B1] the order is transitive", () => {
  fc.assert(
    fc.property(ballots, ballots, ballots, (a, b, c) => {
      if (outranks(a, b) && outranks(b, c)) expect(outranks(a, c)).toBe(true);
      if (sameBallot(a, b) && outranks(b, c)) expect(outranks(a, c)).toBe(true);
    }),
  );
});

test("[B1] ballots are equal exactly if all three parts are", () => {
  fc.assert(
    fc.property(ballots, ballots, (a, b) => {
      const parts = a.round === b.round && a.proposer === b.proposer && a.incarnation === b.incarnation;
      expect(sameBallot(a, b)).toBe(parts);
    }),
  );
});

test("[B1] a ballot that travelled as JSON is the same ballot", () => {
  fc.assert(
    fc.property(ballots, ballots, (a, b) => {
      expect(sameBallot(a, throughJson(a))).toBe(true);
      expect(outranks(throughJson(a), b)).toBe(outranks(a, b));
    }),
  );
});

test("[B1] the higher of two is the maximum, in whichever order they come", () => {
  fc.assert(
    fc.property(ballots, ballots, (a, b) => {
      const higher = higherBallot(a, b);
      expect(sameBallot(a, higher) || sameBallot(b, higher)).toBe(true);
      expect(outranks(a, higher) || outranks(b, higher)).toBe(false);
      expect(higherBallot(b, a)).toEqual(higher);
    }),
  );
});
