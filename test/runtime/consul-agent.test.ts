/** Consul's agent through the real objects: its services. Its checks: `consul-agent-checks.test.ts`. */
import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import worker from "../../workers/gateway.ts";
import { Consul } from "./consul-registry.ts";
import type { Json } from "./consul-registry.ts";

type ById = Readonly<Record<string, Json>>;

const web = { Name: "web", ID: "web-1", Address: "10.0.0.1", Port: 80, Tags: ["v1"], Meta: { zone: "a" } };

describe("PUT /v1/agent/service/register", () => {
  it("registers, with an empty answer, and shows it", async () => {
    const consul = new Consul();
    expect(await consul.done("agent/service/register", { ...web, Weights: { Passing: 3, Warning: 2 } })).toBe("");
    const tagged = { Address: "10.0.0.1", Port: 80 };
    const shown = {
      ID: "web-1",
      Service: "web",
      Tags: ["v1"],
      Meta: { zone: "a" },
      Port: 80,
      Address: "10.0.0.1",
      TaggedAddresses: { lan_ipv4: tagged, wan_ipv4: tagged },
      Weights: { Passing: 3, Warning: 2 },
      EnableTagOverride: false,
      Datacenter: "synod",
    };
    expect(await consul.json("agent/services")).toEqual({ "web-1": shown });
    const hash = expect.stringMatching(/^[0-9a-f]{16}$/) as unknown;
    expect(await consul.json("agent/service/web-1")).toEqual({ ...shown, ContentHash: hash });
    expect(await consul.json("agent/services?filter=Port==81")).toEqual({});
    expect(await consul.json("agent/services?filter=Meta.zone==a+and+v1+in+Tags")).toHaveProperty("web-1");
  });

  it("takes the address that the request came from where none is said", async () => {
    const consul = new Consul();
    const address = async () => (await consul.json<Json>("agent/service/web"))["Address"];
    const from = async (ip: string) =>
      consul.put("agent/service/register", { Name: "web", Port: 1 }, ip === "" ? {} : { "cf-connecting-ip": ip });
    for (const [ip, expected] of [
      ["", "127.0.0.1"],
      ["203.0.113.7", "203.0.113.7"],
      ["2001:db8::1", "2001:db8::1"],
      ["nonsense", "127.0.0.1"],
    ] as const) {
      expect((await from(ip)).status).toBe(200);
      expect(await address()).toBe(expected);
    }
  });

  it("names checks by their service, and takes python's and JavaScript's spelling", async () => {
    const consul = new Consul();
    await consul.done("agent/service/register", {
      name: "one",
      id: null,
      tags: null,
      check: { ttl: "10s", notes: "n" },
    });
    const Checks = [
      { TTL: "10s" },
      { http: "http://checked.invalid/", interval: "10s", timeout: "2s", header: { a: ["b", "c"] } },
      { CheckID: "own", Name: "Own", TCP: "checked.invalid:80", Interval: "500ms" },
      { AliasService: "one" },
    ];
    await consul.done("agent/service/register", { Name: "two", Checks });
    expect(await consul.json<ById>("agent/checks")).toMatchObject({
      "service:one": { Name: "Service 'one' check", Type: "ttl", Status: "critical", Notes: "n", ServiceID: "one" },
      "service:two:1": { Type: "ttl", Status: "critical", Node: "synod", ServiceName: "two" },
      "service:two:2": { Type: "http", Status: "critical", Interval: "10s", Timeout: "2s" },
      own: { Name: "Own", Type: "tcp", Interval: "1s", Timeout: "1s" },
      "service:two:4": { Type: "alias", Status: "critical" },
    });
    await consul.done("agent/check/pass/service:one");
    expect(await consul.json<ById>("agent/checks?filter=Type==alias")).toMatchObject({
      "service:two:4": { Status: "passing" },
    });
  });

  it("keeps what checks say, and checks that are not sent unless ?replace-existing-checks", async () => {
    const consul = new Consul();
    await consul.done("agent/service/register", { ...web, Checks: [{ TTL: "1h" }, { TTL: "1h" }] });
    await consul.done("agent/check/pass/service:web-1:1");
    await consul.done("agent/service/register", { ...web, Port: 81 });
    const checks = async () =>
      Object.entries(await consul.json<ById>("agent/checks")).map(([id, one]) => [id, one["Status"]]);
    expect(await checks()).toEqual([
      ["service:web-1:1", "passing"],
      ["service:web-1:2", "critical"],
    ]);
    await consul.done("agent/service/register?replace-existing-checks=true", {
      ...web,
      Check: { CheckID: "c", TTL: "1h" },
    });
    expect(await checks()).toEqual([["c", "critical"]]);
    await consul.done("agent/service/register?replace-existing-checks", web);
    expect(await checks()).toEqual([]);
    await consul.done("agent/service/register", { ...web, Checks: [{ TTL: "1h" }, { TTL: "1h" }] });
    expect(await checks()).toEqual([
      ["service:web-1:1", "critical"],
      ["service:web-1:2", "critical"],
    ]);
  });

  it("changes nothing when it says the same again", async () => {
    const consul = new Consul();
    const sent = { ...web, Check: { TTL: "1h", Status: "passing" } };
    await consul.done("agent/service/register", sent);
    const before = await consul.indexed("health/service/web");
    await consul.done("agent/service/register", sent);
    expect(await consul.indexed("health/service/web")).toEqual(before);
  });

  it("keeps the checks of all who register the same service at the same time", async () => {
    const consul = new Consul();
    const ids = ["a", "b", "c", "d"];
    await Promise.all(
      ids.map(async (CheckID) => consul.done("agent/service/register", { ...web, Check: { CheckID, TTL: "1h" } })),
    );
    expect(Object.keys(await consul.json<ById>("agent/checks")).toSorted()).toEqual(ids);
  });

  describe("refuses what makes no sense, and changes nothing", () => {
    const consul = new Consul();
    const before = new Map<string, unknown>();
    const look = async () => [await consul.json("agent/services"), await consul.json("agent/checks")];
    beforeAll(async () => {
      await consul.done("agent/service/register", { ...web, Check: { TTL: "1h" } });
      before.set("all", await look());
    });

    const withCheck = (check: unknown) => ({ ...web, Check: check });
    const http = { HTTP: "http://checked.invalid/", Interval: "10s" };
    it.each<readonly [string, unknown, number, string]>([
      ["nothing", {}, 400, "Missing service name"],
      ["no JSON", "nonsense", 400, "Request decode failed"],
      ["an empty name", { Name: "" }, 400, "Missing service name"],
      ["a name that is none", { Name: "a.b" }, 400, "Invalid service name"],
      ["a name too long", { Name: "a".repeat(64) }, 400, "Invalid service name"],
      ["an id that is none", { ...web, ID: "a b" }, 400, "Invalid service ID"],
      ["an unknown member", { ...web, Colour: 1 }, 400, 'unknown field "Colour"'],
      ["a wrong type", { ...web, EnableTagOverride: "yes" }, 400, "cannot unmarshal string"],
      ["weights out of range", { ...web, Weights: { Passing: 65_536, Warning: 1 } }, 400, "Invalid service: weights"],
      ["a strange weight", { ...web, Weights: { Passing: 1, Failing: 1 } }, 400, "unknown field"],
      [
        "tagged addresses that are none",
        { ...web, TaggedAddresses: { lan: { Address: "x y" } } },
        400,
        "taggedAddresses",
      ],
      ["a region that is not here", { ...web, Locality: { Region: "us-west-1" } }, 400, "Invalid Locality.Region"],
      ["a namespace", { ...web, Namespace: "team" }, 400, "Consul Enterprise"],
      ["a socket", { ...web, SocketPath: "/run/x" }, 400, "SocketPath"],
      ["a proxy", { ...web, Kind: "connect-proxy" }, 400, "no service mesh"],
      ["a sidecar", { ...web, Connect: { SidecarService: {}, Native: true } }, 400, "no service mesh"],
      ["a check of no kind", withCheck({ Name: "x" }), 400, "Invalid check: TTL must be > 0 for TTL checks"],
      ["a check of two kinds", withCheck({ ...http, TTL: "10s" }), 400, "Interval and TTL cannot both be specified"],
      ["a check of two active kinds", withCheck({ ...http, TCP: "h:1" }), 400, "cannot both be specified"],
      ["no interval", withCheck({ HTTP: "http://checked.invalid/" }), 400, "Interval must be > 0"],
      ["a negative interval", withCheck({ ...http, Interval: "-10s" }), 400, "Interval must be > 0"],
      ["an interval that is none", withCheck({ ...http, Interval: "soon" }), 400, "invalid duration"],
      ["an interval too long", withCheck({ ...http, Interval: "2h" }), 400, "Invalid check: a check's interval"],
      ["a negative timeout", withCheck({ ...http, Timeout: "-1s" }), 400, "Timeout must not be negative"],
      ["a TTL too short", withCheck({ TTL: "10ms" }), 400, "Invalid check: a check's ttl"],
      ["a negative TTL", withCheck({ TTL: "-10s" }), 400, "TTL must be > 0"],
      ["an alias with a TTL", withCheck({ AliasService: "x", TTL: "1s" }), 400, "for Alias checks"],
      ["a script", withCheck({ Args: ["sh"], Interval: "10s" }), 400, "Synod runs no checks of the kind Args"],
      ["gRPC", withCheck({ GRPC: "x:1", Interval: "10s" }), 400, "Synod runs no checks of the kind GRPC"],
      ["unverified certificates", withCheck({ ...http, TLSSkipVerify: true }), 400, "certificates are always verified"],
      ["no port", withCheck({ TCP: "checked.invalid", Interval: "10s" }), 400, "TCP must be host:port"],
      ["a strange header", withCheck({ ...http, Header: { a: "b" } }), 400, "must be a list of strings"],
      ["an unknown status", withCheck({ TTL: "1s", Status: "good" }), 400, "Status for checks must"],
      [
        "a negative removal",
        withCheck({ TTL: "1s", DeregisterCriticalServiceAfter: "-1s" }),
        400,
        "must not be negative",
      ],
      ["a removal too soon", withCheck({ TTL: "1s", DeregisterCriticalServiceAfter: "1ms" }), 400, "deregisterAfter"],
      ["a check's unknown member", withCheck({ TTL: "1s", Colour: 1 }), 400, 'unknown field "Check.Colour"'],
      ["a check's id that is none", withCheck({ TTL: "1s", CheckID: "a b" }), 400, "Invalid check ID"],
      ["a check's reserved id", withCheck({ TTL: "1s", CheckID: "serfHealth" }), 400, "reserved"],
      ["thresholds of a TTL", withCheck({ TTL: "1s", FailuresBeforeCritical: 3 }), 400, "is for HTTP and TCP checks"],
      ["a method of a TTL", withCheck({ TTL: "1s", Method: "PUT" }), 400, "is for HTTP checks"],
      [
        "a check twice",
        {
          ...web,
          Checks: [
            { TTL: "1s", CheckID: "x" },
            { TTL: "1s", CheckID: "x" },
          ],
        },
        400,
        "stands twice",
      ],
      ["17 checks", { ...web, Checks: Array.from({ length: 17 }, () => ({ TTL: "1s" })) }, 400, "at most 16 checks"],
      [
        "17 checks with those that are there",
        { ...web, Checks: Array.from({ length: 16 }, () => ({ TTL: "1s" })) },
        400,
        "at most 16",
      ],
      ["an id of another service", { ...web, Name: "db" }, 409, 'is registered as "web"'],
    ])("%s", async (_, body, status, text) => {
      const refused = await consul.refusedPut("agent/service/register", body);
      expect(refused).toEqual([status, expect.stringContaining(text)]);
      expect(await look()).toEqual(before.get("all"));
    });
  });
});

