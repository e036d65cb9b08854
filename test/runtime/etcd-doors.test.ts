/** What surrounds etcd's services: paths, methods, who is let in, what is not supported, what it says of itself. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { Bindings } from "../../workers/bindings.ts";
import gateway from "../../workers/gateway.ts";
import { freshNamespace, get, send } from "./api.ts";
import { b64, etcd, etcdError, post } from "./etcd.ts";

describe("paths and methods", () => {
  it.each([
    "/v3/nothing",
    "/v3",
    "/v3/",
    "/v3/kv",
    "/v3/kv/lease/keepalive",
    "/v3/maintenance/hashkv",
    "/v3/auth/status",
  ])("%s is nothing", async (path) => {
    const response = await post(path);
    expect([response.status, await response.text()]).toEqual([404, "Not Found\n"]);
  });

  it.each(["GET", "PUT", "DELETE", "OPTIONS"])("%s is not for calls", async (method) => {
    const response = await send(method, "/v3/kv/range");
    expect([response.status, await response.text()]).toEqual([405, "Method Not Allowed\n"]);
  });

  it("has a version and a health of its own", async () => {
    const ns = freshNamespace();
    expect(await (await get(`${ns}/version`)).json()).toEqual({ etcdserver: "3.4.23", etcdcluster: "3.4.0" });
    expect(await (await get(`${ns}/health`)).json()).toEqual({ health: "true" });
    expect((await post("/version")).status).toBe(405);
  });

  it("tells what is wrong with a namespace in etcd's words", async () => {
    expect(await etcdError(await post("/ns/BAD/v3/kv/range"))).toEqual([400, 3, expect.stringContaining("namespace")]);
  });
});

describe("members and maintenance", () => {
  it("shows one member for each region, behind the address the client came by", async () => {
    const ns = freshNamespace();
    const { members } = await etcd(`${ns}/v3/cluster/member/list`);
    expect(members).toHaveLength(3);
    expect(members).toContainEqual({
      ID: expect.stringMatching(/^[0-9]+$/) as unknown,
      name: "wnam",
      peerURLs: [`http://synod.test${ns}`],
      clientURLs: [`http://synod.test${ns}`],
    });
    await etcd(`${ns}/v3/kv/put`, { key: b64("a") });
    const status = await etcd(`${ns}/v3/maintenance/status`);
    expect(status).toMatchObject({ version: "3.4.23", header: { revision: "2" } });
    expect((members as { ID: string }[]).map(({ ID }) => ID)).toContain(status["leader"]);
    expect(await etcd(`${ns}/v3/maintenance/hash`)).toMatchObject({ hash: expect.any(Number) as unknown });
    expect(await etcd(`${ns}/v3/maintenance/alarm`)).toEqual({});
    expect(await etcd(`${ns}/v3/maintenance/defragment`)).toEqual({});
  });

  it.each([
    "cluster/member/add",
    "cluster/member/remove",
    "cluster/member/update",
    "cluster/member/promote",
    "maintenance/snapshot",
    "maintenance/transfer-leadership",
  ])("%s is not supported, and says so", async (call) => {
    expect(await etcdError(await post(`/v3/${call}`))).toEqual([
      501,
      12,
      expect.stringContaining("not supported by Synod"),
    ]);
  });

  it("raises no alarms", async () => {
    expect((await etcdError(await post("/v3/maintenance/alarm", { action: "ACTIVATE" })))[0]).toBe(501);
  });
});

describe("authentication, which is off", () => {
  it.each([
    ["authenticate", { name: "root" }, 412, 9, "etcdserver: authentication is not enabled"],
    ["enable", {}, 412, 9, "etcdserver: root user does not exist"],
    ["user/get", { name: "x" }, 412, 9, "etcdserver: user name not found"],
    ["role/get", { role: "x" }, 412, 9, "etcdserver: role name not found"],
    ["user/add", {}, 400, 3, "etcdserver: user name is empty"],
    ["user/add", { name: "x" }, 501, 12, "etcdserver: not supported by Synod: adding a user"],
    ["role/add", { name: "x" }, 501, 12, "etcdserver: not supported by Synod: adding a role"],
  ])("%s %j", async (call, message, status, code, text) => {
    expect(await etcdError(await post(`/v3/auth/${call}`, message))).toEqual([status, code, text]);
  });

  it.each(["user/list", "role/list", "disable"])("%s", async (call) => {
    expect(await etcd(`${freshNamespace()}/v3/auth/${call}`)).toEqual({ header: { revision: "1" } });
  });
});

describe("who is let in", () => {
  async function at(bindings: Partial<Bindings>, init: RequestInit): Promise<Response> {
    const context = createExecutionContext();
    const request = new Request("http://synod.test/v3/kv/range", { method: "POST", body: '{"key":"YQ=="}', ...init });
    const response = await gateway.fetch(request, { ...env, ...bindings }, context);
    await waitOnExecutionContext(context);
    return response;
  }
  const closed = { SYNOD_OPEN: "", SYNOD_TOKEN: "right" };

  it("is the bearer of the token", async () => {
    expect(await etcdError(await at(closed, {}))).toEqual([401, 16, "etcdserver: invalid auth token"]);
    const wrong = await at(closed, { headers: { authorization: "Bearer wrong" } });
    expect(await etcdError(wrong)).toEqual([401, 16, "etcdserver: invalid auth token"]);
    expect((await at(closed, { headers: { authorization: "Bearer right" } })).status).toBe(200);
    const unset = await at({ SYNOD_OPEN: "", SYNOD_TOKEN: "" }, {});
    expect((await etcdError(unset)).slice(0, 2)).toEqual([503, 14]);
  });

  it("is no page of another origin, where there is no token", async () => {
    const stranger = { headers: { origin: "http://elsewhere.test" } };
    expect((await etcdError(await at({}, stranger))).slice(0, 2)).toEqual([403, 7]);
    expect((await at({}, { headers: { origin: "http://synod.test" } })).status).toBe(200);
  });

  it("sends nothing compressed", async () => {
    const response = await at({}, { headers: { "content-encoding": "gzip" } });
    expect((await etcdError(response)).slice(0, 2)).toEqual([400, 3]);
  });
});
