/** Versions: some objects and gateways already run the next one, whose messages the others do not understand. */
import { anyRegion } from "./fault.ts";
import type { Fault } from "./fault.ts";

export const versionSkew: Fault = {
  name: "version-skew",
  weight: 1,
  strike(cluster) {
    const { world } = cluster;
    const region = anyRegion(cluster);
    const node = world.pick([cluster.acceptor(region), cluster.replica(region), cluster.gateway(region)]);
    if (node.dialect.next) return;
    world.count("version-skew", region);
    node.dialect.next = true;
    world.after(world.between(200, 4_000), () => {
      node.dialect.next = false;
    });
  },
};
