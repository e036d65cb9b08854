/**
 * The npm package `consul` against `/v1`: what a program that uses it does, each answer judged by what Consul's documents
 * promise. Its declarations call much of what it answers `any`, and lack some of what it sends: here all answers are unknown.
 */
import Consul from "consul";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { ClientRequest } from "node:http";
import { contention, isUuid, keys, sessions, transactions } from "./npm-consul-keys.ts";
import type { Client } from "./npm-consul-keys.ts";
import { at, holds, isLike, listOf, textsOf } from "./tally.ts";
import type { Tally } from "./tally.ts";
import type { Setting } from "./stage.ts";

export async function npmConsul(tally: Tally, { stage, long }: Setting): Promise<void> {
  const { hostname, port } = new URL(stage.url);
  const of = (defaults: object): Client => new Consul({ host: hostname, port: Number(port), defaults });
  const client = of({});
  const counted = counting(tally, `${hostname}:${port}`);
  try {
    await keys(tally, client);
    await sessions(tally, client);
    await transactions(tally, client);
    await services(tally, client);
    if (long) await maintenance(tally, client);
    await checks(tally, client, stage.url);
    await catalog(tally, client);
    const [consistent, stale] = [of({ consistent: true }), of({ stale: true })];
    await more(tally, client, consistent, stale);
    for (const one of [consistent, stale]) one.destroy();
    await aboutItself(tally, client);
    await watches(tally, client);
    await contention(tally, client, long ? { writers: 8, each: 25 } : { writers: 3, each: 3 });
    if (long) await time(tally, client);
  } finally {
    counted.end();
    client.destroy();
  }
}

/** Every request that really left, of this package and nobody else. */
function counting(tally: Tally, host: string): { readonly end: () => void } {
  const channel = "http.client.request.start";
  const heard = (message: unknown): void => {
    const { request } = message as { readonly request: ClientRequest };
    if (request.getHeader("host") === host && request.path.startsWith("/v1/")) tally.operations += 1;
  };
  subscribe(channel, heard);
  return { end: () => unsubscribe(channel, heard) };
}

async function services(t: Tally, { agent, health, catalog }: Client): Promise<void> {
  const web = {
    name: "npm-web",
    id: "npm-web-1",
    address: "10.1.0.1",
    port: 8080,
    tags: ["v1", "blue"],
    meta: { zone: "a" },
  };
  await agent.service.register({ ...web, check: { name: "alive", ttl: "60s", timeout: "1s", status: "passing" } });
  await agent.service.register({ ...web, id: "npm-web-2", address: "10.1.0.2", tags: ["v2"], meta: { zone: "b" } });
  const shown = { ID: "npm-web-1", Service: "npm-web", Address: "10.1.0.1", Port: 8080, Tags: ["v1", "blue"] };
  t.like("agent.services", await agent.services(), { "npm-web-1": { ...shown, Meta: { zone: "a" } } });
  t.like("agent.service.list", await agent.service.list(), { "npm-web-2": { Tags: ["v2"] } });
  const all: unknown = await health.service("npm-web");
  t.like(
    "health.service",
    all,
    holds({ Service: shown, Checks: holds({ Status: "passing", ServiceID: "npm-web-1" }) }),
  );
  t.like("health.service, how many", listOf(all).length, 2);
  const ids = async (options: {
    service: string;
    passing?: boolean;
    tag?: string;
    filter?: string;
  }): Promise<readonly string[]> =>
    textsOf(listOf(await health.service(options)).map((one) => at(one, "Service", "ID")));
  t.like("health.service passing", await ids({ service: "npm-web", passing: true }), ["npm-web-1", "npm-web-2"]);
  t.like("health.service by tag", await ids({ service: "npm-web", tag: "blue" }), ["npm-web-1"]);
  t.like("health.service by filter", await ids({ service: "npm-web", filter: "Service.Meta.zone == b" }), [
    "npm-web-2",
  ]);
  const bad = async (): Promise<unknown> => health.service({ service: "npm-web", filter: "Service.Meta.zone ==" });
  await t.refused("a filter that is none", bad, /Failed to create boolean expression evaluator|Bad Request/i);
  t.like("catalog.services", await catalog.services(), {
    "npm-web": (tags: unknown) => isLike(textsOf(listOf(tags)), ["blue", "v1", "v2"]),
  });
  t.like(
    "catalog.service.nodes",
    await catalog.service.nodes("npm-web"),
    holds({ ServiceID: "npm-web-1", ServicePort: 8080 }),
  );

  await agent.service.maintenance({ id: "npm-web-2", enable: true, reason: "moved" });
  t.like("passing during maintenance", await ids({ service: "npm-web", passing: true }), ["npm-web-1"]);
  const maintained = { CheckID: "_service_maintenance:npm-web-2", Status: "critical", Notes: "moved" };
  t.like("health.checks during maintenance", await health.checks("npm-web"), holds(maintained));
  await agent.service.maintenance({ id: "npm-web-2", enable: false });
  t.like("passing after maintenance", await ids({ service: "npm-web", passing: true }), ["npm-web-1", "npm-web-2"]);
  await agent.service.deregister("npm-web-2");
  t.like("health.service after deregister", await ids({ service: "npm-web" }), ["npm-web-1"]);
  await t.refused(
    "deregister of nobody",
    async () => agent.service.deregister("npm-nobody"),
    /Unknown service|Not Found/i,
  );
  await agent.service.deregister("npm-web-1");
  t.like("health.service of nobody", await health.service("npm-web"), []);
}