describe("where checks may ask public addresses only", () => {
  it.each([
    ["loopback", { HTTP: "http://127.0.0.1:8500/", Interval: "10s" }, "loopback"],
    ["loopback in disguise", { HTTP: "http://0x7f.1/", Interval: "10s" }, "loopback"],
    ["loopback in IPv6", { TCP: "[::1]:8500", Interval: "10s" }, "loopback"],
    ["a private network", { TCP: "10.0.0.1:80", Interval: "10s" }, "private"],
    ["the link's own addresses", { HTTP: "http://169.254.169.254/", Interval: "10s" }, "linkLocal"],
    ["a name of this machine", { HTTP: "http://localhost:8500/", Interval: "10s" }, "localhost"],
    ["a file", { HTTP: "file:///etc/passwd", Interval: "10s" }, "http:// or https://"],
  ])("a check of %s is refused, and nothing changed", async (_, Check, why) => {
    const consul = new Consul();
    const body = JSON.stringify({ Name: "web", Address: "10.0.0.1", Port: 80, Check });
    const url = `http://synod.test${consul.at}/agent/service/register`;
    const context = createExecutionContext();
    const { SYNOD_CHECK_PRIVATE: _allowed, ...strict } = env;
    const response = await worker.fetch(new Request(url, { method: "PUT", body }), strict, context);
    expect([response.status, await response.text()]).toEqual([400, expect.stringContaining(why)]);
    expect(await consul.json("agent/services")).toEqual({});
  });
});

