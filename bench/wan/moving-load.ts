/**
 * A load that moves from one region to another, and what its clients wait before and after leadership has followed it.
 * Used by `npm run bench:wan`.
 */
import type { Cluster } from "../../scripts/runtime/cluster.ts";
import { statusOf, urlOf } from "../../test/processes/support/gateway.ts";
import { Probe, percentile } from "./probe.ts";

/** What a load saw while one region led. */
export interface Stretch {
  readonly from: string;
  readonly leader: string;
  readonly seconds: number;
  readonly times: readonly number[];
}

const clients = 3;

/** Writes from one region for a while; a stretch for each leader that it saw, in order. */
async function load(cluster: Cluster, namespace: string, from: string, seconds: number): Promise<readonly Stretch[]> {
  const base = `${urlOf(cluster, from)}/ns/${namespace}`;
  const begin = performance.now();
  const end = begin + seconds * 1_000;
  const seen: { readonly at: number; readonly leader: string }[] = [];
  const times: { readonly at: number; readonly ms: number }[] = [];
  const watch = async (): Promise<void> => {
    while (performance.now() < end) {
      const { leader } = await statusOf(base);
      if (leader !== null && seen.at(-1)?.leader !== leader) seen.push({ at: performance.now(), leader });
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  };
  const write = async (client: number): Promise<void> => {
    const probe = new Probe();
    while (performance.now() < end) {
      const at = performance.now();
      times.push({ at, ms: await probe.time({ method: "PUT", url: `${base}/kv/${client}`, body: "hello" }) });
    }
    probe.close();
  };
  await Promise.all([watch(), ...Array.from({ length: clients }, (_, client) => write(client))]);
  return seen.map(({ at, leader }, index) => {
    const from_ = index === 0 ? begin : at;
    const until = seen[index + 1]?.at ?? end;
    const own = times.filter((one) => one.at >= from_ && one.at < until).map(({ ms }) => ms);
    return { from, leader, seconds: (until - from_) / 1_000, times: own };
  });
}

/** First from one region, then from the other, each for so long. */
export async function movingLoad(
  cluster: Cluster,
  places: readonly string[],
  seconds: number,
): Promise<readonly Stretch[]> {
  const stretches: Stretch[] = [];
  for (const from of places) stretches.push(...(await load(cluster, "moving-load", from, seconds)));
  return stretches;
}

export const stretchRow = ({ from, leader, seconds, times }: Stretch, floorMs: number): readonly string[] => [
  from,
  leader,
  `${seconds.toFixed(1)} s`,
  String(times.length),
  `${percentile(times, 0.5).toFixed(1)} / ${percentile(times, 0.99).toFixed(1)}`,
  floorMs.toFixed(1),
  Math.max(...times).toFixed(0),
];
