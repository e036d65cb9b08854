/** What the gateway keeps, how it reads decisions back, and which regions it asks first. */
import { describe, expect, it } from "vitest";
import { utf8 } from "../../../src/support/bytes.ts";
import { bytesMember } from "../../../workers/gateway/bytes-member.ts";
import {
  decodeDecided,
  decodeProposal,
  encodeDecided,
  encodeProposal,
} from "../../../workers/gateway/decision-value.ts";
import { Lru } from "../../../workers/gateway/lru.ts";
import { nearestFirst } from "../../../workers/gateway/regions.ts";
import { lagOf, leaderOf, warningsOf } from "../../../workers/gateway/standing.ts";

describe("a bounded memory", () => {
  it("forgets what was used least recently", () => {
    const lru = new Lru<number>(2);
    lru.set("a", 1);
    lru.set("b", 2);
    expect(lru.get("a")).toBe(1);
    lru.set("c", 3);
    expect([lru.get("a"), lru.get("b"), lru.get("c")]).toEqual([1, null, 3]);
  });

  it("keeps within its weight, and lets nothing too heavy in", () => {
    const lru = new Lru<string>(10, 10);
    lru.set("a", "a", 6);
    lru.set("b", "b", 4);
    expect(lru.size).toBe(2);
    lru.set("c", "c", 4);
    expect([lru.get("a"), lru.get("b"), lru.get("c")]).toEqual([null, "b", "c"]);
    lru.set("b", "heavy", 11);
    expect([lru.get("b"), lru.size]).toEqual([null, 1]);
  });

  it("weighs a replaced entry once", () => {
    const lru = new Lru<number>(10, 10);
    for (let i = 0; i < 5; i += 1) lru.set("a", i, 10);
    lru.delete("nobody");
    expect([lru.get("a"), lru.size]).toEqual([4, 1]);
    lru.delete("a");
    expect(lru.size).toBe(0);
  });
});

describe("a decision as stored", () => {
  const proposal = { id: "key/k", value: Uint8Array.of(0xff, 0) };

  it("comes back as it was, and equal ones are equal text", () => {
    expect(decodeProposal(encodeProposal(proposal))).toEqual(proposal);
    expect(encodeProposal({ ...proposal })).toBe(encodeProposal(proposal));
    const decided = { proposal, ballot: { round: 3, proposer: "p" }, acceptors: ["enam", "wnam"] };
    expect(decodeDecided(encodeDecided(decided))).toEqual(decided);
  });

  it.each([
    "",
    "{",
    "null",
    "{}",
    '{"proposal":"a","value":"x"}',
    '{"proposal":"a","value":"b!"}',
    '{"proposal":1,"value":"t"}',
  ])("refuses %j", (text) => {
    expect(decodeProposal(text)).toBeNull();
    expect(
      decodeDecided(JSON.stringify({ value: text, ballot: { round: 1, proposer: "p" }, acceptors: [] })),
    ).toBeNull();
  });

  it("is shown as text where it is text", () => {
    expect(bytesMember("value", "encoding", utf8("é"))).toEqual({ value: "é" });
    expect(bytesMember("value", "encoding", Uint8Array.of(0xff))).toEqual({ value: "/w==", encoding: "base64" });
  });
});

describe("the nearest region", () => {
  const regions = ["wnam", "enam", "weur"];

  it.each([
    ["Paris", { latitude: "48.85", longitude: "2.35" }, ["weur", "enam", "wnam"]],
    ["Seattle", { latitude: "47.6", longitude: "-122.3" }, ["wnam", "enam", "weur"]],
    ["across the date line", { latitude: "35.7", longitude: "139.7" }, ["wnam", "weur", "enam"]],
    ["a continent only", { continent: "AF" }, ["weur", "enam", "wnam"]],
    ["nonsense", { latitude: "north", longitude: {}, continent: 7 }, regions],
    ["an unknown continent", { continent: "XX" }, regions],
    ["nothing", undefined, regions],
  ])("from %s", (_, cf, order) => {
    expect(nearestFirst(regions, null, cf)).toEqual(order);
  });

  it("is home, wherever the request came from", () => {
    expect(nearestFirst(regions, "enam", { continent: "EU" })).toEqual(["enam", "wnam", "weur"]);
    const all = ["wnam", "enam", "sam", "weur", "eeur", "apac", "apac-ne", "apac-se", "oc", "afr", "me"];
    for (const home of all) expect(nearestFirst(all, home, null)[0]).toBe(home);
    expect(nearestFirst(["apac-se", "weur", "apac-ne"], "apac-ne", null)).toEqual(["apac-ne", "apac-se", "weur"]);
  });
});

describe("the standing of the parts", () => {
  const promised = (round: number, proposer: string) => ({ round, proposer });

  it("takes for leader who says so and holds the highest promise", () => {
    const acceptors = [
      { region: "a", reachable: true, promised: promised(2, "new") },
      { region: "b", reachable: true, promised: promised(1, "old") },
      { region: "c", reachable: false },
    ];
    const replica = (region: string, leading: boolean) => ({ region, reachable: true, leading });
    expect(leaderOf(acceptors, [replica("old", true), replica("new", true)])).toBe("new");
    expect(leaderOf(acceptors, [replica("old", true), replica("new", false)])).toBe("old");
    expect(leaderOf(acceptors, [replica("old", false), replica("new", false)])).toBeNull();
    expect(leaderOf([], [replica("x", true), replica("y", true)])).toBeNull();
    expect(leaderOf([], [])).toBeNull();
  });

  it("counts the slots a replica is behind", () => {
    const replicas = [
      { region: "a", reachable: true, applied: 7 },
      { region: "b", reachable: false },
    ];
    expect(lagOf(5, replicas)).toBe(2);
    expect(lagOf(7, replicas)).toBe(0);
  });

  it("warns of what an operator must look at", () => {
    const acceptor = (region: string, dataCentre: string, identity: string) => ({
      region,
      dataCentre,
      identity,
      reachable: true,
    });
    expect(warningsOf([acceptor("a", "local", "enrolled"), acceptor("b", "local", "enrolled")], [])).toEqual([]);
    expect(warningsOf([acceptor("a", "unknown", "empty"), acceptor("b", "unknown", "empty")], [])).toEqual([]);
    const warnings = warningsOf(
      [acceptor("a", "CDG", "enrolled"), acceptor("b", "CDG", "retired"), acceptor("c", "LHR", "empty")],
      [
        { region: "a", reachable: false },
        { region: "b", reachable: true, halted: "slot 3" },
      ],
    );
    expect(warnings).toEqual([
      expect.stringMatching(/a, b share the data centre CDG/),
      expect.stringMatching(/b is retired/),
      expect.stringMatching(/c is empty/),
      expect.stringMatching(/replica in a does not answer/),
      expect.stringMatching(/replica in b has stopped: slot 3/),
    ]);
  });
});
