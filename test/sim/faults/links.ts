/** Links: cut in one direction or in both, between two regions or around one, and slow. */
import { anyRegion } from "./fault.ts";
import type { Fault } from "./fault.ts";

export const cutLink: Fault = {
  name: "cut-link",
  weight: 3,
  strike(cluster) {
    const { world, network } = cluster;
    const from = anyRegion(cluster);
    const to = anyRegion(cluster);
    network.cut(from, to);
    if (world.chance(0.5)) network.cut(to, from);
  },
};

/** A region hears nobody, or is heard by nobody, or both: it may still believe that it leads. */
export const isolate: Fault = {
  name: "isolate",
  weight: 1,
  strike(cluster) {
    const { world, network, regions } = cluster;
    const region = anyRegion(cluster);
    const how = world.pick(["deaf", "mute", "both"] as const);
    for (const other of regions.filter((name) => name !== region)) {
      if (how !== "mute") network.cut(other, region);
      if (how !== "deaf") network.cut(region, other);
    }
  },
};

export const healLinks: Fault = {
  name: "heal-links",
  weight: 2,
  strike({ network }) {
    network.heal();
  },
};

export const slowRegion: Fault = {
  name: "slow-region",
  weight: 1,
  strike(cluster) {
    cluster.network.slow(anyRegion(cluster), cluster.world.pick([3, 10, 40]));
  },
};
