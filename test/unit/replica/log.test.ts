/** The log of one replica on its own: taking over, stamps, confirmations, and giving up. */
import { beforeEach, describe, expect, it } from "vitest";
import { instant, logTime, slot } from "../../../src/support/brand.ts";
import { limits } from "../../../src/support/limits.ts";
import { ballot } from "../../../src/paxos/ballot.ts";
import type { Ballot } from "../../../src/paxos/ballot.ts";
import { membersOf } from "../../../src/paxos/membership.ts";
import type { ProtocolReply, Vote } from "../../../src/paxos/messages.ts";
import { AcceptorGroup } from "../../../src/replica/acceptor-group.ts";
import { Log } from "../../../src/replica/log.ts";
import { Calls, Turn } from "../../../src/replica/turn.ts";
import { decodeBatch, encodeBatch } from "../../../src/store/batch-codec.ts";

const regions = ["wnam", "enam", "weur"];
const members = membersOf(regions.map((region) => ({ region, incarnation: `i-${region}` })));
const place = { cluster: "c", namespace: "n", region: "wnam", acceptorRegions: regions, replicaRegions: regions };
const now = 1_800_000_000_000;
const none = slot(0);
const mine = ballot(1, "wnam", "me");
const other = ballot(9, "enam", "x");

let log: Log;
beforeEach(() => {
  log = new Log(place, new AcceptorGroup(place, new Calls(), members), "me", 0);
});

const promise = (votes: readonly Vote[] = [], clock = now, under: Ballot = mine): ProtocolReply => ({
  type: "promise",
  ballot: under,
  votes,
  next: null,
  clock,
  floor: none,
  highest: slot(Math.max(0, ...votes.map((v) => v.slot))),
});
const answer = (at: number, region: string, reply: ProtocolReply | null, sentAt = at) => {
  const turn = new Turn(instant(at));
  const event = log.answered(
    turn,
    { purpose: { type: "prepare", region, ballot: mine }, sentAt: instant(sentAt) },
    reply,
    none,
  );
  return { turn, event };
};
const voteFor = (at: number, region: string, s: number, reply: ProtocolReply) =>
  log.answered(
    new Turn(instant(at)),
    { purpose: { type: "accept", region, ballot: mine, slot: slot(s) }, sentAt: instant(at) },
    reply,
    none,
  );
const accepted = (s: number): ProtocolReply => ({ type: "accepted", ballot: mine, slot: slot(s) });
function takeOver(): void {
  log.prepare(new Turn(instant(now)), none);
  answer(now, "wnam", promise());
  expect(answer(now, "enam", promise()).event).toEqual({ type: "leads" });
}

describe("taking over", () => {
  it("[B2] persists a round above every ballot seen before it sends it", () => {
    log.noteBallot(other);
    const turn = new Turn(instant(now));
    log.prepare(turn, none);
    expect(turn.round).toBe(10);
    expect(turn.sends.map((s) => s.message)).toMatchObject(regions.map(() => ({ body: { ballot: { round: 10 } } })));
  });

  it("ends when every acceptor has answered and no majority came of it", () => {
    log.prepare(new Turn(instant(now)), none);
    answer(now, "wnam", promise());
    expect(answer(now, "enam", null).event).toEqual({ type: "nothing" });
    expect(answer(now, "weur", null).event).toEqual({ type: "lost", to: null });
  });

  it("sends what it adopts a few slots at a time", () => {
    const tail = Array.from({ length: 30 }, (_, i) => ({
      slot: slot(i + 1),
      ballot: ballot(1, "a", "a"),
      value: encodeBatch(logTime(now), []),
    }));
    log.prepare(new Turn(instant(now)), none);
    answer(now, "wnam", promise(tail));
    const { turn } = answer(now, "enam", promise());
    expect(turn.sends).toHaveLength(3 * limits.slotsInFlight);
    expect(log.slotsInFlight).toBe(30);
  });
});

