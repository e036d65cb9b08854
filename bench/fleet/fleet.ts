/**
 * A fleet of service instances in the simulator's world: they register, renew, fall silent and come back, through the
 * gateway's real code, against real replicas and acceptors with their real store on real SQLite, in virtual time. Whoever
 * looks compares each answer with what is known of every instance. Used by `npm run bench:fleet` and by its short form
 * among the tests.
 */
import { agentNode, instanceName, serviceName } from "../../src/registry/keys.ts";
import type { InstancePlace, InstanceRecord, ServiceName } from "../../src/registry/model.ts";
import type { ExpiryGuard } from "../../src/store/command.ts";
import { regionName } from "../../src/support/brand.ts";
import { everything, carryOutAll, lookUp } from "../../workers/gateway/registry.ts";
import type { Task } from "../../workers/gateway/registry.ts";
import { Cluster } from "../../test/sim/cluster.ts";
import { fairWeather } from "../../test/sim/swarm.ts";
import { World } from "../../test/sim/world.ts";

/** What a deployment has unless it says otherwise. */
export const guard: ExpiryGuard = { percent: 85, atLeast: 10, holdTtls: 3 };
export const ttlMs = 30_000;
export const renewEveryMs = 10_000;

export interface FleetOptions {
  readonly instances: number;
  readonly services: number;
  /** How many of a region renew together, in one request; 1: each by itself. */
  readonly perRequest: number;
  readonly seed: number;
  /** How far apart looks are while something happens, in ms: what times are known to. */
  readonly lookMs: number;
}

/** What happened, counted from the beginning. */
export interface Counts {
  readonly renewals: number;
  /** From clients. */
  readonly requests: number;
  readonly slots: number;
  /** At one replica. */
  readonly rows: number;
  /** At one acceptor: each is one row. */
  readonly votes: number;
}

/** What one look at all services in all regions has found. */
export interface Look {
  /** Since the fleet began, in virtual ms, when the last answer came. */
  readonly at: number;
  /** Instances that had to be there and were not, in any answer. */
  readonly missing: number;
  /** Those that have fallen silent and are still answered, wherever most of them are. */
  readonly silent: number;
  /** The same, shown as suspects. */
  readonly suspects: number;
  /** Shown as suspects although they renew. */
  readonly wronged: number;
}

interface Member {
  readonly place: InstancePlace;
  record: InstanceRecord;
  alive: boolean;
  registered: boolean;
  /** When the last request began that was acknowledged: it lives a ttl from then on at least. */
  renewedAt: number;
}

const named = <Name>(name: Name | null): Name => {
  if (name === null) throw new Error("not a name");
  return name;
};

export class Fleet {
  readonly cluster: Cluster;
  readonly world: World;
  readonly services: readonly ServiceName[];
  readonly members: readonly Member[];
  readonly looks: Look[] = [];
  readonly lookMs: number;
  /** Requests, or single tasks of them, that were not carried out. */
  failed = 0;
  /** Held so long after their time by the guard, in ms: no silent one may be gone before. */
  graceMs = 0;
  readonly #began: number;
  readonly #byKey: ReadonlyMap<string, Member>;
  #renewals = 0;
  #requests = 0;
  #looking = 0;
  readonly #votes = new Map<string, number>();
  readonly #rows = new Map<string, number>();

