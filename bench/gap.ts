/**
 * How long clients go without an acknowledged write when the region that leads dies or hangs under load. Used by `npm run
 * bench:takeover` and `npm run bench:wan`.
 */
import type { Cluster } from "../scripts/runtime/cluster.ts";
import { leaderAt, urlOf } from "../test/processes/support/gateway.ts";
import { converged, nothingLost } from "../test/processes/support/survivors.ts";
import { Writers } from "../test/processes/support/writers.ts";

export type End = "SIGKILL" | "SIGSTOP";

/**
 * Ends the leader's region once, and brings it back. @param count makes the keys of this time new ones.
 * @returns for each client in a surviving region its longest time, in ms, from the end on.
 */
export async function takeOver(
  cluster: Cluster,
  signal: End,
  count: number,
  perRegion: number,
): Promise<readonly number[]> {
  const regions = cluster.regions.map(({ region }) => region);
  const writers = new Writers(cluster, `${signal}-${count}/`, regions, perRegion, 0);
  await writers.progress(regions, 5 * perRegion);
  const leader = await leaderAt(urlOf(cluster, regions[0] ?? ""));
  const survivors = regions.filter((region) => region !== leader);
  const ended = performance.now();
  await cluster.kill(leader, signal);
  await writers.progress(survivors, 10 * perRegion);
  const gaps = writers.gaps(survivors, ended);
  if (signal === "SIGKILL") await cluster.restart(leader);
  else await cluster.kill(leader, "SIGCONT");
  await writers.progress(regions, 5 * perRegion);
  await writers.stop();
  // A takeover that loses something is none: figures only count with that checked.
  await converged(cluster, survivors[0] ?? leader);
  await nothingLost(cluster, regions, writers);
  return gaps;
}
