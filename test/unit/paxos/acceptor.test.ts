/** The acceptor: what it promises, accepts, reports and refuses. */
import { expect, test } from "vitest";
import { stepAcceptor } from "../../../src/paxos/acceptor.ts";
import { decisionSubject, LOG } from "../../../src/paxos/messages.ts";
import { slot } from "../../../src/support/brand.ts";
import { limits } from "../../../src/support/limits.ts";
import { enrolledStorage, MemoryAcceptor, viewOf } from "../../support/memory-acceptor.ts";
import type { AcceptorStorage } from "../../support/memory-acceptor.ts";
import { accept, high, low, members, middle, prepare, vote } from "./builders.ts";

const acceptorIn = (region = "a"): MemoryAcceptor => new MemoryAcceptor(region, enrolledStorage(members, region));

/** Everything but the counter, which every answer raises. */
const remembered = ({ storage }: MemoryAcceptor): Omit<AcceptorStorage, "counter"> => ({
  enrolment: storage.enrolment,
  ledgers: storage.ledgers,
  votes: storage.votes,
});

test("[A1] a prepare below the promised ballot is rejected and changes nothing", () => {
  const acceptor = acceptorIn();
  acceptor.ask(members, prepare(high));
  const before = remembered(acceptor);
  expect(acceptor.ask(members, prepare(middle))).toEqual({
    type: "outranked",
    promised: high,
    floor: 0,
    highest: 0,
  });
  expect(remembered(acceptor)).toEqual(before);
});

test("[A1] a prepare at or above the promised ballot is promised, repeated ones included", () => {
  const acceptor = acceptorIn();
  for (const by of [low, low, high]) {
    expect(acceptor.ask(members, prepare(by))).toMatchObject({ type: "promise", ballot: by });
    expect(acceptor.storage.ledgers[LOG]?.promised).toEqual(by);
  }
});

test("[A1] subjects are promised apart from each other", () => {
  const acceptor = acceptorIn();
  acceptor.ask(members, prepare(high));
  const elsewhere = { ...prepare(low), subject: decisionSubject("who") };
  expect(acceptor.ask(members, elsewhere)).toMatchObject({ type: "promise", ballot: low });
});

test("[A2] an accept below the promised ballot is rejected and changes nothing", () => {
  const acceptor = acceptorIn();
  acceptor.ask(members, prepare(high));
  const before = remembered(acceptor);
  expect(acceptor.ask(members, accept(middle, 1, "late"))).toMatchObject({ type: "outranked", promised: high });
  expect(remembered(acceptor)).toEqual(before);
});

test("[A3] an accept at the promised ballot is a vote", () => {
  const acceptor = acceptorIn();
  acceptor.ask(members, prepare(low));
  expect(acceptor.ask(members, accept(low, 1, "x"))).toEqual({ type: "accepted", ballot: low, slot: 1 });
  expect(acceptor.storage.votes[LOG]).toEqual([vote(1, low, "x")]);
});

test("[A3] an accept above the promised ballot raises the promise to it", () => {
  const acceptor = acceptorIn();
  acceptor.ask(members, prepare(low));
  acceptor.ask(members, accept(high, 1, "x"));
  expect(acceptor.storage.ledgers[LOG]?.promised).toEqual(high);
  expect(acceptor.ask(members, prepare(middle))).toMatchObject({ type: "outranked" });
});

test("[A3] an accept without any prepare before it is a promise too", () => {
  const acceptor = acceptorIn();
  acceptor.ask(members, accept(middle, 1, "x"));
  expect(acceptor.ask(members, prepare(low))).toMatchObject({ type: "outranked", promised: middle });
});

test("[A3] a vote under a higher ballot replaces the one before", () => {
  const acceptor = acceptorIn();
  acceptor.ask(members, accept(low, 1, "old"));
  acceptor.ask(members, accept(high, 1, "new"));
  expect(acceptor.storage.votes[LOG]).toEqual([vote(1, high, "new")]);
});

test("[A4] a promise reports every vote from the asked slot on, under the ballot in which it was cast", () => {
  const acceptor = acceptorIn();
  acceptor.ask(members, accept(low, 1, "one"));
  acceptor.ask(members, accept(low, 2, "two"));
  acceptor.ask(members, accept(middle, 4, "four"));
  expect(acceptor.ask(members, prepare(high, 2))).toMatchObject({
    type: "promise",
    votes: [vote(2, low, "two"), vote(4, middle, "four")],
    next: null,
    highest: 4,
  });
});

test("[A4] a later page under the same promise continues where the last one ended", () => {
  const acceptor = acceptorIn();
  acceptor.pageRows = 2;
  for (const at of [1, 2, 5]) acceptor.ask(members, accept(low, at, `v${at}`));
  const first = acceptor.ask(members, prepare(high));
  expect(first).toMatchObject({ votes: [vote(1, low, "v1"), vote(2, low, "v2")], next: 5 });
  expect(acceptor.ask(members, prepare(high, 5))).toMatchObject({ votes: [vote(5, low, "v5")], next: null });
});

test("[A4] a later page is refused once a higher ballot is promised", () => {
  const acceptor = acceptorIn();
  acceptor.pageRows = 1;
  for (const at of [1, 2]) acceptor.ask(members, accept(low, at, `v${at}`));
  acceptor.ask(members, prepare(middle));
  acceptor.ask(members, prepare(high));
  expect(acceptor.ask(members, prepare(middle, 2))).toMatchObject({ type: "outranked", promised: high });
});

