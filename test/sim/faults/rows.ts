/**
 * Rows: what an object stored is lost, set back to an older copy, or replaced by another object's. For a replica that is
 * harmless, as long as a majority of them keeps its own (L5). An acceptor must notice, and never vote again (F1, F2, F5);
 * so at most a minority of them is ever hit, and only in a founded namespace.
 */
import type { Cluster } from "../cluster.ts";
import type { AcceptorNode } from "../nodes/acceptor-node.ts";
import type { ReplicaNode } from "../nodes/replica-node.ts";
import type { Fault } from "./fault.ts";

function mortalReplica(cluster: Cluster): ReplicaNode | null {
  const replica = cluster.replica(cluster.world.pick(cluster.mortalRegions));
  return replica.up ? replica : null;
}

export const replicaAmnesia: Fault = {
  name: "replica-amnesia",
  weight: 1,
  strike(cluster) {
    const replica = mortalReplica(cluster);
    if (replica === null) return;
    const { world } = cluster;
    switch (world.pick(["empty", "restore", "copy"] as const)) {
      case "empty":
        return replica.wipe();
      case "restore":
        replica.backUp();
        return world.after(world.between(500, 5_000), () => {
          if (replica.up) replica.restore();
        });
      case "copy": {
        const others = cluster.regions.filter((region) => region !== replica.region);
        return replica.becomeCopyOf(cluster.replica(world.pick(others)));
      }
    }
  },
};

/** One more acceptor may forget: fewer than a majority would have. */
function mayForget(cluster: Cluster): boolean {
  const forgetful = [...cluster.acceptors.values()].filter((acceptor) => acceptor.amnesia !== null);
  return forgetful.length < Math.floor((cluster.regions.length - 1) / 2);
}

const isWhole = (acceptor: AcceptorNode): boolean =>
  acceptor.up && acceptor.amnesia === null && acceptor.storage.enrolment?.open === true;

/** Once it is up again, and has voted since: a copy that nothing was added to is no older state. */
function restoreSoon(cluster: Cluster, acceptor: AcceptorNode, tries: number): void {
  if (!mayForget(cluster) || acceptor.amnesia !== null) return;
  if (isWhole(acceptor) && acceptor.hasOldBackup) acceptor.restore();
  else if (tries > 0) cluster.world.after(500, () => restoreSoon(cluster, acceptor, tries - 1));
}

export const acceptorAmnesia: Fault = {
  name: "acceptor-amnesia",
  weight: 3,
  strike(cluster) {
    const { world } = cluster;
    const whole = [...cluster.acceptors.values()].filter(isWhole);
    if (!mayForget(cluster) || whole.length === 0) return;
    const acceptor = world.pick(whole);
    const others = whole.filter((other) => other !== acceptor);
    switch (world.pick(["empty", "restore", "copy"] as const)) {
      case "empty":
        return acceptor.empty();
      case "restore":
        acceptor.backUp();
        return world.after(world.between(500, 5_000), () => restoreSoon(cluster, acceptor, 10));
      case "copy":
        return others.length === 0 ? undefined : acceptor.becomeCopyOf(world.pick(others));
    }
  },
};
