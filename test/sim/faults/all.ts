/** All kinds of faults. A new kind is one more line here. */
import type { Cluster } from "../cluster.ts";
import { rightClocks, wildClock } from "./clocks.ts";
import type { Fault } from "./fault.ts";
import { cutLink, healLinks, isolate, slowRegion } from "./links.ts";
import {
  acceptorZombie,
  evictAcceptor,
  evictReplica,
  overload,
  regionDown,
  replicaZombie,
  restartGateway,
} from "./machines.ts";
import { acceptorAmnesia, replicaAmnesia } from "./rows.ts";
import { versionSkew } from "./versions.ts";

const faults: readonly Fault[] = [
  cutLink,
  isolate,
  slowRegion,
  regionDown,
  evictReplica,
  evictAcceptor,
  restartGateway,
  overload,
  acceptorZombie,
  replicaZombie,
  replicaAmnesia,
  acceptorAmnesia,
  wildClock,
  versionSkew,
];

export const faultNames: readonly string[] = faults.map((fault) => fault.name);

/** Sets up what is wrong from the beginning. */
export function brew(cluster: Cluster): void {
  const { acceptorCrash, replicaCrash, badAlarm } = cluster.swarm;
  for (const node of cluster.acceptors.values()) node.crashChance = acceptorCrash;
  for (const node of cluster.replicas.values()) {
    node.crashChance = replicaCrash;
    node.badAlarmChance = badAlarm;
  }
}

/** One more thing goes wrong, or the links are healed. */
export function strike(cluster: Cluster): void {
  const { world, swarm } = cluster;
  const taking = [healLinks, ...faults.filter(({ name }) => swarm.faults.has(name))];
  const total = taking.reduce((sum, { weight }) => sum + weight, 0);
  let at = world.random.next() * total;
  for (const fault of taking) {
    at -= fault.weight;
    if (at < 0) return fault.strike(cluster);
  }
}

/** Everything works again from now on, but for what can never be mended: acceptors that lost their rows. */
export function heal(cluster: Cluster): void {
  cluster.network.calm();
  rightClocks(cluster);
  for (const region of cluster.regions) {
    cluster.setUp(region, true);
    cluster.gateway(region).dialect.next = false;
    for (const node of [cluster.acceptor(region), cluster.replica(region)]) {
      node.crashChance = 0;
      node.overloaded = false;
      node.dialect.next = false;
    }
    cluster.replica(region).badAlarmChance = 0;
  }
}