describe("stamps", () => {
  const stampAt = (at: number): number => log.nextStamp(instant(at), logTime(0));

  it("[T2] follow the acceptors' clocks where this one runs ahead", () => {
    const ahead = 60_000;
    log.prepare(new Turn(instant(now + ahead)), none);
    answer(now + ahead + 40, "wnam", promise([], now + 20), now + ahead);
    answer(now + ahead + 40, "enam", promise([], now + 20), now + ahead);
    expect(stampAt(now + ahead + 100)).toBeLessThan(now + 200);
  });

  it("[E2] are not set back by a promise that took long to arrive", () => {
    log.prepare(new Turn(instant(now)), none);
    answer(now + 1_900, "wnam", promise([], now + 950), now);
    answer(now + 1_900, "enam", promise([], now + 950), now);
    expect(stampAt(now + 2_000)).toBe(now + 2_000);
  });

  it("[T1] never go back", () => {
    takeOver();
    log.propose(new Turn(instant(now + 500)), [], logTime(0), 1);
    expect(stampAt(now + 100)).toBe(now + 500);
    expect(log.nextStamp(instant(now), logTime(now + 900))).toBe(now + 900);
  });

  it("[T2] a wild value that one acceptor took is left out, once a majority without it has promised", () => {
    const wild = { slot: slot(1), ballot: ballot(1, "a", "a"), value: encodeBatch(logTime(now + 3_600_000), []) };
    log.prepare(new Turn(instant(now)), none);
    answer(now, "wnam", promise([wild]));
    expect(answer(now, "enam", promise()).event).toEqual({ type: "nothing" });
    expect(answer(now, "weur", promise()).event).toEqual({ type: "leads" });
    expect(log.slotsInFlight).toBe(0);
  });

  it("[T2] a leader whose stamp a majority refuses gives up that ballot", () => {
    takeOver();
    log.propose(new Turn(instant(now)), [], logTime(0), 1);
    expect(voteFor(now, "enam", 1, { type: "stamp-ahead", clock: 5 })).toEqual({ type: "nothing" });
    expect(voteFor(now, "weur", 1, { type: "stamp-ahead", clock: 5 })).toEqual({ type: "lost", to: null });
    expect(log.phase).toBe("idle");
  });
});

describe("confirmations", () => {
  it("[R4] a slot chosen by votes under its own ballot confirms the leader as of when it was sent", () => {
    takeOver();
    log.propose(new Turn(instant(now + 5)), [], logTime(0), 1);
    voteFor(now + 50, "wnam", 1, accepted(1));
    voteFor(now + 50, "enam", 1, accepted(1));
    expect(log.nextChosen(none)?.slot).toBe(1);
    expect(log.applied(slot(1))).toBe(now + 5);
  });

  it("[R4] an adopted slot confirms nothing before the last one of them: it is an old state (seed 11041)", () => {
    const tail = [1, 2].map((s) => ({
      slot: slot(s),
      ballot: ballot(1, "a", "a"),
      value: encodeBatch(logTime(now), []),
    }));
    log.prepare(new Turn(instant(now)), none);
    answer(now, "wnam", promise(tail));
    answer(now, "enam", promise());
    for (const s of [1, 2]) for (const region of ["wnam", "enam"]) voteFor(now + 50, region, s, accepted(s));
    expect([1, 2].map((s) => log.applied(slot(s)))).toEqual([null, now]);
  });

  it("[R4] a slot learned from a successor confirms nothing, though it was proposed here too", () => {
    takeOver();
    log.propose(new Turn(instant(now + 5)), [], logTime(0), 1);
    log.learn({ slot: slot(1), value: encodeBatch(logTime(now), []) }, none);
    expect(log.applied(slot(1))).toBeNull();
  });
});

describe("an open slot above the leader's own", () => {
  it("[R1] is closed with no-ops up to there, so that reads that saw a vote can go on", () => {
    takeOver();
    const turn = new Turn(instant(now));
    log.fillTo(turn, slot(3), logTime(0), 1);
    const proposed = turn.sends.filter((s) => s.to.region === "wnam").map((s) => s.message);
    expect(proposed).toMatchObject([1, 2, 3].map((at) => ({ body: { type: "accept", slot: at } })));
    const [first] = proposed;
    const value = first?.type === "protocol" && first.body.type === "accept" ? first.body.value : "";
    expect(decodeBatch(value)).toMatchObject({ commands: [] });
  });
});

describe("an acceptor that does not answer", () => {
  it("is asked ever more rarely, and nobody else", () => {
    takeOver();
    log.propose(new Turn(instant(now)), [], logTime(0), 1);
    const asked: number[] = [];
    for (let at = now; at < now + 20_000; at += 10) {
      const turn = new Turn(instant(at));
      log.drive(turn);
      if (turn.sends.length === 0) {
        if (at === now)
          log.answered(
            turn,
            { purpose: { type: "accept", region: "weur", ballot: mine, slot: slot(1) }, sentAt: instant(at) },
            null,
            none,
          );
        continue;
      }
      expect(turn.sends.map((s) => s.to.region)).toEqual(["weur"]);
      asked.push(at);
      log.answered(
        turn,
        { purpose: { type: "accept", region: "weur", ballot: mine, slot: slot(1) }, sentAt: instant(at) },
        null,
        none,
      );
    }
    expect(asked.length).toBeLessThan(20);
  });
});
