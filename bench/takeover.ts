/**
 * `npm run bench:takeover`: how long clients in the other regions wait when the leader's region dies (SIGKILL) or hangs
 * (SIGSTOP) under load, without and with distance between the regions.
 *
 *   node bench/takeover.ts [TIMES]
 */
import { startCluster } from "../scripts/runtime/cluster.ts";
import { takeOver } from "./gap.ts";
import { median, printHead, printTable } from "./report.ts";

const times = Number(process.argv[2] ?? 5);
const perRegion = 4;

const distances = [
  { title: "none", rtt: {} },
  { title: "60, 80 and 100 ms", rtt: { "wnam-enam": 60, "enam-weur": 80, "wnam-weur": 100 } },
];

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
      for (let count = 0; count < times; count += 1) gaps.push(...(await takeOver(cluster, signal, count, perRegion)));
      const what = signal === "SIGKILL" ? "is killed (SIGKILL)" : "hangs (SIGSTOP)";
      const [middle, worst] = [median(gaps), Math.max(...gaps)].map((gap) => `${gap.toFixed(0)} ms`);
      rows.push([title, what, String(gaps.length), middle ?? "", worst ?? ""]);
    }
  } finally {
    await cluster.stop();
  }
}
printTable(rows);