  constructor({ instances, services, perRequest, seed, lookMs }: FleetOptions) {
    this.lookMs = lookMs;
    this.world = new World(seed);
    this.#began = this.world.now;
    this.cluster = new Cluster(
      this.world,
      fairWeather,
      { expiryGuard: guard },
      {
        acceptorTurned: ({ acceptor: { region } }) => void this.#votes.set(region, (this.#votes.get(region) ?? 0) + 1),
        replicaTurned: ({ replica: { region }, instance }) => void this.#rows.set(region, instance.sql.changes),
      },
    );
    this.services = Array.from({ length: services }, (_, n) => named(serviceName(`service-${n}`)));
    const { regions } = this.cluster;
    this.members = Array.from({ length: instances }, (_, n) => {
      const service = named(this.services[n % services] ?? null);
      const region = regions[Math.floor(n / services) % regions.length] ?? "";
      return memberOf(service, region, n);
    });
    this.#byKey = new Map(this.members.map((member) => [member.place.instance, member]));
    for (const region of regions) {
      const here = this.members.filter(({ record }) => record.region === region);
      for (let from = 0; from < here.length; from += perRequest) {
        const some = here.slice(from, from + perRequest);
        this.world.after(1_000 + this.world.random.next() * renewEveryMs, () => this.#live(region, some));
      }
    }
  }

  /** Since the fleet began, in virtual ms. */
  get at(): number {
    return this.world.now - this.#began;
  }

  get counts(): Counts {
    return {
      renewals: this.#renewals,
      requests: this.#requests,
      slots: Math.max(...[...this.cluster.replicas.values()].map(({ store }) => store.appliedSlot)),
      rows: Math.max(0, ...this.#rows.values()),
      votes: Math.max(0, ...this.#votes.values()),
    };
  }

  /** Leases that the first region's replica holds. */
  get leases(): number {
    const [region = ""] = this.cluster.regions;
    return this.cluster.replica(region).store.leases("", 1_000_000).length;
  }

  async pass(ms: number): Promise<void> {
    await this.world.run(ms);
  }

  // --- living ---

  /** One request for all that live, again and again: the first one registers. */
  #live(region: string, members: readonly Member[]): void {
    this.world.after(renewEveryMs, () => this.#live(region, members));
    const living = members.filter(({ alive }) => alive);
    if (living.length === 0) return;
    const startedAt = this.world.now;
    const tasks = living.map(({ place, record, registered }): Task => {
      if (registered) return { type: "renew", place };
      return { type: "register", registration: { place, record, initial: {}, indexed: false } };
    });
    this.#requests += 1;
    this.cluster.gateway(region).serve(
      async (visit) => carryOutAll(visit, tasks),
      (heard) => {
        if (heard?.type !== "answer") {
          this.failed += living.length;
          return;
        }
        for (const [index, result] of heard.answer.entries()) {
          const member = living[index];
          if (member === undefined || result.type !== "done") this.failed += 1;
          else {
            if (member.registered) this.#renewals += 1;
            member.registered = true;
            member.renewedAt = startedAt;
          }
        }
      },
    );
  }

  /** So large a share of each region falls silent. @returns how many. */
  silence(share: number): number {
    let silenced = 0;
    for (const region of this.cluster.regions) {
      const here = this.members.filter(({ alive, record }) => alive && record.region === region);
      const shuffled = here
        .map((member) => ({ member, drawn: this.world.random.next() }))
        .toSorted((a, b) => a.drawn - b.drawn);
      for (const { member } of shuffled.slice(0, Math.round(here.length * share))) member.alive = false;
      silenced += Math.round(here.length * share);
    }
    return silenced;
  }

  /** All that fell silent renew again, as if nothing had been. */
  revive(): void {
    for (const member of this.members) member.alive = true;
  }

  /** One instance of a service says something else of itself. */
  change(service: ServiceName): void {
    const member = this.members.find((one) => one.place.service === service);
    if (member === undefined) throw new Error(`nobody offers ${service}`);
    member.record = { ...member.record, meta: { ...member.record.meta, changedAt: String(this.at) } };
    const { place, record } = member;
    this.cluster.gateway(record.region).serve(
      async (visit) =>
        carryOutAll(visit, [{ type: "register", registration: { place, record, initial: {}, indexed: false } }]),
      (heard) => {
        if (heard?.type !== "answer" || heard.answer[0]?.type !== "done") this.failed += 1;
      },
    );
  }

  /** The region that leads, as far as the replicas say. */
  async leader(): Promise<string> {
    const leading: string[] = [];
    for (const [region, replica] of this.cluster.replicas) {
      replica.ask({ type: "status", digest: false }, (reply) => {
        if (reply?.type === "status" && reply.status.leading) leading.push(region);
      });
    }
    await this.pass(100);
    const [region] = leading;
    if (region === undefined || leading.length > 1) throw new Error(`not one leads: ${leading.join(", ")}`);
    return region;
  }

  // --- looking ---

  /** Asks for everything everywhere; what comes of it stands in `looks` a little later. */
  look(): void {
    this.#looking += 1;
    const answers = this.cluster.regions.flatMap((region) => this.services.map((service) => ({ region, service })));
    const found = new Map(this.cluster.regions.map((region) => [region, new Map<string, boolean>()]));
    let open = answers.length;
    for (const { region, service } of answers) {
      this.cluster.gateway(region).serve(
        async (visit) => lookUp(visit, { type: "local", maxAgeMs: null }, everything(service)),
        (heard) => {
          if (heard?.type !== "answer" || heard.answer.result.more) throw new Error("a look was not answered in full");
          for (const { instance, suspect } of heard.answer.result.instances) found.get(region)?.set(instance, suspect);
          open -= 1;
          if (open > 0) return;
          this.#looking -= 1;
          this.looks.push(this.#judged([...found.values()]));
        },
      );
    }
  }

  /** Looks every so often for so long. */
  async watch(forMs: number, everyMs: number): Promise<readonly Look[]> {
    const from = this.looks.length;
    for (let passed = 0; passed < forMs; passed += everyMs) {
      this.look();
      await this.pass(everyMs);
    }
    while (this.#looking > 0) await this.pass(100);
    return this.looks.slice(from);
  }

  #judged(found: readonly ReadonlyMap<string, boolean>[]): Look {
    let missing = 0;
    for (const [name, { alive, registered, renewedAt }] of this.#byKey) {
      const hasToBe = registered && (alive || this.world.now < renewedAt + ttlMs + this.graceMs);
      if (hasToBe && found.some((one) => !one.has(name))) missing += 1;
    }
    const isSilent = (name: string): boolean => this.#byKey.get(name)?.alive !== true;
    const most = (isCounted: (name: string, suspect: boolean) => boolean): number =>
      Math.max(...found.map((one) => [...one].filter(([name, suspect]) => isCounted(name, suspect)).length));
    return {
      at: this.at,
      missing,
      silent: most((name) => isSilent(name)),
      suspects: most((name, suspect) => suspect && isSilent(name)),
      wronged: most((name, suspect) => suspect && !isSilent(name)),
    };
  }
}

function memberOf(service: ServiceName, region: string, n: number): Member {
  const record: InstanceRecord = {
    address: `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`,
    port: 8080,
    protocol: "tcp",
    tags: ["v1", n % 2 === 0 ? "blue" : "green"],
    meta: { version: "1.4.2", host: `host-${n}.example` },
    weights: { passing: 1, warning: 1 },
    region: regionName(region),
    ttlMs,
    checks: [],
    taggedAddresses: {},
    enableTagOverride: false,
  };
  const place = { service, node: agentNode, instance: named(instanceName(`instance-${n}`)) };
  return { place, record, alive: true, registered: false, renewedAt: 0 };
}
