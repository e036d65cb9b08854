/**
 * Regions with a real distance between them, and a leader that stops and comes back believing that it still leads: the one
 * failure that a crash does not show.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCluster, type Cluster } from "../../scripts/runtime/cluster.ts";
import { ask, eventually, leaderAt, put, statusOf, urlOf } from "./support/gateway.ts";
import { converged, nothingLost } from "./support/survivors.ts";
import { Writers } from "./support/writers.ts";

const directory = mkdtempSync(join(tmpdir(), "synod-afar-"));
const rtt = { "wnam-enam": 60, "enam-weur": 80, "wnam-weur": 100 };
const all = ["wnam", "enam", "weur"] as const;

describe("regions that are far apart", () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({ dataDir: directory, rtt });
  });
  afterAll(async () => {
    await cluster.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  const url = (region: string): string => urlOf(cluster, region);

  it("each take writes that the others read", async () => {
    for (const region of all) {
      const begin = performance.now();
      expect((await put(`${url(region)}/kv/from-${region}`, region)).status).toBe(201);
      console.log(`survival: first write in ${region}: ${(performance.now() - begin).toFixed(0)} ms`);
      for (const reader of all) {
        expect(await (await ask(`${url(reader)}/kv/from-${region}`)).text()).toBe(region);
      }
    }
  }, 30_000);

  it("replace a leader that hangs, and are not harmed when it goes on", async () => {
    const leader = await leaderAt(url("wnam"));
    const survivors = all.filter((region) => region !== leader);
    const [first = ""] = survivors;
    const writers = new Writers(cluster, "hang/", all, 4);
    await writers.progress(all, 10);
    expect(await leaderAt(url(first))).toBe(leader);
    const stopped = performance.now();
    await cluster.kill(leader, "SIGSTOP");
    const successor = await eventually("another leader", async () => {
      const named = (await statusOf(url(first))).leader;
      return named === leader ? null : named;
    });
    expect(survivors).toContain(successor);
    await writers.progress(survivors, 20);
    const gap = Math.max(...writers.gaps(survivors, stopped)).toFixed(0);
    console.log(`survival: longest gap after the leader hung: ${gap} ms; ${writers.summary()}`);
    await cluster.kill(leader, "SIGCONT");
    await writers.progress(all, 20);
    await writers.stop();
    await converged(cluster, first);
    await nothingLost(cluster, all, writers);
  }, 120_000);
});