/** Of all that stands on the agent's node: not while others use it too. */
async function maintenance(t: Tally, { agent, health }: Client): Promise<void> {
  await agent.service.register({ name: "npm-web", port: 1 });
  await agent.maintenance({ enable: true, reason: "all" });
  const check = { CheckID: "_node_maintenance", Status: "critical", Notes: "all" };
  t.like("health.state critical", await health.state("critical"), holds(check));
  t.like("nobody is well", await health.service({ service: "npm-web", passing: true } as never), []);
  await agent.maintenance({ enable: false });
  const well: unknown = await health.service({ service: "npm-web", passing: true } as never);
  t.like("well again", well, [{ Service: { ID: "npm-web" } }]);
  await agent.service.deregister("npm-web");
}

async function checks(t: Tally, { agent, health }: Client, url: string): Promise<void> {
  await agent.service.register({ name: "npm-checked", port: 1 });
  const check = { name: "beat", checkid: "npm-beat", serviceid: "npm-checked", ttl: "60s", timeout: "1s", notes: "n" };
  await agent.check.register(check);
  const status = async (): Promise<unknown> => listOf(await health.checks("npm-checked"))[0];
  t.like("a check at first", await status(), {
    CheckID: "npm-beat",
    Name: "beat",
    Status: "critical",
    Notes: "n",
    Type: "ttl",
  });
  for (const [word, says] of [
    ["pass", "passing"],
    ["warn", "warning"],
    ["fail", "critical"],
  ] as const) {
    await agent.check[word]({ id: "npm-beat", note: `it ${word}s` });
    t.like(`agent.check.${word}`, await status(), { Status: says, Output: `it ${word}s` });
    t.like(`health.state ${says}`, await health.state(says), holds({ CheckID: "npm-beat" }));
  }
  t.like("agent.checks", await agent.checks(), { "npm-beat": { ServiceName: "npm-checked" } });
  t.like("agent.check.list", await agent.check.list(), { "npm-beat": { Status: "critical" } });
  await t.refused("a check that nobody knows", async () => agent.check.pass("npm-nothing"), /Unknown check|Not Found/i);
  await agent.check.deregister("npm-beat");
  t.like("agent.check.deregister", await health.checks("npm-checked"), []);

  // Synod itself is somebody who answers.
  const active = { name: "up", checkid: "npm-up", serviceid: "npm-checked", interval: "1s", timeout: "1s" };
  await agent.check.register({ ...active, http: `${url}/v1/status/leader` });
  await t.comes("an HTTP check passes", status, { CheckID: "npm-up", Type: "http", Status: "passing" });
  await agent.check.register({ ...active, http: `${url}/nowhere` });
  await t.comes("an HTTP check of what is not there fails", status, { Status: "critical", Output: /404/ });
  await agent.service.deregister("npm-checked");
}

