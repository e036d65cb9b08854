/** A simulated cluster: acceptors and replicas of some regions, wired through the simulated network. */
import { AcceptorNode } from "./acceptor-node.ts";
import type { AcceptorFlaw } from "./acceptor-node.ts";
import { ReplicaNode } from "./replica-node.ts";
import type { Tuning, Wires } from "./replica-node.ts";
import type { World } from "./world.ts";

export class Cluster {
  readonly world: World;
  readonly regions: readonly string[];
  readonly acceptors: ReadonlyMap<string, AcceptorNode>;
  readonly replicas: ReadonlyMap<string, ReplicaNode>;
  /** Chance that an acceptor dies around one message. */
  acceptorCrashChance = 0;

  constructor(world: World, regions: readonly string[], tuning: Tuning = {}, flaw: AcceptorFlaw | null = null) {
    this.world = world;
    this.regions = regions;
    this.acceptors = new Map(regions.map((region) => [region, new AcceptorNode(world, region, flaw)]));
    const wires: Wires = {
      acceptor: (from, to, message, answer) => {
        world.carry(from, to, () => {
          const reply = this.#atAcceptor(to, message);
          if (reply !== null) world.carry(to, from, () => answer(reply));
        });
      },
      replica: (from, to, message, answer) => {
        world.carry(from, to, () => {
          this.replicas.get(to)?.peer(message, (reply) => {
            if (reply !== null) world.carry(to, from, () => answer(reply));
          });
        });
      },
    };
    this.replicas = new Map(regions.map((region) => [region, new ReplicaNode(world, region, regions, wires, tuning)]));
  }

  #atAcceptor(region: string, message: string): string | null {
    this.world.count("acceptor-message");
    const crash = this.world.chance(this.acceptorCrashChance)
      ? this.world.pick(["before-commit", "after-commit"] as const)
      : "no";
    return this.acceptors.get(region)?.receive(message, crash) ?? null;
  }

  replica(region: string): ReplicaNode {
    const node = this.replicas.get(region);
    if (node === undefined) throw new Error(`no replica in ${region}`);
    return node;
  }

  acceptor(region: string): AcceptorNode {
    const node = this.acceptors.get(region);
    if (node === undefined) throw new Error(`no acceptor in ${region}`);
    return node;
  }

  /** Whole regions go down and come back. */
  setUp(region: string, up: boolean): void {
    this.acceptor(region).up = up;
    const replica = this.replica(region);
    if (!up) {
      this.world.count("region-down");
      replica.up = false;
    } else if (!replica.up) {
      replica.up = true;
      replica.restart();
      this.acceptor(region).restart();
    }
  }
}
