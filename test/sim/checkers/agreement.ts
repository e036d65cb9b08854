/** C1, C2, L1: what a replica applies is what the acceptors' votes made chosen, slot after slot, and stays so. */
import type { CheckerOf } from "./checker.ts";
import { violated } from "./checker.ts";

export const agreement: CheckerOf = ({ cluster, chosen }) => {
  const seen = new Map<string, number>();
  return {
    acceptorTurned: (turn) => chosen.watch(turn),
    replicaTurned({ replica: { region }, instance: { store } }) {
      if (store.loading || !store.exists) return;
      const last = seen.get(region) ?? 0;
      const applied = store.appliedSlot;
      if (applied === last) return;
      seen.set(region, applied);
      for (let at = Math.max(store.firstKeptSlot, last + 1); at <= applied;) {
        const kept = store.batchesFrom(at as typeof applied, Infinity, 1_000);
        if (kept === "gone" || kept.length === 0) break;
        for (const { slot, value } of kept) {
          if (slot !== at) violated("L1", `${region} applied slot ${slot} without ${at}`);
          const known = chosen.at(slot);
          if (known === null)
            violated("C1", `${region} applied slot ${slot}, which no majority has voted for: ${value}`);
          if (known !== value) violated("C2", `slot ${slot} is ${known}, and ${region} applied ${value}`);
          at = slot + 1;
        }
      }
    },
    end() {
      if (chosen.slots === 0) violated("liveness", "nothing was ever chosen");
      for (const { region, store } of cluster.replicas.values())
        if (store.appliedSlot < chosen.slots)
          violated("L1", `${region} has applied ${store.appliedSlot} of ${chosen.slots} chosen slots`);
    },
  };
};