async function catalog(t: Tally, { catalog, health }: Client): Promise<void> {
  await catalog.register({
    node: "npm-db1",
    address: "10.2.0.1",
    nodemeta: { rack: "7" },
    service: { id: "npm-pg-1", service: "npm-pg", port: 5432, tags: ["primary"] },
    checks: [{ name: "alive", checkid: "npm-db1-alive", status: "passing" }],
  });
  t.like(
    "catalog.nodes",
    await catalog.nodes({}),
    holds({ Node: "npm-db1", Address: "10.2.0.1", Meta: { rack: "7" } }),
  );
  t.like("catalog.node.list", await catalog.node.list(), holds({ Node: "npm-db1" }));
  t.like("catalog.node.services", await catalog.node.services("npm-db1"), {
    Node: { Node: "npm-db1" },
    Services: { "npm-pg-1": { Service: "npm-pg", Port: 5432, Tags: ["primary"] } },
  });
  t.like("catalog.service.list", await catalog.service.list(), { "npm-pg": ["primary"] });
  t.like("catalog.service.nodes", await catalog.service.nodes({ service: "npm-pg", tag: "primary" }), [
    { Node: "npm-db1", Address: "10.2.0.1", ServiceID: "npm-pg-1", ServicePort: 5432 },
  ]);
  t.like("catalog.service.nodes of another tag", await catalog.service.nodes({ service: "npm-pg", tag: "no" }), []);
  t.like("health.node", await health.node("npm-db1"), [{ CheckID: "npm-db1-alive", Status: "passing", Name: "alive" }]);
  t.like("health.service of a node", await health.service("npm-pg"), [
    { Node: { Node: "npm-db1", Address: "10.2.0.1" } },
  ]);
  t.like("catalog.datacenters", await catalog.datacenters(), [/^[a-z0-9-]+$/]);
  await catalog.deregister({ node: "npm-db1", serviceid: "npm-pg-1" });
  t.like("catalog.deregister of a service", await catalog.service.nodes("npm-pg"), []);
  await catalog.deregister("npm-db1");
  const gone = (nodes: unknown): boolean => !holds({ Node: "npm-db1" })(nodes);
  t.like("catalog.deregister of a node", await catalog.node.list(), gone);
}

/** What a register may say besides, other ways to read, and what is refused. */
async function more(t: Tally, { agent, catalog, health }: Client, consistent: Client, stale: Client): Promise<void> {
  const checks = [
    { name: "one", ttl: "60s", timeout: "1s", status: "passing" },
    { name: "two", ttl: "60s", timeout: "1s", status: "warning" },
  ];
  const taggedaddresses = { lan: { address: "10.1.0.9", port: 81 } };
  await agent.service.register({ name: "npm-more", address: "10.1.0.9", port: 80, taggedaddresses, checks });
  const shown = { Service: { Address: "10.1.0.9", TaggedAddresses: { lan: { Address: "10.1.0.9", Port: 81 } } } };
  t.like("several checks", await health.service("npm-more"), [
    { ...shown, Checks: holds({ CheckID: "service:npm-more:2", Status: "warning" }) },
  ]);
  t.like("a warning is not passing", await health.service({ service: "npm-more", passing: true } as never), []);
  t.like("health.service near", await health.service({ service: "npm-more", near: "_agent" } as never), [shown]);
  t.like("read consistently", await consistent.health.service("npm-more"), [shown]);
  await t.comes("read stale", async () => stale.health.service("npm-more"), [shown]);
  const elsewhere = async (): Promise<unknown> => health.service({ service: "npm-more", dc: "nowhere" } as never);
  await t.refused("another datacenter", elsewhere, /No path to datacenter|Internal Server Error/i);
  const other = async (): Promise<unknown> => agent.service.register({ name: "npm-less", id: "npm-more", port: 1 });
  await t.refused("an id of another service", other, /is registered as|Conflict/i);
  const dotted = async (): Promise<unknown> => agent.service.register("npm.more");
  await t.refused("a name that DNS cannot say", dotted, /Bad Request|name/i);
  const script = { name: "s", args: ["true"], interval: "1s", timeout: "1s" };
  await t.refused("a script", async () => agent.check.register(script), /Bad Request|not supported/i);
  await t.refused(
    "catalog.connect.nodes",
    async () => catalog.connect.nodes("npm-more"),
    /not supported|Not Implemented/i,
  );
  await t.refused("agent.reload", async () => agent.reload(), /not supported|Not Implemented/i);
  await agent.service.deregister("npm-more");
}

async function aboutItself(t: Tally, { agent, status, event, query, acl }: Client): Promise<void> {
  await t.comes("status.leader", async () => status.leader(), /^\S+:8300$/);
  t.like("status.peers", await status.peers(), (peers: unknown) => listOf(peers).length === 3);
  t.like("agent.self", await agent.self(), { Config: { NodeName: "synod" }, Member: { Name: /./ } });
  t.like("agent.members", await agent.members(), (members: unknown) => listOf(members).length === 3);
  const fired: unknown = await event.fire("npm-deploy", "42");
  t.like("event.fire", fired, { ID: isUuid, Name: "npm-deploy" });
  t.like("event.list", await event.list("npm-deploy"), [
    { ID: at(fired, "ID"), Payload: (v: unknown) => String(v) === "42" },
  ]);
  await t.refused("query.list", async () => query.list(), /not supported|Not Implemented/i);
  await t.refused("acl.legacy.list", async () => acl.bootstrap({}), /not supported|Not Implemented/i);
}

