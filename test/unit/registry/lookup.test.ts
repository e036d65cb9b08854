import { describe, expect, test } from "vitest";
import { agentNode, allServices } from "../../../src/registry/keys.ts";
import {
  everything,
  findChecks,
  findInstance,
  findInstances,
  findNodes,
  findServices,
} from "../../../src/registry/lookup.ts";
import type { RegistryReads } from "../../../src/registry/lookup.ts";
import * as operations from "../../../src/registry/register.ts";
import { decodeInstance } from "../../../src/registry/records.ts";
import type { CheckDefinition, CheckStatus } from "../../../src/registry/model.ts";
import { limits } from "../../../src/support/limits.ts";
import { utf8 } from "../../../src/support/bytes.ts";
import { integerBetween, seededRandom } from "../../../src/support/random.ts";
import type { ByteString } from "../../../src/support/brand.ts";
import { put } from "../store/driver.ts";
import { Registry, checks, nodeOf, placeOf, recordOf, serviceOf } from "./examples.ts";

const [ttl, http, , alias, plain] = checks;
const web1 = placeOf("web", "web-1");
const say = (status: CheckStatus, output = "") => ({ status, output });

/** Sets a check as the doors do, by what is registered. */
function set(registry: Registry, of: typeof web1, check: CheckDefinition, status: CheckStatus, output = "") {
  const { instance } = findInstance(registry.driver.store, of.node, of.instance);
  if (instance === null) throw new Error("not registered");
  return registry.do(operations.setState(of, instance, check, say(status, output)));
}

