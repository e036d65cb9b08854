/** What distance alone costs, and who dialled: computed and read without a network. */
import { describe, expect, it } from "vitest";
import { allowed, Floor } from "../../../bench/wan/floor.ts";
import { wanRegions, wanRoundTrips } from "../../../bench/wan/matrix.ts";
import { senderIn } from "../../../bench/wan/peer-proxies.ts";
import { percentile } from "../../../bench/wan/probe.ts";
import { Samples } from "../../../bench/wan/samples.ts";
import { checkRoundTrips, roundTrip } from "../../../scripts/links/round-trips.ts";

describe("the floor", () => {
  const regions = ["wnam", "enam", "weur", "apac", "oc"];
  const table = {
    "wnam-enam": 60,
    "wnam-weur": 130,
    "wnam-apac": 170,
    "wnam-oc": 140,
    "enam-weur": 80,
    "enam-apac": 220,
    "enam-oc": 200,
    "weur-apac": 160,
    "weur-oc": 280,
    "apac-oc": 90,
  };
  const floor = new Floor(regions, checkRoundTrips(table, regions));

  it("of a majority of five is the round trip to the second nearest other", () => {
    expect(regions.map((region) => floor.majority(region))).toEqual([130, 80, 130, 160, 140]);
  });

  it("of a majority of three is the round trip to the nearest other", () => {
    const three = ["wnam", "enam", "weur"];
    const near = { "wnam-enam": 60, "wnam-weur": 130, "enam-weur": 80 };
    expect(three.map((region) => new Floor(three, checkRoundTrips(near, three)).majority(region))).toEqual([
      60, 60, 80,
    ]);
  });

  it("of a write is the way to the leader and the leader's majority", () => {
    expect(floor.write("enam", "enam")).toBe(80);
    expect(floor.write("oc", "enam")).toBe(200 + 80);
    expect(floor.readThroughLeader("oc", "enam")).toBe(280);
  });

  it("of a read and of a decision asks nobody but the acceptors", () => {
    expect(floor.read("oc")).toBe(140);
    expect(floor.decision("oc")).toBe(280);
  });

  it("knows the best and the worst place for a leader, and the largest distance", () => {
    expect(floor.placements).toEqual({ best: "enam", worst: "apac" });
    expect(floor.largest).toBe(280);
  });

  it("leaves a tenth, or 5 ms where that is less", () => {
    expect(allowed(200)).toBe(220);
    expect(allowed(20)).toBe(25);
  });
});

describe("the matrix", () => {
  it("names every pair", () => {
    for (const from of wanRegions) {
      for (const to of wanRegions) if (from !== to) expect(roundTrip(wanRoundTrips, from, to)).toBeGreaterThan(0);
    }
  });

  it("has no pair for which a detour over a third region is much shorter", () => {
    for (const from of wanRegions) {
      for (const to of wanRegions) {
        for (const by of wanRegions) {
          const detour = roundTrip(wanRoundTrips, from, by) + roundTrip(wanRoundTrips, by, to);
          expect(detour).toBeGreaterThanOrEqual(0.9 * roundTrip(wanRoundTrips, from, to));
        }
      }
    }
  });
});

describe("a connection between members of etcd", () => {
  const request = (line: string, ...headers: readonly string[]): Buffer =>
    Buffer.from([line, "Host: 127.0.0.1:1", ...headers, "", ""].join("\r\n"));

  it("says who dialled", () => {
    const stream = request("GET /raft/stream/msgapp/1 HTTP/1.1", "X-Server-From: 8E9E05C52164694D", "X-Raft-To: 1");
    expect(senderIn(stream)).toBe("8e9e05c52164694d");
    expect(senderIn(request("POST /raft HTTP/1.1", "X-Server-From: 1"))).toBe("1");
  });

  it("does not say it in a probe, nor in what follows a request", () => {
    expect(senderIn(request("GET /raft/probing HTTP/1.1"))).toBeNull();
    expect(senderIn(Buffer.from("some value\r\nX-Server-From: 1\r\n"))).toBeNull();
    expect(senderIn(Buffer.alloc(0))).toBeNull();
  });
});

describe("samples", () => {
  it("are ranked, never interpolated", () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect([0.5, 0.99, 1].map((share) => percentile(values, share))).toEqual([50, 99, 100]);
    expect(percentile([7], 0.99)).toBe(7);
  });

  it("are judged against what the floor leaves", () => {
    const samples = new Samples();
    samples.add("a", [100, 111]);
    samples.add("a", [110]);
    expect(samples.judge("a", 100)).toBe("110.0 / 111.0 (+10.0, goal +10.0: met)");
    expect(samples.judge("a", 99)).toMatch(/missed\)$/);
    expect(() => samples.show("b")).toThrow("nothing was measured of b");
  });
});
