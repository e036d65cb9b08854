/** The acceptor's rows and its executor: what is durable, what a vote costs, what survives a restart. */
import { describe, expect, it } from "vitest";
import { slot } from "../../../src/support/brand.ts";
import { limits } from "../../../src/support/limits.ts";
import { ballot } from "../../../src/paxos/ballot.ts";
import { membersOf, setDigest } from "../../../src/paxos/membership.ts";
import { decisionSubject, LOG } from "../../../src/paxos/messages.ts";
import type { AcceptorReply, ProtocolRequest } from "../../../src/paxos/messages.ts";
import { receive, statusOf } from "../../../workers/adapters/acceptor-desk.ts";
import { AcceptorStorage } from "../../../workers/adapters/acceptor-storage.ts";
import { NodeSql } from "../../support/node-sql.ts";

const incarnation = "i".repeat(26);
const members = membersOf([
  { region: "wnam", incarnation },
  { region: "enam", incarnation: "j".repeat(26) },
  { region: "weur", incarnation: "k".repeat(26) },
]);
const low = ballot(1, "wnam", "a");
const high = ballot(2, "enam", "b");
const now = 1_800_000_000_000;

class Node {
  readonly sql = new NodeSql();
  storage = new AcceptorStorage(this.sql);
  object = "object-1";

  found(): this {
    for (const body of [
      { type: "mint", cluster: "c", regions: ["wnam", "enam", "weur"] },
      { type: "enrol", members },
      { type: "open", members },
    ] as const) {
      this.#receive({ type: "founding", namespace: "n", region: "wnam", body });
    }
    return this;
  }
  #receive(request: Parameters<typeof receive>[1]): AcceptorReply {
    return receive({ storage: this.storage, object: this.object, now, fresh: incarnation }, request);
  }
  ask(body: ProtocolRequest, seen = 0): AcceptorReply {
    const address = { namespace: "n", region: "wnam", set: setDigest(members), incarnation, seen };
    return this.#receive({ type: "protocol", address, body });
  }
  restart(): void {
    this.storage = new AcceptorStorage(this.sql);
  }
}
const accept = (at: number, under = low, floor = 0, value = `v${at}`): ProtocolRequest => ({
  type: "accept",
  subject: LOG,
  ballot: under,
  slot: slot(at),
  value,
  stamp: now,
  floor: slot(floor),
});
const prepare = (under: typeof low, from = 1): ProtocolRequest => ({
  type: "prepare",
  subject: LOG,
  ballot: under,
  from: slot(from),
});
const counterOf = (reply: AcceptorReply): number => (reply.type === "protocol" ? reply.counter : -1);

