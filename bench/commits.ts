/**
 * `npm run bench:commits`: acknowledged writes and reads per second, through HTTP, of `npm start` (all regions in one
 * process) and of a cluster (one process for each), turn about on the same machine.
 *
 *   node bench/commits.ts [ROUNDS]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCluster } from "../scripts/runtime/cluster.ts";
import { startSingle } from "../scripts/runtime/single.ts";
import { leaderAt, put, urlOf } from "../test/processes/support/gateway.ts";
import { requestsPerSecond, tool, type Load } from "./load.ts";
import { print, printHead, printTable, spread } from "./report.ts";

const rounds = Number(process.argv[2] ?? 5);
const seconds = 2;
const warmUpSeconds = 1;

const loads: readonly (Load & { readonly title: string; readonly connections: number })[] = [
  { title: "writes, one client", method: "PUT", path: "/kv/bench-#", connections: 1 },
  { title: "writes, 64 clients", method: "PUT", path: "/kv/bench-#", connections: 64 },
  { title: "linearizable reads, 64 clients", method: "GET", path: "/kv/bench", connections: 64 },
  { title: "local reads, 64 clients", method: "GET", path: "/kv/bench?consistency=local", connections: 64 },
];

printHead(
  "npm run bench:commits",
  `Requests per second: median (lowest-highest) of ${rounds} rounds of ${seconds} s, turn about; ${tool} over persistent connections.
Values of 5 bytes; writes to 1,000 keys, reads of one. No distance between regions. Load, regions and links share the cores.`,
);

const directory = mkdtempSync(join(tmpdir(), "synod-commits-"));
const single = await startSingle({ dataDir: join(directory, "single"), port: 0 });
const cluster = await startCluster({ dataDir: join(directory, "cluster") });
try {
  const urls = [single.url, ...cluster.regions.map(({ url }) => url)];
  for (const url of urls) await put(`${url}/kv/bench`, "hello");
  const leader = await leaderAt(urls[1] ?? "");
  const other = cluster.regions.find(({ region }) => region !== leader)?.region ?? "";
  const targets = [
    { title: "npm start", url: single.url },
    { title: "cluster, through the leader's region", url: urlOf(cluster, leader) },
    { title: "cluster, through another region", url: urlOf(cluster, other) },
  ];
  const rows = [["", ...targets.map(({ title }) => title)]];
  for (const load of loads) {
    const results = targets.map((): number[] => []);
    for (const { url } of targets) await requestsPerSecond(url, load, warmUpSeconds, load.connections);
    for (let round = 0; round < rounds; round += 1) {
      for (const [index, { url }] of targets.entries()) {
        results[index]?.push(await requestsPerSecond(url, load, seconds, load.connections));
      }
    }
    rows.push([load.title, ...results.map((values) => spread(values, "/s"))]);
  }
  printTable(rows);
  if ((await leaderAt(urls[1] ?? "")) !== leader) print("The leader changed while this was measured.");
} finally {
  await cluster.stop();
  await single.stop();
  rmSync(directory, { recursive: true, force: true });
}
