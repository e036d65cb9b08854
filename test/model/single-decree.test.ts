/**
 * Single-decree Paxos, checked in every state that it can reach within the budgets. Each model pins how many states that
 * is: a change of the number is a change of behaviour, to be understood before it is pinned again. `SYNOD_MODEL=large`
 * adds the models that take minutes.
 */
import { expect, test } from "vitest";
import { explore } from "./explorer.ts";
import { singleDecree } from "./single-decree/model.ts";
import { noBudgets, unlimited } from "./single-decree/state.ts";
import type { Budgets } from "./single-decree/state.ts";

interface Pinned {
  readonly title: string;
  readonly budgets: Partial<Budgets>;
  readonly states: number;
  /** Landmarks that these budgets cannot reach. */
  readonly absent?: readonly string[];
}

const atOnce = { answers: "at-once", duplications: unlimited } as const;
const oneProposer = ["both proposers learn it", "two ballots lead at once"];

const models: readonly Pinned[] = [
  {
    title: "two ballots each",
    budgets: { ...atOnce, ballots: [2, 2], refusalsHeard: false },
    states: 75_064,
  },
  {
    title: "answers late and in any order",
    budgets: { ballots: [1, 1] },
    states: 66_535,
  },
  {
    title: "the first proposer leaps over a refusal, or crashes",
    budgets: { ...atOnce, ballots: [2, 1], proposerCrashes: 1 },
    states: 65_458,
  },
  {
    title: "the second proposer only asks, twice",
    budgets: { ...atOnce, ballots: [1, 2], secondOnlyAsks: true },
    states: 40_064,
    absent: ["votes differ"],
  },
  {
    title: "an acceptor is emptied",
    budgets: { ...atOnce, ballots: [1, 1], emptiedAcceptors: 1 },
    states: 7_288,
  },
  {
    title: "a proposer crashes and meets its own past, answers late",
    budgets: { ballots: [2, 0], proposerCrashes: 1 },
    states: 8_555,
    absent: oneProposer,
  },
  {
    title: "three messages of one attempt are duplicated, answers late",
    budgets: { ballots: [1, 0], duplications: 3 },
    states: 3_450,
    absent: [...oneProposer, "votes differ", "a value is adopted"],
  },
];

const largeModels: readonly Pinned[] = [
  {
    title: "two ballots each, refusals heard",
    budgets: { ...atOnce, ballots: [2, 2] },
    states: 1_122_675,
  },
  {
    title: "answers late and in any order, one message duplicated",
    budgets: { ballots: [1, 1], duplications: 1 },
    states: 995_733,
  },
  {
    title: "answers late and in any order, any message duplicated",
    budgets: { ballots: [1, 1], duplications: unlimited },
    states: 750_341,
  },
  {
    title: "an acceptor is emptied, and the first proposer tries twice",
    budgets: { ...atOnce, ballots: [2, 1], emptiedAcceptors: 1 },
    states: 169_152,
  },
  {
    title: "a proposer crashes and meets its own past, answers late, one message duplicated",
    budgets: { ballots: [2, 0], duplications: 1, proposerCrashes: 1 },
    states: 80_534,
    absent: oneProposer,
  },
  {
    title: "late answers reach the next attempt, which crashed in between",
    budgets: { ballots: [2, 0], strayAnswers: true, proposerCrashes: 1 },
    states: 176_453,
    absent: oneProposer,
  },
];

const large = process.env["SYNOD_MODEL"] === "large";

for (const { title, budgets, states, absent = [] } of large ? [...models, ...largeModels] : models) {
  test(`[C2] agreement in every state: ${title}`, { timeout: large ? 900_000 : 60_000 }, () => {
    const found = explore(singleDecree({ ...noBudgets, ...budgets }));
    console.log(`model: ${title}: ${found.states} states, ${found.transitions} steps, depth ${found.depth}`);
    expect(found.violation).toBeNull();
    expect(found.states).toBe(states);
    const missed = Object.entries(found.landmarks).filter(([, count]) => count === 0);
    expect(missed.map(([name]) => name).toSorted()).toEqual([...absent].toSorted());
  });
}
