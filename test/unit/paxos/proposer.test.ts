/** The proposer over many slots: what it may send, and what it must send first. */
import { expect, test } from "vitest";
import { close, idle, propose, receivePromise, startPreparing } from "../../../src/paxos/proposer.ts";
import type { Leading, Preparing, PromiseOutcome, Proposer } from "../../../src/paxos/proposer.ts";
import type { PromiseReply } from "../../../src/paxos/messages.ts";
import { slot } from "../../../src/support/brand.ts";
import { high, low, members, middle, promise, vote } from "./builders.ts";

const noOp = "no-op";
const fresh = (from = 1): Preparing => startPreparing(high, slot(from));

function waiting(outcome: PromiseOutcome): Preparing {
  if (outcome.type !== "waiting" && outcome.type !== "next-page") throw new Error(`not waiting: ${outcome.type}`);
  return outcome.state;
}

/** A fresh proposer that receives these promises, from a and then b. */
function afterTwo(first: PromiseReply, second: PromiseReply, from = 1): PromiseOutcome {
  const state = waiting(receivePromise(fresh(from), members, "a", first, noOp));
  return receivePromise(state, members, "b", second, noOp);
}

function leading(outcome: PromiseOutcome): Leading {
  if (outcome.type !== "leading") throw new Error(`not leading: ${outcome.type}`);
  return outcome.state;
}

test("[P1] one promise of three is no majority, two are", () => {
  const first = receivePromise(fresh(), members, "a", promise(high), noOp);
  expect(first.type).toBe("waiting");
  expect(receivePromise(waiting(first), members, "b", promise(high), noOp).type).toBe("leading");
});

test("[P1] a promise of another ballot does not count", () => {
  const state = waiting(receivePromise(fresh(), members, "a", promise(high), noOp));
  expect(receivePromise(state, members, "b", promise(middle), noOp)).toEqual({ type: "ignored" });
});

test("[P1] an acceptor with pages to come does not count before its last", () => {
  const more = promise(high, [vote(1, low, "x")], { next: slot(2), highest: slot(2) });
  const paging = receivePromise(fresh(), members, "a", more, noOp);
  expect(paging).toMatchObject({ type: "next-page", from: 2 });
  const second = receivePromise(waiting(paging), members, "b", promise(high), noOp);
  expect(second.type).toBe("waiting");
  const last = promise(high, [vote(2, low, "y")]);
  const outcome = receivePromise(waiting(second), members, "a", last, noOp);
  expect(outcome).toMatchObject({
    type: "leading",
    adopted: [
      { slot: 1, value: "x" },
      { slot: 2, value: "y" },
    ],
  });
});

test("[P3] the value of the highest accepted ballot is adopted, whichever acceptor answers first", () => {
  const older = promise(high, [vote(1, low, "older")]);
  const newer = promise(high, [vote(1, middle, "newer")]);
  const expected = { type: "leading", adopted: [{ slot: 1, value: "newer" }] };
  expect(afterTwo(older, newer)).toMatchObject(expected);
  expect(afterTwo(newer, older)).toMatchObject(expected);
});

test("[P3] without a vote anywhere nothing is adopted, and the first slot is free", () => {
  expect(afterTwo(promise(high), promise(high))).toMatchObject({ adopted: [], state: { next: 1 } });
});

test("[P3] one vote among the majority is enough to bind the slot", () => {
  expect(afterTwo(promise(high), promise(high, [vote(1, low, "x")]))).toMatchObject({
    adopted: [{ slot: 1, value: "x" }],
    state: { next: 2 },
  });
});

test("[P3] a free slot below a voted one is filled with a no-op", () => {
  expect(afterTwo(promise(high), promise(high, [vote(3, low, "x")]))).toMatchObject({
    adopted: [
      { slot: 1, value: noOp },
      { slot: 2, value: noOp },
      { slot: 3, value: "x" },
    ],
    state: { next: 4 },
  });
});

