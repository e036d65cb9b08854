/** Read barriers on their own: who may join which, what is waited for, what a missing majority means. */
import { beforeEach, describe, expect, it } from "vitest";
import { instant, slot } from "../../../src/support/brand.ts";
import { limits } from "../../../src/support/limits.ts";
import type { Slot } from "../../../src/support/brand.ts";
import { seededRandom } from "../../../src/support/random.ts";
import { ballot } from "../../../src/paxos/ballot.ts";
import { membersOf } from "../../../src/paxos/membership.ts";
import type { ProtocolReply } from "../../../src/paxos/messages.ts";
import { AcceptorGroup } from "../../../src/replica/acceptor-group.ts";
import { Barriers } from "../../../src/replica/barriers.ts";
import { Log } from "../../../src/replica/log.ts";
import { Nearness } from "../../../src/replica/nearness.ts";
import { Calls, Turn } from "../../../src/replica/turn.ts";

const regions = ["wnam", "enam", "weur"];
const members = membersOf(regions.map((region) => ({ region, incarnation: `i-${region}` })));
const place = { cluster: "c", namespace: "n", region: "wnam", acceptorRegions: regions, replicaRegions: regions };
const low = ballot(1, "enam", "x");

const standing = (highest: number, votes: number[] = [], floor = 0): ProtocolReply => ({
  type: "standing",
  promised: low,
  votes: votes.map((at) => ({ slot: slot(at), ballot: low, value: `v${at}` })),
  next: null,
  floor: slot(floor),
  highest: slot(highest),
});

let barriers: Barriers<string>;
let log: Log;
let nearness: Nearness;
const applied = (n: number): Slot => slot(n);
const start = (at: number, upTo = 0): Turn => {
  const turn = new Turn(instant(at));
  barriers.start(turn, applied(upTo));
  return turn;
};

const asked = ({ sends }: Turn): readonly string[] => sends.map(({ to }) => to.region);
const others = (at: number): Turn => {
  const turn = new Turn(instant(at));
  barriers.askOthers(turn, applied(0));
  return turn;
};

beforeEach(() => {
  const group = new AcceptorGroup(place, new Calls(), members);
  log = new Log(place, group, String(seededRandom(1).next()), 0);
  nearness = new Nearness("wnam");
  barriers = new Barriers(group, log, nearness);
});

describe("a read barrier", () => {
  it("asks every acceptor once, for all readers that wait", () => {
    barriers.join("a");
    barriers.join("b");
    expect(start(10).sends).toHaveLength(3);
    expect(start(11).sends).toHaveLength(0);
  });

  it("[R1] is met only once everything a majority reported is applied", () => {
    barriers.join("a");
    start(10);
    barriers.answered("wnam", 1, standing(4), applied(2));
    expect(barriers.target).toBeNull();
    expect(barriers.answered("enam", 1, standing(7), applied(2))).toBe("answered");
    expect(barriers.target).toBe(7);
    expect(barriers.met(applied(6))).toEqual([]);
    expect(barriers.met(applied(7))).toEqual([{ readers: ["a"], startedAt: 10 }]);
  });

  it("[R1] waits for what was trimmed, too", () => {
    barriers.join("a");
    start(10);
    barriers.answered("wnam", 1, standing(0, [], 9), applied(2));
    barriers.answered("enam", 1, standing(0), applied(2));
    expect(barriers.met(applied(8))).toEqual([]);
    expect(barriers.met(applied(9))).toHaveLength(1);
  });

  it("[R2] a read that comes after its first message left waits for the next barrier", () => {
    barriers.join("early");
    start(10);
    barriers.join("late");
    barriers.answered("wnam", 1, standing(0), applied(0));
    barriers.answered("enam", 1, standing(0), applied(0));
    expect(barriers.met(applied(0)).flatMap((b) => b.readers)).toEqual(["early"]);
    expect(start(20).sends).toHaveLength(3);
  });

  it("[Q1] one acceptor that answers twice is no majority", () => {
    barriers.join("a");
    start(10);
    barriers.answered("wnam", 1, standing(0), applied(0));
    expect(barriers.answered("wnam", 1, standing(0), applied(0))).toBe("nothing");
    expect(barriers.met(applied(0))).toEqual([]);
  });

  it("[C1] learns a slot that a majority voted for under one ballot, without the leader", () => {
    barriers.join("a");
    start(10);
    barriers.answered("wnam", 1, standing(1, [1]), applied(0));
    expect(log.nextChosen(applied(0))).toBeNull();
    barriers.answered("enam", 1, standing(1, [1]), applied(0));
    expect(log.nextChosen(applied(0))).toEqual({ slot: 1, value: "v1" });
  });

  it("ends without a majority as soon as none can come", () => {
    barriers.join("a");
    start(10);
    expect(barriers.answered("wnam", 1, null, applied(0))).toBe("nothing");
    expect(barriers.answered("enam", 1, null, applied(0))).toEqual({ readers: ["a"], startedAt: null });
    expect(barriers.readers).toBe(0);
  });

  it("asks only the nearest majority, and the other one when it is late", () => {
    for (const [region, ms] of [
      ["wnam", 0],
      ["enam", 80],
      ["weur", 30],
    ] as const)
      nearness.answered(region, ms);
    barriers.join("first");
    expect(asked(start(10))).toHaveLength(3);
    barriers.join("second");
    const turn = start(20);
    expect(asked(turn)).toEqual(["wnam", "weur"]);
    const late = 20 + limits.nearestPatienceMs + 60;
    expect(turn.outcome(null).wakeAt).toBe(late);
    expect(asked(others(late - 1))).toEqual([]);
    expect(asked(others(late))).toEqual(["enam"]);
    expect(asked(others(late + 1))).toEqual([]);
    barriers.answered("wnam", 2, standing(0), applied(0));
    expect(barriers.answered("enam", 2, standing(0), applied(0))).toBe("answered");
  });

  it("asks the other one at once when one of the nearest cannot say, and counts it out", () => {
    for (const region of regions) nearness.answered(region, 1);
    barriers.join("first");
    start(10);
    barriers.join("second");
    expect(asked(start(20))).toEqual(["wnam", "enam"]);
    barriers.answered("enam", 2, null, applied(0));
    expect(asked(others(21))).toEqual(["weur"]);
    barriers.answered("weur", 2, standing(0), applied(0));
    expect(barriers.answered("wnam", 2, standing(0), applied(0))).toBe("answered");
    barriers.join("third");
    expect(asked(start(30))).toHaveLength(2);
  });

  it("says how long a target has been waited for without progress", () => {
    barriers.join("a");
    start(10);
    barriers.answered("wnam", 1, standing(5), applied(2));
    barriers.answered("enam", 1, standing(5), applied(2));
    expect(barriers.stuckFor(instant(100), applied(2))).toBe(0);
    expect(barriers.stuckFor(instant(130), applied(2))).toBe(30);
    expect(barriers.stuckFor(instant(140), applied(3))).toBe(0);
  });
});
