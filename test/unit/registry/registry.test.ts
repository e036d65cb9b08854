import { describe, expect, test } from "vitest";
import {
  agentNode,
  instanceLease,
  maintenanceCheck,
  nodeMaintenanceCheck,
  serviceRange,
} from "../../../src/registry/keys.ts";
import { findCheck, findInstance, findNode, findNodes } from "../../../src/registry/lookup.ts";
import * as operations from "../../../src/registry/register.ts";
import { nodeMaintenance } from "../../../src/registry/health.ts";
import type { CheckDefinition, CheckStatus, NodeCheck } from "../../../src/registry/model.ts";
import type { ByteString } from "../../../src/support/brand.ts";
import { Registry, checkOf, checks, instanceOf, node, nodeOf, placeOf, recordOf, serviceOf } from "./examples.ts";

const [ttl, http, , alias, plain] = checks;
const web1 = placeOf("web", "web-1");
const say = (status: CheckStatus, output = "") => ({ status, output });
const withoutTtl = { ttlMs: null };

/** Sets a check as the doors do, by what is registered. */
function set(registry: Registry, of: typeof web1, check: CheckDefinition, status: CheckStatus, output = "") {
  const { instance } = findInstance(registry.driver.store, of.node, of.instance);
  if (instance === null) throw new Error("not registered");
  return registry.do(operations.setState(of, instance, check, say(status, output)));
}

describe("registering", () => {
  test("the same again renews the lease only, in one row", () => {
    const registry = new Registry();
    expect(registry.register(web1)).toMatchObject([{ type: "put", revision: 2 }]);
    registry.driver.now += 1_000;
    const rows = registry.driver.rowsWritten(() => {
      expect(registry.register(web1)).toMatchObject([{ renewedOnly: true, revision: 2 }]);
    });
    expect(rows).toBe(2);
    expect(registry.driver.store.lease(instanceLease(web1))).toMatchObject({
      renewal: 2,
      renewedAt: registry.driver.now,
      ttlMs: 10_000,
      herd: "weur",
    });
  });

  test("something else is a new revision of the same instance", () => {
    const registry = new Registry();
    registry.register(web1);
    registry.register(web1, { port: 81 });
    expect(registry.find("web")).toMatchObject({
      index: 3,
      instances: [{ port: 81, modRevision: 3, createRevision: 2, status: "passing", suspect: false }],
    });
  });

  test("under another service is refused with all its checks, and changes nothing", () => {
    const registry = new Registry();
    const own = { ...plain, check: checkOf("mine") };
    registry.register(web1, { checks: [ttl, own] }, { indexed: true });
    const before = registry.find("web");
    const elsewhere = placeOf("api", "web-1");
    const outcomes = registry.register(elsewhere, { checks: [ttl, own], port: 1 }, { indexed: true });
    expect(outcomes.length).toBe(4);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ type: "refused", why: "lease-elsewhere" });
    expect([registry.names("api"), registry.find("web")]).toEqual([[], before]);
    // The same on another node is another instance.
    expect(registry.register(placeOf("api", "web-1", nodeOf("other")))).toMatchObject([{ type: "put" }]);
    // And again where it is.
    expect(registry.register(web1, { checks: [ttl, own] }, { indexed: true })[0]).toMatchObject({ renewedOnly: true });
  });

  test("renewing is for what is registered there", () => {
    const registry = new Registry();
    expect(registry.do(operations.renew(web1))).toMatchObject([{ type: "refused", why: "lease-not-found" }]);
    registry.register(web1);
    const elsewhere = placeOf("api", "web-1");
    expect(registry.do(operations.renew(elsewhere))).toMatchObject([{ type: "refused", why: "lease-elsewhere" }]);
    expect(registry.do(operations.renew(web1))).toMatchObject([{ type: "renewed", ttlMs: 10_000 }]);
  });

  test("[E1] an instance that stops renewing goes by an expire command, and not before", () => {
    const registry = new Registry();
    registry.register(web1);
    registry.register(placeOf("web", "web-2"), { ttlMs: 60_000 });
    registry.driver.now += 20_000;
    registry.driver.apply();
    expect(registry.names("web")).toEqual(["web-1", "web-2"]);
    registry.pass(0);
    expect(registry.names("web")).toEqual(["web-2"]);
  });

  test("without a ttl it stays", () => {
    const registry = new Registry();
    registry.register(web1, withoutTtl);
    registry.pass(100_000_000_000);
    expect(registry.names("web")).toEqual(["web-1"]);
    expect(registry.driver.store.lease(instanceLease(web1))?.herd).toBeNull();
  });

  test("removing takes the instance, its checks, where they are found, and its lease", () => {
    const registry = new Registry();
    const own = { ...plain, check: checkOf("mine") };
    registry.register(web1, { checks: [ttl, own] }, { indexed: true, initial: { beat: say("passing") } });
    const { store } = registry.driver;
    expect(registry.do(operations.deregister(placeOf("api", "web-1"), []))).toMatchObject([{ succeeded: false }]);
    expect(registry.names("web")).toEqual(["web-1"]);
    expect(registry.do(operations.deregister(web1, [own.check, ttl.check]))).toMatchObject([{ succeeded: true }]);
    expect(store.lease(instanceLease(web1))).toBeNull();
    expect(store.count("s" as ByteString, 100)).toBe(0);
    expect(registry.do(operations.deregister(web1, []))).toMatchObject([{ succeeded: false }]);
  });
});

