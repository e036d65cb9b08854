/** L1, T1: what a replica has durably applied never shrinks, and log time never goes back with it. */
import type { CheckerOf } from "./checker.ts";
import { violated } from "./checker.ts";

export const application: CheckerOf = ({ cluster }) => {
  const known = new Map<string, { readonly applied: number; readonly logTime: number }>();
  return {
    replicaTurned({ replica: { region }, instance: { store } }) {
      if (store.loading) return;
      const { appliedSlot: applied, logTime } = store;
      const before = known.get(region);
      if (before?.applied === applied) return;
      known.set(region, { applied, logTime });
      if (before === undefined) return;
      // A replica whose rows were lost, or replaced by older ones, starts again from there.
      const mortal = cluster.mortalRegions.includes(region);
      if (applied < before.applied && !mortal)
        violated("L1", `${region} had applied ${before.applied}, and now only ${applied}`);
      if (applied > before.applied && logTime < before.logTime)
        violated("T1", `log time in ${region} went back from ${before.logTime} to ${logTime}`);
    },
  };
};
