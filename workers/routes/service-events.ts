/**
 * `GET /services/{service}/events` and `GET /services/events?prefix=`: first how things are, then what becomes of them, as
 * Server-Sent Events. What is told is the difference between two looks, so who was away, or what changed twice between
 * them, is told how it stands and not how it came about. The id of a look is the revision it was made at.
 */
import type { Context } from "hono";
import { revision } from "../../src/support/brand.ts";
import type { Revision } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import * as keys from "../../src/registry/keys.ts";
import type { InstanceView, ServiceName } from "../../src/registry/model.ts";
import type { Consistency } from "../../src/replica/messages.ts";
import { startOf } from "../../src/store/events.ts";
import type { EventPlace, StoreEvent } from "../../src/store/events.ts";
import type { KeyRange } from "../../src/store/transaction.ts";
import { eventStream } from "../gateway/event-stream.ts";
import type { EventSource, ServerEvent } from "../gateway/event-stream.ts";
import { serviceIn } from "../gateway/names.ts";
import { Problem } from "../gateway/problems.ts";
import { Query } from "../gateway/query.ts";
import { read } from "../gateway/reads.ts";
import { everything, lookUp } from "../gateway/registry.ts";
import type { GatewayEnv } from "../gateway/arrival.ts";
import type { Visit } from "../gateway/visit.ts";
import { happenings } from "../gateway/watching.ts";
import { shownHealth, shownInstance, shownPlaced } from "./service-answers.ts";

/** Which services are followed: one, or all whose names begin with a text. */
type Scope =
  { readonly type: "service"; readonly service: ServiceName } | { readonly type: "prefix"; readonly prefix: string };

export async function streamOfService(context: Context<GatewayEnv>): Promise<Response> {
  const { req } = context;
  new Query(req.url, []);
  const [, , service = ""] = req.path.split("/");
  return stream(context, { type: "service", service: serviceIn(service) });
}

export async function streamOfServices(context: Context<GatewayEnv>): Promise<Response> {
  const query = new Query(context.req.url, ["prefix"]);
  return stream(context, { type: "prefix", prefix: servicePrefixIn(query) });
}

/** @throws {Problem} unless it is what a service's name may begin with. */
export function servicePrefixIn(query: Query): string {
  const prefix = (query.text("prefix", limits.queryCharacters) ?? "").toLowerCase();
  if (keys.isServicePrefix(prefix)) return prefix;
  throw new Problem("invalid-query", "prefix must be what a service's name can begin with");
}

async function stream({ req, var: doors }: Context<GatewayEnv>, scope: Scope): Promise<Response> {
  const source = told(doors.visit, scope, seenIn(req.raw.headers));
  return eventStream(doors.visit, req.raw.signal, source);
}

/** @returns the revision of the last look that the client was told all of; null for none. */
function seenIn(headers: Headers): Revision | null {
  const last = headers.get("last-event-id");
  if (last === null || last === "") return null;
  if (/^[1-9][0-9]{0,15}$/.test(last) && Number.isSafeInteger(Number(last))) return revision(Number(last));
  throw new Problem("invalid-header", "Last-Event-ID must be the id of an event of this stream, unchanged");
}

/** An instance as it was told last. */
interface Told {
  readonly placed: string;
  readonly health: string;
  readonly suspect: boolean;
}

/** How a service stood at one look. */
interface Look {
  readonly service: ServiceName;
  readonly instances: ReadonlyMap<string, InstanceView>;
  readonly index: Revision;
  readonly revision: Revision;
  readonly ranges: readonly KeyRange[];
}

const nameOf = ({ node, instance }: InstanceView): string => `${node}\0${instance}`;

async function lookAt(visit: Visit, service: ServiceName, consistency: Consistency): Promise<Look> {
  const instances = new Map<string, InstanceView>();
  let after: ReturnType<typeof everything>["after"] = null;
  for (let level = consistency; ;) {
    const { result, revision: at } = await lookUp(visit, level, { ...everything(service), after });
    for (const one of result.instances) instances.set(nameOf(one), one);
    after = result.instances.at(-1) ?? null;
    const look = { service, instances, index: result.index, revision: at, ranges: result.ranges };
    if (!result.more || after === null) return look;
    // Pages are of the newest state each: what changed meanwhile is told when it is heard of.
    level = { type: "session", atLeast: at };
  }
}

async function servicesIn(visit: Visit, scope: Scope, consistency: Consistency): Promise<readonly ServiceName[]> {
  if (scope.type === "service") return [scope.service];
  const names: ServiceName[] = [];
  const page = async (after: ServiceName | null) =>
    read(visit, consistency, { type: "services", after, limit: limits.pageKeys, prefix: scope.prefix }, "services");
  for (let more = true; more;) {
    const { result } = await page(names.at(-1) ?? null);
    names.push(...result.services.map(({ name }) => name));
    more = result.more && result.services.length > 0;
  }
  return names;
}

class Follower {
  readonly #visit: Visit;
  readonly #scope: Scope;
  /** What was told of each service, by its instances. */
  readonly #told = new Map<ServiceName, ReadonlyMap<string, Told>>();
  readonly #ranges = new Map<ServiceName, readonly KeyRange[]>();
  #instances = 0;

  constructor(visit: Visit, scope: Scope) {
    this.#visit = visit;
    this.#scope = scope;
  }

