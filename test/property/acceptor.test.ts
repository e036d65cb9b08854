/**
 * The acceptor under random messages, against an oracle that remembers everything it ever said; and a decision's attempt
 * under random answers.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ballot, outranks, sameBallot } from "../../src/paxos/ballot.ts";
import type { Ballot } from "../../src/paxos/ballot.ts";
import { startAttempt, stepAttempt } from "../../src/paxos/decision.ts";
import { decisionSubject, LOG } from "../../src/paxos/messages.ts";
import type { ProtocolReply, ProtocolRequest, Subject, Vote } from "../../src/paxos/messages.ts";
import { slot } from "../../src/support/brand.ts";
import { enrolledStorage, MemoryAcceptor, testMembers } from "../support/memory-acceptor.ts";

const members = testMembers("a", "b", "c");
const ballots = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.constantFrom("p1", "p2"), fc.constantFrom("x", "y"))
  .map(([round, proposer, incarnation]) => ballot(round, proposer, incarnation));
const subjects = fc.constantFrom<Subject>(LOG, decisionSubject("who"));
const slots = fc.integer({ min: 1, max: 5 }).map(slot);

/** P4: a ballot has one value for each slot, as every proposer sees to. */
const valueOf = (by: Ballot, at: number): string => `${by.round}.${by.proposer}.${by.incarnation}@${at}`;

const requests: fc.Arbitrary<ProtocolRequest> = fc.oneof(
  fc
    .tuple(subjects, ballots, slots)
    .map(([subject, by, from]) => ({ type: "prepare", subject, ballot: by, from }) as const),
  fc.tuple(subjects, ballots, slots, fc.integer({ min: 0, max: 3 })).map(
    ([subject, by, at, floor]) =>
      ({
        type: "accept",
        subject,
        ballot: by,
        slot: at,
        value: valueOf(by, at),
        stamp: 0,
        // The floor of the log stays below what is proposed, and a decision has none.
        floor: slot(subject === LOG ? Math.min(floor, at - 1) : 0),
      }) as const,
  ),
  fc.tuple(subjects, slots).map(([subject, above]) => ({ type: "inquire", subject, above }) as const),
);

/** What this acceptor said about one subject. */
interface Said {
  promised: Ballot | null;
  readonly votes: Map<number, Vote>;
  floor: number;
}

test("[A1] [A2] [A3] [A4] whatever arrives, no promise goes down, nothing below it is accepted, no vote is kept back", () => {
  fc.assert(
    fc.property(fc.array(requests, { maxLength: 40 }), fc.array(fc.nat(), { maxLength: 10 }), (sequence, again) => {
      const acceptor = new MemoryAcceptor("a", enrolledStorage(members, "a"));
      const said = new Map<Subject, Said>();
      // Some messages arrive a second time, later.
      const repeated = again.flatMap((index) => sequence[index % Math.max(1, sequence.length)] ?? []);
      for (const request of [...sequence, ...repeated]) {
        const before: Said = said.get(request.subject) ?? { promised: null, votes: new Map(), floor: 0 };
        said.set(request.subject, judge(before, request, acceptor.ask(members, request)));
        expect(acceptor.storage.ledgers[request.subject]?.promised ?? null).toEqual(before.promised);
        const votes = [...before.votes.values()].toSorted((x, y) => x.slot - y.slot);
        expect(acceptor.storage.votes[request.subject] ?? []).toEqual(votes);
      }
    }),
    { numRuns: 300 },
  );
});

/** Two dozen lines that do what an acceptor must, without looking at one. */
function judge(said: Said, request: ProtocolRequest, reply: ProtocolReply): Said {
  const from = request.type === "inquire" ? Math.max(request.above, said.floor) + 1 : 0;
  const reported = (first: number): readonly Vote[] =>
    [...said.votes.values()].filter((v) => v.slot >= first).toSorted((x, y) => x.slot - y.slot);
  if (request.type === "inquire") {
    expect(reply).toMatchObject({ type: "standing", promised: said.promised, votes: reported(from) });
    return said;
  }
  const { ballot: by } = request;
  if (said.promised !== null && outranks(said.promised, by)) {
    expect(reply).toMatchObject({ type: "outranked", promised: said.promised });
    return said;
  }
  if ((request.type === "prepare" ? request.from : request.slot) <= said.floor) {
    expect(reply).toMatchObject({ type: "trimmed", floor: said.floor });
    return said;
  }
  said.promised = by;
  if (request.type === "prepare") {
    expect(reply).toMatchObject({ type: "promise", ballot: by, votes: reported(request.from), next: null });
    return said;
  }
  expect(reply).toEqual({ type: "accepted", ballot: by, slot: request.slot });
  said.votes.set(request.slot, { slot: request.slot, ballot: by, value: request.value });
  said.floor = Math.max(said.floor, request.floor);
  for (const at of said.votes.keys()) if (at <= said.floor) said.votes.delete(at);
  return said;
}

