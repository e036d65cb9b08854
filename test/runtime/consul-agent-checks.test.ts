/** The checks of Consul's agent through the real objects, its maintenance, and health by id and name. */
import { beforeAll, describe, expect, it } from "vitest";
import { freshNamespace, send } from "./api.ts";
import { Consul } from "./consul-registry.ts";
import type { Json } from "./consul-registry.ts";

type ById = Readonly<Record<string, Json>>;

const web = { Name: "web", ID: "web-1", Address: "10.0.0.1", Port: 80, Tags: ["v1"], Meta: { zone: "a" } };

describe("agent/check", () => {
  it("is set by PUT and by GET, with a note, and by update", async () => {
    const consul = new Consul();
    await consul.done("agent/service/register", { Name: "web", Check: { TTL: "1h" } });
    const check = async () => (await consul.json<ById>("agent/checks"))["service:web"];
    for (const [verb, status] of [
      ["pass", "passing"],
      ["warn", "warning"],
      ["fail", "critical"],
    ]) {
      expect(await consul.done(`agent/check/${verb}/service:web?note=it+is+${verb}`)).toBe("");
      expect(await check()).toMatchObject({ Status: status, Output: `it is ${verb}` });
      expect((await consul.get(`agent/check/${verb}/service:web`)).status).toBe(200);
      expect(await check()).toMatchObject({ Status: status, Output: "" });
    }
    await consul.done("agent/check/update/service:web", { Status: "warning", Output: "slow" });
    expect(await check()).toMatchObject({ Status: "warning", Output: "slow" });
    await consul.done("agent/check/update/service:web", { Status: "passing", Output: "o".repeat(5000) });
    expect(await check()).toMatchObject({
      Status: "passing",
      Output: expect.stringMatching(/^Captured 4032 of 5000 characters\n/) as unknown,
    });
  });

  it("is registered for a service, for the node, and removed again", async () => {
    const consul = new Consul();
    await consul.done("agent/service/register", web);
    await consul.done("agent/check/register", { Name: "mem", TTL: "1h", Status: "passing", ServiceID: "web-1" });
    await consul.done("agent/check/register", { ID: "disk", Name: "disk space", TTL: "1h", Notes: "n" });
    expect(await consul.json<ById>("agent/checks")).toMatchObject({
      mem: { Status: "passing", ServiceID: "web-1", ServiceName: "web", ServiceTags: ["v1"] },
      disk: { Status: "critical", ServiceID: "", Name: "disk space", Type: "ttl", Notes: "n" },
    });
    await consul.done("agent/check/warn/disk?note=90");
    expect(await consul.json("health/service/web")).toMatchObject([
      { Checks: [{ CheckID: "serfHealth" }, { CheckID: "disk", Status: "warning", Output: "90" }, { CheckID: "mem" }] },
    ]);
    await consul.done("agent/check/register", { Name: "mem", TTL: "1h", Status: "warning", ServiceID: "web-1" });
    expect((await consul.json<ById>("agent/checks"))["mem"]).toMatchObject({ Status: "warning" });
    await consul.done("agent/check/deregister/mem");
    expect((await consul.get("agent/check/deregister/disk")).status).toBe(200);
    expect(await consul.json("agent/checks")).toEqual({});
    expect(await consul.json("agent/services")).toHaveProperty("web-1");
  });

  it("is not set by HEAD, nor by a page in a browser", async () => {
    const consul = new Consul();
    await consul.done("agent/service/register", { Name: "web", Check: { TTL: "1h" } });
    const path = `${consul.at}/agent/check/pass/service:web`;
    expect((await send("HEAD", path)).status).toBe(405);
    for (const from of ["cross-site", "same-site"]) {
      expect((await send("GET", path, { headers: { "sec-fetch-site": from } })).status).toBe(403);
    }
    const shown = await consul.json<ById>("agent/checks");
    expect(shown["service:web"]).toMatchObject({ Status: "critical" });
    expect((await send("GET", path, { headers: { "sec-fetch-site": "same-origin" } })).status).toBe(200);
  });

  it("goes with its service", async () => {
    const consul = new Consul();
    await consul.done("agent/service/register", web);
    await consul.done("agent/check/register", { Name: "mem", TTL: "1h", ServiceID: "web-1" });
    await consul.done("agent/service/deregister/web-1");
    const [status] = await consul.refusedPut("agent/check/pass/mem");
    expect(status).toBe(404);
  });

  describe("refuses what makes no sense, and changes nothing", () => {
    const consul = new Consul();
    beforeAll(async () => {
      await consul.done("agent/service/register", { Name: "web", Check: { TTL: "1h" } });
      await consul.done("agent/check/register", {
        Name: "http",
        HTTP: "http://checked.invalid/",
        Interval: "1h",
        ServiceID: "web",
      });
      await consul.done("agent/service/maintenance/web?enable=true");
    });
    const unknown = 'Unknown check ID "nope". Ensure that the check ID is passed, not the check name.';
    it.each<readonly [string, unknown, number, string]>([
      ["agent/check/pass/nope", undefined, 404, unknown],
      ["agent/check/warn/nope", undefined, 404, unknown],
      ["agent/check/fail/nope", undefined, 404, unknown],
      ["agent/check/deregister/nope", undefined, 404, unknown],
      ["agent/check/update/nope", { Status: "passing" }, 404, unknown],
      ["agent/check/pass/a%20b", undefined, 404, "Unknown check ID"],
      ["agent/check/pass/", undefined, 400, "Missing check ID"],
      ["agent/check/pass/http", undefined, 500, 'CheckID "http" does not have associated TTL'],
      ["agent/check/pass/_service_maintenance:web", undefined, 500, "does not have associated TTL"],
      ["agent/check/deregister/_service_maintenance:web", undefined, 404, "Unknown check ID"],
      ["agent/check/update/service:web", { Status: "bad" }, 400, "Invalid check status: 'bad'"],
      ["agent/check/update/service:web", {}, 400, "Invalid check status: ''"],
      ["agent/check/update/service:web", { Status: "passing", Colour: 1 }, 400, "unknown field"],
      ["agent/check/update/service:web", { Status: "passing", Output: 1 }, 400, "cannot unmarshal number"],
      ["agent/check/register", {}, 400, "Missing check name"],
      ["agent/check/register", { Name: "x" }, 400, "TTL must be > 0"],
      ["agent/check/register", { Name: "x", TTL: "1s", ServiceID: "nope" }, 500, 'ServiceID "nope" does not exist'],
      ["agent/check/register", { Name: "x", TTL: "1s", ServiceID: "a b" }, 400, "Invalid ServiceID"],
      ["agent/check/register", { Name: "x y", TTL: "1s" }, 400, "Invalid check ID"],
      ["agent/check/register", { Name: "x", TTL: "1s", Colour: 1 }, 400, "unknown field"],
      ["agent/check/register", { Name: "serfHealth", TTL: "1s" }, 400, "reserved"],
    ])("PUT %s %j", async (path, body, status, text) => {
      const before = await consul.indexed("health/state/any");
      expect(await consul.refusedPut(path, body)).toEqual([status, expect.stringContaining(text)]);
      expect(await consul.indexed("health/state/any")).toEqual(before);
    });
  });
});

