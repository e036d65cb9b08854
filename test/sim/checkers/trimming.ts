/** L5: votes go only once a majority of replicas had durably applied their slots, and the kept tail above them. */
import type { CheckerOf } from "./checker.ts";
import { violated } from "./checker.ts";

export const trimming: CheckerOf = ({ cluster, keptSlots }) => {
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
      const had = [...applied.values()].filter((slot) => slot >= floor + keptSlots).length;
      if (2 * had <= cluster.regions.length)
        violated("L5", `${region} trimmed up to ${floor}, which only ${had} replicas had left behind`);
    },
  };
};
