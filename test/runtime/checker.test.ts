/**
 * Active checks in the real runtime: a server and a port that come and go, and the Checker that looks at them by real
 * alarms. Each test has a namespace and a Checker of its own, so that they wait side by side. With SYNOD_CHECKER=long the
 * Checker's patience is waited for too, which is otherwise set back in its row: 40 s more.
 */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, inject, it } from "vitest";
import { agentNode } from "../../src/registry/keys.ts";
import type { InstanceName, Registration, ServiceName } from "../../src/registry/model.ts";
import { instanceRecord } from "../../src/registry/records.ts";
import { isRejected } from "../../src/registry/shapes.ts";
import { registerAll } from "../../workers/gateway/registry.ts";
import { expectProblem, freshNamespace, get, jsonIn, postJson, putJson, send, until } from "./api.ts";
import { visitWith } from "./visits.ts";

const server = inject("checkedServer");
let count = 0;
/** A place at the server that nobody else looks at. */
const freshTarget = (): string => `t${(count += 1)}-${crypto.randomUUID().slice(0, 8)}`;
const steer = async (target: string, behaviour: object): Promise<void> => {
  await fetch(`${server}/control/${target}`, { method: "PUT", body: JSON.stringify(behaviour) });
};
const asked = async (
  target: string,
): Promise<readonly { method: string; headers: Record<string, string>; body: string }[]> =>
  (await fetch(`${server}/control/${target}`)).json();
const listen = async (port = 0): Promise<number> =>
  ((await (await fetch(`${server}/ports/${port}`, { method: "PUT" })).json()) as { port: number }).port;
const deafen = async (port: number): Promise<void> => {
  await fetch(`${server}/ports/${port}`, { method: "DELETE" });
};

const instance = { address: "10.0.0.1", port: 80, region: "wnam" };
const http = (target: string, more: object = {}) => ({
  kind: "http",
  url: `${server}/${target}`,
  interval: 1,
  ...more,
});

interface Shown {
  readonly status: string;
  readonly checks: readonly { readonly status: string; readonly output: string }[];
}
const shownOf = async (ns: string, name = "i1"): Promise<Shown | null> => {
  const response = await get(`${ns}/services/web/${name}`);
  return response.status === 200 ? response.json() : null;
};
const untilStatus = async (ns: string, status: string, output: string | RegExp = ""): Promise<string> =>
  until(`i1 is ${status}`, async () => {
    const shown = await shownOf(ns);
    const [check] = shown?.checks ?? [];
    return shown?.status === status && check !== undefined && check.output.search(output) >= 0 ? check.output : null;
  });

const checkerOf = (ns: string, region = "wnam"): DurableObjectStub =>
  env.CHECKER.get(env.CHECKER.idFromName(`${ns.slice("/ns/".length)}/${region}`));
interface Left {
  readonly alarm: number | null;
  readonly tables: readonly unknown[];
}
const leftOf = async (ns: string, region = "wnam"): Promise<Left> =>
  runInDurableObject(checkerOf(ns, region), async (_, { storage }) => ({
    alarm: await storage.getAlarm(),
    tables: storage.sql.exec("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*'").toArray(),
  }));

/** As if it had waited long enough for checks that it was told of. */
async function endPatience(ns: string): Promise<void> {
  await runInDurableObject(checkerOf(ns), (_, { storage }) => {
    storage.sql.exec("UPDATE checker SET armed_until = ?", Date.now() - 1);
  });
  await evictDurableObject(checkerOf(ns));
}

