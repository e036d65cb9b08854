/**
 * `npm run bench:takeover`: how long clients in the other regions wait when the leader's region dies (SIGKILL) or hangs
 * (SIGSTOP) under load, without and with distance between the regions.
 *
 *   node bench/takeover.ts [TIMES]
 */
import { startCluster, type Cluster } from "../scripts/runtime/cluster.ts";
import { leaderAt, urlOf } from "../test/processes/support/gateway.ts";
import { converged, nothingLost } from "../test/processes/support/survivors.ts";
import { Writers } from "../test/processes/support/writers.ts";
import { median, printHead, printTable } from "./report.ts";

const times = Number(process.argv[2] ?? 5);
const perRegion = 4;

type End = "SIGKILL" | "SIGSTOP";
const distances = [
  { title: "none", rtt: {} },
  { title: "60, 80 and 100 ms", rtt: { "wnam-enam": 60, "enam-weur": 80, "wnam-weur": 100 } },
];

/** The longest gap of each client in a surviving region. */
async function takeOver(cluster: Cluster, signal: End, count: number): Promise<readonly number[]> {
  const regions = cluster.regions.map(({ region }) => region);
  const writers = new Writers(cluster, `${signal}-${count}/`, regions, perRegion, 0);
  await writers.progress(regions, 20);
  const leader = await leaderAt(urlOf(cluster, regions[0] ?? ""));
  const survivors = regions.filter((region) => region !== leader);
  const ended = performance.now();
  await cluster.kill(leader, signal);
  await writers.progress(survivors, 10 * perRegion);
  const gaps = writers.gaps(survivors, ended);
  if (signal === "SIGKILL") await cluster.restart(leader);
  else await cluster.kill(leader, "SIGCONT");
  await writers.progress(regions, 20);
  await writers.stop();
  // A takeover that loses something is none: figures only count with that checked.
  await converged(cluster, leader);
  await nothingLost(cluster, regions, writers);
  return gaps;
}

printHead(
  "npm run bench:takeover",
  `${times} times each, ${perRegion} clients in each region write without pause. The gap is a client's longest time, from the signal
on, without an acknowledged write; clients of the two surviving regions count. Then every acknowledged write is read back.`,
);
const rows = [["round trips", "the leader's region", "gaps", "median", "worst"]];
for (const { title, rtt } of distances) {
  const cluster = await startCluster({ rtt });
  try {
    for (const signal of ["SIGKILL", "SIGSTOP"] as const) {
      const gaps: number[] = [];
      for (let count = 0; count < times; count += 1) gaps.push(...(await takeOver(cluster, signal, count)));
      const what = signal === "SIGKILL" ? "is killed (SIGKILL)" : "hangs (SIGSTOP)";
      const [middle, worst] = [median(gaps), Math.max(...gaps)].map((gap) => `${gap.toFixed(0)} ms`);
      rows.push([title, what, String(gaps.length), middle ?? "", worst ?? ""]);
    }
  } finally {
    await cluster.stop();
  }
}
printTable(rows);