describe("lookups", () => {
  test("an index is its own service's: what happens elsewhere leaves it", () => {
    const registry = new Registry();
    registry.register(web1);
    registry.register(placeOf("web-2", "x"));
    registry.register(placeOf("we", "y"));
    const { index } = registry.find("web");
    registry.register(placeOf("web-2", "x"), { port: 1 });
    registry.do(operations.deregister(placeOf("we", "y"), []), put("web", "a client's key of the same name"));
    expect(registry.find("web").index).toBe(index);
    registry.do(operations.deregister(web1, []));
    expect(registry.find("web")).toMatchObject({ index: registry.driver.store.revision, instances: [] });
    expect(registry.find("none").index).toBe(1);
  });

  test("[S4] a service of which only a check is left is no service, nor a reason to ask for more", () => {
    const registry = new Registry();
    registry.register(placeOf("a", "x"), { ttlMs: null });
    registry.register(placeOf("b", "y"), { ttlMs: 2_000, checks: [ttl] }, { initial: { beat: say("passing") } });
    expect(findServices(registry.driver.store, 1, null)).toMatchObject({ services: [{ name: "a" }], more: true });
    registry.pass(3_000);
    expect(registry.find("b").instances).toEqual([]);
    expect(registry.driver.store.count("sb\0" as ByteString, 10)).toBe(1);
    expect(findServices(registry.driver.store, 1, null)).toMatchObject({ services: [{ name: "a" }], more: false });
  });

  test("[S5] who stands for somebody who is not there rests on all services: he may come under any", () => {
    const registry = new Registry();
    registry.register(web1, { checks: [alias] });
    const before = registry.find("web");
    registry.register(placeOf("db", "db-1"));
    const after = registry.find("web");
    expect([before, after].map(({ instances }) => instances[0]?.status)).toEqual(["critical", "passing"]);
    expect(after.index).toBe(registry.driver.store.revision);
    expect(before.ranges).toContainEqual(allServices);
    expect(after.ranges).not.toContainEqual(allServices);
  });

  test("an index is that of the nodes too that its instances stand on, and of no others", () => {
    const registry = new Registry();
    const [afar, check] = [nodeOf("afar"), { definition: plain, state: say("passing") }];
    registry.register(placeOf("web", "web-1", afar));
    const index = () => registry.find("web").index;
    const before = index();
    registry.do(...operations.putNodeCheck(agentNode, check));
    expect(index()).toBe(before);
    registry.do(...operations.putNodeCheck(afar, check));
    expect(index()).toBe(registry.driver.store.revision);
    // Whoever comes changes the service itself, and brings the node along.
    registry.register(placeOf("web", "web-2"));
    registry.do(...operations.putNodeCheck(agentNode, { ...check, state: say("critical", "again") }));
    expect(index()).toBe(registry.driver.store.revision);
    expect(registry.find("none").ranges).toHaveLength(1);
  });

  test("list services with their counts and tags, in pages, by prefix", () => {
    const registry = new Registry();
    for (const [service, instance, tags] of [
      ["web", "b", ["z", "a"]],
      ["web", "a", ["a"]],
      ["web-2", "c", []],
      ["api", "d", []],
      ["we", "e", []],
    ] as const) {
      registry.register(
        placeOf(service, instance),
        { tags, checks: [plain] },
        { initial: { "by-hand": say("passing") } },
      );
    }
    const { store } = registry.driver;
    expect(findServices(store, 10, null)).toMatchObject({
      services: [
        { name: "api", instances: 1, tags: [] },
        { name: "we", instances: 1, tags: [] },
        { name: "web", instances: 2, tags: ["a", "z"] },
        { name: "web-2", instances: 1, tags: [] },
      ],
      more: false,
    });
    const names = (limit: number, after: string | null, prefix?: string) =>
      findServices(store, limit, after === null ? null : serviceOf(after), prefix).services.map(({ name }) => name);
    expect(names(2, null)).toEqual(["api", "we"]);
    expect(names(2, "we")).toEqual(["web", "web-2"]);
    expect(names(9, null, "web")).toEqual(["web", "web-2"]);
    expect(names(9, "api", "web")).toEqual(["web", "web-2"]);
    expect(names(9, "web", "web")).toEqual(["web-2"]);
    expect(findServices(new Registry().driver.store, 2, null)).toMatchObject({ services: [], more: false, index: 1 });
  });

  test("list checks, by status, region and kind, in pages", () => {
    const registry = new Registry();
    const { store } = registry.driver;
    const wanted = { status: null, region: null, activeOnly: false, limit: 10, after: null };
    for (const [index, region] of ["oc", "weur", "oc"].entries()) {
      registry.register(placeOf(`s${index}`, `i${index}`), { region, checks: [http, plain] });
    }
    registry.do(...operations.putNodeCheck(agentNode, { definition: plain, state: say("warning") }));
    set(registry, placeOf("s1", "i1"), plain, "passing");
    const all = findChecks(store, wanted);
    expect([all.checks.length, all.next]).toEqual([7, null]);
    const found = (parts: Partial<typeof wanted> | object) =>
      findChecks(store, { ...wanted, ...parts }).checks.map(
        (one) => `${one.instance ?? "-"}/${one.view.definition.check}`,
      );
    expect(found({ status: "passing" })).toEqual(["i1/by-hand"]);
    expect(found({ status: "warning" })).toEqual(["-/by-hand"]);
    expect(found({ activeOnly: true, region: "oc" })).toEqual(["i0/front", "i2/front"]);
    const pages: string[] = [];
    let after: ByteString | null = null;
    do {
      const page: ReturnType<typeof findChecks> = findChecks(store, { ...wanted, limit: 1, after });
      pages.push(...page.checks.map((one) => `${one.instance ?? "-"}/${one.view.definition.check}`));
      after = page.next;
    } while (after !== null);
    expect(pages).toEqual(all.checks.map((one) => `${one.instance ?? "-"}/${one.view.definition.check}`));
  });

  test("step over what is not the registry's own", () => {
    const registry = new Registry();
    registry.register(web1);
    const value = utf8("not a record");
    for (const key of ["sodd", "sweb\0d", "sweb\0insynod\0x", "sweb\0csynod\0web-1\0c", "s!nx"] as ByteString[]) {
      registry.do({ type: "put", key, value, condition: { type: "always" } });
    }
    expect(decodeInstance(value)).toBeNull();
    expect(registry.names("web")).toEqual(["web-1"]);
    expect(findServices(registry.driver.store, 10, null).services.map(({ name }) => name)).toEqual(["web"]);
    expect(findNodes(registry.driver.store, 10, null).nodes).toHaveLength(1);
  });

  test("answer a bounded number of instances, and go on after the last", () => {
    const registry = new Registry();
    const names = Array.from({ length: limits.instancesPerLookup + 5 }, (_, n) => String(n).padStart(5, "0"));
    for (let from = 0; from < names.length; from += 500) {
      const some = names.slice(from, from + 500);
      registry.do(
        ...some.flatMap((name) =>
          operations.register({ place: placeOf("web", name), record: recordOf(), initial: {}, indexed: false }),
        ),
      );
    }
    const first = registry.find("web");
    expect([first.instances.length, first.more]).toEqual([limits.instancesPerLookup, true]);
    const rest = registry.find("web", { after: first.instances.at(-1) ?? null });
    expect([rest.instances.length, rest.more]).toEqual([5, false]);
    expect(findServices(registry.driver.store, 1, null).services).toMatchObject([
      { instances: limits.instancesPerLookup },
    ]);
  });

  test("what rests on very many nodes rests on all of them", () => {
    const registry = new Registry();
    for (let i = 0; i < 40; i += 1) registry.register(placeOf("web", `i${i}`, nodeOf(`n${i}`)));
    expect(registry.find("web").ranges.length).toBe(4);
  });
});