  /** All there is, in one event for each service. */
  async begin(seen: Revision | null): Promise<{ readonly events: readonly ServerEvent[]; readonly from: EventPlace }> {
    const linearizable = { type: "linearizable" } as const;
    // Whatever happens from the first look on is heard of again.
    const query = { type: "services", after: null, limit: 1, prefix: this.#prefix } as const;
    const { revision: at } = await read(this.#visit, linearizable, query, "services");
    const session = { type: "session", atLeast: at } as const;
    const looks: Look[] = [];
    for (const service of await servicesIn(this.#visit, this.#scope, session)) {
      const look = await lookAt(this.#visit, service, session);
      this.#remember(look);
      looks.push(look);
    }
    const missed = seen === null || seen > at ? looks : looks.filter(({ index }) => index > seen);
    // A service that went while nobody listened has no state: then all others are told anew.
    const shown = missed.length > 0 || (await this.#wentSince(seen)) ? looks : [];
    const states = shown.map((look): ServerEvent => ({ event: "state", data: stateOf(look) }));
    const ready = { event: "ready", id: String(at), data: { services: looks.length, revision: at } };
    return { events: [...states, ready], from: startOf(at + 1) };
  }

  async #wentSince(seen: Revision | null): Promise<boolean> {
    if (seen === null) return false;
    const query = { type: "last-changes", ranges: [this.#range] } as const;
    const { result } = await read(this.#visit, { type: "linearizable" }, query, "last-changes");
    return result.revisions.some((one) => one > seen);
  }

  get #prefix(): string {
    return this.#scope.type === "prefix" ? this.#scope.prefix : this.#scope.service;
  }

  get #range(): KeyRange {
    return this.#scope.type === "prefix"
      ? keys.servicesRange(this.#scope.prefix)
      : keys.serviceRange(this.#scope.service);
  }

  /** What to listen to: the services, and the nodes that their instances stand on. */
  followed() {
    const range = this.#range;
    const also =
      this.#scope.type === "prefix"
        ? [keys.allNodes, keys.allNodeChecks, keys.allNodeStates]
        : (this.#ranges.get(this.#scope.service) ?? []).filter(({ key }) => key !== range.key);
    const kinds = { puts: true, deletes: true, previous: false };
    return { range, ...(also.length === 0 ? {} : { also }), ...kinds };
  }

  /** What has become of the services that these changes touch. */
  async look(changes: readonly StoreEvent[], atLeast: Revision): Promise<readonly ServerEvent[]> {
    const touched = this.#touchedBy(changes);
    const events: ServerEvent[] = [];
    for (const service of touched) {
      const look = await lookAt(this.#visit, service, { type: "session", atLeast });
      events.push(...changesIn(this.#told.get(service) ?? new Map<string, Told>(), look));
      this.#remember(look);
    }
    return events;
  }

  #touchedBy(changes: readonly StoreEvent[]): readonly ServiceName[] {
    const services = changes.map(({ entry }) => keys.serviceKeyOf(entry.key)?.place.service ?? null);
    // A node's change, or that of whom an alias stands for, may concern all of them.
    const known = [...this.#told.keys()];
    const ours = services.filter((one) => one !== null && this.#isFollowed(one));
    return [...new Set(ours.length < services.length ? [...known, ...ours] : ours)].filter((one) => one !== null);
  }

  #isFollowed(service: ServiceName): boolean {
    return this.#scope.type === "prefix" ? service.startsWith(this.#scope.prefix) : service === this.#scope.service;
  }

  #remember({ service, instances, ranges }: Look): void {
    this.#instances += instances.size - (this.#told.get(service)?.size ?? 0);
    if (this.#instances > limits.instancesPerService) {
      throw new Problem("result-too-large", `one stream follows at most ${limits.instancesPerService} instances`);
    }
    if (instances.size === 0 && this.#scope.type === "prefix") this.#told.delete(service);
    else this.#told.set(service, new Map([...instances].map(([name, view]) => [name, toldOf(view)])));
    this.#ranges.set(service, ranges);
  }
}

const toldOf = (view: InstanceView): Told => ({
  placed: JSON.stringify([shownPlaced(view), view.createRevision]),
  health: JSON.stringify([view.status, shownHealth(view).checks, shownHealth(view).nodeChecks]),
  suspect: view.suspect,
});

const stateOf = ({ service, instances, index, revision: at }: Look) => ({
  service,
  instances: [...instances.values()].map(shownInstance),
  index,
  revision: at,
});

function changesIn(before: ReadonlyMap<string, Told>, { service, instances, revision: at }: Look): ServerEvent[] {
  const events: ServerEvent[] = [];
  for (const [name, view] of instances) {
    const old = before.get(name);
    const now = toldOf(view);
    const data = { service, ...shownInstance(view), revision: at };
    if (old === undefined) events.push({ event: "registered", data });
    else if (old.placed !== now.placed) events.push({ event: "changed", data });
    else if (old.suspect !== now.suspect) events.push({ event: "suspect", data });
    else if (old.health !== now.health) events.push({ event: "health", data });
  }
  for (const name of before.keys()) {
    if (instances.has(name)) continue;
    const [node = "", instance = ""] = name.split("\0");
    const where = node === keys.agentNode ? {} : { node };
    events.push({ event: "deregistered", data: { service, instance, ...where, revision: at } });
  }
  return events;
}

async function* told(visit: Visit, scope: Scope, seen: Revision | null): EventSource {
  const follower = new Follower(visit, scope);
  const { events: first, from: start } = await follower.begin(seen);
  yield first;
  for (let from = start; ;) {
    const answer = await happenings(visit, follower.followed(), from, limits.watchProgressMs);
    from = answer.next;
    // All that lies before was told: also that nothing happened.
    const id = String(Math.max(1, from.revision - 1));
    const events = answer.events.length === 0 ? [] : await follower.look(answer.events, answer.revision);
    // Only the last event of a look has its id: who was cut off among them is told all of them again.
    yield [...events, { event: "progress", id, data: { revision: from.revision - 1 } }];
  }
}
