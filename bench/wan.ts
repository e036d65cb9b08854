/**
 * `npm run bench:wan`: what distance costs. Synod's cluster with a process in each of five regions, and the real etcd with
 * five members, both behind delays that make the round trips of `bench/wan/matrix.json`; beside every figure the floor that
 * no protocol can beat. Then a load that moves region, and a leader's region that dies under load.
 *
 *   node bench/wan.ts [ROUNDS] [COUNT] [only=latency|drift|takeover]
 */
import { startCluster, type Cluster } from "../scripts/runtime/cluster.ts";
import { untilAsked } from "../scripts/runtime/signals.ts";
import { takeOver } from "./gap.ts";
import { median, print, printHead, printTable } from "./report.ts";
import { electionMs, heartbeatMs, installedEtcd, startEtcdCluster, type EtcdCluster } from "./wan/etcd.ts";
import { Floor } from "./wan/floor.ts";
import { etcdRound, synodReads, synodWrites } from "./wan/latency.ts";
import { describeMachine } from "./wan/machine.ts";
import { wanRegions, wanRoundTrips, wanTable } from "./wan/matrix.ts";
import { movingLoad, stretchRow } from "./wan/moving-load.ts";
import { Samples } from "./wan/samples.ts";

const [rounds = 5, count = 12] = process.argv
  .slice(2)
  .filter((arg) => /^\d+$/.test(arg))
  .map(Number);
const only = process.argv.find((arg) => arg.startsWith("only="))?.slice("only=".length);
const floor = new Floor(wanRegions, wanRoundTrips);
const { best, worst } = floor.placements;
const placements = [best, worst];
const movingSeconds = rounds < 5 ? 40 : 60;
const takeoverClients = 2;

/** What runs, to be ended also when the user ends this. */
const running = new Set<{ readonly stop: () => Promise<void> }>();
void untilAsked().then(async () => {
  for (const one of running) await one.stop();
  process.exit(130);
});

async function latencies(cluster: Cluster, etcd: EtcdCluster | null): Promise<Samples> {
  const samples = new Samples();
  for (let round = 0; round < rounds; round += 1) {
    const synod = { cluster, samples, round, count };
    for (const from of wanRegions) {
      await synodWrites(synod, from, from);
      await synodReads(synod, from);
    }
    for (const leader of placements) {
      for (const from of wanRegions.filter((one) => one !== leader)) await synodWrites(synod, from, leader);
    }
    if (etcd === null) continue;
    for (const leader of placements) {
      await etcd.lead(leader);
      for (const from of wanRegions) await etcdRound(etcd, samples, count, from, leader);
      if ((await etcd.leader()) !== leader) throw new Error("etcd's leader has moved");
    }
  }
  return samples;
}

function showSynod(samples: Samples): void {
  print("Synod, each region by itself; writes with the leader in the writer's region. p50 / p99 in ms.\n");
  const head = ["region", "nearest majority", "write", "linearizable read", "local read", "decision", "its floor"];
  const rows = wanRegions.map((from) => [
    from,
    floor.majority(from).toFixed(1),
    samples.judge(`synod write ${from} ${from}`, floor.write(from, from)),
    samples.judge(`synod read ${from}`, floor.read(from)),
    samples.show(`synod local ${from}`),
    samples.judge(`synod decision ${from}`, floor.decision(from)),
    floor.decision(from).toFixed(1),
  ]);
  printTable([head, ...rows]);
}

function showBeside(samples: Samples, etcd: boolean): void {
  for (const leader of placements) {
    print(`The leader in ${leader}, the ${leader === best ? "best" : "worst"} place on average. p50 / p99 in ms.\n`);
    const theirs = etcd ? ["write, etcd", "lin. read, etcd", "its floor there", "local read, etcd"] : [];
    const head = ["region", "write: floor", "write, Synod", "lin. read: floor", "lin. read, Synod", ...theirs];
    const rows = wanRegions.map((from) => [
      from,
      floor.write(from, leader).toFixed(1),
      samples.show(`synod write ${from} ${leader}`),
      floor.read(from).toFixed(1),
      samples.show(`synod read ${from}`),
      ...(etcd
        ? [
            samples.show(`etcd write ${from} ${leader}`),
            samples.show(`etcd read ${from} ${leader}`),
            floor.readThroughLeader(from, leader).toFixed(1),
            samples.show(`etcd local ${from}`),
          ]
        : []),
    ]);
    printTable([head, ...rows]);
  }
}

async function showLatencies(cluster: Cluster): Promise<void> {
  const version = installedEtcd();
  const etcd = version === null ? null : await startEtcdCluster(wanRegions, wanRoundTrips);
  if (etcd !== null) running.add(etcd);
  try {
    const samples = await latencies(cluster, etcd);
    showSynod(samples);
    showBeside(samples, etcd !== null);
    if (etcd === null) print("etcd is not installed (Debian package etcd-server): only Synod was measured.");
    else {
      print(`etcd ${version}, heartbeat ${heartbeatMs} ms, election ${electionMs} ms. Connections between members behind
delays: ${etcd.proxies.named}; ${etcd.proxies.unnamed} others, which only probe, are not delayed.\n`);
    }
  } finally {
    if (etcd !== null) running.delete(etcd);
    await etcd?.stop();
  }
}

async function showDrift(cluster: Cluster): Promise<void> {
  print("A load of three clients that moves region; ms. The last column is the longest wait of any of them.\n");
  const stretches = await movingLoad(cluster, [best, worst, best], movingSeconds);
  const rows = stretches.map((stretch) => stretchRow(stretch, floor.write(stretch.from, stretch.leader)));
  printTable([["load in", "leader", "for", "writes", "p50 / p99", "floor", "longest"], ...rows]);
}

async function showTakeover(cluster: Cluster): Promise<void> {
  const goal = 3 * floor.largest + 500;
  const gaps: number[] = [];
  for (let time = 0; time < rounds; time += 1) {
    gaps.push(...(await takeOver(cluster, "SIGKILL", time, takeoverClients)));
  }
  print(`The leader's region killed under load (${takeoverClients} writers in each region), ${rounds} times: the longest
time of each client elsewhere without an acknowledged write.\n`);
  printTable([
    ["clients", "median", "worst", "goal: 3 × largest round trip + 500 ms"],
    [
      String(gaps.length),
      `${median(gaps).toFixed(0)} ms`,
      `${Math.max(...gaps).toFixed(0)} ms`,
      `${goal.toFixed(0)} ms: ${Math.max(...gaps) < goal ? "met" : "missed"}`,
    ],
  ]);
}

printHead(
  "npm run bench:wan",
  `Round trips of bench/wan/matrix.json between ${wanRegions.join(", ")}, half in each direction; an acceptor and a replica in
each. One client, one request at a time, at its own region's gateway or member, without delay between the two; ${rounds}
rounds of ${count} requests of each kind, Synod and etcd turn about. Both on disk. Everything shares this machine's cores.`,
);
const cluster = await startCluster({ regions: wanRegions, rtt: wanTable });
running.add(cluster);
try {
  print(await describeMachine(cluster.regions[0]?.url ?? ""));
  const parts = { latency: showLatencies, drift: showDrift, takeover: showTakeover };
  for (const [name, show] of Object.entries(parts)) if (only === undefined || only === name) await show(cluster);
} finally {
  await cluster.stop();
}