describe("maintenance", () => {
  it("of a service is a critical check, until it is over", async () => {
    const consul = new Consul();
    await consul.done("agent/service/register", web);
    expect(await consul.done("agent/service/maintenance/web-1?enable=true&reason=new+disk")).toBe("");
    const [shown] = await consul.json("health/checks/web");
    expect(shown).toMatchObject({
      CheckID: "_service_maintenance:web-1",
      Name: "Service Maintenance Mode",
      Status: "critical",
      Notes: "new disk",
      Output: "",
      ServiceID: "web-1",
      Type: "maintenance",
    });
    expect(await consul.json("health/service/web?passing")).toEqual([]);
    expect(await consul.json("agent/checks")).toHaveProperty("_service_maintenance:web-1");
    await consul.done("agent/service/maintenance/web-1?enable=false");
    expect(await consul.json("health/checks/web")).toEqual([]);
    await consul.done("agent/service/maintenance/web-1?enable=true");
    expect(await consul.json("health/checks/web")).toMatchObject([
      { Notes: "Maintenance mode is enabled for this service, but no reason was provided. This is a default message." },
    ]);
  });

  it("of the node takes all of the agent's services out, and no others", async () => {
    const consul = new Consul();
    await consul.done("agent/service/register", web);
    await consul.done("catalog/register", { Node: "n1", Address: "10.0.0.1", Service: { Service: "web" } });
    await consul.done("agent/maintenance?enable=true&reason=move");
    expect(await consul.json("health/service/web?passing")).toMatchObject([{ Node: { Node: "n1" } }]);
    expect(await consul.json("agent/checks")).toMatchObject({
      _node_maintenance: { Status: "critical", Notes: "move", ServiceID: "", Type: "maintenance" },
    });
    await consul.done("agent/maintenance?enable=false");
    expect(await consul.json("health/service/web?passing")).toHaveLength(2);
    expect(await consul.done("agent/maintenance?enable=false")).toBe("");
  });

  it.each<readonly [string, number, string]>([
    ["agent/service/maintenance/nope?enable=true", 404, 'No service registered with ID "nope"'],
    ["agent/service/maintenance/?enable=true", 400, "Missing service ID"],
    ["agent/service/maintenance/nope", 400, "Missing value for enable"],
    ["agent/service/maintenance/nope?enable=perhaps", 400, "Invalid value for enable"],
    ["agent/maintenance", 400, "Missing value for enable"],
    ["agent/maintenance?enable=perhaps", 400, "Invalid value for enable"],
  ])("refuses %s", async (path, status, text) => {
    expect(await new Consul().refusedPut(path)).toEqual([status, expect.stringContaining(text)]);
  });
});

