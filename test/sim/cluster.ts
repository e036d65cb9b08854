/** A simulated cluster: acceptors, replicas and gateways of some regions, wired through the simulated network. */
import { Network } from "./network.ts";
import { AcceptorNode } from "./nodes/acceptor-node.ts";
import type { AcceptorTurn } from "./nodes/acceptor-node.ts";
import { GatewayNode } from "./nodes/gateway-node.ts";
import type { Tuning } from "./nodes/replica-instance.ts";
import { ReplicaNode } from "./nodes/replica-node.ts";
import type { ReplicaTurn } from "./nodes/replica-node.ts";
import type { Swarm } from "./swarm.ts";
import type { World } from "./world.ts";

/** Who watches what happens inside, to judge it. */
export interface Watchers {
  /** An acceptor has taken a message, and what it wrote is durable (or never will be, for a zombie's). */
  acceptorTurned(turn: AcceptorTurn): void;
  /** A replica's turn is durable. */
  replicaTurned(turn: ReplicaTurn): void;
}

export class Cluster {
  readonly world: World;
  readonly swarm: Swarm;
  readonly network: Network;
  readonly regions: readonly string[];
  readonly acceptors: ReadonlyMap<string, AcceptorNode>;
  readonly replicas: ReadonlyMap<string, ReplicaNode>;
  readonly gateways: ReadonlyMap<string, GatewayNode>;
  readonly #watchers: Watchers;

  constructor(world: World, swarm: Swarm, tuning: Tuning, watchers: Watchers) {
    const { regions } = swarm;
    this.world = world;
    this.swarm = swarm;
    this.regions = regions;
    this.#watchers = watchers;
    this.network = new Network(world, regions, swarm.weather);
    const each = <T>(make: (region: string) => T): ReadonlyMap<string, T> =>
      new Map(regions.map((region) => [region, make(region)]));
    const wires = {
      acceptor: this.#toAcceptor.bind(this),
      replica: this.#toReplica.bind(this),
    };
    this.acceptors = each(
      (region) => new AcceptorNode(world, region, swarm.confirmMs, (turn) => this.#watchers.acceptorTurned(turn)),
    );
    this.replicas = each(
      (region) => new ReplicaNode(world, region, swarm, wires, tuning, (turn) => this.#watchers.replicaTurned(turn)),
    );
    this.gateways = each(
      (region) =>
        new GatewayNode(world, region, regions, {
          call: (from, port, to, message, answer) => {
            if (port === "acceptor") this.#toAcceptor(from, to, message, answer);
            else this.#toClientDoor(from, to, message, answer);
          },
        }),
    );
  }

  #toAcceptor(from: string, to: string, message: string, answer: (reply: string | null) => void): void {
    this.network.carry(from, to, () => {
      this.acceptor(to).receive(message, (reply) => this.network.carry(to, from, () => answer(reply)));
    });
  }

  #toReplica(from: string, to: string, message: string, answer: (reply: string | null) => void): void {
    // A command that arrives once more after its outcome was forgotten would be told what only the first is meant to hear.
    const once = typeOf(message) === "forward";
    const deliver = (): void =>
      this.replica(to).fromPeer(message, (reply) => {
        this.world.show(() => `replica-turn ${from} to ${to}: ${typeOf(message)} > ${typeOf(reply)}`);
        this.network.carry(to, from, () => answer(reply));
      });
    this.network.carry(from, to, deliver, once);
  }

  #toClientDoor(from: string, to: string, message: string, answer: (reply: string | null) => void): void {
    const deliver = (): void =>
      this.replica(to).fromClient(message, (reply) => this.network.carry(to, from, () => answer(reply)));
    this.network.carry(from, to, deliver, true);
  }

  replica(region: string): ReplicaNode {
    return found(this.replicas, region);
  }

  acceptor(region: string): AcceptorNode {
    return found(this.acceptors, region);
  }

  gateway(region: string): GatewayNode {
    return found(this.gateways, region);
  }

  /** A whole region goes down, or comes back. */
  setUp(region: string, up: boolean): void {
    const acceptor = this.acceptor(region);
    if (acceptor.up === up) return;
    this.world.count(up ? "region-up" : "region-down", region);
    acceptor.up = up;
    if (up) acceptor.restart();
    this.replica(region).setUp(up);
  }

  /** Regions whose replicas may lose their rows: what is trimmed rests on a majority of the others (L5). */
  get mortalRegions(): readonly string[] {
    return this.regions.slice(0, Math.floor((this.regions.length - 1) / 2));
  }
}

/** The innermost kind of a message between replicas, for the trace. */
const typeOf = (message: string | null): string => /"type":"([a-z-]+)"/.exec(message ?? "")?.[1] ?? "nothing";

function found<T>(nodes: ReadonlyMap<string, T>, region: string): T {
  const node = nodes.get(region);
  if (node === undefined) throw new Error(`nobody is in ${region}`);
  return node;
}
