/** Clocks: set forward or back, standing still, running too fast or too slow. Only in runs whose clocks may be wild. */
import type { Clock } from "../clocks.ts";
import type { Cluster } from "../cluster.ts";
import { anyRegion } from "./fault.ts";
import type { Fault } from "./fault.ts";

const clocksOf = (cluster: Cluster): readonly Clock[] =>
  [cluster.acceptors, cluster.replicas, cluster.gateways].flatMap((nodes) => [...nodes.values()].map((n) => n.clock));

export const wildClock: Fault = {
  name: "wild-clock",
  weight: 4,
  strike(cluster) {
    const { world, swarm } = cluster;
    if (swarm.clocks !== "wild" && swarm.clocks !== "set-back") return;
    const region = anyRegion(cluster);
    const { clock } = world.pick([cluster.acceptor(region), cluster.replica(region), cluster.gateway(region)]);
    if (swarm.clocks === "set-back") {
      world.count("clock-set-back", region);
      return clock.setBack(world.pick([500, 2_000, 30_000, 3_600_000]));
    }
    const how = world.pick(["freeze", "set", "drift", "right"] as const);
    world.count(`clock-${how}`, region);
    switch (how) {
      case "freeze":
        clock.freeze();
        return world.after(world.between(100, 6_000), () => clock.thaw());
      case "set":
        return clock.set(world.pick([-3_600_000, -30_000, -2_000, 2_000, 30_000, 3_600_000]));
      case "drift":
        return clock.set(0, world.pick([0.5, 0.9, 1.1, 2]));
      case "right":
        return clock.set(0);
    }
  },
};

/** How wrong the clocks are from the beginning. Skewed ones never differ by more than 400 ms: `maxSkewMs` is 500. */
export function setClocks(cluster: Cluster): void {
  const { world, swarm } = cluster;
  if (swarm.clocks === "true" || swarm.clocks === "set-back") return;
  for (const clock of clocksOf(cluster)) clock.set(world.between(-190, 190), 1 + world.between(-1e-4, 1e-4));
}

export function rightClocks(cluster: Cluster): void {
  // Those that were set back are right again by being set forward, which makes states look older, not younger.
  if (["wild", "set-back"].includes(cluster.swarm.clocks)) for (const clock of clocksOf(cluster)) clock.set(0);
}