async function watches(t: Tally, client: Client): Promise<void> {
  const { agent, kv } = client;
  await agent.service.register({ name: "npm-watched", id: "npm-watched-1", port: 1 });
  await agent.service.register({ name: "npm-other", id: "npm-other-1", port: 1 });
  const service = watching(client, client.health, "service", { service: "npm-watched", passing: true, wait: "20s" });
  const key = watching(client, kv, "get", { key: "npm/watched", wait: "20s" });
  const services = watching(client, client.catalog.service, "list", { wait: "20s" });
  const prefix = watching(client, kv, "get", { key: "npm/tree/", recurse: true, wait: "20s" });
  try {
    await t.comes("watch of a service at first", () => service.changes.length, 1);
    // A key that is not there has an index too.
    await t.comes("watch of a key at first", () => key.changes.length, 1);
    await t.comes("watch of a prefix at first", () => prefix.changes.length, 1);
    // What is not theirs wakes nobody.
    await agent.service.register({ name: "npm-other", id: "npm-other-2", port: 1 });
    await kv.set("npm/unwatched", "x");
    await agent.service.register({ name: "npm-watched", id: "npm-watched-2", port: 2 });
    await t.comes("watch told of an instance", () => listOf(service.changes.at(-1)).length, 2);
    t.like(
      "woken by nothing else",
      [service, key, prefix].map(({ changes }) => changes.length),
      [2, 1, 1],
    );
    await agent.service.maintenance({ id: "npm-watched-1", enable: true });
    await t.comes("watch told of health", () => service.changes.at(-1), [{ Service: { ID: "npm-watched-2" } }]);
    await agent.service.deregister("npm-watched-2");
    await t.comes("watch told of the last one's end", () => service.changes.at(-1), []);
    for (const value of ["1", "2"]) {
      await kv.set("npm/watched", value);
      await t.comes("watch told of a key", () => key.changes.at(-1), { Value: value });
    }
    await kv.del("npm/watched");
    await t.comes("watch told of a deletion", () => key.changes.at(-1), undefined);
    await kv.set("npm/tree/a", "1");
    await t.comes("watch told of a tree", () => prefix.changes.at(-1), [{ Key: "npm/tree/a" }]);
    await agent.service.register({ name: "npm-listed", port: 1 });
    await t.comes("watch told of a service", () => services.changes.at(-1), { "npm-listed": [] });
    t.like(
      "errors of watches",
      [services, service, key, prefix].flatMap(({ errors }) => errors),
      [],
    );
  } finally {
    for (const one of [services, service, key, prefix]) one.end();
  }
  for (const id of ["npm-watched-1", "npm-other-1", "npm-other-2", "npm-listed"]) await agent.service.deregister(id);
  await kv.del({ key: "npm/", recurse: true });
}

interface Watching {
  readonly changes: readonly unknown[];
  readonly errors: readonly string[];
  readonly end: () => void;
}

/** The package calls the method by itself, with what it needs: it takes one that is bound to nothing. */
function watching(client: Client, of: object, name: string, options: Readonly<Record<string, unknown>>): Watching {
  const [changes, errors]: [unknown[], string[]] = [[], []];
  const method: unknown = Reflect.get(of, name);
  const watch = client.watch({ method: method as never, options: options as never, backoffFactor: 100 });
  watch.on("change", (data: unknown) => changes.push(data));
  watch.on("error", (error: unknown) => errors.push(String(error)));
  return { changes, errors, end: () => watch.end() };
}

/** What takes its time: nobody renews. */
async function time(t: Tally, { agent, health, kv, session }: Client): Promise<void> {
  const { ID } = await session.create({ ttl: "10s", lockdelay: "0s", behavior: "delete" });
  await kv.set({ key: "npm/ends", value: "x", acquire: ID });
  await agent.service.register({
    name: "npm-silent",
    check: { name: "beat", ttl: "2s", timeout: "1s", status: "passing", deregistercriticalserviceafter: "3s" },
  });
  await t.comes("a TTL that runs out", async () => health.service("npm-silent"), [
    { Checks: holds({ Status: "critical", Output: /TTL expired/ }) },
  ]);
  await t.comes("one that is critical for too long", async () => health.service("npm-silent"), []);
  await t.comes("a session that is not renewed", async () => session.info(ID), undefined);
  t.like("what it held", await kv.get("npm/ends"), undefined);
}
