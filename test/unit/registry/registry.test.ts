import { describe, expect, test } from "vitest";
import { instancesOf, services } from "../../../src/registry/lookup.ts";
import { deregister, register } from "../../../src/registry/register.ts";
import { decodeRegistration, encodeRegistration, registration } from "../../../src/registry/registration.ts";
import type { Registration, RegistrationInput } from "../../../src/registry/registration.ts";
import { instanceKey, instanceLease, instanceName, placeOf, serviceName } from "../../../src/registry/service-keys.ts";
import type { InstancePlace } from "../../../src/registry/service-keys.ts";
import { instant, regionName } from "../../../src/support/brand.ts";
import type { ByteString } from "../../../src/support/brand.ts";
import { limits } from "../../../src/support/limits.ts";
import { utf8 } from "../../../src/support/bytes.ts";
import { Driver, put } from "../store/driver.ts";

const input: RegistrationInput = {
  address: "10.0.0.1",
  port: 8080,
  tags: ["blue", "v2"],
  meta: { version: "2", empty: "" },
  ttlMs: 10_000,
  region: "weur",
};

function valid(parts: Partial<RegistrationInput> = {}): Registration {
  const made = registration({ ...input, ...parts });
  if ("type" in made) throw new Error(made.reason);
  return made;
}

function place(service: string, instance: string): InstancePlace {
  const [name, own] = [serviceName(service), instanceName(instance)];
  if (name === null || own === null) throw new Error("not a name");
  return { service: name, instance: own };
}

const nameOf = (service: string) => place(service, "x").service;

describe("names", () => {
  test("a service is one DNS label, in either case the same", () => {
    expect(serviceName("Web-1")).toBe("web-1");
    expect(serviceName("a")).toBe("a");
    expect(serviceName("x".repeat(63))).not.toBeNull();
    for (const text of ["", "-a", "a-", "a.b", "a_b", "é", "x".repeat(64), "a\n"]) expect(serviceName(text)).toBeNull();
  });

  test("an instance has path characters only", () => {
    expect(instanceName("10.0.0.1:80")).toBe("10.0.0.1:80");
    for (const text of ["", "a/b", "a b", "x".repeat(129), "a\0"]) expect(instanceName(text)).toBeNull();
  });

  test("keys name their place and nothing else does", () => {
    expect(placeOf(instanceKey(place("Web", "i-1")))).toEqual({ service: "web", instance: "i-1" });
    for (const key of ["kweb\0i", "sweb", "s\0i", "sweb\0", "sweb\0i\0"]) expect(placeOf(key as ByteString)).toBeNull();
    expect(instanceLease(place("web", "i-1"))).toBe("service/web/i-1");
  });
});

describe("registrations", () => {
  test("come back as they were stored", () => {
    expect(decodeRegistration(encodeRegistration(valid()))).toEqual(input);
  });

  test("equal ones are equal byte for byte, whatever the order of meta", () => {
    const one = valid({ meta: { b: "1", a: "2", 10: "3" } });
    const two = valid({ meta: { 10: "3", a: "2", b: "1" } });
    expect(encodeRegistration(two)).toEqual(encodeRegistration(one));
  });

  test("meta may have any name, also one that objects give a meaning to", () => {
    const meta: unknown = JSON.parse('{"__proto__":"x"}');
    const stored = decodeRegistration(encodeRegistration(valid({ meta })));
    expect(Object.entries(stored?.meta ?? {})).toEqual([["__proto__", "x"]]);
  });

  test.each<Partial<RegistrationInput>>([
    { address: "" },
    { address: "a b" },
    { address: "x".repeat(256) },
    { address: 7 },
    { port: -1 },
    { port: 65_536 },
    { port: 1.5 },
    { port: "80" },
    { tags: "blue" },
    { tags: [""] },
    { tags: [7] },
    { tags: Array.from({ length: 65 }, () => "t") },
    { tags: ["x".repeat(129)] },
    { meta: [] },
    { meta: null },
    { meta: { a: 7 } },
    { meta: { "": "x" } },
    { meta: { a: "x".repeat(513) } },
    { meta: Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`k${n}`, "v"])) },
    { ttlMs: 999 },
    { ttlMs: 86_400_001 },
    { ttlMs: Number.NaN },
    { region: "WEUR" },
    { region: undefined },
  ])("with %j are refused with a reason", (parts) => {
    expect(registration({ ...input, ...parts })).toMatchObject({
      type: "rejected",
      reason: expect.any(String) as string,
    });
  });

  test.each(["", "7", "null", "[]", "{}", '{"address":"a"}'])("are not read from %s", (text) => {
    expect(decodeRegistration(utf8(text))).toBeNull();
  });
  test("are not read with a part too many", () => {
    expect(decodeRegistration(utf8(JSON.stringify({ ...valid(), extra: 1 })))).toBeNull();
    expect(decodeRegistration(new Uint8Array([255]))).toBeNull();
  });
});