describe("checks", () => {
  test("a ttl check is critical until it is set, and again when its time is over", () => {
    const registry = new Registry();
    registry.register(web1, { ...withoutTtl, checks: [ttl] });
    const state = () => registry.find("web").instances[0]?.states[0];
    expect(state()).toMatchObject(say("critical"));
    set(registry, web1, ttl, "passing", "fine");
    expect([state(), registry.statuses("web")]).toMatchObject([say("passing", "fine"), { "web-1": "passing" }]);
    registry.pass(4_000);
    const revision = registry.driver.store.revision;
    expect(set(registry, web1, ttl, "passing", "fine")).toMatchObject([{ renewedOnly: true }]);
    registry.pass(4_000);
    expect([registry.driver.store.revision, state()?.status]).toEqual([revision, "passing"]);
    registry.pass(6_000);
    expect(state()).toMatchObject(say("critical", "TTL expired"));
    set(registry, web1, ttl, "critical", "down");
    registry.pass(60_000);
    expect(state()).toMatchObject(say("critical", "down"));
  });

  test("registering again keeps what checks said", () => {
    const registry = new Registry();
    const initial = { beat: say("passing", "at first") };
    registry.register(web1, { checks: [ttl] }, { initial });
    set(registry, web1, ttl, "warning", "slow");
    registry.register(web1, { checks: [ttl], port: 81 }, { initial });
    expect(registry.find("web").instances[0]).toMatchObject({
      port: 81,
      status: "warning",
      states: [say("warning", "slow")],
    });
  });

  test("one that cannot be set is not: its instance is gone", () => {
    const registry = new Registry();
    const record = recordOf({ checks: [ttl, plain] });
    expect(registry.do(operations.setState(web1, record, ttl, say("passing")))).toMatchObject([
      { why: "lease-not-found" },
    ]);
    expect(registry.do(operations.setState(web1, record, plain, say("passing")))).toMatchObject([{ succeeded: false }]);
    expect(registry.driver.store.count("s" as ByteString, 10)).toBe(0);
  });

  test("setting the same again changes nothing", () => {
    const registry = new Registry();
    registry.register(web1, { checks: [http] });
    set(registry, web1, http, "passing", "200 OK");
    const { index } = registry.find("web");
    set(registry, web1, http, "passing", "200 OK");
    expect(registry.find("web").index).toBe(index);
  });

  test("a dead one goes some time after its check fell silent, a living one never", () => {
    const registry = new Registry();
    const check = { ...ttl, deregisterAfterMs: 20_000 };
    registry.register(web1, { ...withoutTtl, checks: [check] });
    for (let i = 0; i < 20; i += 1) {
      set(registry, web1, check, "passing");
      registry.pass(4_000);
    }
    expect(registry.names("web")).toEqual(["web-1"]);
    // Saying that it is ill is no sign of life.
    for (let i = 0; i < 5; i += 1) {
      set(registry, web1, check, "critical");
      registry.pass(4_000);
    }
    expect(registry.statuses("web")).toEqual({ "web-1": "critical" });
    registry.pass(6_000);
    expect(registry.names("web")).toEqual([]);
    expect(registry.driver.store.count("s" as ByteString, 10)).toBe(0);
  });

  test("an alias is as well as whom it stands for, never as another alias", () => {
    const registry = new Registry();
    const db = placeOf("db", "db-1");
    const back = { ...alias, instance: instanceOf("web-1") };
    registry.register(web1, { checks: [alias] });
    expect(registry.statuses("web")).toEqual({ "web-1": "critical" });
    registry.register(db, { checks: [plain, back] });
    set(registry, db, plain, "warning");
    expect([registry.statuses("web"), registry.statuses("db")]).toEqual([
      { "web-1": "warning" },
      { "db-1": "warning" },
    ]);
    const before = registry.find("web").index;
    set(registry, db, plain, "passing");
    expect(registry.statuses("web")).toEqual({ "web-1": "passing" });
    expect(registry.find("web").index).toBeGreaterThan(before);
    expect(registry.find("web").ranges).toContainEqual(serviceRange(serviceOf("db")));
  });

  test("maintenance takes an instance out until it is over, whatever registers again", () => {
    const registry = new Registry();
    expect(registry.do(operations.setMaintenance(web1, "disk"))).toMatchObject([{ succeeded: false }]);
    registry.register(web1);
    registry.do(operations.setMaintenance(web1, "disk"));
    registry.register(web1, { port: 81 });
    expect(registry.find("web").instances[0]).toMatchObject({
      status: "critical",
      states: [{ definition: { kind: "plain", check: maintenanceCheck(web1.instance) }, output: "disk" }],
    });
    registry.do(operations.setMaintenance(web1, null));
    expect(registry.statuses("web")).toEqual({ "web-1": "passing" });
  });

  test("are found by their names: an instance's own, by index, a node's", () => {
    const registry = new Registry();
    const { store } = registry.driver;
    const own = { ...plain, check: checkOf("service:web-1") };
    const mine = { ...plain, check: checkOf("mine") };
    registry.register(web1, { checks: [own, mine] }, { indexed: true });
    registry.do(operations.setMaintenance(web1, "x"));
    for (const check of [own.check, mine.check, maintenanceCheck(web1.instance)]) {
      const found = findCheck(store, agentNode, check);
      expect(found).toMatchObject({ check: { ...web1, view: { definition: { check } } }, instance: web1 });
    }
    expect(findCheck(store, nodeOf("other"), mine.check).check).toBeNull();
    expect(findCheck(store, agentNode, checkOf("service:web-2")).check).toBeNull();
  });
});