describe("GET /v1/agent/health/service", () => {
  const consul = new Consul(freshNamespace());
  beforeAll(async () => {
    const add = async (ID: string, Name: string, Status: string) =>
      consul.done("agent/service/register", { Name, ID, Check: { TTL: "1h", Status } });
    await add("p", "web", "passing");
    await add("w", "web", "warning");
    await add("c", "db", "critical");
    await add("m", "cache", "passing");
    await consul.done("agent/service/maintenance/m?enable=true");
    await consul.done("catalog/register", { Node: "n1", Address: "10.0.0.1", Service: { Service: "elsewhere" } });
  });

  it.each<readonly [string, number, string]>([
    ["id/p", 200, "passing"],
    ["id/w", 429, "warning"],
    ["id/c", 503, "critical"],
    ["id/m", 503, "maintenance"],
    ["name/web", 429, "warning"],
    ["name/WEB", 429, "warning"],
    ["name/db", 503, "critical"],
    ["name/cache", 503, "maintenance"],
    ["id/nope", 404, "ServiceId nope not found"],
    ["id/a%20b", 404, "ServiceId a b not found"],
    ["name/nope", 404, "ServiceName nope Not Found"],
    ["name/elsewhere", 404, "ServiceName elsewhere Not Found"],
  ])("%s is %i %s", async (path, status, word) => {
    const text = await consul.get(`agent/health/service/${path}?format=text`);
    expect([text.status, await text.text(), text.headers.get("x-consul-reason")]).toEqual([status, word, word]);
    const json = await consul.get(`agent/health/service/${path}`);
    expect(json.status).toBe(status);
    expect(json.headers.get("content-type")).toBe("application/json");
    await json.text();
  });

  it("shows services with their checks", async () => {
    const one: Json = await (await consul.get("agent/health/service/id/w")).json();
    expect(one).toMatchObject({
      AggregatedStatus: "warning",
      Service: { ID: "w", Service: "web" },
      Checks: [{ CheckID: "serfHealth" }, { CheckID: "service:w", Status: "warning" }],
    });
    const all: readonly Json[] = await (await consul.get("agent/health/service/name/web")).json();
    expect(all.map((info) => info["AggregatedStatus"])).toEqual(["passing", "warning"]);
  });
});