describe("registering", () => {
  test("the same again renews the lease only, in one row", () => {
    const driver = new Driver();
    const at = place("web", "one");
    expect(driver.one(register(at, valid()))).toMatchObject({ type: "put", revision: 2 });
    driver.now += 1_000;
    const rows = driver.rowsWritten(() => {
      expect(driver.one(register(at, valid()))).toMatchObject({ renewedOnly: true, revision: 2 });
    });
    expect(rows).toBe(2);
    expect(driver.store.lease(instanceLease(at))).toMatchObject({
      renewal: 2,
      renewedAt: driver.now,
      ttlMs: 10_000,
    });
  });

  test("something else is a new revision of the same instance", () => {
    const driver = new Driver();
    driver.one(register(place("web", "one"), valid()));
    driver.one(register(place("web", "one"), valid({ port: 81 })));
    expect(instancesOf(driver.store, nameOf("web"))).toMatchObject({
      revision: 3,
      instances: [{ port: 81, modRevision: 3, createRevision: 2 }],
    });
  });

  test("[E1] an instance that stops renewing goes by an expire command, and not before", () => {
    const driver = new Driver();
    driver.one(register(place("web", "one"), valid()));
    driver.one(register(place("web", "two"), valid({ ttlMs: 60_000 })));
    driver.now += 20_000;
    driver.apply();
    expect(instancesOf(driver.store, nameOf("web")).instances).toHaveLength(2);
    for (const lease of driver.store.dueLeases(instant(driver.now), 10)) {
      driver.one({ type: "expire", lease: lease.id, renewal: lease.renewal });
    }
    expect(instancesOf(driver.store, nameOf("web")).instances).toMatchObject([{ instance: "two" }]);
  });

  test("removing takes the instance and its lease", () => {
    const driver = new Driver();
    const at = place("web", "one");
    driver.one(register(at, valid()));
    expect(driver.one(deregister(at))).toMatchObject({ type: "deleted", existed: true });
    expect(instancesOf(driver.store, at.service).instances).toEqual([]);
    expect(driver.store.lease(instanceLease(at))).toBeNull();
  });
});

describe("lookups", () => {
  const filled = () => {
    const driver = new Driver();
    const all: [string, string, Partial<RegistrationInput>][] = [
      ["web", "b", { tags: ["blue"] }],
      ["web", "a", { tags: ["green"], region: "enam" }],
      ["web", "c", { tags: ["blue", "green"], region: "enam" }],
      ["web-2", "a", {}],
      ["api", "z", {}],
      ["we", "a", {}],
    ];
    for (const [service, instance, parts] of all) driver.one(register(place(service, instance), valid(parts)));
    driver.one(put("web", "a client's key of the same name"));
    return driver;
  };
  const names = (driver: Driver, query = {}) =>
    instancesOf(driver.store, nameOf("web"), query).instances.map((one) => one.instance);

  test("find the instances of one service, in order, by tag and region", () => {
    const driver = filled();
    expect(names(driver)).toEqual(["a", "b", "c"]);
    expect(names(driver, { tag: "blue" })).toEqual(["b", "c"]);
    expect(names(driver, { region: regionName("enam") })).toEqual(["a", "c"]);
    expect(names(driver, { tag: "blue", region: regionName("enam") })).toEqual(["c"]);
    expect(names(driver, { after: instanceName("a") })).toEqual(["b", "c"]);
    expect(instancesOf(driver.store, nameOf("WEB")).instances[0]).toEqual({
      ...valid({ tags: ["green"], region: "enam" }),
      service: "web",
      instance: "a",
      createRevision: 3,
      modRevision: 3,
    });
    expect(instancesOf(driver.store, nameOf("none"))).toEqual({ instances: [], more: false, revision: 8 });
  });

  test("list services with their counts, in pages", () => {
    const { store } = filled();
    expect(services(store, 10)).toEqual({
      services: [
        { name: "api", instances: 1 },
        { name: "we", instances: 1 },
        { name: "web", instances: 3 },
        { name: "web-2", instances: 1 },
      ],
      more: false,
      revision: 8,
    });
    expect(services(store, 2)).toMatchObject({ services: [{ name: "api" }, { name: "we" }], more: true });
    expect(services(store, 2, nameOf("we"))).toMatchObject({
      services: [{ name: "web" }, { name: "web-2" }],
      more: false,
    });
    expect(services(new Driver().store, 2)).toEqual({ services: [], more: false, revision: 1 });
  });

  test("step over what is not the registry's own", () => {
    const driver = filled();
    const value = utf8("not a registration");
    for (const key of ["sodd", "sweb\0d"] as ByteString[]) {
      driver.one({ type: "put", key, value, condition: { type: "always" } });
    }
    expect(names(driver)).toEqual(["a", "b", "c"]);
    expect(services(driver.store, 10).services.map((one) => one.name)).toEqual(["api", "we", "web", "web-2"]);
  });

  test("answer a bounded number of instances, and go on after the last", () => {
    const driver = new Driver();
    const instances = Array.from({ length: limits.instancesPerLookup + 5 }, (_, n) => String(n).padStart(5, "0"));
    for (let from = 0; from < instances.length; from += 500) {
      const some = instances.slice(from, from + 500).map((own) => driver.command(register(place("web", own), valid())));
      driver.apply(...some);
    }
    const first = instancesOf(driver.store, nameOf("web"));
    expect([first.instances.length, first.more]).toEqual([limits.instancesPerLookup, true]);
    const after = first.instances.at(-1)?.instance;
    expect(after).toBeDefined();
    if (after !== undefined)
      expect(instancesOf(driver.store, nameOf("web"), { after })).toMatchObject({
        more: false,
        instances: { length: 5 },
      });
    expect(services(driver.store, 1).services).toEqual([{ name: "web", instances: limits.instancesPerLookup }]);
  });
});
