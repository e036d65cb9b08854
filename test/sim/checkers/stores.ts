/** L2, L3, L7: replicas that have applied the same slots hold the same logical rows, during the storm and after it. */
import type { CheckerOf } from "./checker.ts";
import { violated } from "./checker.ts";

export const stores: CheckerOf = ({ cluster }) => {
  const digests = new Map<number, { readonly region: string; readonly digest: string }>();
  const look = (): void => {
    for (const { region, store, up } of cluster.replicas.values()) {
      // What was in the memory of one that is down may be ahead of its rows.
      if (!up || store.loading || !store.exists) continue;
      const slot = store.appliedSlot;
      const digest = store.digest();
      const known = digests.get(slot);
      if (known === undefined) digests.set(slot, { region, digest });
      else cluster.world.count("digest-compared");
      if (known !== undefined && known.digest !== digest)
        violated("L2", `after slot ${slot} ${region} holds other rows than ${known.region} did`);
    }
  };
  return {
    moment: look,
    end() {
      look();
      const stands = [...cluster.replicas.values()].map(({ region, store }) => `${region} ${store.appliedSlot}`);
      if (new Set([...cluster.replicas.values()].map(({ store }) => store.appliedSlot)).size !== 1)
        violated("liveness", `replicas have not converged: ${stands.join(", ")}`);
    },
  };
};
