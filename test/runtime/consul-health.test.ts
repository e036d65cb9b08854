/** Consul's health endpoints and blocking queries through the real objects. */
import { beforeAll, describe, expect, it } from "vitest";
import { freshNamespace, put, send, until } from "./api.ts";
import { Consul, pluck } from "./consul-registry.ts";
import type { Json } from "./consul-registry.ts";

const serfHealth = {
  Node: "synod",
  CheckID: "serfHealth",
  Name: "Serf Health Status",
  Status: "passing",
  Output: "Agent alive and reachable",
};

describe("reading health", () => {
  const consul = new Consul();

  beforeAll(async () => {
    const add = async (ID: string, Status: string, more: Json) =>
      consul.done("agent/service/register", {
        Name: "web",
        ID,
        Port: 80,
        Check: { TTL: "1h", Status, Notes: "n" },
        ...more,
      });
    await add("p", "passing", { Tags: ["v1"], Locality: { Region: "enam" } });
    await add("w", "warning", { Tags: ["v1", "v2"], Locality: { Region: "wnam" } });
    await add("c", "critical", { Tags: ["v2"], Locality: { Region: "weur" } });
    const Check = { CheckID: "disk", Name: "disk", Status: "warning", Output: "90 %" };
    await consul.done("catalog/register", { Node: "n1", Address: "10.0.0.1", NodeMeta: { rack: "a" }, Check });
    await consul.done("catalog/register", {
      Node: "n1",
      Address: "10.0.0.1",
      NodeMeta: { rack: "a" },
      Service: { Service: "db" },
    });
  });

  const ids = async (path: string) => (await consul.json(path)).map((one) => (one["Service"] as Json)["ID"]);

  it("shows an instance with its node and all of its checks", async () => {
    const [found] = await consul.json("health/service/web?filter=Service.ID==p");
    expect(found).toMatchObject({
      Node: { Node: "synod", Address: "127.0.0.1", Datacenter: "synod", ID: "", Meta: {}, TaggedAddresses: {} },
      Service: {
        ID: "p",
        Service: "web",
        Tags: ["v1"],
        Address: "127.0.0.1",
        Port: 80,
        Weights: { Passing: 1, Warning: 1 },
        EnableTagOverride: false,
      },
    });
    expect(found?.["Checks"]).toEqual([
      expect.objectContaining(serfHealth),
      {
        Node: "synod",
        CheckID: "service:p",
        Name: "Service 'web' check",
        Status: "passing",
        Notes: "n",
        Output: "",
        ServiceID: "p",
        ServiceName: "web",
        ServiceTags: ["v1"],
        Type: "ttl",
        Interval: "",
        Timeout: "",
        ExposedPort: 0,
        Definition: {},
        CreateIndex: expect.any(Number) as unknown,
        ModifyIndex: expect.any(Number) as unknown,
      },
    ]);
  });

  it.each<readonly [string, readonly string[]]>([
    ["health/service/web", ["c", "p", "w"]],
    ["health/service/web?passing", ["p"]],
    ["health/service/web?passing=true", ["p"]],
    ["health/service/web?passing=1", ["p"]],
    ["health/service/web?passing=false", ["c", "p", "w"]],
    ["health/service/web?tag=v1", ["p", "w"]],
    ["health/service/web?tag=v1&passing", ["p"]],
    ["health/service/web?filter=Checks.Status==critical", ["c"]],
    ["health/service/web?filter=Checks.Status!=passing+and+v1+in+Service.Tags", ["w"]],
    ["health/service/web?filter=not+Checks.Status==critical", ["p", "w"]],
    ["health/service/web?node-meta=rack:a", []],
    ["health/service/db?node-meta=rack:a", ["db"]],
    ["health/service/db?passing", []],
    ["health/service/nothing", []],
  ])("%s", async (path, expected) => {
    expect(await ids(path)).toEqual(expected);
  });

  it("puts the nearest region first: here, the first that is configured", async () => {
    for (const near of ["_agent", "synod"]) {
      expect(await ids(`health/service/web?near=${near}`)).toEqual(["w", "p", "c"]);
      expect(pluck(await consul.json(`health/checks/web?near=${near}`), "ServiceID")).toEqual(["w", "p", "c"]);
    }
    const states = await consul.json("health/state/any?near=_agent&filter=ServiceName==web");
    expect(pluck(states, "ServiceID")).toEqual(["w", "p", "c"]);
  });

  it("lists checks of a service, of a node, and by their state", async () => {
    expect(pluck(await consul.json("health/checks/web"), "ServiceID")).toEqual(["c", "p", "w"]);
    expect(pluck(await consul.json("health/checks/web?filter=Status==warning"), "ServiceID")).toEqual(["w"]);
    expect(pluck(await consul.json("health/node/synod"), "CheckID")).toEqual([
      "serfHealth",
      "service:c",
      "service:p",
      "service:w",
    ]);
    expect(await consul.json("health/node/n1")).toMatchObject([
      { Node: "n1", CheckID: "disk", Output: "90 %", ServiceID: "" },
    ]);
    const state = async (name: string) => pluck(await consul.json(`health/state/${name}`), "CheckID");
    expect(await state("any")).toEqual(["serfHealth", "disk", "service:c", "service:p", "service:w"]);
    expect(await state("passing")).toEqual(["serfHealth", "service:p"]);
    expect(await state("warning")).toEqual(["disk", "service:w"]);
    expect(await state("critical")).toEqual(["service:c"]);
    expect(await state("odd")).toEqual([]);
    expect(await state("any?filter=Node==n1")).toEqual(["disk"]);
    expect(await state("any?node-meta=rack:a")).toEqual(["disk"]);
  });

  it.each<readonly [string, string]>([
    ["health/service/", "Missing service name"],
    ["health/service/web?passing=maybe", "Invalid value for ?passing"],
    ["health/service/web?filter=Status==passing", 'Selector "Status" is not valid'],
    ["health/checks/web?filter=Service.ID==x", 'Selector "Service.ID" is not valid'],
    ["health/state/", "Missing check state"],
    ["health/node/", "Missing node name"],
    ["health/node/%ff", "the path is not UTF-8"],
  ])("refuses %s", async (path, text) => {
    expect(await consul.refusedGet(path)).toEqual([400, expect.stringContaining(text)]);
  });

  it("takes no other method", async () => {
    const response = await send("POST", `${consul.at}/health/service/web`);
    expect([response.status, response.headers.get("allow"), await response.text()]).toEqual([
      405,
      "GET",
      "method POST not allowed",
    ]);
  });
});

