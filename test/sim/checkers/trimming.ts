/** L5: votes go only once a majority of replicas has durably applied their slots, so that no member lacks them. */
import { majorityOf } from "../../../src/paxos/membership.ts";
import type { CheckerOf } from "./checker.ts";
import { violated } from "./checker.ts";

export const trimming: CheckerOf = ({ cluster }) => {
  const applied = new Map<string, number>();
  const floors = new Map<string, number>();
  return {
    replicaTurned({ replica: { region }, instance: { store } }) {
      if (!store.loading) applied.set(region, Math.max(applied.get(region) ?? 0, store.appliedSlot));
    },
    acceptorTurned({ acceptor: { region, amnesia }, after: { floor }, zombie }) {
      if (zombie || amnesia !== null) return;
      if (floor <= (floors.get(region) ?? 0)) return;
      floors.set(region, floor);
      cluster.world.count("trimmed", region);
      const have = [...applied.values()].filter((slot) => slot >= floor).length;
      if (have < majorityOf(cluster.regions.length))
        violated("L5", `${region} trimmed up to ${floor}, which only ${have} replicas had applied`);
    },
  };
};
