/**
 * The read barrier, checked in every state that it can reach within the budgets: the real `Barriers` over real acceptors,
 * while writes are proposed, taken over, trimmed and acknowledged. A read must find every slot that was acknowledged
 * before it was asked (R1, R2), and a state must not call itself fresher than it is (R4): the clocks of this model show
 * the highest slot acknowledged so far. States are pinned and twins caught as in `log.test.ts`.
 */
import { barrierTwins } from "./barrier/twins.ts";
import { checkModels, checkTwins } from "./log/checks.ts";
import type { Pinned } from "./log/checks.ts";

const served = ["a read is served", "a read must find an acknowledged slot, and does"];
const contest = ["two ballots lead at once", "two ballots send different values", "votes differ in one slot"];
const holes = ["a no-op is chosen", "a slot is learned while a hole is open", "a takeover adopts above a hole"];

const models: readonly Pinned[] = [
  {
    title: "a read during a takeover",
    budgets: { slots: 1, ballots: [1, 1], reads: 1 },
    states: 5_842,
    reached: [...served, ...contest],
  },
  {
    title: "a read that counts votes during a takeover, and the age of leaders",
    budgets: { slots: 1, ballots: [1, 1], reads: 1, readerCounts: true, clocks: true },
    states: 7_347,
    reached: [...served, ...contest],
  },
  {
    title: "an acceptor is emptied during a read",
    budgets: { slots: 1, ballots: [1, 0], reads: 1, emptiedAcceptors: 1 },
    states: 822,
    reached: served,
  },
];

const largeModels: readonly Pinned[] = [
  {
    title: "a read while two slots at once are taken over",
    budgets: { ballots: [1, 1], reads: 1 },
    states: 1_029_616,
    reached: [...served, ...contest, ...holes, "two slots are chosen"],
  },
  {
    title: "two reads that overlap",
    budgets: { slots: 1, ballots: [1, 0], reads: 2 },
    states: 16_248,
    reached: served,
  },
  {
    title: "a read during a takeover, answers late",
    budgets: { slots: 1, ballots: [1, 1], reads: 1, lateAnswers: true },
    states: 112_864,
    reached: [...served, ...contest],
  },
  {
    title: "a read while slots are trimmed and taken over",
    budgets: { ballots: [1, 1], oneAtATime: true, refusalsHeard: true, reads: 1 },
    states: 697_454,
    reached: [
      ...served,
      ...contest,
      "a proposer finds itself behind the floor",
      "two slots are chosen",
      "votes are trimmed",
    ],
  },
];

checkModels("[R1] a read finds what was acknowledged before it", models, largeModels);
checkTwins("the model of the barrier", barrierTwins);
