/**
 * A pipeline on the real runtime, one process for each region: the gateway that holds its socket is killed and comes back,
 * and so is another region. Every write is acknowledged, and none was carried out twice.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startCluster, type Cluster } from "../../scripts/runtime/cluster.ts";
import { Pipeline } from "../../src/client/pipeline.ts";
import { urlOf } from "./support/gateway.ts";

const directory = mkdtempSync(join(tmpdir(), "synod-pipeline-"));
let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ dataDir: directory });
});
afterAll(async () => {
  await cluster.stop();
  rmSync(directory, { recursive: true, force: true });
});

it("[X1] loses no acknowledged write and carries out none twice, whoever dies", async () => {
  const client = new Pipeline({ url: urlOf(cluster, "enam"), resend: true, window: 200, timeoutMs: 60_000 });
  const total = 10_000;
  let done = 0;
  const versions: unknown[] = [];
  const kill = async (region: string): Promise<void> => {
    await cluster.kill(region, "SIGKILL");
    await cluster.restart(region);
  };
  const write = async (n: number): Promise<void> => {
    // A busy moment refuses, and says that nothing was done.
    for (;;) {
      try {
        const { version } = await client.put(`k${n}`, String(n));
        versions.push(version);
        done += 1;
        return;
      } catch (error) {
        if (!(error instanceof Error) || !("status" in error) || error.status !== 503) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  };
  const workers = Array.from({ length: 200 }, async (_, worker) => {
    for (let n = worker; n < total; n += 200) await write(n);
  });
  const until = async (count: number): Promise<void> => {
    while (done < count) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  await until(1_000);
  await kill("enam");
  await until(5_000);
  await kill("weur");
  await Promise.all(workers);
  expect(versions).toHaveLength(total);
  const answers = await Promise.all(Array.from({ length: total }, async (_, n) => client.get(`k${n}`)));
  expect(answers.filter(({ value, version }, n) => value !== String(n) || version !== 1)).toEqual([]);
  client.close();
});
