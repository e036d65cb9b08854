/** A decision's attempt: one ballot, two phases, one result. */
import { expect, test } from "vitest";
import type { Attempt, AttemptStep } from "../../../src/paxos/decision.ts";
import { startAttempt, stepAttempt } from "../../../src/paxos/decision.ts";
import { decisionSubject } from "../../../src/paxos/messages.ts";
import type { ProtocolReply } from "../../../src/paxos/messages.ts";
import { slot } from "../../../src/support/brand.ts";
import { high, low, members, middle, promise, vote } from "./builders.ts";

const subject = decisionSubject("who");
const begin = (own: string | null = "mine"): AttemptStep => startAttempt(subject, members, middle, own);

type Answer = readonly [acceptor: string, reply: ProtocolReply | null];

const accepted = { type: "accepted", ballot: middle, slot: slot(1) } as const;
const outranked = { type: "outranked", promised: high, floor: slot(0), highest: slot(0) } as const;

/** A fresh attempt that receives these answers; the last step is returned. */
function after(answers: readonly Answer[], own: string | null = "mine"): AttemptStep {
  return answers.reduce((step, [acceptor, reply]) => stepAttempt(step.state, acceptor, reply), begin(own));
}

const leading: readonly Answer[] = [
  ["a", promise(middle)],
  ["b", promise(middle)],
];

const unchanged = (before: Attempt, step: AttemptStep): boolean =>
  step.state === before && step.send.length === 0 && step.result === null;

test("[P1] an attempt begins by asking every acceptor, and sends no value", () => {
  const { send, result } = begin();
  expect(send.map(({ to }) => to)).toEqual(["a", "b", "c"]);
  expect(new Set(send.map(({ body }) => body.type))).toEqual(new Set(["prepare"]));
  expect(result).toBeNull();
});

test("[P1] the value is sent after a majority promised, and not before", () => {
  const one = after(leading.slice(0, 1));
  expect(one.send).toEqual([]);
  expect(one.state.proposed).toBe(false);
  const two = after(leading);
  expect(two.send.map(({ to }) => to)).toEqual(["a", "b", "c"]);
  expect(two.send[0]?.body).toEqual({
    type: "accept",
    subject,
    ballot: middle,
    slot: 1,
    value: "mine",
    stamp: 0,
    floor: 0,
  });
  expect(two.state.proposed).toBe(true);
});

test("[P2] a refused attempt names the highest ballot it saw, for the next to go above", () => {
  const step = after([
    ["a", outranked],
    ["b", { ...outranked, promised: low }],
  ]);
  expect(step.result).toEqual({ type: "refused", above: high, proposed: false });
});

test("[P2] an attempt goes on while a majority may still answer", () => {
  const step = after([["a", outranked]]);
  expect(step.result).toBeNull();
  expect(stepAttempt(step.state, "b", null).result).toEqual({ type: "refused", above: high, proposed: false });
});

test("[P2] acceptors that were lost to phase 1 are asked again in phase 2", () => {
  const step = after([["c", null], ...leading]);
  expect(step.send.map(({ to }) => to)).toContain("c");
  const answers: readonly Answer[] = [
    ["c", accepted],
    ["a", accepted],
  ];
  const last = answers.reduce((s, [acceptor, reply]) => stepAttempt(s.state, acceptor, reply), step);
  expect(last.result).toMatchObject({ type: "chosen", value: "mine" });
});

test("[P3] a reported vote is completed instead of one's own value", () => {
  const step = after([
    ["a", promise(middle, [vote(1, low, "half-chosen")])],
    ["b", promise(middle)],
  ]);
  expect(step.send.map(({ body }) => (body.type === "accept" ? body.value : null))).toEqual([
    "half-chosen",
    "half-chosen",
    "half-chosen",
  ]);
});

test("[P3] an attempt without a value of its own completes what it finds", () => {
  const found = promise(middle, [vote(1, low, "half-chosen")]);
  const step = after(
    [
      ["a", found],
      ["b", promise(middle)],
    ],
    null,
  );
  expect(step.result).toBeNull();
  expect(step.send).toHaveLength(3);
});

test("[P3] an attempt without a value of its own that finds none ends, and sends nothing", () => {
  const step = after(leading, null);
  expect(step).toMatchObject({ result: { type: "nothing" }, send: [] });
  expect(stepAttempt(step.state, "c", promise(middle))).toMatchObject({ result: null, send: [] });
});

test("[P4] a promise after the value left does not change the value", () => {
  const { state } = after(leading);
  const late = stepAttempt(state, "c", promise(middle, [vote(1, low, "late")]));
  expect(unchanged(state, late)).toBe(true);
});

test("[P4] the empty text is a value like any other", () => {
  expect(after(leading, "").send[0]?.body).toMatchObject({ type: "accept", value: "" });
});

test("[C1] a value is chosen once a majority accepted it, and not before", () => {
  expect(after([...leading, ["a", accepted]]).result).toBeNull();
  expect(after([...leading, ["a", accepted], ["c", accepted]]).result).toEqual({
    type: "chosen",
    slot: 1,
    value: "mine",
    ballot: middle,
    acceptors: ["a", "c"],
  });
});

test("[Q1] an acceptor that accepts twice counts once", () => {
  expect(after([...leading, ["a", accepted], ["a", accepted]]).result).toBeNull();
});

test("[Q1] a stranger's answers make no majority", () => {
  expect(
    after([
      ["a", promise(middle)],
      ["elsewhere", promise(middle)],
    ]).send,
  ).toEqual([]);
  expect(after([...leading, ["a", accepted], ["elsewhere", accepted]]).result).toBeNull();
});

test("[Q2] a repeated promise changes nothing", () => {
  const { state } = after(leading.slice(0, 1));
  expect(unchanged(state, stepAttempt(state, "a", promise(middle)))).toBe(true);
});

test("[Q2] an acceptance that arrives before any value left changes nothing", () => {
  const { state } = begin();
  expect(unchanged(state, stepAttempt(state, "a", accepted))).toBe(true);
});

test("[Q2] an acceptance of another ballot or slot counts for nothing", () => {
  for (const other of [
    { ...accepted, ballot: low },
    { ...accepted, ballot: high },
    { ...accepted, slot: slot(2) },
  ]) {
    expect(after([...leading, ["a", other], ["b", other]]).result).toBeNull();
  }
});

test("[U1] a refusal after the value left says that the outcome is unknown", () => {
  const step = after([...leading, ["a", outranked], ["b", null]]);
  expect(step.result).toEqual({ type: "refused", above: high, proposed: true });
});
test("[U1] an attempt that was refused sends nothing more", () => {
  const refused = after([
    ["a", promise(middle)],
    ["b", null],
    ["c", null],
  ]);
  expect(refused.result).toEqual({ type: "refused", above: null, proposed: false });
  expect(stepAttempt(refused.state, "b", promise(middle)).send).toEqual([]);
});
