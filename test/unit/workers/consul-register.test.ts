/** What Consul's clients send to register: understood as a whole, or refused in Consul's words. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { agentNode } from "../../../src/registry/keys.ts";
import { decodeInstance, encodeInstance } from "../../../src/registry/records.ts";
import { regionName } from "../../../src/support/brand.ts";
import { utf8 } from "../../../src/support/bytes.ts";
import { ConsulError } from "../../../workers/consul/errors.ts";
import { Members, parsed } from "../../../workers/consul/json.ts";
import { callerOf, catalogCheckOf, checkOf, serviceOf, shortened } from "../../../workers/consul/register-body.ts";
import type { NewCheck, NewService } from "../../../workers/consul/register-body.ts";

const around = { node: agentNode, region: regionName("weur"), regions: ["weur", "enam"], address: "192.0.2.1" };
const members = (value: unknown): Members => new Members(parsed(utf8(JSON.stringify(value))));
const service = (value: unknown): NewService => serviceOf(members(value), "Name", around);

function check(value: object): NewCheck {
  const [only] = service({ Name: "web", Check: value }).checks;
  if (only === undefined) throw new Error("no check");
  return only;
}

describe("a service", () => {
  it("needs nothing but a name", () => {
    expect(service({ Name: "Web" })).toEqual({
      place: { service: "web", node: "synod", instance: "Web" },
      record: {
        address: "192.0.2.1",
        port: 0,
        protocol: "tcp",
        tags: [],
        meta: {},
        weights: { passing: 1, warning: 1 },
        region: "weur",
        ttlMs: null,
        checks: [],
        taggedAddresses: {},
        enableTagOverride: false,
      },
      checks: [],
    });
  });

  it("takes what clients send for nothing", () => {
    const nothing = { ID: "", Tags: null, Address: "", Meta: null, Weights: null, Check: null, Checks: [], Kind: "" };
    const mesh = {
      Proxy: { Mode: "", MeshGateway: {}, Expose: {} },
      Connect: { Native: false },
      Namespace: "",
      Partition: "default",
    };
    expect(service({ Name: "Web", ...nothing, ...mesh })).toEqual(service({ Name: "Web" }));
  });

  it("stands in the region that it names", () => {
    expect(service({ Name: "web", Locality: { Region: "enam", Zone: "x" } }).record.region).toBe("enam");
  });
});

describe("a check", () => {
  it.each<readonly [string, object, object]>([
    ["a TTL", { TTL: "1500ms" }, { kind: "ttl", ttlMs: 1500, check: "service:web", name: "Service 'web' check" }],
    ["a TTL in nanoseconds", { TTL: 2_000_000_000 }, { kind: "ttl", ttlMs: 2000 }],
    [
      "HTTP",
      {
        HTTP: "https://192.0.2.1/",
        Interval: "10s",
        method: "post",
        Header: { "X-A": ["b", "c"] },
        Body: "x",
        Timeout: "1m",
      },
      {
        kind: "http",
        url: "https://192.0.2.1/",
        intervalMs: 10_000,
        timeoutMs: 10_000,
        method: "POST",
        headers: { "X-A": "b, c" },
        body: "x",
      },
    ],
    [
      "TCP",
      { TCP: "[2001:db8::1]:80", Interval: "60s" },
      { kind: "tcp", host: "2001:db8::1", port: 80, timeoutMs: 10_000 },
    ],
    [
      "a short interval",
      { TCP: "db.internal:80", Interval: "1ms" },
      { kind: "tcp", host: "db.internal", intervalMs: 1000 },
    ],
    [
      "thresholds",
      { TCP: "h:1", Interval: "1s", SuccessBeforePassing: 2, FailuresBeforeCritical: 3, FailuresBeforeWarning: 3 },
      { successBeforePassing: 2, failuresBeforeCritical: 3 },
    ],
    ["an alias of a service", { AliasService: "db" }, { kind: "alias", node: "synod", instance: "db" }],
    ["an alias of a node", { AliasNode: "n1" }, { kind: "alias", node: "n1", instance: null }],
    ["a removal", { TTL: "1s", DeregisterCriticalServiceAfter: "90m" }, { deregisterAfterMs: 5_400_000 }],
    ["none", { TTL: "1s", DeregisterCriticalServiceAfter: "0s" }, { deregisterAfterMs: null }],
  ])("of %s", (_, sent, expected) => {
    expect(check(sent).definition).toMatchObject(expected);
  });

  it("says what it is told to say, or that it is critical", () => {
    expect(check({ TTL: "1s" })).toMatchObject({ state: { status: "critical", output: "" }, said: false });
    expect(check({ TTL: "1s", Status: "warning", Output: "x" })).toMatchObject({
      state: { status: "warning", output: "x" },
      said: true,
    });
  });

  it("of the catalog is whatever its monitor says", () => {
    const sent = { CheckID: "c", Name: "c", ServiceID: "web", Type: "http", Definition: { HTTP: "http://127.0.0.1/" } };
    expect(catalogCheckOf(members(sent), agentNode)).toMatchObject({
      instance: "web",
      check: { definition: { kind: "plain", check: "c" }, state: { status: "critical" } },
    });
  });
});

describe("what a client sends", () => {
  const names = [
    "Name",
    "ID",
    "Tags",
    "Address",
    "Port",
    "Meta",
    "Weights",
    "Check",
    "Checks",
    "TaggedAddresses",
    "Kind",
  ];
  const ofCheck = ["TTL", "HTTP", "TCP", "Interval", "Timeout", "Status", "CheckID", "AliasService", "Header", "Args"];
  const values = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.constantFrom<unknown>(
        "web",
        "10s",
        "-1s",
        "http://192.0.2.1/",
        "h:80",
        "passing",
        "",
        null,
        0,
        80,
        -1,
        1e9,
        [],
        {},
      ),
    },
    { weight: 1, arbitrary: fc.jsonValue() },
  );
  const one = (members: readonly string[]) => fc.dictionary(fc.constantFrom(...members), values, { maxKeys: 6 });
  const body = fc
    .tuple(one(names), fc.option(one(ofCheck)), fc.array(one(ofCheck), { maxLength: 3 }))
    .map(([own, Check, Checks]) => ({
      Name: "web",
      ...(Check === null ? {} : { Check }),
      ...(Checks.length === 0 ? {} : { Checks }),
      ...own,
    }));

  it("is a registration that can be stored, or a 400", () => {
    let stored = 0;
    fc.assert(
      fc.property(body, (sent) => {
        let read: NewService;
        try {
          read = service(sent);
        } catch (error) {
          expect(error).toBeInstanceOf(ConsulError);
          expect(error).toMatchObject({ status: 400 });
          return;
        }
        const record = { ...read.record, checks: read.checks.map(({ definition }) => definition) };
        expect(decodeInstance(encodeInstance(record))).toEqual(record);
        stored += 1;
      }),
      { numRuns: 2000 },
    );
    expect(stored).toBeGreaterThan(0);
  });

  it("is a check that can be stored, or a 400", () => {
    const owner = { node: agentNode, instance: null, id: null, name: "check" };
    fc.assert(
      fc.property(one([...ofCheck, "Name"]), (sent) => {
        try {
          expect(checkOf(members(sent), owner).definition.check).toMatch(/./);
        } catch (error) {
          expect(error).toBeInstanceOf(ConsulError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

it("cuts an output to what is kept, and never through a character", () => {
  expect(shortened("x".repeat(4096))).toHaveLength(4096);
  const long = shortened(`x${"😀".repeat(4000)}`);
  expect(long.length).toBeLessThanOrEqual(4096);
  expect(long.isWellFormed()).toBe(true);
});

it("knows a caller by the platform's word alone", () => {
  expect(callerOf(new Headers({ "cf-connecting-ip": "2001:db8::1" }))).toBe("2001:db8::1");
  expect(callerOf(new Headers({ "x-forwarded-for": "203.0.113.1" }))).toBe("127.0.0.1");
});
