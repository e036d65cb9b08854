/** Ballots: immutable, totally ordered, equal only if all three parts are. */
import { expect, test } from "vitest";
import { ballot, compareBallots, higherBallot, outranks, sameBallot } from "../../../src/paxos/ballot.ts";

test("[B1] the round counts first, then the proposer, then the incarnation", () => {
  const ascending = [
    ballot(1, "a", "x"),
    ballot(1, "a", "y"),
    ballot(1, "b", "a"),
    ballot(2, "a", "a"),
    ballot(10, "a", "a"),
  ];
  for (const [i, low] of ascending.entries()) {
    for (const [j, high] of ascending.entries()) expect(Math.sign(compareBallots(low, high))).toBe(Math.sign(i - j));
  }
});

test("[B1] ballots are equal only if all three parts are", () => {
  const b = ballot(1, "a", "x");
  expect(sameBallot(b, ballot(1, "a", "x"))).toBe(true);
  expect(sameBallot(b, ballot(2, "a", "x"))).toBe(false);
  expect(sameBallot(b, ballot(1, "b", "x"))).toBe(false);
  expect(sameBallot(b, ballot(1, "a", "y"))).toBe(false);
});

test("[B1] every ballot outranks none at all, and no ballot equals it", () => {
  const b = ballot(1, "a", "x");
  expect(outranks(b, null)).toBe(true);
  expect(sameBallot(b, null)).toBe(false);
  expect(higherBallot(null, null)).toBeNull();
  expect(higherBallot(b, null)).toBe(b);
  expect(higherBallot(null, b)).toBe(b);
});

test("[B1] a ballot cannot be changed", () => {
  const b: { round: number } = ballot(1, "a", "x");
  expect(() => {
    b.round = 2;
  }).toThrow(TypeError);
});

test("[B1] a round that is not a whole number from 1 is a bug, and no ballot", () => {
  for (const round of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    expect(() => ballot(round, "a", "x")).toThrow("B1");
  }
});