describe("an acceptor's storage", () => {
  it("[F1] is empty until founding: being asked leaves nothing behind", () => {
    const node = new Node();
    expect(node.ask(prepare(low))).toEqual({ type: "not-member", why: "unfounded" });
    expect(node.sql.tables).toEqual([]);
  });

  it("[D2] every answer that carries authority increments the stored counter, repeated ones too", () => {
    const node = new Node().found();
    const counters = [
      prepare(low),
      prepare(low),
      accept(1),
      accept(1),
      { type: "inquire", subject: LOG, above: slot(0) } as const,
      prepare(high),
      accept(2),
    ].map((m) => counterOf(node.ask(m)));
    expect(counters).toEqual([1, 2, 3, 4, 5, 6, 7]);
    node.restart();
    expect(node.storage.counter).toBe(7);
  });

  it("a vote on a batch writes one row", () => {
    const node = new Node().found();
    node.ask(prepare(low));
    const before = node.sql.changes;
    for (let at = 1; at <= 10; at += 1) node.ask(accept(at));
    expect(node.sql.changes - before).toBe(10);
  });

  it("[D1] promise, votes and counter survive a restart", () => {
    const node = new Node().found();
    node.ask(prepare(low));
    node.ask(accept(1));
    node.ask(prepare(high, 2));
    node.restart();
    expect(node.ask(accept(2))).toMatchObject({ body: { type: "outranked", promised: high } });
    expect(node.ask(prepare(ballot(3, "x", "c")))).toMatchObject({
      body: { votes: [{ slot: 1, value: "v1", ballot: low }] },
    });
  });

  it("[A3] an accept above the promise raises it durably", () => {
    const node = new Node().found();
    node.ask(accept(1, high));
    node.restart();
    expect(node.ask(prepare(low))).toMatchObject({ body: { type: "outranked", promised: high } });
  });

  it("decisions keep their own promise and vote, and never touch the log", () => {
    const node = new Node().found();
    const subject = decisionSubject("colour");
    node.ask({ type: "prepare", subject, ballot: high, from: slot(1) });
    node.ask({ type: "accept", subject, ballot: high, slot: slot(1), value: "red", stamp: 0, floor: slot(5) });
    node.restart();
    expect(node.ask({ type: "inquire", subject, above: slot(0) })).toMatchObject({
      body: { votes: [{ value: "red" }], highest: 1, floor: 0 },
    });
    expect(node.ask({ type: "prepare", subject, ballot: low, from: slot(1) })).toMatchObject({
      body: { type: "outranked" },
    });
    expect(node.ask(prepare(low))).toMatchObject({ body: { type: "promise", votes: [], floor: 0 } });
  });

  it("[L5] [L6] trimming deletes votes a bounded number at a time, and the floor refuses what lies below at once", () => {
    const node = new Node().found();
    const many = limits.trimmedVotesPerEvent + 50;
    for (let at = 1; at <= many; at += 1) node.ask(accept(at));
    node.ask(accept(many + 1, low, many));
    expect(node.ask(accept(many))).toMatchObject({ body: { type: "trimmed", floor: many, highest: many + 1 } });
    expect(node.sql.all("SELECT count(*) AS n FROM votes WHERE slot <= ?", many)[0]?.["n"]).toBeLessThanOrEqual(50);
    node.ask(accept(many + 2));
    expect(node.sql.all("SELECT count(*) AS n FROM votes WHERE slot <= ?", many)[0]?.["n"]).toBe(0);
    node.restart();
    expect(node.ask(prepare(high, many))).toMatchObject({ body: { type: "trimmed" } });
    expect(node.ask(prepare(high, many + 1))).toMatchObject({
      body: { votes: [{ slot: many + 1 }, { slot: many + 2 }] },
    });
  });

  it("[A4] votes come in pages, each vote once", () => {
    const node = new Node().found();
    const large = "x".repeat(limits.messagePageBytes / 4);
    for (let at = 1; at <= 10; at += 1) node.ask(accept(at, low, 0, large));
    const slots: number[] = [];
    for (let from: number | null = 1, pages = 0; from !== null && pages < 10; pages += 1) {
      const reply = node.ask(prepare(high, from));
      if (reply.type !== "protocol" || reply.body.type !== "promise") throw new Error("no promise");
      slots.push(...reply.body.votes.map((v) => v.slot));
      from = reply.body.next;
    }
    expect(slots).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it("[F5] one that is behind what was seen of it retires, durably", () => {
    const node = new Node().found();
    node.ask(prepare(low));
    expect(node.ask(accept(1), 999)).toEqual({ type: "not-member", why: "retired" });
    node.restart();
    expect(node.ask(accept(1))).toEqual({ type: "not-member", why: "retired" });
    expect(statusOf(node.storage, "wnam", "local").identity).toMatchObject({ type: "retired" });
  });

  it("[F5] rows copied into another object do not vote there", () => {
    const node = new Node().found();
    node.object = "object-2";
    node.restart();
    expect(node.ask(prepare(low))).toEqual({ type: "not-member", why: "retired" });
  });

  it("[T2] a stamp far ahead of its clock gets no vote", () => {
    const node = new Node().found();
    const wild = { ...accept(1), stamp: now + limits.stampAheadMs + 1 } as ProtocolRequest;
    expect(node.ask(wild)).toMatchObject({ body: { type: "stamp-ahead", clock: now } });
    expect(node.ask(prepare(low))).toMatchObject({ body: { votes: [] } });
  });
});
