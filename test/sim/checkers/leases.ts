/** E1, E2: an instance renewed in time is always found (as its actor checks while clocks allow); in the end all are gone. */
import { serviceSpace } from "../../../src/store/key-space.ts";
import type { CheckerOf } from "./checker.ts";
import { violated } from "./checker.ts";

export const leases: CheckerOf = ({ cluster, instances }) => ({
  end() {
    cluster.world.counts["instance-checked"] = instances.checked;
    if (cluster.swarm.clocks === "wild") return;
    for (const { region, store } of cluster.replicas.values()) {
      const left = store.count(serviceSpace, 100);
      if (left > 0) violated("E1", `${left} silent instances are still there in ${region}`);
    }
  },
});
