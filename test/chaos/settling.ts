/**
 * After the storm: everything must come back within a bound, without a hand. Reads every key in every region once more,
 * linearizably, so that the judges see what is left of what was acknowledged.
 */
import type { Cluster } from "../../scripts/runtime/cluster.ts";
import { seededRandom } from "../../src/support/random.ts";
import { ask, eventually, put } from "../processes/support/gateway.ts";
import { converged } from "../processes/support/survivors.ts";
import { Choice } from "./clients/choice.ts";
import { service } from "./clients/instance-client.ts";
import type { Group } from "./clients/key-pool.ts";
import { readGroup } from "./clients/reading.ts";
import { finding, type Finding } from "./judge/finding.ts";
import type { Recording } from "./recording.ts";

/** Leases of the last instances included. Nothing in Synod waits longer than some seconds; a machine at work may. */
const boundMs = 60_000;

export async function settle(
  cluster: Cluster,
  recording: Recording,
  groups: readonly Group[],
): Promise<readonly Finding[]> {
  const { regions } = cluster;
  const gateways = new Map(regions.map(({ region, url }) => [region, url]));
  const [answered, equal, gone] = await Promise.all([
    Promise.all(regions.map(async ({ region, url }) => complaint(region, async () => answers(url)))),
    complaint("", async () => converged(cluster, regions[0]?.region ?? "", boundMs)),
    Promise.all(regions.map(async ({ region, url }) => complaint(region, async () => nobodyLives(url)))),
  ]);
  const readings = regions.map(async ({ region }) => {
    const roads = { gateways, choice: new Choice(seededRandom(0), [region]), recording };
    const complaints: string[] = [];
    for (const group of groups) {
      const level = { consistency: "linearizable", atLeast: null } as const;
      const call = await readGroup(roads, `finally in ${region}`, group, level);
      if (call === null) complaints.push(`${region} did not answer a listing of ${group.prefix}`);
      else recording.reads.push(call);
    }
    return complaints;
  });
  const unread = (await Promise.all(readings)).flat();
  const within = `within ${boundMs / 1_000} s of calm`;
  return [
    finding(`every region writes and reads again ${within}`, regions.length, answered.flat()),
    finding(`all replicas hold the same ${within} (L2)`, regions.length, equal),
    finding("every key can be read in every region", groups.length * regions.length, unread),
    finding(`instances that fell silent are gone ${within} (E1)`, regions.length, gone.flat()),
  ];
}

async function complaint(where: string, attempt: () => Promise<unknown>): Promise<readonly string[]> {
  try {
    await attempt();
    return [];
  } catch (error) {
    const { message, cause } = error as Error;
    return [`${where} ${message}${cause instanceof Error ? `: ${cause.message}` : ""}`.trim()];
  }
}

async function answers(url: string): Promise<void> {
  await eventually(
    `a write and a read at ${url}`,
    async () => {
      const [write, read] = [await put(`${url}/kv/calm`, "calm"), await ask(`${url}/kv/calm`)];
      await Promise.all([write.body?.cancel(), read.body?.cancel()]);
      return write.ok && read.ok ? true : null;
    },
    boundMs,
  );
}

async function nobodyLives(url: string): Promise<void> {
  await eventually(
    `a service without instances at ${url}`,
    async () => {
      const response = await ask(`${url}/services/${service}`);
      const said = (await response.json()) as { readonly instances?: readonly unknown[] };
      return response.ok && said.instances?.length === 0 ? true : null;
    },
    boundMs,
  );
}