describe.concurrent("an HTTP check", () => {
  it("is critical until it was run, then what its server says", { timeout: 60_000 }, async () => {
    const ns = freshNamespace();
    const target = freshTarget();
    await steer(target, { status: 200, body: "all is well" });
    const registered = await putJson(`${ns}/services/web/i1`, { ...instance, checks: [http(target)] });
    expect(registered.status).toBe(201);
    expect(await untilStatus(ns, "passing")).toBe(`HTTP GET ${server}/${target}: 200 OK Output: all is well`);
    await steer(target, { status: 429, body: "slowly" });
    expect(await untilStatus(ns, "warning")).toContain("429 Too Many Requests Output: slowly");
    await steer(target, { status: 302, body: "", headers: { location: `${server}/elsewhere` } });
    expect(await untilStatus(ns, "critical")).toContain("302 Found");
    await steer(target, { status: 204, body: "" });
    expect(await untilStatus(ns, "passing")).toContain("204 No Content");
    expect(await asked("elsewhere")).toEqual([]);
    await steer(target, { status: 200, body: "", hangs: true });
    expect(await untilStatus(ns, "critical")).toContain("no answer within 1000 ms");
  });

  it("asks as it was told, and reads no more than it keeps", { timeout: 60_000 }, async () => {
    const ns = freshNamespace();
    const target = freshTarget();
    await steer(target, { status: 200, body: "x".repeat(1_000_000) });
    const check = http(target, { method: "POST", headers: { "x-own": "yes" }, body: "are you there?" });
    await putJson(`${ns}/services/web/i1`, { ...instance, checks: [check] });
    expect((await untilStatus(ns, "passing")).length).toBeLessThanOrEqual(4096);
    expect((await asked(target))[0]).toMatchObject({
      method: "POST",
      headers: { "x-own": "yes", "user-agent": "synod-check" },
      body: "are you there?",
    });
  });

  it("changes its mind after as many results as it was told", { timeout: 60_000 }, async () => {
    const ns = freshNamespace();
    const target = freshTarget();
    await steer(target, { status: 200, body: "" });
    const check = http(target, { successBeforePassing: 2, failuresBeforeCritical: 3 });
    await putJson(`${ns}/services/web/i1`, { ...instance, checks: [check] });
    await untilStatus(ns, "passing");
    expect((await asked(target)).length).toBeGreaterThanOrEqual(2);
    await steer(target, { status: 500, body: "" });
    const before = (await asked(target)).length;
    await untilStatus(ns, "critical");
    expect((await asked(target)).length - before).toBeGreaterThanOrEqual(3);
  });

  it("goes on after its Checker was evicted", { timeout: 60_000 }, async () => {
    const ns = freshNamespace();
    const target = freshTarget();
    await steer(target, { status: 200, body: "" });
    await putJson(`${ns}/services/web/i1`, { ...instance, checks: [http(target)] });
    await untilStatus(ns, "passing");
    await evictDurableObject(checkerOf(ns));
    await steer(target, { status: 500, body: "" });
    await untilStatus(ns, "critical");
  });

  it("stops with its instance: no alarm, no row", { timeout: 120_000 }, async () => {
    const ns = freshNamespace();
    const target = freshTarget();
    await steer(target, { status: 200, body: "" });
    await putJson(`${ns}/services/web/i1`, { ...instance, checks: [http(target)] });
    await untilStatus(ns, "passing");
    await send("DELETE", `${ns}/services/web/i1`);
    if (!inject("checkerLong")) await endPatience(ns);
    const left = await until(
      "nothing is left",
      async () => {
        const found = await leftOf(ns);
        // While an alarm rings there is none either.
        return found.alarm === null && found.tables.length === 0 ? found : null;
      },
      90_000,
    );
    expect(left).toEqual({ alarm: null, tables: [] });
  });

  it("of an instance that stands elsewhere is run from the nearest region", { timeout: 60_000 }, async () => {
    const ns = freshNamespace();
    const target = freshTarget();
    await steer(target, { status: 200, body: "" });
    await putJson(`${ns}/services/web/i1`, { ...instance, region: "eeur", checks: [http(target)] });
    await untilStatus(ns, "passing");
    expect((await leftOf(ns, "weur")).alarm).not.toBeNull();
    const shown = (await jsonIn(await get(`${ns}/status?checkers=true`))) as { checkers: object[] };
    expect(shown.checkers).toMatchObject([
      { region: "wnam", reachable: true, alarmAt: null, checks: null, unserved: null },
      { region: "enam", reachable: true, alarmAt: null, checks: null, unserved: null },
      { region: "weur", reachable: true, alarmAt: expect.any(Number) as number, checks: 1, unserved: 0 },
    ]);
    expect(await leftOf(ns, "wnam")).toEqual({ alarm: null, tables: [] });
    expect(await jsonIn(await get(`${ns}/status`))).not.toHaveProperty("checkers");
  });

  it("removes its instance when that was critical for too long", { timeout: 60_000 }, async () => {
    const ns = freshNamespace();
    const target = freshTarget();
    await steer(target, { status: 200, body: "" });
    await putJson(`${ns}/services/web/i1`, { ...instance, checks: [http(target, { deregisterAfter: 3 })] });
    await untilStatus(ns, "passing");
    await steer(target, { status: 500, body: "" });
    const from = Date.now();
    await until("it is gone", async () => ((await shownOf(ns)) === null ? true : null), 30_000);
    expect(Date.now() - from).toBeGreaterThanOrEqual(3000);
  });
});

