/** The replica's core as a whole, one event at a time, on a real store: what it says to whom, and what it never says. */
import { describe, expect, it } from "vitest";
import { slot } from "../../../src/support/brand.ts";
import { seededRandom } from "../../../src/support/random.ts";
import type { Random } from "../../../src/support/random.ts";
import type { Ballot } from "../../../src/paxos/ballot.ts";
import type { ClientRequest } from "../../../src/replica/messages.ts";
import { Bench, members, read, regions, write } from "./bench.ts";

describe("a replica of an unfounded namespace", () => {
  it("[F6] answers a read as empty once all were heard and a majority knows of no set, and writes nothing", () => {
    const bench = new Bench();
    bench.ask(1, read);
    bench.identify("wnam", { type: "empty" });
    bench.identify("enam", { type: "empty" });
    expect(bench.answered).toEqual([]);
    bench.identify("weur", null);
    expect(bench.replies).toMatchObject([
      { handle: 1, body: { type: "result", result: { type: "entry", entry: null } } },
    ]);
    expect(bench.sql.tables).toEqual([]);
  });

  it("[R2] [F6] a read that comes after the question left is not served by its answer", () => {
    const bench = new Bench();
    bench.ask(1, read);
    bench.identify("wnam", { type: "empty" });
    bench.identify("enam", { type: "empty" });
    bench.ask(2, read);
    bench.identify("weur", { type: "empty" });
    expect(bench.answered).toEqual([1]);
    expect(bench.sent.filter((s) => s.to.region === "weur")).toHaveLength(2);
  });

  it("[F6] nobody to ask: the read fails, and is not told that nothing is there", () => {
    const bench = new Bench();
    bench.ask(1, read);
    for (const region of regions) bench.identify(region, null);
    expect(bench.replies).toMatchObject([{ handle: 1, body: { type: "failed", failure: "no-quorum" } }]);
  });

  it("[U1] a write without all acceptors founds nothing, and is told not-applied", () => {
    const bench = new Bench();
    bench.ask(1, write);
    for (const region of regions) bench.identify(region, region === "weur" ? null : { type: "empty" });
    expect(bench.replies).toMatchObject([
      { handle: 1, body: { type: "failed", failure: "founding-incomplete", outcome: "not-applied" } },
    ]);
    expect(bench.sent.filter((s) => s.message.type === "protocol")).toEqual([]);
  });
});

describe("a replica that starts again", () => {
  /** The ballot of its first phase 1, once a majority has said that it promised nobody. */
  function firstBallot(random: Random): Ballot {
    const bench = new Bench(random, members);
    bench.ask(1, write);
    bench.acceptorsHaveNothing();
    for (const { message } of bench.sent)
      if (message.type === "protocol" && message.body.type === "prepare") return message.body.ballot;
    throw new Error("it does not take over");
  }

  it("[B2] takes a fresh incarnation, so that it shares no ballot with what may still run of it", () => {
    const random = seededRandom(1);
    const [first, second] = [firstBallot(random), firstBallot(random)];
    expect([second.round, second.proposer]).toEqual([first.round, first.proposer]);
    expect(second.incarnation).not.toBe(first.incarnation);
  });
});

describe("an idle replica", () => {
  it("asks for no wake-up and no alarm", () => {
    const bench = new Bench();
    expect(bench.step({ type: "wake" })).toMatchObject({ send: [], wakeAt: null, alarmAt: null });
  });

  it("lets go of a request that nobody answers", () => {
    const bench = new Bench();
    bench.ask(1, read);
    for (let i = 0; i < 100 && bench.answered.length === 0; i += 1) {
      bench.now += 100;
      const open = bench.sent.splice(0);
      for (const { call } of open) bench.step({ type: "acceptor-answer", call, reply: null });
      bench.step({ type: "wake" });
    }
    expect(bench.answered).toEqual([1]);
  });
});

describe("a replica that loads a snapshot", () => {
  /** It is told that a peer is ahead, then that the batches in between are gone, and gets a first page. */
  function loading(): Bench {
    const bench = new Bench();
    bench.step({ type: "peer", handle: 1, from: "enam", request: { type: "digest", applied: slot(9), knows: 1 } });
    bench.peerAnswers({ type: "gone", applied: slot(9) });
    bench.peerAnswers({ type: "snapshot-page", id: "s", slot: slot(9), rows: '[["b",9,1,0,1,null]]', next: "more" });
    return bench;
  }

  it("[L7] sends readers elsewhere meanwhile", () => {
    const bench = loading();
    expect(bench.sent.map((s) => s.message.type)).toEqual(["catch-up", "snapshot", "snapshot"]);
    bench.ask(2, read);
    expect(bench.replies.at(-1)).toMatchObject({ handle: 2, body: { type: "failed", failure: "catching-up" } });
  });

  it("[L5] [L7] is what it was before, once the peer gives no more of it", () => {
    const bench = loading();
    expect(bench.store.loading).toBe(true);
    bench.peerAnswers(null);
    expect([bench.store.loading, bench.store.exists, bench.sql.tables]).toEqual([false, false, []]);
  });
});

describe("a replica whose clock is set back by an hour", () => {
  it("lets go of a write after the time it always takes", () => {
    const bench = new Bench();
    bench.ask(1, write);
    bench.now -= 3_600_000;
    let wakes = 0;
    for (; bench.answered.length === 0 && wakes < 100; wakes += 1) {
      bench.now += 100;
      const { wakeAt } = bench.step({ type: "wake" });
      expect(wakeAt ?? bench.now).toBeLessThan(bench.now + 10_000);
    }
    expect(wakes).toBeLessThan(50);
  });

  it("[R4] no longer says how old its state is (seed 100590)", () => {
    const bench = new Bench(seededRandom(1), members);
    const local: ClientRequest = { ...read, consistency: { type: "local", maxAgeMs: null } };
    bench.ask(1, read);
    bench.acceptorsHaveNothing();
    bench.ask(2, local);
    bench.now -= 3_600_000;
    bench.ask(3, local);
    expect(bench.replies.map(({ body }) => body)).toMatchObject([{ ageMs: 0 }, { ageMs: 0 }, { ageMs: null }]);
  });
});