describe("agent/service/deregister", () => {
  it("removes a service with its checks, by PUT and by GET", async () => {
    const consul = new Consul();
    await consul.done("agent/service/register", { ...web, Check: { CheckID: "c", TTL: "1h" } });
    expect(await consul.done("agent/service/deregister/web-1")).toBe("");
    expect(await consul.json("agent/services")).toEqual({});
    expect(await consul.json("agent/checks")).toEqual({});
    await consul.done("agent/service/register", { Name: "web", Check: { CheckID: "c", TTL: "1h" } });
    expect((await consul.get("agent/service/deregister/web")).status).toBe(200);
    expect(await consul.json("agent/services")).toEqual({});
  });

  it("refuses what is not there", async () => {
    const consul = new Consul();
    const unknown = 'Unknown service ID "nope". Ensure that the service ID is passed, not the service name.';
    expect(await consul.refusedPut("agent/service/deregister/nope")).toEqual([404, unknown]);
    expect(await consul.refusedPut("agent/service/deregister/a%20b")).toEqual([
      404,
      expect.stringContaining("Unknown"),
    ]);
    expect(await consul.refusedPut("agent/service/deregister/")).toEqual([400, "Missing service ID"]);
    expect(await consul.refusedGet("agent/service/nope")).toEqual([404, "unknown service ID: nope"]);
  });
});

