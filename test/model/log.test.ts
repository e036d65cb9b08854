/**
 * The log, checked in every state that it can reach within the budgets: the real `Log` over real acceptors, slots
 * pipelined, taken over, trimmed. Each model pins how many states that is: a change of the number is a change of
 * behaviour, to be understood before it is pinned again. `SYNOD_MODEL=large` adds the models that take minutes. Then the
 * checker itself is checked: every broken twin must be caught, by the invariant that its mistake breaks first.
 */
import { expect, test } from "vitest";
import { explore } from "./explorer.ts";
import { checkModels, checkTwins } from "./log/checks.ts";
import type { Pinned } from "./log/checks.ts";
import { logModel, outsideOf } from "./log/model.ts";
import { noBudgets } from "./log/state.ts";
import type { Budgets } from "./log/state.ts";
import { logTwins } from "./log/twins.ts";

const contest = ["two ballots send different values", "votes differ in one slot"];
const duel = ["two ballots lead at once", ...contest];
const holes = ["a no-op is chosen", "a slot is learned while a hole is open", "a takeover adopts above a hole"];
const pipelined = [...holes, "two slots are chosen"];
const trimmed = [...duel, "a proposer finds itself behind the floor", "two slots are chosen", "votes are trimmed"];

const models: readonly Pinned[] = [
  {
    title: "two slots at once, and a takeover",
    budgets: { ballots: [1, 1] },
    states: 2_008,
    reached: [...duel, ...pipelined],
  },
  {
    title: "a proposer crashes and meets its own past",
    budgets: { ballots: [2, 0], proposerCrashes: 1 },
    states: 5_330,
    reached: [...contest, ...pipelined],
  },
  {
    title: "an acceptor is emptied",
    budgets: { ballots: [1, 1], emptiedAcceptors: 1 },
    states: 7_650,
    reached: [...duel, ...pipelined, "all is chosen without an emptied acceptor"],
  },
  {
    title: "promises come page by page",
    budgets: { ballots: [1, 1], pageRows: 1 },
    states: 2_345,
    reached: [...duel, ...pipelined],
  },
  {
    title: "three slots one at a time, trimmed as they are applied",
    budgets: { slots: 3, ballots: [1, 1], oneAtATime: true, refusalsHeard: true },
    states: 3_632,
    reached: trimmed,
  },
  {
    title: "an acceptor is set back to a copy, and asked again",
    budgets: { slots: 1, ballots: [1, 0], asksAgain: 1, restoredAcceptors: 1, requestsOnce: true },
    states: 2_523,
    reached: ["a restored acceptor retires"],
  },
];

const largeModels: readonly Pinned[] = [
  {
    title: "two slots at once, and the first proposer comes back",
    budgets: { ballots: [2, 1] },
    states: 247_936,
    reached: [...duel, ...pipelined],
  },
  {
    title: "two slots at once, and the second proposer insists",
    budgets: { ballots: [1, 2] },
    states: 271_035,
    reached: [...duel, ...pipelined],
  },
  {
    title: "the first proposer comes back, promises come page by page",
    budgets: { ballots: [2, 1], pageRows: 1 },
    states: 495_288,
    reached: [...duel, ...pipelined],
  },
  {
    title: "the first proposer comes back, perhaps without its memory",
    budgets: { ballots: [2, 1], proposerCrashes: 1 },
    states: 399_802,
    reached: [...duel, ...pipelined],
  },
  {
    title: "answers reach their proposer after the phase that asked for them",
    budgets: { ballots: [1, 1], lateAnswers: true },
    states: 95_380,
    reached: [...duel, ...pipelined],
  },
  {
    title: "the leader asks again",
    budgets: { ballots: [1, 1], asksAgain: 1 },
    states: 27_681,
    reached: [...duel, ...pipelined],
  },
  {
    title: "two ballots each in one slot, refusals heard",
    budgets: { slots: 1, ballots: [2, 2], refusalsHeard: true },
    states: 78_145,
    reached: duel,
  },
  {
    title: "one slot at a time, trimmed, and the second proposer insists",
    budgets: { ballots: [1, 2], oneAtATime: true, refusalsHeard: true },
    states: 15_158,
    reached: trimmed,
  },
  {
    title: "an acceptor is set back to a copy, and its proposer tries again",
    budgets: { slots: 1, ballots: [2, 0], restoredAcceptors: 1, requestsOnce: true },
    states: 73_644,
    reached: [...contest, "a restored acceptor retires"],
  },
  {
    // Takes a quarter of an hour and more memory than Node gives itself: `NODE_OPTIONS=--max-old-space-size=14000`.
    title: "two slots at once, and both proposers come back",
    budgets: { ballots: [2, 2] },
    states: 20_098_184,
    reached: [...duel, ...pipelined],
  },
];

checkModels("[C2] the log agrees in every state", models, largeModels);
checkTwins("the model of the log", logTwins);

/** @returns every state of the model as it looks from outside, and how many states that took. */
function seenFromOutside(budgets: Budgets): { readonly states: number; readonly outside: ReadonlySet<string> } {
  const outside = new Set<string>();
  const model = logModel(budgets);
  const { states, violation } = explore({
    ...model,
    canonical(state) {
      outside.add(outsideOf(state));
      return model.canonical(state);
    },
  });
  expect(violation).toBeNull();
  return { states, outside };
}

const compared: readonly Partial<Budgets>[] = [
  { slots: 1, ballots: [2, 1] },
  { ballots: [2, 0], proposerCrashes: 1 },
];

for (const budgets of compared) {
  test(`the reduction hides nothing: ${JSON.stringify(budgets)}`, { timeout: 60_000 }, () => {
    const reduced = seenFromOutside({ ...noBudgets, ...budgets });
    const whole = seenFromOutside({ ...noBudgets, ...budgets, readingIsAStep: true });
    console.log(`model: ${reduced.states} states stand for ${whole.states}, ${whole.outside.size} seen from outside`);
    expect(whole.states).toBeGreaterThan(3 * reduced.states);
    expect(whole.outside).toEqual(reduced.outside);
  });
}
