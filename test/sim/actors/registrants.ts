/**
 * Those who register instances of services, one owner in each region: alone and many at once, with checks and without, on
 * nodes or on none. They renew, set checks, go into maintenance, register again, and then remove themselves or fall silent;
 * now and then a whole region falls silent, for a while or for good. As long as an instance is renewed in time it is found,
 * and as well as its owner was told that it is.
 */
import { regionName } from "../../../src/support/brand.ts";
import { limits } from "../../../src/support/limits.ts";
import { everything } from "../../../src/registry/lookup.ts";
import { agentNode } from "../../../src/registry/keys.ts";
import type {
  CheckDefinition,
  CheckName,
  CheckState,
  CheckStatus,
  InstanceName,
  InstancePlace,
  InstanceRecord,
  NodeName,
  ServiceName,
} from "../../../src/registry/model.ts";
import { carryOutAll, putNode, setCheck, setMaintenance } from "../../../workers/gateway/registry.ts";
import type { Task } from "../../../workers/gateway/registry.ts";
import { patienceMs } from "./registry-desk.ts";
import type { Came, RegistryDesk } from "./registry-desk.ts";

/** One name begins with another: neither's range may reach into the other's. */
export const services = ["web", "web-2", "db"] as readonly string[] as readonly ServiceName[];
/** Registered with a check of its own; written in other letters than keys are. */
export const hostNode = "Host-A" as NodeName;
const hostCheck = "host" as CheckName;
export const tags = ["Blue", "v2"] as const;

const common = { name: "", notes: "", deregisterAfterMs: null };
const beat = { kind: "ttl", ...common, check: "beat" as CheckName, ttlMs: 1_500 } as const;
const hand = { kind: "plain", ...common, check: "hand" as CheckName } as const;
/** Whoever lives by this check lives as long as it is heard of. */
const pulse = { kind: "ttl", ...common, check: "pulse" as CheckName, ttlMs: 1_500, deregisterAfterMs: 1_000 } as const;

const statuses: readonly CheckStatus[] = ["passing", "warning", "critical"];

interface Own {
  readonly place: InstancePlace;
  record: InstanceRecord;
  /** What its checks say as long as nobody has looked: the same with every registration. */
  readonly initial: Readonly<Record<string, CheckState>>;
  /** Until when the last acknowledged renewal keeps it alive; Infinity: until it is removed. */
  dueAt: number;
  registered: boolean;
  /** What its checks said last, and until when that holds; without: nobody can say. */
  readonly says: Map<CheckName, { readonly status: CheckStatus; readonly until: number }>;
  maintained: boolean;
  /** Something came to an unknown end, which may still come true. */
  muddled: boolean;
  /** Until when a registration that came to an unknown end may still come true: its deadline (X2). */
  mayComeUntil: number;
}

export class Registrants {
  readonly #at: RegistryDesk;
  /** Regions from which nothing is heard until then. */
  readonly #dark = new Map<string, number>();
  /** Whose owners have left them, removed or silent. */
  readonly #departed: Own[] = [];
  #lives = 0;