test("what is answered from memory is what reading again would answer", () => {
  const registry = new Registry();
  const { driver } = registry;
  const random = seededRandom(7);
  const pick = <T>(all: readonly [T, ...T[]]): T => all[integerBetween(random, 0, all.length - 1)] ?? all[0];
  const nodes = [agentNode, nodeOf("n1"), nodeOf("n2")] as const;
  let differences = 0;
  for (let step = 0; step < 400; step += 1) {
    const of = placeOf(pick(["web", "db"]), pick(["a", "b", "db-1"]), pick(nodes));
    const check = pick<CheckDefinition>([
      ttl,
      plain,
      { ...alias, node: pick(nodes) },
      { ...alias, node: pick(nodes), instance: null },
    ]);
    const status = pick(["passing", "warning", "critical"] as const);
    const before = JSON.stringify(registry.find("web"));
    switch (integerBetween(random, 0, 7)) {
      case 0:
      case 1:
        registry.register(of, { checks: [check], ttlMs: pick([null, 10_000]) });
        break;
      case 2:
        registry.do(operations.deregister(of, []));
        break;
      case 3:
        registry.do(operations.setState(of, recordOf({ checks: [check] }), check, say(status)));
        break;
      case 4:
        registry.do(operations.setMaintenance(of, pick([null, "m"])));
        break;
      case 5:
        registry.do(
          ...operations.putNodeCheck(of.node, { definition: pick<CheckDefinition>([ttl, plain]), state: say(status) }),
        );
        break;
      case 6:
        registry.do(operations.putNode({ name: of.node, id: "", address: "a", taggedAddresses: {}, meta: {} }));
        break;
      default:
        registry.pass(integerBetween(random, 0, 4_000));
    }
    for (const service of ["web", "db"]) {
      const { store } = driver;
      // Another object has no memory.
      const afresh: RegistryReads = {
        revision: store.revision,
        get: (key) => store.get(key),
        list: (listing) => store.list(listing),
        count: (prefix, atMost) => store.count(prefix, atMost),
        lease: (id) => store.lease(id),
        leases: (after, limit) => store.leases(after, limit),
        leaseKeys: (id, limit) => store.leaseKeys(id, limit),
        lastChange: (range) => store.lastChange(range),
      };
      expect(registry.find(service)).toEqual(findInstances(afresh, everything(serviceOf(service))));
    }
    if (JSON.stringify(registry.find("web")) !== before) differences += 1;
  }
  expect(differences).toBeGreaterThan(50);
});
