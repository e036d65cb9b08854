/**
 * Service instances that register, renew for a while and fall silent, and a lookup that checks on them: one renewed in
 * time is never missing (E1, E2), one that fell silent is gone in the end.
 */
import { regionName, requestId } from "../../../src/support/brand.ts";
import { everything } from "../../../src/registry/lookup.ts";
import { register } from "../../../src/registry/register.ts";
import { agentNode, instanceName, serviceName } from "../../../src/registry/keys.ts";
import type { InstanceRecord } from "../../../src/registry/model.ts";
import type { Cluster } from "../cluster.ts";

const ttlMs = 4_000;
const service = serviceName("web");
const record: InstanceRecord = {
  address: "10.0.0.1",
  port: 80,
  protocol: "tcp",
  tags: [],
  meta: {},
  weights: { passing: 1, warning: 1 },
  region: regionName("wnam"),
  ttlMs,
  checks: [],
  taggedAddresses: {},
  enableTagOverride: false,
};

interface Life {
  readonly name: string;
  /** Until when the last acknowledged renewal keeps it alive at least. */
  dueAt: number;
  /** It has registered and has never since been late. */
  alive: boolean;
  renewals: number;
  readonly fallsSilentAfter: number;
}

export class Instances {
  readonly #cluster: Cluster;
  readonly #lives: Life[];
  #count = 0;
  checked = 0;
  #running = true;

  constructor(cluster: Cluster, instances: number) {
    this.#cluster = cluster;
    const { world } = cluster;
    this.#lives = Array.from({ length: instances }, (_, i) => ({
      name: `i${i}`,
      dueAt: 0,
      alive: false,
      renewals: 0,
      fallsSilentAfter: 3 + Math.floor(world.random.next() * 10),
    }));
    for (const life of this.#lives) world.after(world.random.next() * 2_000, () => this.#renew(life));
    world.after(1_000, () => this.#lookUp());
  }

  #renew(life: Life): void {
    const { world, regions } = this.#cluster;
    if (life.renewals >= life.fallsSilentAfter) return;
    life.renewals += 1;
    this.#count += 1;
    const instance = instanceName(life.name);
    if (service === null || instance === null) throw new Error("bad names");
    const place = { service, node: agentNode, instance };
    const [operation] = register({ place, record, initial: {}, indexed: false });
    if (operation === undefined) throw new Error("registering is an operation");
    const startedAt = world.now;
    if (startedAt > life.dueAt) life.alive = false;
    this.#cluster
      .replica(world.pick(regions))
      .ask({ type: "write", id: requestId(`renew${this.#count}`), operation }, (reply) => {
        if (reply?.type !== "outcome" || reply.outcome.type !== "put") return;
        // Its stamp is not before the request was made, but for the skew, which the other side waits for.
        life.dueAt = Math.max(life.dueAt, startedAt + ttlMs);
        life.alive = world.now <= life.dueAt;
      });
    world.after(500 + world.random.next() * 1_500, () => this.#renew(life));
  }

  stop(): void {
    this.#running = false;
  }

  #lookUp(): void {
    if (!this.#running) return;
    const { world, regions } = this.#cluster;
    if (service === null) throw new Error("bad name");
    const expected = this.#lives.filter((life) => life.alive && world.now <= life.dueAt);
    const lookup = everything(service);
    const query = { type: "instances", lookup } as const;
    this.#cluster
      .replica(world.pick(regions))
      .ask({ type: "read", consistency: { type: "linearizable" }, query }, (reply) => {
        if (reply?.type !== "result" || reply.result.type !== "instances") return;
        const found = new Set<string>(reply.result.instances.map((i) => i.instance));
        for (const life of expected) {
          if (life.dueAt < world.now || ["wild", "set-back"].includes(this.#cluster.swarm.clocks)) continue;
          this.checked += 1;
          if (!found.has(life.name))
            throw new Error(`[E2] ${life.name} is missing at ${world.now}, but was renewed until ${life.dueAt}`);
        }
      });
    world.after(700, () => this.#lookUp());
  }
}