/** A question that waits, and whether it has been answered yet. */
function waiting<Shape = readonly Json[]>(asked: Promise<{ readonly index: number; readonly body: Shape }>) {
  const state = { answered: false };
  const answer = asked.then((one) => {
    state.answered = true;
    return one;
  });
  return { state, answer };
}

describe("a blocking query", () => {
  const register = async (consul: Consul, Name: string, ID: string, more: Json = {}) =>
    consul.done("agent/service/register", { Name, ID, Address: "10.0.0.1", Port: 1, ...more });

  it("answers at once when there is something newer, and not for what is not there", async () => {
    const consul = new Consul();
    await register(consul, "web", "a");
    const first = await consul.indexed("health/service/web");
    expect(first.index).toBeGreaterThan(0);
    expect(await consul.indexed("health/service/web?index=0")).toEqual(first);
    expect((await consul.indexed(`health/service/web?index=${first.index - 1}`)).body).toHaveLength(1);
    expect((await consul.indexed("health/service/nothing")).index).toBe(1);
  });

  it("waits, and answers with the same index when nothing happens", async () => {
    const consul = new Consul();
    await register(consul, "web", "a");
    const first = await consul.indexed("catalog/service/web");
    expect(await consul.indexed(`catalog/service/web?index=${first.index}&wait=10ms`)).toEqual(first);
  });

  it.each(["health/service/web", "health/checks/web", "catalog/service/web"])(
    "of %s is woken by its own service, and by nobody else",
    async (path) => {
      const consul = new Consul();
      await register(consul, "web", "a", { Check: { TTL: "1h", Status: "passing" } });
      const first = await consul.indexed(path);
      const asked = waiting(consul.indexed(`${path}?index=${first.index}&wait=60s`));
      await register(consul, "web-2", "b", { Check: { TTL: "1h" } });
      await register(consul, "db", "c");
      await consul.done("agent/check/pass/service:b");
      await consul.done("agent/service/deregister/c");
      await consul.done("catalog/register", { Node: "n1", Address: "10.0.0.1", Service: { Service: "db" } });
      expect((await consul.indexed(path)).index).toBe(first.index);
      expect(asked.state.answered).toBe(false);
      await consul.done("agent/check/fail/service:a?note=down");
      const next = await asked.answer;
      expect(next.index).toBeGreaterThan(first.index);
      expect(next).toEqual(await consul.indexed(path));
      // A catalog shows no checks: it may be woken by them, as Consul's is.
      if (path.startsWith("health")) expect(next.body).not.toEqual(first.body);
    },
  );

  it("is woken by a first registration and by the last deregistration, which raises the index", async () => {
    const consul = new Consul();
    await register(consul, "db", "x");
    const before = await consul.indexed("health/service/web");
    const coming = waiting(consul.indexed(`health/service/web?index=${before.index}&wait=60s`));
    await register(consul, "web", "a");
    const there = await coming.answer;
    expect(there.body).toHaveLength(1);
    const going = waiting(consul.indexed(`health/service/web?index=${there.index}&wait=60s`));
    await consul.done("agent/service/deregister/a");
    const gone = await going.answer;
    expect(gone.body).toEqual([]);
    expect(gone.index).toBeGreaterThan(there.index);
  });

  it("is woken by maintenance of the node that its instances stand on", async () => {
    const consul = new Consul();
    await register(consul, "web", "a");
    await consul.done("catalog/register", { Node: "n1", Address: "10.0.0.1", Service: { Service: "db" } });
    const web = await consul.indexed("health/service/web?passing");
    const asked = waiting(consul.indexed(`health/service/web?passing&index=${web.index}&wait=60s`));
    await consul.done("agent/maintenance?enable=true&reason=upgrade");
    expect((await asked.answer).body).toEqual([]);
    const db = await consul.indexed("health/service/db?passing");
    expect(db.body).toHaveLength(1);
    const check = { CheckID: "disk", Name: "disk", Status: "critical" };
    const other = waiting(consul.indexed(`health/service/db?passing&index=${db.index}&wait=60s`));
    await consul.done("catalog/register", { Node: "n1", Address: "10.0.0.1", Check: check });
    expect((await other.answer).body).toEqual([]);
  });

  it("of nodes is woken by nodes, of services by services, of states by checks", async () => {
    const consul = new Consul();
    const nodes = await consul.indexed("catalog/nodes");
    const services = await consul.indexed<Json>("catalog/services");
    const states = await consul.indexed("health/state/any");
    const ofNodes = waiting(consul.indexed(`catalog/nodes?index=${nodes.index}&wait=60s`));
    const ofServices = waiting(consul.indexed<Json>(`catalog/services?index=${services.index}&wait=60s`));
    const ofStates = waiting(consul.indexed(`health/state/any?index=${states.index}&wait=60s`));
    await register(consul, "web", "a", { Check: { TTL: "1h", Status: "warning" } });
    expect((await ofServices.answer).body).toEqual({ web: [] });
    expect(pluck((await ofStates.answer).body, "CheckID")).toContain("service:a");
    expect(ofNodes.state.answered).toBe(false);
    await consul.done("catalog/register", { Node: "n1", Address: "10.0.0.1" });
    expect(pluck((await ofNodes.answer).body, "Node")).toEqual(["n1", "synod"]);
  });

  it("of a node is woken by what is registered there", async () => {
    const consul = new Consul();
    const before = await consul.indexed<Json>("catalog/node/synod");
    const asked = waiting(consul.indexed<Json>(`catalog/node/synod?index=${before.index}&wait=60s`));
    await register(consul, "web", "a");
    expect((await asked.answer).body["Services"]).toHaveProperty("a");
  });

  it("is not woken by keys and values", async () => {
    const ns = freshNamespace();
    const consul = new Consul(ns);
    await register(consul, "web", "a");
    const first = await consul.indexed("health/service/web");
    expect((await put(`${ns}/kv/key`, "value")).status).toBe(201);
    expect(await consul.indexed(`health/service/web?index=${first.index}&wait=10ms`)).toEqual(first);
  });
});

