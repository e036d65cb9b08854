/** Consul's catalog through the real objects: registering nodes, services and checks, and finding them again. */
import { beforeAll, describe, expect, it } from "vitest";
import { freshNamespace, get, putJson } from "./api.ts";
import { Consul, pluck } from "./consul-registry.ts";
import type { Json } from "./consul-registry.ts";

const dc = "synod";

const web = { ID: "web-1", Service: "web", Tags: ["v1", "blue"], Address: "10.0.0.1", Port: 80, Meta: { zone: "a" } };
const node = { Node: "n1", Address: "10.0.0.9", NodeMeta: { rack: "r1" } };

describe("PUT /v1/catalog/register", () => {
  it("registers a node, a service and checks, and shows them everywhere", async () => {
    const consul = new Consul();
    const id = "40e4a748-2192-161a-0510-9bf59fe950b5";
    const registration = {
      ...node,
      Datacenter: dc,
      ID: id,
      TaggedAddresses: { lan: "10.0.0.9" },
      Service: { ...web, Weights: { Passing: 7, Warning: 2 }, EnableTagOverride: true },
      Checks: [
        { CheckID: "up", Name: "is up", Status: "passing", Output: "ok", Notes: "n" },
        { CheckID: "web-up", Name: "web is up", Status: "warning", ServiceID: "web-1" },
      ],
    };
    expect(await consul.done("catalog/register", registration)).toBe("true");

    const shownNode = {
      ID: id,
      Node: "n1",
      Address: "10.0.0.9",
      Datacenter: dc,
      TaggedAddresses: { lan: "10.0.0.9" },
      Meta: { rack: "r1" },
      CreateIndex: expect.any(Number) as unknown,
      ModifyIndex: expect.any(Number) as unknown,
    };
    expect(await consul.json("catalog/nodes")).toEqual([shownNode, expect.objectContaining({ Node: "synod" })]);
    const tagged = { Address: "10.0.0.1", Port: 80 };
    const [found] = await consul.json("catalog/service/web");
    expect(found).toEqual({
      ID: id,
      Node: "n1",
      Address: "10.0.0.9",
      Datacenter: dc,
      TaggedAddresses: { lan: "10.0.0.9" },
      NodeMeta: { rack: "r1" },
      ServiceKind: "",
      ServiceID: "web-1",
      ServiceName: "web",
      ServiceTags: ["v1", "blue"],
      ServiceAddress: "10.0.0.1",
      ServiceTaggedAddresses: { lan_ipv4: tagged, wan_ipv4: tagged },
      ServiceWeights: { Passing: 7, Warning: 2 },
      ServiceMeta: { zone: "a" },
      ServicePort: 80,
      ServiceSocketPath: "",
      ServiceEnableTagOverride: true,
      ServiceProxy: { Mode: "", MeshGateway: {}, Expose: {} },
      ServiceConnect: {},
      CreateIndex: expect.any(Number) as unknown,
      ModifyIndex: expect.any(Number) as unknown,
    });
    expect(await consul.json("catalog/services")).toEqual({ web: ["blue", "v1"] });
    expect(await consul.json("catalog/datacenters")).toEqual([dc]);
    const service = expect.objectContaining({ ID: "web-1", Service: "web", Port: 80 }) as unknown;
    expect(await consul.json("catalog/node/n1")).toEqual({ Node: shownNode, Services: { "web-1": service } });
    expect(await consul.json("catalog/node-services/N1")).toEqual({ Node: shownNode, Services: [service] });
    const [health] = await consul.json("health/service/web");
    expect(health).toMatchObject({
      Node: shownNode,
      Service: { ID: "web-1", Weights: { Passing: 7, Warning: 2 } },
      Checks: [
        { CheckID: "up", Status: "passing", Output: "ok", Notes: "n", ServiceID: "", Node: "n1" },
        { CheckID: "web-up", Status: "warning", ServiceID: "web-1", ServiceName: "web", ServiceTags: ["v1", "blue"] },
      ],
    });
  });

  it("leaves the address of a service to its node where it names none", async () => {
    const consul = new Consul();
    await consul.done("catalog/register", { ...node, Service: { Service: "db", Port: 5432 } });
    expect(await consul.json("catalog/service/db")).toMatchObject([
      { Address: "10.0.0.9", ServiceAddress: "", ServiceID: "db" },
    ]);
    expect(await consul.json("sd/prometheus?service=db")).toMatchObject([{ targets: ["10.0.0.9:5432"] }]);
  });

  it("sets what a check says by registering it again, and changes nothing by repeating itself", async () => {
    const consul = new Consul();
    const check = { CheckID: "c", Name: "c", ServiceID: "web-1", Status: "passing", Output: "fine" };
    const all = { ...node, Service: web, Check: check };
    await consul.done("catalog/register", all);
    const before = await consul.indexed("health/service/web");
    await consul.done("catalog/register", all);
    expect(await consul.indexed("health/service/web")).toEqual(before);
    await consul.done("catalog/register", { ...node, Check: { ...check, Status: "critical", Output: "gone" } });
    const after = await consul.indexed("health/checks/web");
    expect(after.body).toMatchObject([{ CheckID: "c", Status: "critical", Output: "gone" }]);
    expect(after.index).toBeGreaterThan(before.index);
    expect(await consul.json("health/service/web?passing")).toEqual([]);
  });

  it("keeps the checks of a service that is registered again without them", async () => {
    const consul = new Consul();
    const check = { CheckID: "c", Name: "c", ServiceID: "web-1", Status: "passing" };
    await consul.done("catalog/register", { ...node, Service: web, Check: check });
    await consul.done("catalog/register", { ...node, Service: { ...web, Port: 81 } });
    expect(await consul.json("health/service/web")).toMatchObject([
      { Service: { Port: 81 }, Checks: [{ Status: "passing" }] },
    ]);
  });

  it("leaves the node as it is with SkipNodeUpdate, which must be there", async () => {
    const consul = new Consul();
    const skipping = { Node: "n1", SkipNodeUpdate: true, Service: web };
    expect(await consul.refusedPut("catalog/register", skipping)).toEqual([500, "Missing node registration"]);
    await consul.done("catalog/register", node);
    await consul.done("catalog/register", skipping);
    expect(await consul.json("catalog/service/web")).toMatchObject([{ Address: "10.0.0.9", NodeMeta: { rack: "r1" } }]);
  });

  it("takes the names of members in any spelling", async () => {
    const consul = new Consul();
    const service = {
      id: "w",
      service: "web",
      port: 1,
      enable_tag_override: true,
      tagged_addresses: { lan: { address: "10.0.0.2", port: 3 } },
    };
    await consul.done("catalog/register", { node: "n1", address: "10.0.0.1", node_meta: { a: "b" }, service });
    expect(await consul.json("catalog/service/web")).toMatchObject([
      {
        NodeMeta: { a: "b" },
        ServiceEnableTagOverride: true,
        ServiceTaggedAddresses: { lan: { Address: "10.0.0.2", Port: 3 } },
      },
    ]);
  });

  describe("refuses what makes no sense, and changes nothing", () => {
    const consul = new Consul();
    beforeAll(async () => {
      await consul.done("catalog/register", { ...node, Service: web });
    });
    const texts = (count: number) => Array.from({ length: count }, (_, at) => `t${at}`);
    const check = { CheckID: "c", Name: "c", Status: "passing" };

    it.each<readonly [string, unknown, number, string]>([
      ["no body", undefined, 400, "Must provide node"],
      ["no JSON", "{", 400, "Request decode failed"],
      ["a list", [], 400, "Request decode failed"],
      ["no node", { Address: "10.0.0.1" }, 400, "Must provide node"],
      ["no address", { Node: "n1" }, 400, "Must provide address if SkipNodeUpdate is not set"],
      ["a node that DNS cannot name", { ...node, Node: "n 1" }, 400, "Invalid node name"],
      ["an address that is none", { ...node, Address: "10.0.0.256" }, 400, "Invalid node: a node's address"],
      ["an id that is none", { ...node, ID: "x" }, 400, "Invalid node: a node's id"],
      [
        "too much meta",
        { ...node, NodeMeta: Object.fromEntries(texts(65).map((t) => [t, t])) },
        400,
        "Invalid node: meta",
      ],
      ["another datacenter", { ...node, Datacenter: "dc9" }, 500, "No path to datacenter"],
      ["an unknown member", { ...node, Colour: "red" }, 400, 'json: unknown field "Colour"'],
      ["a member twice", '{"Node":"n1","node":"n2","Address":"10.0.0.1"}', 400, "stands twice"],
      ["a service without a name", { ...node, Service: { ID: "x" } }, 400, "Missing service name"],
      ["a service that DNS cannot name", { ...node, Service: { Service: "w eb" } }, 400, "Invalid service name"],
      ["a service id with a slash", { ...node, Service: { Service: "web", ID: "a/b" } }, 400, "Invalid service ID"],
      ["a port out of range", { ...node, Service: { ...web, Port: 65_536 } }, 400, "Invalid service: port"],
      ["a negative port", { ...node, Service: { ...web, Port: -1 } }, 400, "Invalid service: port"],
      ["a fractional port", { ...node, Service: { ...web, Port: 1.5 } }, 400, "Request decode failed"],
      ["a port as text", { ...node, Service: { ...web, Port: "80" } }, 400, "Request decode failed"],
      ["10,000 tags", { ...node, Service: { ...web, Tags: texts(10_000) } }, 413, "too large"],
      ["65 tags", { ...node, Service: { ...web, Tags: texts(65) } }, 400, "Invalid service: tags"],
      ["tags that are none", { ...node, Service: { ...web, Tags: [1] } }, 400, "Request decode failed"],
      [
        "an address of a service that is none",
        { ...node, Service: { ...web, Address: "a b" } },
        400,
        "Invalid service: address",
      ],
      ["a service of the mesh", { ...node, Service: { ...web, Kind: "connect-proxy" } }, 400, "Invalid service Kind"],
      ["a proxy", { ...node, Service: { ...web, Proxy: { DestinationServiceName: "x" } } }, 400, "Invalid Proxy"],
      ["a sidecar", { ...node, Service: { ...web, Connect: { SidecarService: { Port: 1 } } } }, 400, "Invalid Connect"],
      [
        "an unknown member of a service",
        { ...node, Service: { ...web, Colour: 1 } },
        400,
        'unknown field "Service.Colour"',
      ],
      ["a check without a name", { ...node, Check: { Status: "passing" } }, 400, "Invalid check ID"],
      ["an unknown status", { ...node, Check: { ...check, Status: "bad" } }, 400, "Status for checks must"],
      ["a check twice", { ...node, Checks: [check, check] }, 400, "stands twice"],
      ["a check of another node", { ...node, Check: { ...check, Node: "n2" } }, 400, "does not match node"],
      ["a check of nobody", { ...node, Check: { ...check, ServiceID: "nope" } }, 500, "Missing service registration"],
      [
        "a check of a maintenance's name",
        { ...node, Check: { ...check, CheckID: "_node_maintenance" } },
        400,
        "reserved",
      ],
      [
        "the agent's own check",
        { ...node, Node: "synod", Check: { ...check, CheckID: "serfHealth" } },
        400,
        "reserved",
      ],
      [
        "an instance of another service",
        { ...node, Service: { ...web, Service: "db" } },
        409,
        'is registered as "web"',
      ],
    ])("%s", async (_, body, status, text) => {
      const before = await consul.indexed("catalog/nodes");
      const services = await consul.indexed("catalog/services");
      const refused = await consul.refusedPut("catalog/register", body);
      expect(refused).toEqual([status, expect.stringContaining(text)]);
      expect(await consul.indexed("catalog/nodes")).toEqual(before);
      expect(await consul.indexed("catalog/services")).toEqual(services);
      expect(await consul.json("health/state/any")).toMatchObject([{ CheckID: "serfHealth" }]);
    });
  });
});