test("[A4] a page holds no more than the limits allow", () => {
  const asked: number[] = [];
  const view = viewOf(enrolledStorage(members, "a"));
  stepAcceptor(
    {
      ...view,
      votes(subject, from, rows, bytes) {
        asked.push(rows, bytes);
        return view.votes(subject, from, rows, bytes);
      },
    },
    prepare(low),
    0,
  );
  expect(asked).toEqual([limits.messagePageRows, limits.messagePageBytes]);
});

test("[D1] the outcome names every change that its reply speaks of", () => {
  const view = viewOf(enrolledStorage(members, "a"));
  expect(stepAcceptor(view, prepare(low), 0).persist).toEqual([{ type: "promised", subject: LOG, ballot: low }]);
  expect(stepAcceptor(view, accept(low, 1, "x"), 0).persist).toEqual([
    { type: "promised", subject: LOG, ballot: low },
    { type: "voted", subject: LOG, vote: vote(1, low, "x") },
  ]);
});

test("[D2] every answer with authority raises the counter, repeated answers and refusals included", () => {
  const acceptor = acceptorIn();
  const requests = [
    prepare(high),
    prepare(high),
    prepare(low),
    accept(low, 1, "x"),
    accept(high, 1, "x"),
    accept(high, 1, "x"),
    { type: "inquire", subject: LOG, above: slot(0) } as const,
  ];
  for (const [index, request] of requests.entries()) {
    acceptor.ask(members, request);
    expect(acceptor.storage.counter).toBe(index + 1);
  }
});

test("[R1] standing reports the promise and every vote above the asked slot, and changes neither", () => {
  const acceptor = acceptorIn();
  for (const at of [1, 2, 3]) acceptor.ask(members, accept(low, at, `v${at}`));
  const before = remembered(acceptor);
  expect(acceptor.ask(members, { type: "inquire", subject: LOG, above: slot(1) })).toEqual({
    type: "standing",
    promised: low,
    votes: [vote(2, low, "v2"), vote(3, low, "v3")],
    next: null,
    floor: 0,
    highest: 3,
  });
  expect(remembered(acceptor)).toEqual(before);
});

test("[L5] votes are deleted at or below the floor and nowhere else, and the floor never falls", () => {
  const acceptor = acceptorIn();
  for (const at of [1, 2, 3]) acceptor.ask(members, accept(low, at, `v${at}`));
  acceptor.ask(members, accept(low, 4, "v4", { floor: slot(2) }));
  expect(acceptor.storage.votes[LOG]).toEqual([vote(3, low, "v3"), vote(4, low, "v4")]);
  acceptor.ask(members, accept(low, 5, "v5", { floor: slot(1) }));
  expect(acceptor.storage.ledgers[LOG]).toMatchObject({ floor: 2, highest: 5 });
});

test("[L5] a refused accept raises no floor", () => {
  const acceptor = acceptorIn();
  acceptor.ask(members, accept(high, 1, "v1"));
  acceptor.ask(members, accept(low, 2, "v2", { floor: slot(1) }));
  expect(acceptor.storage.ledgers[LOG]).toMatchObject({ floor: 0 });
});

test("[L6] prepare and accept at or below the floor are refused and change nothing", () => {
  const acceptor = acceptorIn();
  for (const at of [1, 2]) acceptor.ask(members, accept(low, at, `v${at}`));
  acceptor.ask(members, accept(low, 3, "v3", { floor: slot(2) }));
  const before = remembered(acceptor);
  for (const request of [prepare(high, 1), prepare(high, 2), accept(high, 1, "x"), accept(high, 2, "x")]) {
    expect(acceptor.ask(members, request)).toEqual({ type: "trimmed", floor: 2, highest: 3 });
  }
  expect(remembered(acceptor)).toEqual(before);
  expect(acceptor.ask(members, prepare(high, 3))).toMatchObject({ type: "promise", floor: 2 });
});

test("[L6] standing starts above the floor and tells it", () => {
  const acceptor = acceptorIn();
  for (const at of [1, 2]) acceptor.ask(members, accept(low, at, `v${at}`));
  acceptor.ask(members, accept(low, 3, "v3", { floor: slot(2) }));
  const standing = acceptor.ask(members, { type: "inquire", subject: LOG, above: slot(0) });
  expect(standing).toMatchObject({ votes: [vote(3, low, "v3")], floor: 2, highest: 3 });
});

test("[T2] an acceptor does not vote for a stamp more than the bound ahead of its clock", () => {
  const acceptor = acceptorIn();
  acceptor.clock = 1_000_000;
  const bound = acceptor.clock + limits.stampAheadMs;
  const before = remembered(acceptor);
  expect(acceptor.ask(members, accept(low, 1, "x", { stamp: bound + 1 }))).toEqual({
    type: "stamp-ahead",
    clock: 1_000_000,
  });
  expect(remembered(acceptor)).toEqual(before);
  expect(acceptor.ask(members, accept(low, 1, "x", { stamp: bound }))).toMatchObject({ type: "accepted" });
});

test("[T2] a promise tells the acceptor's clock", () => {
  const acceptor = acceptorIn();
  acceptor.clock = 77;
  expect(acceptor.ask(members, prepare(low))).toMatchObject({ clock: 77 });
});