const own = ballot(3, "p1", "x");
const regions = fc.constantFrom("a", "b", "c");

/** Answers that acceptors can give to the attempt under `own`: every acceptor has one past, whatever is repeated. */
const pasts = fc.record({
  a: fc.option(fc.constantFrom(ballot(1, "p1", "x"), ballot(1, "p2", "x"), ballot(2, "p2", "x"))),
  b: fc.option(fc.constantFrom(ballot(1, "p1", "x"), ballot(1, "p2", "x"), ballot(2, "p2", "x"))),
  c: fc.option(fc.constantFrom(ballot(1, "p1", "x"), ballot(1, "p2", "x"), ballot(2, "p2", "x"))),
});

test("[P1] [P4] [Q2] [C1] however answers are permuted and repeated, an attempt sends one value and learns only that", () => {
  const kinds = fc.constantFrom("promise", "accepted", "outranked", "trimmed", "silence");
  const arrivals = fc.array(fc.tuple(regions, kinds), { maxLength: 16 });
  fc.assert(
    fc.property(pasts, arrivals, fc.option(fc.constant("mine")), (past, sequence, value) => {
      let step = startAttempt(decisionSubject("who"), members, own, value);
      const promisers = new Set<string>();
      const voters = new Set<string>();
      const sent = new Set<string>();
      const learned = new Set<string>();
      for (const [region, kind] of sequence) {
        const before = past[region as keyof typeof past];
        const extent = { floor: slot(0), highest: slot(before === null ? 0 : 1) };
        const votes = before === null ? [] : [{ slot: slot(1), ballot: before, value: valueOf(before, 1) }];
        const replies: Readonly<Record<typeof kind, ProtocolReply | null>> = {
          promise: { type: "promise", ballot: own, votes, next: null, clock: 0, ...extent },
          accepted: { type: "accepted", ballot: own, slot: slot(1) },
          outranked: { type: "outranked", promised: ballot(9, "p2", "x"), ...extent },
          trimmed: { type: "trimmed", ...extent },
          silence: null,
        };
        // Nobody accepts what was not sent.
        if (kind === "accepted" && sent.size === 0) continue;
        if (kind === "promise") promisers.add(region);
        if (kind === "accepted") voters.add(region);
        step = stepAttempt(step.state, region, replies[kind]);
        for (const { body } of step.send) if (body.type === "accept") sent.add(body.value);
        if (step.result?.type === "chosen") learned.add(step.result.value);
        if (sent.size > 0) expect(promisers.size).toBeGreaterThanOrEqual(2);
        if (learned.size > 0) expect(voters.size).toBeGreaterThanOrEqual(2);
      }
      expect(sent.size).toBeLessThanOrEqual(1);
      expect([...learned].every((chosen) => sent.has(chosen))).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test("[P3] the value sent is that of the highest ballot among the first majority of promises", () => {
  const orders = fc.shuffledSubarray(["a", "b", "c"] as const, { minLength: 2 });
  fc.assert(
    fc.property(pasts, orders, (past, order) => {
      let step = startAttempt(decisionSubject("who"), members, own, "mine");
      for (const region of order.slice(0, 2)) {
        const before = past[region];
        const votes = before === null ? [] : [{ slot: slot(1), ballot: before, value: valueOf(before, 1) }];
        const extent = { floor: slot(0), highest: slot(votes.length) };
        step = stepAttempt(step.state, region, {
          type: "promise",
          ballot: own,
          votes,
          next: null,
          clock: 0,
          ...extent,
        });
      }
      const heard = order.slice(0, 2).flatMap((region) => past[region] ?? []);
      const highest = heard.find((b) => heard.every((other) => outranks(b, other) || sameBallot(b, other)));
      const expected = highest === undefined ? "mine" : valueOf(highest, 1);
      expect(step.send.map(({ body }) => (body.type === "accept" ? body.value : null))).toEqual([
        expected,
        expected,
        expected,
      ]);
    }),
  );
});