  constructor(at: RegistryDesk, owners: number) {
    this.#at = at;
    const { desk } = at;
    if (owners === 0) return;
    for (let i = 0; i < owners; i += 1) desk.begin(async () => this.#own(i));
    desk.begin(async () => this.#cutRegions());
    desk.begin(async () => this.#keepNode());
    desk.begin(async () => this.#monitor());
  }

  async #cutRegions(): Promise<void> {
    const { desk, dice } = this.#at;
    while (desk.running) {
      await desk.pause(dice.between(2_000, 8_000));
      this.#dark.set(this.#at.anyRegion(), this.#at.now + dice.pick([1_500, 4_000, 7_000]));
    }
  }

  /** The node that some stand on, and its own check. */
  async #keepNode(): Promise<void> {
    const { desk, dice } = this.#at;
    const record = { name: hostNode, id: "", address: "10.1.0.1", taggedAddresses: {}, meta: {} };
    while (desk.running) {
      const status = dice.pick(["passing", "passing", "warning", "critical"] as const);
      const check = { definition: { ...hand, check: hostCheck }, state: { status, output: "" } };
      await this.#at.change("node", this.#at.anyRegion(), async (visit, author) =>
        putNode(visit, hostNode, record, [check], author),
      );
      await desk.pause(dice.between(1_000, 6_000));
    }
  }

  /** Speaks for the checks of instances that are about to go, or are gone, as far as it knows. */
  async #monitor(): Promise<void> {
    const { desk, dice } = this.#at;
    while (desk.running) {
      await desk.pause(dice.between(100, 500));
      const spoken = this.#departed
        .slice(-6)
        .filter(({ record }) => record.checks.some(({ kind }) => kind !== "alias"));
      if (spoken.length === 0) continue;
      const { place, record } = dice.pick(spoken);
      const check = dice.pick(record.checks).check;
      const state = stateOf(dice.pick(statuses));
      await this.#at.change("monitor", this.#at.anyRegion(), async (visit, author) =>
        setCheck(visit, { node: place.node, check, of: place }, state, author),
      );
    }
  }

  // --- one owner ---

  async #own(number: number): Promise<void> {
    const { desk, dice } = this.#at;
    const region = desk.regions[number % desk.regions.length] ?? "";
    const client = `owner${number}`;
    while (desk.running) {
      const group = Array.from({ length: dice.whole(1, 3) }, () => this.#newcomer(client, region));
      await this.#live(client, region, group);
      await desk.pause(dice.between(100, 2_000));
    }
  }

  #newcomer(client: string, region: string): Own {
    const { dice } = this.#at;
    this.#lives += 1;
    const node = dice.chance(0.75) ? agentNode : hostNode;
    const instance = `${client}-${this.#lives}` as InstanceName;
    const alias: CheckDefinition = {
      kind: "alias",
      ...common,
      check: "alias" as CheckName,
      node: dice.chance(0.8) ? agentNode : hostNode,
      instance: dice.chance(0.2) ? null : (`${client}-${this.#lives - 1}` as InstanceName),
    };
    const checks = dice.pick<readonly CheckDefinition[]>([[], [], [beat], [hand], [beat, hand], [alias], [pulse]]);
    const ttlMs = checks.includes(pulse) ? null : dice.pick([1_500, 3_000, 3_000, null]);
    const record: InstanceRecord = {
      address: "10.0.0.1",
      port: 80,
      protocol: "tcp",
      tags: dice.some(tags, 0.5),
      meta: { zone: dice.pick(["a", "b"]) },
      weights: { passing: dice.whole(0, 3), warning: 1 },
      region: regionName(region),
      ttlMs,
      checks,
      taggedAddresses: {},
      enableTagOverride: false,
    };
    const place = { service: dice.pick(services), node, instance };
    const initial = Object.fromEntries(checks.map(({ check }) => [check, stateOf(dice.pick(statuses))]));
    return {
      place,
      record,
      initial,
      dueAt: 0,
      registered: false,
      says: new Map(),
      maintained: false,
      muddled: false,
      mayComeUntil: 0,
    };
  }

  async #live(client: string, region: string, group: readonly Own[]): Promise<void> {
    const { desk, dice } = this.#at;
    await this.#register(client, group);
    const rounds = dice.whole(2, 14);
    for (let round = 0; round < rounds && desk.running && group.some((own) => own.registered); round += 1) {
      await this.#lookFor(client, dice.pick(group));
      await desk.pause(dice.between(200, 500));
      const darkMs = (this.#dark.get(region) ?? 0) - this.#at.now;
      if (darkMs > 0) {
        if (dice.chance(0.3)) break;
        await desk.pause(darkMs);
      }
      await this.#renew(client, group);
      if (dice.chance(0.5)) await this.#doSomething(client, dice.pick(group));
    }
    // Who does not end by itself is removed, sooner or later.
    const lasting = group.filter((own) => lifeOf(own.record) === Infinity);
    const leaving = dice.chance(0.5) ? group : lasting;
    this.#departed.push(...group);
    await this.#leave(client, leaving, lasting);
    const doubtful = lasting.filter(({ mayComeUntil }) => this.#at.now < mayComeUntil);
    if (doubtful.length > 0) desk.begin(async () => this.#leaveOnceMore(client, doubtful));
  }

  /** It was not there to be removed, and could still come: it is removed again when it no longer can. */
  async #leaveOnceMore(client: string, doubtful: readonly Own[]): Promise<void> {
    await this.#at.pause(Math.max(...doubtful.map(({ mayComeUntil }) => mayComeUntil)) - this.#at.now);
    await this.#leave(client, doubtful, doubtful);
  }

  async #carryOut(client: string, tasks: readonly Task[]): Promise<readonly Came[]> {
    return this.#at.changeAll(client, this.#at.anyRegion(), tasks.length, async (visit, author) =>
      carryOutAll(visit, tasks, author),
    );
  }

  async #register(client: string, group: readonly Own[]): Promise<void> {
    const { dice } = this.#at;
    const startedAt = this.#at.now;
    const tasks = group.map(({ place, record, initial }): Task => ({
      type: "register",
      registration: { place, record, initial, indexed: dice.chance(0.5) },
    }));
    for (const [i, came] of (await this.#carryOut(client, tasks)).entries()) {
      const own = group[i];
      if (own === undefined) continue;
      const known = own.registered && this.#at.now <= own.dueAt;
      if (came.type === "unknown") own.mayComeUntil = startedAt + patienceMs + limits.commandLifeMs + limits.maxSkewMs;
      if (came.type !== "done") own.muddled = true;
      else if (!own.registered) {
        own.registered = true;
        for (const one of own.record.checks) this.#said(own, one, own.initial[one.check]?.status, startedAt);
      }
      // It may have been gone in between, with all that was said of it: then only what is said from now on is certain.
      else if (!known) own.muddled = true;
      if (came.type === "done") own.dueAt = startedAt + lifeOf(own.record);
    }
  }

  #said(own: Own, check: CheckDefinition, status: CheckStatus | undefined, at: number): void {
    if (check.kind === "alias" || status === undefined) return;
    const until = check.kind === "ttl" && status !== "critical" ? at + check.ttlMs : Infinity;
    own.says.set(check.check, { status, until });
  }

  async #renew(client: string, group: readonly Own[]): Promise<void> {
    const { dice } = this.#at;
    const startedAt = this.#at.now;
    const alive = group.filter((own) => own.registered);
    const came = await this.#carryOut(
      client,
      alive.map(({ place }) => ({ type: "renew", place })),
    );
    const gone: Own[] = [];
    for (const [i, one] of came.entries()) {
      const own = alive[i];
      if (own === undefined) continue;
      if (one.type === "done") own.dueAt = startedAt + lifeOf(own.record);
      if (one.type !== "refused" || one.code !== "instance-not-found") continue;
      this.#missed(own);
      gone.push(own);
    }
    const again = gone.filter(() => dice.chance(0.7));
    for (const own of gone) if (!again.includes(own)) own.registered = false;
    if (again.length > 0) await this.#register(client, again);
  }

  /** Told that it is gone. */
  #missed(own: Own): void {
    this.#at.sights.push({
      who: "renewal",
      instance: own.place.instance,
      service: own.place.service,
      returnedAt: this.#at.now,
      dueAt: own.dueAt,
      found: undefined,
      expected: null,
    });
    own.muddled = true;
  }

  async #doSomething(client: string, own: Own): Promise<void> {
    const { dice } = this.#at;
    if (!own.registered) return;
    const check = own.record.checks.find(({ kind }) => kind !== "alias");
    const what = dice.pick(["check", "check", "check", "maintain", "change", "double"] as const);
    if (what === "check" && check !== undefined) return this.#setCheck(client, own, check);
    if (what === "maintain") return this.#maintain(client, own);
    if (what === "double") return this.#double(client, own);
    if (what !== "change") return;
    own.record = { ...own.record, tags: dice.some(tags, 0.5), meta: { zone: dice.pick(["a", "b"]) } };
    await this.#register(client, [own]);
  }

  async #setCheck(client: string, own: Own, check: CheckDefinition): Promise<void> {
    const startedAt = this.#at.now;
    const status = this.#at.dice.pick(statuses);
    const address = { node: own.place.node, check: check.check, of: own.place };
    const came = await this.#at.change(client, this.#at.anyRegion(), async (visit, author) =>
      setCheck(visit, address, stateOf(status), author),
    );
    if (came.type === "unknown") own.muddled = true;
    if (came.type !== "done") return;
    this.#said(own, check, status, startedAt);
    // A sign of life of the check is one of the instance.
    if (check.check === pulse.check && status !== "critical") {
      own.dueAt = Math.max(own.dueAt, startedAt + lifeOf(own.record));
    }
  }

  async #maintain(client: string, own: Own): Promise<void> {
    const wanted = !own.maintained;
    const came = await this.#at.change(client, this.#at.anyRegion(), async (visit, author) =>
      setMaintenance(visit, own.place, wanted ? "for a while" : null, author),
    );
    if (came.type === "done") own.maintained = wanted;
    else own.muddled = true;
  }

  /** Somebody takes the same name for another service: refused as long as the first one lives. */
  async #double(client: string, own: Own): Promise<void> {
    if (lifeOf(own.record) === Infinity) return;
    const { dueAt, record } = own;
    const place = { ...own.place, service: this.#at.dice.pick(services.filter((one) => one !== own.place.service)) };
    const registration = { place, record, initial: {}, indexed: this.#at.dice.chance(0.5) };
    const [came] = await this.#carryOut(client, [{ type: "register", registration }]);
    if (came?.type === "done") {
      this.#at.doubled.push({ instance: place.instance, returnedAt: this.#at.now, dueAt });
      own.registered = false;
    } else if (came?.type === "unknown") own.muddled = true;
  }

  async #leave(client: string, leaving: readonly Own[], lasting: readonly Own[]): Promise<void> {
    const { dice } = this.#at;
    for (let left = leaving; left.length > 0;) {
      const came = await this.#carryOut(
        client,
        left.map(({ place }) => ({ type: "deregister", place })),
      );
      for (const own of left) own.registered = false;
      left = left.filter((own, i) => came[i]?.type !== "done" && lasting.includes(own));
      if (left.length > 0) await this.#at.pause(dice.between(200, 600));
    }
  }

  async #lookFor(client: string, own: Own): Promise<void> {
    const { place, dueAt, registered } = own;
    const look = await this.#at.lookUp(
      client,
      this.#at.anyRegion(),
      { type: "linearizable" },
      everything(place.service),
    );
    if (look === null || !registered) return;
    const { instances } = look.result;
    this.#at.sights.push({
      who: client,
      instance: place.instance,
      service: place.service,
      returnedAt: look.returnedAt,
      dueAt,
      found: instances.find(({ instance }) => instance === place.instance),
      expected: own.muddled ? null : { status: expectedStatus(own, look.returnedAt), tags: own.record.tags },
    });
  }
}

const stateOf = (status: CheckStatus): CheckState => ({ status, output: "" });

/** How long it lives after a sign of life, in ms. */
const lifeOf = ({ ttlMs, checks }: InstanceRecord): number =>
  ttlMs ?? (checks.includes(pulse) ? pulse.ttlMs + pulse.deregisterAfterMs : Infinity);

/** As its owner knows it; null where that cannot be known. */
function expectedStatus({ place, record, says, maintained }: Own, at: number): CheckStatus | null {
  if (maintained) return "critical";
  const known = record.checks.map(({ check }) => says.get(check));
  const certain = known.map((one) => (one !== undefined && at <= one.until ? one.status : null));
  if (certain.includes("critical")) return "critical";
  if (place.node !== agentNode || certain.includes(null)) return null;
  return certain.includes("warning") ? "warning" : "passing";
}
