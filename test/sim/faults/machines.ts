/** Machines: whole regions down, objects evicted in the middle of the protocol, rejecting, or replaced while still running. */
import { anyRegion } from "./fault.ts";
import type { Fault } from "./fault.ts";

export const regionDown: Fault = {
  name: "region-down",
  weight: 1,
  strike(cluster) {
    const { world } = cluster;
    const region = anyRegion(cluster);
    cluster.setUp(region, false);
    world.after(world.between(100, 5_000), () => cluster.setUp(region, true));
  },
};

export const evictReplica: Fault = {
  name: "evict-replica",
  weight: 1,
  strike(cluster) {
    const replica = cluster.replica(anyRegion(cluster));
    if (replica.up) replica.restart();
  },
};

export const evictAcceptor: Fault = {
  name: "evict-acceptor",
  weight: 1,
  strike(cluster) {
    cluster.acceptor(anyRegion(cluster)).restart();
  },
};

export const restartGateway: Fault = {
  name: "restart-gateway",
  weight: 1,
  strike(cluster) {
    cluster.gateway(anyRegion(cluster)).restart();
  },
};

/** The platform rejects calls to an object that is given too many: they were certainly not carried out. */
export const overload: Fault = {
  name: "overload",
  weight: 1,
  strike(cluster) {
    const { world } = cluster;
    const region = anyRegion(cluster);
    const node = world.chance(0.5) ? cluster.acceptor(region) : cluster.replica(region);
    node.overloaded = true;
    world.after(world.between(50, 3_000), () => {
      node.overloaded = false;
    });
  },
};

export const acceptorZombie: Fault = {
  name: "acceptor-zombie",
  weight: 1,
  strike(cluster) {
    const acceptor = cluster.acceptor(anyRegion(cluster));
    if (acceptor.up && acceptor.amnesia === null) acceptor.replace(cluster.world.between(500, 8_000));
  },
};

/** Leaders most of all: an old one that goes on proposing beside its successor. */
export const replicaZombie: Fault = {
  name: "replica-zombie",
  weight: 2,
  strike(cluster) {
    const { world, regions } = cluster;
    const promised = cluster.acceptor(world.pick(regions)).storage.ledger("log").promised?.proposer;
    const region = promised !== undefined && world.chance(0.7) ? promised : anyRegion(cluster);
    const replica = cluster.replica(region);
    if (replica.up) replica.replace(world.between(500, 8_000));
  },
};
