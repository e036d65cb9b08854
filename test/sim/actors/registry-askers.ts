/**
 * Those who look instances up, with every filter and order and as fresh as they like, and those who wait for something to
 * happen to one service (long polls): they look, wait for a change of what the answer rests on, and look again.
 */
import { regionName } from "../../../src/support/brand.ts";
import type { Revision } from "../../../src/support/brand.ts";
import { everything } from "../../../src/registry/lookup.ts";
import { agentNode } from "../../../src/registry/keys.ts";
import type { InstanceName, Lookup } from "../../../src/registry/model.ts";
import type { Consistency } from "../../../src/replica/messages.ts";
import { hostNode, services, tags } from "./registrants.ts";
import type { RegistryDesk } from "./registry-desk.ts";

export class RegistryAskers {
  readonly #at: RegistryDesk;
  #running = true;
  #seen: Revision | null = null;

  constructor(at: RegistryDesk, askers: number, waiters: number) {
    this.#at = at;
    const { desk } = at;
    for (let i = 0; i < askers; i += 1) desk.begin(async () => this.#ask(`asker${i}`));
    for (let i = 0; i < waiters; i += 1) desk.begin(async () => this.#wait(`waiter${i}`));
  }

  stop(): void {
    this.#running = false;
  }

  #consistency(): Consistency {
    const { dice } = this.#at;
    const seen = this.#seen;
    switch (dice.pick(["linearizable", "session", "local"] as const)) {
      case "linearizable":
        return { type: "linearizable" };
      case "session":
        return seen === null ? { type: "linearizable" } : { type: "session", atLeast: seen };
      case "local":
        return { type: "local", maxAgeMs: dice.pick([null, null, 500]) };
    }
  }

  async #ask(who: string): Promise<void> {
    const { dice } = this.#at;
    while (this.#running) {
      await this.#at.pause(dice.between(50, 600));
      const [region, consistency] = [this.#at.anyRegion(), this.#consistency()];
      const what = dice.pick(["instances", "instances", "instances", "instance", "services"] as const);
      if (what === "instances") {
        const look = await this.#at.lookUp(who, region, consistency, this.#lookup());
        if (look !== null) this.#seen = look.revision;
      } else if (what === "instance") {
        const instance = `owner${dice.whole(0, 2)}-${dice.whole(1, 40)}` as InstanceName;
        const node = dice.chance(0.75) ? agentNode : hostNode;
        await this.#at.look(who, region, consistency, { type: "instance", node, instance });
      } else {
        const prefix = dice.pick(["", "web", "web-", "d", "x"]);
        const after = dice.chance(0.3) ? dice.pick(services) : null;
        await this.#at.look(who, region, consistency, { type: "services", limit: dice.whole(1, 3), after, prefix });
      }
    }
  }

  #lookup(): Lookup {
    const { dice, desk } = this.#at;
    const regions = dice.some(desk.regions, 0.5).map(regionName);
    const order = dice.pick<Lookup["order"]>([
      { type: "name" },
      { type: "name" },
      { type: "near", regions },
      { type: "near", regions, seed: dice.whole(0, 1_000) },
      { type: "weighted", seed: dice.whole(0, 1_000) },
      { type: "round-robin", seed: dice.whole(0, 1_000) },
    ]);
    const after = { node: dice.pick([agentNode, hostNode]), instance: `owner1-${dice.whole(1, 40)}` as InstanceName };
    return {
      service: dice.pick(services),
      health: dice.pick(["passing", "healthy", "any", "any"]),
      tags: dice.some(dice.pick([tags, ["BLUE"]]), 0.2),
      notTags: dice.some(dice.pick([tags, ["bLUE"]]), 0.2),
      meta: dice.chance(0.2) ? { zone: dice.pick(["a", "b"]) } : {},
      regions: dice.chance(0.2) ? regions : [],
      failover: dice.chance(0.2) ? regions : [],
      order,
      limit: dice.pick([1, 2, 1_000, 1_000]),
      after: order.type === "name" && dice.chance(0.3) ? after : null,
    };
  }

  async #wait(who: string): Promise<void> {
    const { dice } = this.#at;
    let region = this.#at.anyRegion();
    while (this.#running) {
      const service = dice.pick(services);
      let consistency = this.#consistency();
      for (let rounds = dice.whole(1, 12); rounds > 0 && this.#running; rounds -= 1) {
        const look = await this.#at.lookUp(who, region, consistency, everything(service));
        if (look === null) {
          region = this.#at.anyRegion();
          await this.#at.pause(dice.between(50, 300));
          continue;
        }
        const waitMs = dice.pick([300, 2_000, 8_000]);
        const changed = await this.#at.wait(who, region, look.result.ranges, look.revision, waitMs);
        if (changed === undefined || dice.chance(0.1)) region = this.#at.anyRegion();
        consistency = typeof changed === "number" ? { type: "session", atLeast: changed } : this.#consistency();
      }
      await this.#at.pause(dice.between(50, 500));
    }
  }
}