test("[P3] a slot known to be chosen is not proposed again", () => {
  const state = leading(afterTwo(promise(high), promise(high, [vote(4, low, "x"), vote(5, low, "y")]), 5));
  expect([...state.open]).toEqual([[5, "y"]]);
});

test("[P4] each own value takes a slot of its own, after every adopted one", () => {
  const state = leading(afterTwo(promise(high), promise(high, [vote(1, low, "x")])));
  const first = propose(state, "mine");
  const second = propose(first.state, "mine too");
  expect([first.proposal, second.proposal]).toEqual([
    { slot: 2, value: "mine" },
    { slot: 3, value: "mine too" },
  ]);
});

test("[P4] a slot that was closed is not used again", () => {
  const state = leading(afterTwo(promise(high), promise(high)));
  const { state: open, proposal } = propose(state, "mine");
  const closed = close(open, proposal.slot);
  expect(closed.open.size).toBe(0);
  expect(propose(closed, "next").proposal.slot).toBe(2);
  expect(close(closed, proposal.slot)).toBe(closed);
});

test("[Q2] a repeated promise changes nothing", () => {
  const state = waiting(receivePromise(fresh(), members, "a", promise(high), noOp));
  expect(receivePromise(state, members, "a", promise(high), noOp)).toEqual({ type: "ignored" });
});

test("[Q2] a promise that comes after the majority, or to nobody, changes nothing", () => {
  const state = leading(afterTwo(promise(high), promise(high)));
  expect(receivePromise(state, members, "c", promise(high, [vote(1, middle, "late")]), noOp).type).toBe("ignored");
  expect(receivePromise(idle, members, "c", promise(high), noOp).type).toBe("ignored");
});

test("[Q1] a stranger's promise makes no majority", () => {
  const state = waiting(receivePromise(fresh(), members, "a", promise(high), noOp));
  expect(receivePromise(state, members, "elsewhere", promise(high), noOp).type).not.toBe("leading");
});

test("[Q1] what a stranger voted for is not adopted", () => {
  const stranger = promise(high, [vote(1, middle, "stranger")]);
  const outcome = receivePromise(fresh(), members, "elsewhere", stranger, noOp);
  const state = outcome.type === "waiting" ? outcome.state : fresh();
  const one = waiting(receivePromise(state, members, "a", promise(high, [vote(1, low, "chosen")]), noOp));
  const two = receivePromise(one, members, "b", promise(high, [vote(1, low, "chosen")]), noOp);
  expect(two).toMatchObject({ type: "leading", adopted: [{ slot: 1, value: "chosen" }] });
});

test("[L6] a proposer whose first open slot is at or below a floor must load a snapshot first", () => {
  for (const from of [1, 3]) {
    const trimmed = promise(high, [], { floor: slot(3), highest: slot(5) });
    expect(receivePromise(fresh(from), members, "a", trimmed, noOp)).toEqual({ type: "behind", floor: 3 });
  }
  const above = promise(high, [], { floor: slot(3), highest: slot(3) });
  expect(receivePromise(fresh(4), members, "a", above, noOp).type).toBe("waiting");
});

test("[L6] the slot after the highest ever voted is used, trimmed votes included", () => {
  const trimmed = promise(high, [], { floor: slot(7), highest: slot(7) });
  expect(afterTwo(trimmed, promise(high), 8)).toMatchObject({ adopted: [], state: { next: 8 } });
});

test("[T2] [P3] a majority without a value that acceptors would refuse for now is waited for, and will do", () => {
  const wild = promise(high, [vote(1, low, "wild")]);
  const postpone = (value: string): boolean => value === "wild";
  let state: Proposer = fresh();
  const answer = (acceptor: string, reply: typeof wild) => {
    const outcome = receivePromise(state, members, acceptor, reply, noOp, postpone);
    if (outcome.type === "waiting") state = outcome.state;
    return outcome;
  };
  expect(answer("a", wild).type).toBe("waiting");
  expect(answer("b", promise(high)).type).toBe("waiting");
  expect(answer("c", promise(high))).toMatchObject({ type: "leading", adopted: [], state: { next: 1 } });
});
