/** What goes wrong, drawn from the seed: cut links, whole regions down, restarts, wiped replicas, crashes in a turn. */
import type { Cluster } from "../cluster.ts";

export function brew(cluster: Cluster): void {
  const { world } = cluster;
  cluster.acceptorCrashChance = world.pick([0, 0.002, 0.02]);
  const crashChance = world.pick([0, 0.001, 0.01]);
  for (const node of cluster.replicas.values()) node.crashChance = crashChance;
}

export function strike(cluster: Cluster): void {
  const { world, regions } = cluster;
  const region = world.pick(regions);
  const other = world.pick(regions);
  switch (world.pick(["cut", "cut", "heal", "down", "restart", "wipe", "acceptor"] as const)) {
    case "cut":
      world.cut(region, other);
      if (world.chance(0.5)) world.cut(other, region);
      break;
    case "heal":
      world.heal();
      break;
    case "down":
      cluster.setUp(region, false);
      world.after(world.random.next() * 5_000, () => cluster.setUp(region, true));
      break;
    case "restart":
      if (cluster.replica(region).up) cluster.replica(region).restart();
      break;
    case "wipe": {
      // Only ever a minority of the replicas: what is trimmed rests on a majority of them (L5).
      const mortal = regions.slice(0, Math.floor((regions.length - 1) / 2));
      if (mortal.includes(region) && cluster.replica(region).up) cluster.replica(region).wipe();
      break;
    }
    case "acceptor":
      cluster.acceptor(region).restart();
      break;
  }
}

/** Everything works again from now on. */
export function heal(cluster: Cluster): void {
  cluster.world.calm();
  for (const region of cluster.regions) cluster.setUp(region, true);
  cluster.acceptorCrashChance = 0;
  for (const node of cluster.replicas.values()) node.crashChance = 0;
}
