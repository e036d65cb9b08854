/** Active checks in the real runtime: a server and a port that come and go, and the Checker that looks at them. */
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

describe("an HTTP check", () => {
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

  it(
    "goes on after its Checker was evicted, and stops with its instance: no alarm, no row",
    { timeout: 120_000 },
    async () => {
      const ns = freshNamespace();
      const target = freshTarget();
      await steer(target, { status: 200, body: "" });
      await putJson(`${ns}/services/web/i1`, { ...instance, checks: [http(target)] });
      await untilStatus(ns, "passing");
      await evictDurableObject(checkerOf(ns));
      await steer(target, { status: 500, body: "" });
      await untilStatus(ns, "critical");
      await send("DELETE", `${ns}/services/web/i1`);
      const left = await until(
        "nothing is left",
        async () => {
          const found = await leftOf(ns);
          return found.alarm === null ? found : null;
        },
        90_000,
      );
      expect(left).toEqual({ alarm: null, tables: [] });
    },
  );

  it("of an instance that stands elsewhere is run from the nearest region", { timeout: 60_000 }, async () => {
    const ns = freshNamespace();
    const target = freshTarget();
    await steer(target, { status: 200, body: "" });
    await putJson(`${ns}/services/web/i1`, { ...instance, region: "eeur", checks: [http(target)] });
    await untilStatus(ns, "passing");
    expect((await leftOf(ns, "weur")).alarm).not.toBeNull();
    expect(await leftOf(ns, "wnam")).toEqual({ alarm: null, tables: [] });
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

describe("a TCP check", () => {
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

describe("a check of another kind", () => {
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