describe.concurrent("a TCP check", () => {
  it("passes as long as somebody listens", { timeout: 60_000 }, async () => {
    const ns = freshNamespace();
    const port = await listen();
    const check = { kind: "tcp", host: "127.0.0.1", port, interval: 1 };
    await putJson(`${ns}/services/web/i1`, { ...instance, checks: [check] });
    expect(await untilStatus(ns, "passing")).toBe(`TCP connect 127.0.0.1:${port}: Success`);
    await deafen(port);
    await untilStatus(ns, "critical");
    await listen(port);
    await untilStatus(ns, "passing");
    await deafen(port);
  });
});

describe.concurrent("a check of another kind", () => {
  it("wakes nobody", async () => {
    const ns = freshNamespace();
    await putJson(`${ns}/services/web/i1`, { ...instance, ttl: 60, checks: [{ kind: "ttl", ttl: 30 }] });
    await putJson(`${ns}/services/web/i2`, { ...instance, checks: [{ kind: "plain" }] });
    expect(await leftOf(ns)).toEqual({ alarm: null, tables: [] });
  });

  it("that is plain removes its instance too, if it says so", { timeout: 60_000 }, async () => {
    const ns = freshNamespace();
    await putJson(`${ns}/services/web/i1`, { ...instance, checks: [{ kind: "plain", deregisterAfter: 2 }] });
    await until("it is gone", async () => ((await shownOf(ns)) === null ? true : null), 45_000);
  });
});

/** What a Checker does from now on. Its memory is gone once, so that nothing is left of how it began. */
interface Costs {
  /** As the database counts them, indexes too. */
  readonly rows: () => number;
  /** Alarms set: each is a row too. */
  alarms: number;
  /** Questions to replicas, by what they ask. */
  readonly asked: string[];
}

