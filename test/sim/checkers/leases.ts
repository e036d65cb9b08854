/**
 * E1, E2: an instance renewed in time is always found (its actor looks), and no lease is ended before its last renewal,
 * plus its time to live, plus the skew that clocks are allowed. In the end, all that fell silent are gone.
 */
import { limits } from "../../../src/support/limits.ts";
import { serviceSpace } from "../../../src/store/key-space.ts";
import type { CheckerOf } from "./checker.ts";
import { violated } from "./checker.ts";
import { replayOf } from "./replay.ts";

/** How much the clocks of a `skewed` run are off at most, in ms: its proposer's may be ahead by as much. */
const offMs = 200;

export const leases: CheckerOf = ({ cluster, chosen, instances }) => ({
  end() {
    const { world, swarm } = cluster;
    world.counts["instance-checked"] = instances.checked;
    if (swarm.clocks === "wild" || swarm.clocks === "set-back") return;
    const aheadMs = swarm.clocks === "skewed" ? offMs : 0;
    for (const { lease, slot, dueAt } of replayOf(chosen).ended) {
      world.count("expiry-checked", lease);
      const votedAt = chosen.votedAt(slot);
      if (votedAt + aheadMs < dueAt + limits.maxSkewMs)
        violated("E2", `${lease} was due at ${dueAt}, and its end was voted on at ${votedAt}`);
    }
    for (const { region, store } of cluster.replicas.values()) {
      const left = store.count(serviceSpace, 100);
      if (left > 0) violated("E1", `${left} silent instances are still there in ${region}`);
    }
  },
});
