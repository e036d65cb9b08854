/** Clients that propose and ask for decisions, through gateways: several at once for each, and some much later. */
import { utf8 } from "../../../src/support/bytes.ts";
import type { Decided } from "../../../workers/gateway/decision-value.ts";
import type { Cluster } from "../cluster.ts";
import type { DecisionAsked } from "../history.ts";
import type { Heard } from "../nodes/gateway-node.ts";

export class Deciders {
  readonly history: DecisionAsked[] = [];
  readonly #cluster: Cluster;
  #running = true;
  #decisions = 0;
  #proposals = 0;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    cluster.world.after(800, () => this.#next());
  }

  stop(): void {
    this.#running = false;
  }

  #next(): void {
    if (!this.#running) return;
    const { world } = this.#cluster;
    this.#decisions += 1;
    const id = `d${this.#decisions}`;
    const duel = world.pick([1, 2, 4]);
    for (let i = 0; i < duel; i += 1) world.after(world.between(0, 300), () => this.#propose(id));
    for (const laterMs of [world.between(0, 500), world.between(1_000, 8_000)]) {
      world.after(laterMs, () => this.#inquire(id));
      world.after(laterMs, () => {
        if (world.chance(0.3)) this.#propose(id);
      });
    }
    world.after(world.between(200, 2_500), () => this.#next());
  }

  #begin(id: string, proposal: string | null): DecisionAsked {
    const asked = {
      id,
      proposal,
      calledAt: this.#cluster.world.now,
      returnedAt: null,
      told: null,
      notApplied: false,
    };
    this.history.push(asked);
    return asked;
  }

  #propose(id: string): void {
    const { world, regions } = this.#cluster;
    this.#proposals += 1;
    const proposal = `p${this.#proposals}`;
    const asked = this.#begin(id, proposal);
    const gateway = this.#cluster.gateway(world.pick(regions));
    gateway.propose(id, { id: proposal, value: utf8(proposal) }, (heard) => this.#end(asked, heard));
  }

  #inquire(id: string): void {
    const { world, regions } = this.#cluster;
    const asked = this.#begin(id, null);
    this.#cluster.gateway(world.pick(regions)).inquire(id, (heard) => this.#end(asked, heard));
  }

  #end(asked: DecisionAsked, heard: Heard<Decided | null>): void {
    const { world } = this.#cluster;
    asked.returnedAt = world.now;
    if (heard?.type === "answer") asked.told = heard.answer ?? "nothing";
    if (heard?.type === "problem") asked.notApplied = heard.outcome === "not-applied";
    world.count(heard === null ? "decision-lost" : heard.type === "problem" ? `decision-${heard.code}` : "decision");
  }
}
