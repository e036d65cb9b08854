/**
 * E1, E2, H1: a lease renewed in time is always found, with its keys (actors look), and none is ended before its last renewal,
 * plus its time to live, plus the skew that clocks are allowed. No key outlives its lease, at any replica, at any revision;
 * and in the end all that fell silent are gone.
 */
import type { ByteString } from "../../../src/support/brand.ts";
import { limits } from "../../../src/support/limits.ts";
import { allOf, rangeStart } from "../../../src/store/ranges.ts";
import type { CheckerOf } from "./checker.ts";
import { violated } from "./checker.ts";
import { replayOf } from "./replay.ts";

/** How much the clocks of a `skewed` run are off at most, in ms: its proposer's may be ahead by as much. */
const offMs = 200;
const everything = { key: "" as ByteString, end: "\u00ff" as ByteString };

export const leases: CheckerOf = ({ cluster, chosen, instances, leaseHolders }) => {
  const look = (): void => {
    for (const { region, store, up } of cluster.replicas.values()) {
      if (!up || store.loading || !store.exists) continue;
      const found = store.range({ ...allOf(everything), keysOnly: true }, rangeStart, {
        limit: 10_000,
        maxBytes: Infinity,
      });
      if ("type" in found) continue;
      for (const { key, lease } of found.entries)
        if (lease !== null && store.lease(lease) === null)
          violated("E1", `${key} in ${region} is tied to ${lease}, which is gone`);
    }
  };
  return {
    moment: look,
    end() {
      look();
      const { world, swarm } = cluster;
      world.counts["instance-checked"] = instances.checked;
      if (swarm.clocks === "wild" || swarm.clocks === "set-back") return;
      for (const { lease, returnedAt, dueAt, keys, expectedKeys } of leaseHolders.sights) {
        if (returnedAt > dueAt) continue;
        world.count("lease-checked", lease);
        if (keys === null) violated("E2", `${lease} is gone at ${returnedAt}, but was renewed until ${dueAt}`);
        if (keys < expectedKeys) violated("E1", `${lease} has ${keys} keys of ${expectedKeys}`);
      }
      for (const { lease } of replayOf(chosen).model.holds) world.count("lease-held", lease);
      const aheadMs = swarm.clocks === "skewed" ? offMs : 0;
      for (const { lease, by, slot, dueAt } of replayOf(chosen).model.ends) {
        if (by === "revoke") {
          world.count("lease-revoked", lease);
          continue;
        }
        world.count("expiry-checked", lease);
        const votedAt = chosen.votedAt(slot);
        if (votedAt + aheadMs < dueAt + limits.maxSkewMs)
          violated("E2", `${lease} was due at ${dueAt}, and its end was voted on at ${votedAt}`);
      }
      for (const { region, store } of cluster.replicas.values()) {
        const left = store.leases("", 100).map(({ id }) => id);
        if (left.length > 0) violated("E1", `silent leases are still there in ${region}: ${left.join(", ")}`);
      }
    },
  };
};
