/** The learner and the set whose votes it counts. */
import { expect, test } from "vitest";
import { countVote, forgetUpTo } from "../../../src/paxos/learner.ts";
import type { Chosen, Tallies } from "../../../src/paxos/learner.ts";
import { incarnationOf, isMajority, majorityOf, membersOf, setDigest } from "../../../src/paxos/membership.ts";
import type { Vote } from "../../../src/paxos/messages.ts";
import { slot } from "../../../src/support/brand.ts";
import { testMembers } from "../../support/memory-acceptor.ts";
import { high, low, members, vote } from "./builders.ts";

/** A fresh learner that hears these votes: what each made it learn. */
function learned(votes: readonly (readonly [acceptor: string, vote: Vote])[]): readonly (Chosen | null)[] {
  let tallies: Tallies = new Map();
  return votes.map(([acceptor, heard]) => {
    const counted = countVote(tallies, members, acceptor, heard);
    tallies = counted.tallies;
    return counted.chosen;
  });
}

test("[C1] a value is learned with the vote that completes a majority under one ballot", () => {
  const votes = [
    ["a", vote(1, low, "x")],
    ["b", vote(1, low, "x")],
  ] as const;
  expect(learned(votes)).toEqual([null, { slot: 1, ballot: low, value: "x", acceptors: ["a", "b"] }]);
});

test("[C1] votes under different ballots do not add up", () => {
  const votes = [
    ["a", vote(1, low, "x")],
    ["b", vote(1, high, "x")],
  ] as const;
  expect(learned(votes)).toEqual([null, null]);
});

test("[C1] votes for different slots do not add up", () => {
  const votes = [
    ["a", vote(1, low, "x")],
    ["b", vote(2, low, "x")],
  ] as const;
  expect(learned(votes)).toEqual([null, null]);
});

test("[C1] a vote under a lower ballot is passed over, and takes nothing away", () => {
  const votes = [
    ["a", vote(1, high, "y")],
    ["b", vote(1, low, "x")],
    ["c", vote(1, high, "y")],
  ] as const;
  expect(learned(votes).map((chosen) => chosen?.value ?? null)).toEqual([null, null, "y"]);
});

test("[Q1] an acceptor that votes twice counts once", () => {
  const votes = [
    ["a", vote(1, low, "x")],
    ["a", vote(1, low, "x")],
  ] as const;
  expect(learned(votes)).toEqual([null, null]);
});

test("[Q1] a stranger's vote does not count", () => {
  const votes = [
    ["a", vote(1, low, "x")],
    ["elsewhere", vote(1, low, "x")],
  ] as const;
  expect(learned(votes)).toEqual([null, null]);
});

test("[Q1] any two majorities of a set share an acceptor", () => {
  expect([1, 2, 3, 4, 5].map(majorityOf)).toEqual([1, 2, 2, 3, 3]);
  const five = testMembers("a", "b", "c", "d", "e");
  expect(isMajority(five, ["a", "b", "a", "b"])).toBe(false);
  expect(isMajority(five, ["a", "b", "x"])).toBe(false);
  expect(isMajority(five, ["e", "c", "a"])).toBe(true);
});

test("[Q1] an acceptor stands in the set once, and the set has one order", () => {
  const a = { region: "a", incarnation: "1" };
  const b = { region: "b", incarnation: "2" };
  expect(() => membersOf([a, b, { ...a, incarnation: "3" }])).toThrow("Q1");
  expect(membersOf([b, a])).toEqual(membersOf([a, b]));
});

test("[F4] sets that differ in one incarnation have different digests", () => {
  const other = membersOf(members.map((m) => (m.region === "b" ? { ...m, incarnation: "another-one" } : m)));
  expect(setDigest(other)).not.toBe(setDigest(members));
  expect(incarnationOf(other, "b")).toBe("another-one");
  expect(incarnationOf(other, "elsewhere")).toBeNull();
});

test("[C1] learned slots are forgotten, later ones are not", () => {
  const { tallies } = countVote(new Map(), members, "a", vote(1, low, "x"));
  const both = countVote(tallies, members, "a", vote(2, low, "y")).tallies;
  expect([...forgetUpTo(both, slot(1)).keys()]).toEqual([2]);
});
