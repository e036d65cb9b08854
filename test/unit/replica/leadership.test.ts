/** Who proposes, on its own: what happens to commands when leadership comes, goes, or cannot be reached. */
import { beforeEach, describe, expect, it } from "vitest";
import { instant, logTime, requestId, revision, slot } from "../../../src/support/brand.ts";
import { limits } from "../../../src/support/limits.ts";
import { seededRandom } from "../../../src/support/random.ts";
import { ballot } from "../../../src/paxos/ballot.ts";
import { membersOf } from "../../../src/paxos/membership.ts";
import { AcceptorGroup } from "../../../src/replica/acceptor-group.ts";
import { commandKey, CommandQueue } from "../../../src/replica/command-queue.ts";
import type { DriftRule } from "../../../src/replica/drift.ts";
import { Leadership } from "../../../src/replica/leadership.ts";
import { Log } from "../../../src/replica/log.ts";
import { Calls, Turn } from "../../../src/replica/turn.ts";
import type { Send } from "../../../src/replica/turn.ts";

const regions = ["wnam", "enam", "weur"];
const members = membersOf(regions.map((region) => ({ region, incarnation: `i-${region}` })));
const place = { cluster: "c", namespace: "n", region: "wnam", acceptorRegions: regions, replicaRegions: regions };
const now = 1_800_000_000_000;
const reached = { applied: slot(0), logTime: logTime(0), semantics: 1, caughtUp: true, wanted: false };
const key = commandKey({ id: requestId("a") });

const rule: DriftRule = { windowMs: 1_000, commands: 4, share: 0.75, restMs: 3_000 };

let queue: CommandQueue;
let leadership: Leadership;
let at: number;
beforeEach(() => {
  const calls = new Calls();
  const log = new Log(place, new AcceptorGroup(place, calls, members), "me", 0);
  queue = new CommandQueue();
  leadership = new Leadership(place, calls, log, queue, seededRandom(1), rule);
  at = now;
  queue.addClient(key, "c", instant(now + 60_000), 1);
});

/** What is sent when waiting commands are moved on, a moment later. */
function drive(): readonly Send[] {
  at += 10;
  const turn = new Turn(instant(at));
  leadership.drive(turn, reached, false);
  return turn.sends;
}
const kinds = (sends: readonly Send[]) => sends.map((s) => `${s.message.type} ${s.to.kind} ${s.to.region}`);
const forwardFailed = (region: string, batch: number): readonly Send[] => {
  const turn = new Turn(instant(at));
  leadership.forwardAnswered(turn, { type: "forward", region, batch }, null, instant(at));
  return turn.sends;
};

describe("a replica with a command and no leader", () => {
  it("first asks the acceptors whom they promised", () => {
    const turn = new Turn(instant(now));
    expect(leadership.drive(turn, reached, false)).toBe("locate");
    expect(leadership.drive(turn, reached, false)).toBe("done");
    expect(turn.sends).toEqual([]);
  });

  it("takes over when they promised nobody", () => {
    leadership.located(null);
    expect(kinds(drive())).toEqual(regions.toSorted().map((region) => `protocol acceptor ${region}`));
  });

  it("waits with taking over while peers hand over what it missed", () => {
    leadership.located(null);
    const turn = new Turn(instant(now));
    leadership.drive(turn, { ...reached, caughtUp: false }, false);
    expect(turn.sends).toEqual([]);
  });
});

describe("a replica that follows a leader", () => {
  beforeEach(() => leadership.located("enam"));

  it("forwards, and does not take over while it is answered", () => {
    expect(kinds(drive())).toEqual(["forward replica enam"]);
    const turn = new Turn(instant(at));
    const stand = { slot: slot(1), revision: revision(1), leader: "enam" };
    const reply = { type: "results", outcomes: [{ type: "past-deadline" }], ...stand } as const;
    const results = leadership.forwardAnswered(turn, { type: "forward", region: "enam", batch: 1 }, reply, instant(at));
    expect(results).toMatchObject({ keys: [key], stand });
  });

  it("asks a silent leader whether it lives, then another replica, and only then takes over", () => {
    drive();
    expect(kinds(forwardFailed("enam", 1))).toEqual(["ping replica enam"]);
    expect(drive()).toEqual([]);
    leadership.pingAnswered("enam", null);
    const [relay] = drive();
    expect(relay?.message).toMatchObject({ type: "forward", relay: true });
    expect(relay?.to.region).toBe("weur");
    forwardFailed("weur", 2);
    expect(kinds(drive())[0]).toMatch(/^protocol acceptor/);
  });

  it("takes over when the leader names it as the one that leads, and is caught up", () => {
    for (const caughtUp of [false, true]) {
      drive();
      const turn = new Turn(instant(at));
      const reply = { type: "results", outcomes: [], slot: slot(1), revision: revision(1), leader: "wnam" } as const;
      leadership.forwardAnswered(
        turn,
        { type: "forward", region: "enam", batch: caughtUp ? 2 : 1 },
        reply,
        instant(at),
      );
      leadership.drive(turn, { ...reached, caughtUp }, false);
      expect(kinds(turn.sends)).toEqual(
        caughtUp ? regions.toSorted().map((region) => `protocol acceptor ${region}`) : [],
      );
      queue.requeue();
    }
  });

  it("forwards again to a leader that lives and is only slow", () => {
    drive();
    forwardFailed("enam", 1);
    leadership.pingAnswered("enam", { type: "pong", leading: true, stalled: false, leader: "enam" });
    expect(kinds(drive())).toEqual(["forward replica enam"]);
  });

  it("finds out at once about a leader that a peer cannot reach, unless it was heard a moment ago", () => {
    const turn = new Turn(instant(now + limits.silenceMinMs + 1));
    leadership.doubted(turn);
    expect(kinds(turn.sends)).toEqual(["ping replica enam"]);
  });
});

describe("a change of leader", () => {
  it("puts commands that were with somebody else back in the queue of the one that leads now", () => {
    leadership.located("enam");
    drive();
    expect(queue.waiting).toBe(0);
    leadership.handle(new Turn(instant(at)), { type: "leads" });
    expect(queue.waiting).toBe(1);
  });

  it("sends them to the winner after a pause, when this replica lost", () => {
    leadership.located(null);
    queue.take();
    leadership.handle(new Turn(instant(at)), { type: "lost", to: ballot(9, "weur", "x") });
    expect(drive()).toEqual([]);
    at += limits.backOffMaxMs;
    expect(kinds(drive())).toEqual(["forward replica weur"]);
  });

  it("waits ever longer between lost duels, also when it won phase 1 each time, until something is chosen (seed 1071)", () => {
    leadership.located(null);
    const pauses = Array.from({ length: 7 }, () => pauseAfterDuel());
    expect(pauses.at(-1)).toBeGreaterThan(limits.backOffMaxMs / 4);
    leadership.progressed();
    expect(pauseAfterDuel()).toBeLessThanOrEqual(2 * limits.backOffMinMs);
  });
});

/** It leads, and is outranked before it ends phase 2. @returns how long it then waits, in ms. */
function pauseAfterDuel(): number {
  leadership.handle(new Turn(instant(at)), { type: "leads" });
  leadership.handle(new Turn(instant(at)), { type: "lost", to: ballot(9, "weur", "x") });
  const turn = new Turn(instant(at));
  leadership.drive(turn, reached, false);
  return (turn.outcome(null).wakeAt ?? at) - at;
}