describe("nodes", () => {
  const { createRevision: _, modRevision: __, ...record } = node;
  const on = placeOf("web", "web-1", node.name);
  const beat: NodeCheck = { definition: ttl, state: say("passing") };

  test("the one that natives stand on is there without having been registered", () => {
    const registry = new Registry();
    expect(findNodes(registry.driver.store, 10, null)).toMatchObject({ nodes: [{ name: "synod" }], more: false });
    registry.do(operations.putNode(record));
    expect(findNodes(registry.driver.store, 1, null)).toMatchObject({ nodes: [{ name: record.name }], more: true });
    expect(findNodes(registry.driver.store, 1, record.name)).toMatchObject({ nodes: [{ name: "synod" }], more: false });
  });

  test("their checks are their instances' too", () => {
    const registry = new Registry();
    registry.do(operations.putNode(record), ...operations.putNodeCheck(record.name, beat));
    registry.register({ ...on, node: nodeOf(record.name.toUpperCase()) }, { address: "" });
    expect(registry.find("web").instances).toMatchObject([
      { node: record.name, status: "passing", nodeAddress: record.address, nodeStates: [say("passing")] },
    ]);
    const { index, nodes } = registry.find("web");
    expect(nodes).toMatchObject([record]);
    registry.pass(6_000);
    expect(registry.find("web").instances).toMatchObject([
      { status: "critical", nodeStates: [say("critical", "TTL expired")] },
    ]);
    expect(registry.find("web").index).toBeGreaterThan(index);
    registry.do(operations.setNodeState(record.name, ttl, say("warning")));
    expect(registry.statuses("web")).toEqual({ "web-1": "warning" });
    registry.do(operations.removeNodeCheck(record.name, ttl.check));
    expect(registry.statuses("web")).toEqual({ "web-1": "passing" });
    registry.do(...operations.putNodeCheck(record.name, { definition: nodeMaintenance, state: say("critical", "m") }));
    expect(findCheck(registry.driver.store, record.name, nodeMaintenanceCheck)).toMatchObject({
      check: { service: null },
    });
    expect(registry.statuses("web")).toEqual({ "web-1": "critical" });
  });

  test("everything on a node is found, and nothing of its neighbours", () => {
    const registry = new Registry();
    registry.do(operations.putNode(record), ...operations.putNodeCheck(record.name, beat));
    registry.register(on);
    registry.register(placeOf("db", "db-1", record.name));
    registry.register(placeOf("db", "db-1", nodeOf("host-1.example2")));
    const found = findNode(registry.driver.store, record.name);
    expect(found.instances.map((one) => `${one.service}/${one.instance}`)).toEqual(["db/db-1", "web/web-1"]);
    expect(found).toMatchObject({ node: record, checks: [say("passing")], more: false });
    const rest = findNode(registry.driver.store, record.name, instanceOf("db-1"));
    expect(rest.instances.map((one) => one.instance)).toEqual(["web-1"]);
    registry.do(operations.removeNode(record.name));
    expect(findNode(registry.driver.store, record.name)).toMatchObject({ node: null, checks: [] });
  });

  test("an alias for a whole node is as well as that is", () => {
    const registry = new Registry();
    registry.register(web1, { checks: [{ ...alias, node: record.name, instance: null }] });
    expect(registry.statuses("web")).toEqual({ "web-1": "critical" });
    registry.do(operations.putNode(record), ...operations.putNodeCheck(record.name, beat));
    expect(registry.statuses("web")).toEqual({ "web-1": "passing" });
  });
});

describe("suspicion", () => {
  test("[H1] a fleet that falls silent together is shown, held, and found again when it renews", () => {
    const registry = new Registry();
    const places = Array.from({ length: 12 }, (_, i) => placeOf("web", `i${i}`));
    for (const of of places) registry.register(of);
    const guard = { percent: 85, atLeast: 10, holdTtls: 3 };
    registry.driver.now += 11_000;
    for (const of of places) {
      const lease = registry.driver.store.lease(instanceLease(of));
      if (lease === null) throw new Error("no lease");
      registry.do({ type: "expire", lease: lease.id, renewal: lease.renewal, guard });
    }
    const suspects = () => registry.find("web").instances.filter(({ suspect }) => suspect).length;
    expect([registry.names("web").length, suspects()]).toEqual([12, 12]);
    const { index } = registry.find("web");
    registry.do(operations.renew(places[0] ?? web1));
    expect([suspects(), registry.find("web").index > index]).toEqual([11, true]);
  });
});
