/**
 * The short form of `npm run bench:wan`: both clusters start behind their delays, leaders stand where they are put, and
 * every latency is measured. No figure is asserted: distances are a twentieth of the real ones.
 */
import { describe, expect, it } from "vitest";
import { installedEtcd, startEtcdCluster } from "../../bench/wan/etcd.ts";
import { etcdRound, synodReads, synodWrites } from "../../bench/wan/latency.ts";
import { wanRegions, wanTable } from "../../bench/wan/matrix.ts";
import { Samples } from "../../bench/wan/samples.ts";
import { checkRoundTrips } from "../../scripts/links/round-trips.ts";
import { startCluster } from "../../scripts/runtime/cluster.ts";

const table = Object.fromEntries(Object.entries(wanTable).map(([pair, ms]) => [pair, Number(ms) / 20]));
const pair = wanRegions.slice(0, 2);
const [first = "", second = ""] = pair;

describe("five regions with distance between them", () => {
  it("answer writes, reads and decisions, wherever the leader is", async () => {
    const samples = new Samples();
    const cluster = await startCluster({ regions: wanRegions, rtt: table });
    try {
      const round = { cluster, samples, round: 0, count: 1 };
      await synodWrites(round, first, second);
      await synodReads(round, first);
    } finally {
      await cluster.stop();
    }
    for (const name of [`write ${first} ${second}`, `read ${first}`, `local ${first}`, `decision ${first}`]) {
      expect(samples.median(`synod ${name}`)).toBeGreaterThan(0);
    }
  });

  it.skipIf(installedEtcd() === null)("hold etcd's members apart, and its leader where it is wanted", async () => {
    const samples = new Samples();
    const etcd = await startEtcdCluster(wanRegions, checkRoundTrips(table, wanRegions));
    try {
      for (const leader of pair) {
        await etcd.lead(leader);
        await etcdRound(etcd, samples, 1, first, leader);
        expect(await etcd.leader()).toBe(leader);
      }
      // Each of five dials the four others, for each of two kinds of streams.
      expect(etcd.proxies.named).toBeGreaterThanOrEqual(40);
    } finally {
      await etcd.stop();
    }
    for (const leader of pair) expect(samples.median(`etcd write ${first} ${leader}`)).toBeGreaterThan(0);
  });
});