describe("PUT /v1/catalog/deregister", () => {
  const check = { CheckID: "c", Name: "c", Status: "critical", ServiceID: "web-1" };
  const ofNode = { CheckID: "up", Name: "up", Status: "passing" };

  it("removes a check, a service, a node with all that is on it; and what is not there", async () => {
    const consul = new Consul();
    await consul.done("catalog/register", { ...node, Service: web, Checks: [check, ofNode] });
    await consul.done("catalog/register", { ...node, Service: { Service: "db", Port: 1 } });
    expect(await consul.done("catalog/deregister", { Node: "n1", CheckID: "c" })).toBe("true");
    expect(await consul.json("health/checks/web")).toEqual([]);
    await consul.done("catalog/deregister", { Node: "n1", CheckID: "up" });
    expect(await consul.json("health/node/n1")).toEqual([]);
    await consul.done("catalog/deregister", { Node: "n1", ServiceID: "web-1" });
    expect(await consul.json("catalog/services")).toEqual({ db: [] });
    await consul.done("catalog/deregister", { Node: "n1" });
    expect(await consul.json("catalog/services")).toEqual({});
    expect(pluck(await consul.json("catalog/nodes"), "Node")).toEqual(["synod"]);
    for (const gone of [{ Node: "n1" }, { Node: "n1", ServiceID: "x" }, { Node: "n1", CheckID: "x" }]) {
      expect(await consul.done("catalog/deregister", gone)).toBe("true");
    }
  });

  it("does not remember what a removed check said when it is registered again", async () => {
    const consul = new Consul();
    const passing = { ...check, Status: "passing" };
    await consul.done("catalog/register", { ...node, Service: web, Check: passing });
    await consul.done("catalog/deregister", { Node: "n1", CheckID: "c" });
    await consul.done("catalog/register", { ...node, Check: { ...check, Output: "new" } });
    expect(await consul.json("health/checks/web")).toMatchObject([{ Status: "critical", Output: "new" }]);
  });

  it.each<readonly [string, unknown, number, string]>([
    ["no node", {}, 400, "Must provide node"],
    ["the agent's node", { Node: "Synod" }, 400, "stands for the agent"],
    ["an unknown member", { Node: "n1", Service: "web" }, 400, 'unknown field "Service"'],
    ["another datacenter", { Node: "n1", Datacenter: "x" }, 500, "No path to datacenter"],
  ])("refuses %s", async (_, body, status, text) => {
    expect(await new Consul().refusedPut("catalog/deregister", body)).toEqual([status, expect.stringContaining(text)]);
  });
});

