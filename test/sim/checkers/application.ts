/** L1, T1: what a replica has durably applied never shrinks, and log time never goes back with it. */
import type { CheckerOf } from "./checker.ts";
import { violated } from "./checker.ts";

interface Known {
  readonly applied: number;
  readonly logTime: number;
  readonly rowsReplaced: number;
}

export const application: CheckerOf = () => {
  const known = new Map<string, Known>();
  return {
    replicaTurned({ replica: { region, rowsReplaced }, instance: { store } }) {
      if (store.loading) return;
      const { appliedSlot: applied, logTime } = store;
      const before = known.get(region);
      if (before?.applied === applied && before.rowsReplaced === rowsReplaced) return;
      known.set(region, { applied, logTime, rowsReplaced });
      // Whose rows were lost, or replaced by older ones, starts again from there.
      if (before?.rowsReplaced !== rowsReplaced) return;
      if (applied < before.applied) violated("L1", `${region} had applied ${before.applied}, and now only ${applied}`);
      if (applied > before.applied && logTime < before.logTime)
        violated("T1", `log time in ${region} went back from ${before.logTime} to ${logTime}`);
    },
  };
};