describe("a check with a TTL", () => {
  it("is critical once nobody has refreshed it for so long, and passing again when somebody does", async () => {
    const consul = new Consul();
    await consul.done("agent/service/register", { Name: "web", Check: { TTL: "1s", Status: "passing" } });
    const { index } = await consul.indexed("health/service/web?passing");
    const woken = await consul.indexed(`health/service/web?passing&index=${index}&wait=60s`);
    expect(woken.body).toEqual([]);
    expect(await consul.json("health/checks/web")).toMatchObject([{ Status: "critical", Output: "TTL expired" }]);
    await consul.done("agent/check/pass/service:web?note=back");
    expect(await consul.json("health/checks/web")).toMatchObject([{ Status: "passing", Output: "back" }]);
  }, 30_000);

  it("takes its service along after DeregisterCriticalServiceAfter", async () => {
    const consul = new Consul();
    const Check = { TTL: "1s", DeregisterCriticalServiceAfter: "1s", Status: "passing" };
    await consul.done("agent/service/register", { Name: "web", Check });
    await until("the service is gone", async () => {
      const services = await consul.json<Json>("catalog/services");
      return Object.keys(services).length === 0 ? true : null;
    });
    expect(await consul.json("health/state/any")).toMatchObject([serfHealth]);
  }, 30_000);
});