describe("reading the catalog", () => {
  const consul = new Consul();
  const ids = async (path: string) => pluck(await consul.json(path), "ServiceID");

  beforeAll(async () => {
    const region = (name: string) => ({ Locality: { Region: name } });
    const add = async (Node: string, rack: string, Service: Json) =>
      consul.done("catalog/register", { Node, Address: "10.0.0.1", NodeMeta: { rack, row: "1" }, Service });
    await add("n1", "a", {
      Service: "web",
      ID: "w1",
      Tags: ["v1", "Blue"],
      Port: 80,
      Meta: { canary: "no" },
      ...region("weur"),
    });
    await add("n2", "b", { Service: "web", ID: "w2", Tags: ["v2", "blue"], Port: 81, ...region("enam") });
    await add("n3", "b", { Service: "db", ID: "d1", Tags: ["primary"], ...region("enam") });
  });

  it.each<readonly [string, readonly string[]]>([
    ["catalog/service/web", ["w1", "w2"]],
    ["catalog/service/WEB", ["w1", "w2"]],
    ["catalog/service/nothing", []],
    ["catalog/service/web?tag=v1", ["w1"]],
    ["catalog/service/web?tag=BLUE", ["w1", "w2"]],
    ["catalog/service/web?tag=v2&tag=blue", ["w2"]],
    ["catalog/service/web?tag=v1&tag=v2", []],
    ["catalog/service/web?node-meta=rack:a", ["w1"]],
    ["catalog/service/web?node-meta=rack:b&node-meta=row:1", ["w2"]],
    ["catalog/service/web?node-meta=rack:b&node-meta=row:2", []],
    ["catalog/service/web?node-meta=toString:x", []],
    ["catalog/service/web?near=n2", ["w2", "w1"]],
    ["catalog/service/web?near=n1", ["w1", "w2"]],
    ["catalog/service/web?near=nowhere", ["w1", "w2"]],
    ["catalog/service/web?filter=ServicePort==81", ["w2"]],
    ["catalog/service/web?filter=ServiceMeta.canary==no", ["w1"]],
    ["catalog/service/web?filter=NodeMeta.rack==b", ["w2"]],
    ["catalog/service/web?filter=v2+in+ServiceTags+or+Node==n1", ["w1", "w2"]],
    ["catalog/service/web?stale", ["w1", "w2"]],
    ["catalog/service/web?consistent", ["w1", "w2"]],
  ])("%s", async (path, expected) => {
    expect(await ids(path)).toEqual(expected);
  });

  it("lists nodes and services by meta and filter", async () => {
    expect(pluck(await consul.json("catalog/nodes"), "Node")).toEqual(["n1", "n2", "n3", "synod"]);
    expect(pluck(await consul.json("catalog/nodes?node-meta=rack:b"), "Node")).toEqual(["n2", "n3"]);
    expect(pluck(await consul.json("catalog/nodes?filter=Meta.rack!=a"), "Node")).toEqual(["n2", "n3", "synod"]);
    expect(await consul.json("catalog/services")).toEqual({ db: ["primary"], web: ["Blue", "blue", "v1", "v2"] });
    expect(await consul.json("catalog/services?node-meta=rack:b")).toEqual({ db: ["primary"], web: ["blue", "v2"] });
    expect(await consul.json("catalog/services?filter=ServicePort==80")).toEqual({ web: ["Blue", "v1"] });
    const filtered = await consul.json<Json>("catalog/node-services/n1?filter=Port==1");
    expect(filtered["Services"]).toEqual([]);
  });

  it("puts together what does not fit one answer of a replica", async () => {
    const many = new Consul();
    const Meta = Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`m${at}`, "x".repeat(512)]));
    const names = Array.from({ length: 80 }, (_, at) => `w${String(at).padStart(2, "0")}`);
    await many.done("catalog/register", { Node: "n1", Address: "10.0.0.1" });
    const register = async (ID: string) =>
      many.done("catalog/register", { Node: "n1", SkipNodeUpdate: true, Service: { Service: "web", ID, Meta } });
    for (let from = 0; from < names.length; from += 8) await Promise.all(names.slice(from, from + 8).map(register));
    expect(pluck(await many.json("catalog/service/web"), "ServiceID")).toEqual(names);
    const node = await many.json<Json>("catalog/node/n1");
    expect(Object.keys(node["Services"] as Json)).toEqual(names);
    await many.done("catalog/deregister", { Node: "n1" });
    expect(await many.json("catalog/service/web")).toEqual([]);
  }, 30_000);

  it("answers null, or nothing, for a node that is not there", async () => {
    expect(await consul.json("catalog/node/nowhere")).toBeNull();
    expect(await consul.json("catalog/node-services/nowhere")).toEqual({ Node: null, Services: [] });
    expect(await consul.json("health/node/nowhere")).toEqual([]);
    expect(await consul.json("catalog/node/synod")).toMatchObject({ Node: { Node: "synod" }, Services: {} });
  });

  it.each<readonly [string, number, string]>([
    ["catalog/service/", 400, "Missing service name"],
    ["catalog/service/a%20b", 400, "Invalid service name"],
    ["catalog/node/", 400, "Missing node name"],
    ["catalog/node/a%2Fb", 400, "Invalid node name"],
    ["catalog/service/web?near=a%20b", 400, "Invalid node name"],
    [
      "catalog/service/web?filter=Port==80",
      400,
      'Failed to create boolean expression evaluator: Selector "Port" is not valid',
    ],
    ["catalog/nodes?filter=(", 400, "Failed to create boolean expression evaluator: 1:2 (1)"],
    ["catalog/services?filter=Colour==red", 400, "is not valid"],
    ["catalog/service/web?dc=elsewhere", 500, "No path to datacenter"],
    ["catalog/service/web?index=x", 400, "Invalid index"],
    ["catalog/service/web?wait=x", 400, "Invalid wait time"],
    ["catalog/service/web?stale&consistent", 400, "Cannot specify ?stale with ?consistent, conflicting semantics."],
    ["catalog/service/web?ns=team", 400, "Consul Enterprise"],
  ])("refuses %s", async (path, status, text) => {
    expect(await consul.refusedGet(path)).toEqual([status, expect.stringContaining(text)]);
  });
});

describe("native registrations", () => {
  it("are the agent's services, and the other way round", async () => {
    const ns = freshNamespace();
    const consul = new Consul(ns);
    const native = { address: "10.0.0.1", port: 8080, tags: ["v1"], meta: { zone: "a" }, ttl: 60 };
    expect((await putJson(`${ns}/services/web/i1`, native)).status).toBe(201);
    expect(await consul.json("catalog/service/web")).toMatchObject([
      { Node: "synod", ServiceID: "i1", ServiceAddress: "10.0.0.1", ServicePort: 8080, ServiceMeta: { zone: "a" } },
    ]);
    await consul.done("agent/service/register", { Name: "web", ID: "i2", Address: "10.0.0.2", Port: 1 });
    const listed: Json = await (await get(`${ns}/services/web`)).json();
    expect(pluck(listed["instances"] as Json[], "instance")).toEqual(["i1", "i2"]);
  });
});