async function costsOf(ns: string): Promise<Costs> {
  const cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = [];
  const rows = () => cursors.reduce((sum, { rowsWritten }) => sum + rowsWritten, 0);
  const costs: Costs = { rows, alarms: 0, asked: [] };
  await endPatience(ns);
  await runInDurableObject(checkerOf(ns), (object) => {
    const checker = object as unknown as { ctx: DurableObjectState; env: Record<string, unknown> };
    const { storage } = checker.ctx;
    const { sql } = storage;
    const [exec, setAlarm] = [sql.exec.bind(sql), storage.setAlarm.bind(storage)];
    sql.exec = ((statement: string, ...bindings: never[]) => {
      const cursor = exec(statement, ...bindings);
      cursors.push(cursor);
      return cursor;
    }) as typeof sql.exec;
    storage.setAlarm = async (at) => {
      costs.alarms += 1;
      return setAlarm(at);
    };
    const client = (stub: object) => async (address: object, payload: string) => {
      costs.asked.push(/"query":\{"type":"([a-z-]+)"/.exec(payload)?.[1] ?? payload);
      return (stub as { fromClient(...given: object[]): Promise<string> }).fromClient(address, payload as never);
    };
    const get: typeof env.REPLICA.get = (...given) => {
      const stub = env.REPLICA.get(...given);
      return { fromClient: client(stub) } as unknown as typeof stub;
    };
    checker.env = { ...env, REPLICA: { idFromName: (name: string) => env.REPLICA.idFromName(name), get } };
  });
  return costs;
}

describe.concurrent("what checks cost that say the same", () => {
  it("is a request each, one alarm for all of a moment, and a look now and then", { timeout: 60_000 }, async () => {
    const ns = freshNamespace();
    const targets = Array.from({ length: 5 }, freshTarget);
    for (const target of targets) await steer(target, { status: 200, body: "" });
    const five = targets.map((target, n) => http(target, { id: `c${n}` }));
    await putJson(`${ns}/services/web/i1`, { ...instance, checks: five });
    await untilStatus(ns, "passing");
    const costs = await costsOf(ns);
    const runs = async () => (await Promise.all(targets.map(asked))).map(({ length }) => length);
    const before = await runs();
    const total = await until("each was run six times", async () => {
      const now = (await runs()).map((length, at) => length - (before[at] ?? 0));
      return now.every((length) => length >= 6) ? now : null;
    });
    const rounds = Math.max(...total);
    // One row when its patience ended, none of the checks.
    expect(costs.rows()).toBeLessThanOrEqual(1);
    expect(costs.alarms).toBeLessThanOrEqual(rounds + 2);
    // It began without memory, and read the list; then it only asks whether that has changed, every fifth time at most.
    expect(costs.asked.filter((one) => one === "checks")).toHaveLength(1);
    expect(costs.asked.length).toBeLessThanOrEqual(2 + Math.ceil(rounds / 4));
  });
});

describe("a check that must not be run", () => {
  it.each([
    ["of the link's own addresses", { kind: "http", url: "http://169.254.169.254/latest/meta-data", interval: 10 }],
    ["by another scheme", { kind: "http", url: "file:///etc/passwd", interval: 10 }],
    ["with somebody's password", { kind: "http", url: "http://a:b@example.com/", interval: 10 }],
    ["of everybody", { kind: "tcp", host: "0.0.0.0", port: 80, interval: 10 }],
    ["with a host of its own", { kind: "http", url: "http://example.com/", headers: { Host: "a" }, interval: 10 }],
  ])("is refused: one %s", async (_, check) => {
    const ns = freshNamespace();
    const body = { ...instance, checks: [check] };
    await expectProblem(await putJson(`${ns}/services/web/i1`, body), 400, "invalid-body", "not-applied");
    const bulk = { register: [{ service: "web", instance: "i1", ...body }] };
    await expectProblem(await postJson(`${ns}/services`, bulk), 400, "invalid-body", "not-applied");
    expect(await leftOf(ns)).toEqual({ alarm: null, tables: [] });
  });

  it("is refused where private networks may not be asked, by the name of what allows it", async () => {
    const visit = visitWith((real) => real);
    const registration = registrationOf("http://127.0.0.1:1/");
    const strict = { ...visit, config: { ...visit.config, checkPrivate: false } };
    await expect(registerAll(strict, [registration])).rejects.toThrow("SYNOD_CHECK_PRIVATE");
  });

  it("is refused before it is written when nobody is there to run it", async () => {
    const visit = visitWith((real) => ({
      call: async (port, address, payload, timeoutMs) =>
        port === "checker" ? null : real.call(port, address, payload, timeoutMs),
    }));
    const registration = registrationOf("http://127.0.0.1:1/");
    await expect(registerAll(visit, [registration])).rejects.toMatchObject({ code: "checker-unavailable" });
    expect(await jsonIn(await get(`/ns/${visit.namespace}/services/web`))).toMatchObject({ instances: [] });
  });
});

/** A registration that no door has looked at. */
function registrationOf(url: string): Registration {
  const timing = { intervalMs: 10_000, timeoutMs: 1000, successBeforePassing: 0, failuresBeforeCritical: 0 };
  const asks = { kind: "http", url, method: "GET", headers: {}, body: "" };
  const record = instanceRecord({
    ...instance,
    protocol: "tcp",
    tags: [],
    meta: {},
    weights: { passing: 1, warning: 1 },
    ttlMs: null,
    checks: [{ check: "c", name: "c", notes: "", deregisterAfterMs: null, ...timing, ...asks }],
    taggedAddresses: {},
    enableTagOverride: false,
  });
  if (isRejected(record)) throw new Error(record.reason);
  const place = { service: "web" as ServiceName, node: agentNode, instance: "i1" as InstanceName };
  return { place, record, initial: {}, indexed: false };
}