describe("GET /v1/agent/service/:id?hash=", () => {
  it("waits until the service is another one", async () => {
    const consul = new Consul();
    await consul.done("agent/service/register", { ...web, Check: { TTL: "1h" } });
    const first = await consul.get("agent/service/web-1");
    const hash = first.headers.get("x-consul-contenthash") ?? "";
    expect(await first.json()).toMatchObject({ ContentHash: hash });
    expect((await consul.get(`agent/service/web-1?hash=${hash}&wait=10ms`)).headers.get("x-consul-contenthash")).toBe(
      hash,
    );
    const state = { answered: false };
    const asked = consul.json<Json>(`agent/service/web-1?hash=${hash}&wait=60s`).then((one) => {
      state.answered = true;
      return one;
    });
    await consul.done("agent/service/register", { Name: "db" });
    // What its checks say is no part of it.
    await consul.done("agent/check/pass/service:web-1");
    expect(state.answered).toBe(false);
    await consul.done("agent/service/register", { ...web, Port: 81 });
    expect(await asked).toMatchObject({ Port: 81 });
    const other = (await asked)["ContentHash"];
    expect(other).not.toBe(hash);
    const going = consul.get(`agent/service/web-1?hash=${String(other)}&wait=60s`);
    await consul.done("agent/service/deregister/web-1");
    expect((await going).status).toBe(404);
  });
});
