/** Who is let in: the bearer token at the gateway, the secret at the internal door. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import type { Bindings } from "../../workers/bindings.ts";
import gateway from "../../workers/gateway.ts";
import { answerAtDoor } from "../../workers/gateway/door.ts";
import { expectProblem, freshNamespace, problemIn } from "./api.ts";

async function at(bindings: Partial<Bindings>, path: string, init: RequestInit = {}): Promise<Response> {
  const context = createExecutionContext();
  const response = await gateway.fetch(new Request(`http://synod.test${path}`, init), { ...env, ...bindings }, context);
  await waitOnExecutionContext(context);
  return response;
}

const closed = { SYNOD_OPEN: "", SYNOD_TOKEN: "right" };
const bearing = (value: string): RequestInit => ({ headers: { authorization: value } });

describe("the token", () => {
  it.each(["/", "/kv/a", "/status", "/nowhere", "/ns/BAD/kv/a"])("is needed for %s", async (path) => {
    const response = await at(closed, path);
    expect(response.headers.get("www-authenticate")).toBe('Bearer realm="synod"');
    await expectProblem(response, 401, "unauthorized");
  });

  it.each(["Bearer wrong", "Bearer", "Bearer ", "Basic right", "right", "Bearer right right", "Bearer Right", ""])(
    "is not %j",
    async (header) => {
      await expectProblem(await at(closed, "/", bearing(header)), 401, "unauthorized");
    },
  );

  it.each(["Bearer right", "bearer right", "BEARER  right"])("is %j", async (header) => {
    expect((await at(closed, "/", bearing(header))).status).toBe(200);
  });

  it("keeps writes out, and says that nothing happened", async () => {
    await expectProblem(await at(closed, "/kv/a", { method: "PUT", body: "x" }), 401, "unauthorized", "not-applied");
  });

  it.each([{}, { SYNOD_TOKEN: "" }])("must be set: %j", async (bindings) => {
    const response = await at({ SYNOD_OPEN: "false", ...bindings }, "/", bearing("Bearer x"));
    const problem = await problemIn(response);
    expect(problem).toMatchObject({ code: "token-not-set", status: 503, retryable: false });
    expect(problem["detail"]).toContain("wrangler secret put SYNOD_TOKEN");
  });

  it("is not asked for where the gateway is open", async () => {
    expect((await at({ SYNOD_OPEN: "true", SYNOD_TOKEN: "right" }, "/")).status).toBe(200);
  });

  it("keeps decisions out of shared caches", async () => {
    const ns = freshNamespace();
    const headers = { authorization: "Bearer right" };
    expect((await at(closed, `${ns}/decisions/a`, { method: "PUT", body: "x", headers })).status).toBe(201);
    const shown = await at(closed, `${ns}/decisions/a`, { headers });
    expect(shown.headers.get("cache-control")).toBe("private, max-age=31536000, immutable");
    await expectProblem(await at(closed, `${ns}/decisions/a`), 401, "unauthorized");
  });
});

it("lets no stack out when something unexpected happens", async () => {
  const broken: Partial<Bindings> = {};
  Object.defineProperty(broken, "SYNOD_OPEN", {
    enumerable: true,
    get() {
      throw new Error("a secret");
    },
  });
  const context = createExecutionContext();
  const log = vi.spyOn(console, "error").mockImplementation(() => undefined);
  const bindings = Object.create(env, Object.getOwnPropertyDescriptors(broken)) as Bindings;
  const response = await gateway.fetch(new Request("http://synod.test/kv/a", { method: "PUT" }), bindings, context);
  const problem = await problemIn(response);
  expect(problem).toMatchObject({ code: "internal", status: 500, outcome: "unknown", retryable: false });
  expect(JSON.stringify(problem)).not.toMatch(/secret|\.ts/);
  expect(log).toHaveBeenCalledWith(expect.stringContaining("a secret"));
  log.mockRestore();
});

describe("a deployment that makes no sense", () => {
  it.each(["", "wnam", "wnam,enam", "wnam,enam,mars", "wnam,enam,wnam"])("says so: %j", async (regions) => {
    await expectProblem(await at({ SYNOD_REGIONS: regions }, "/"), 500, "misconfigured");
  });
});

describe("the internal door", () => {
  const knock = async (path: string, init: RequestInit = {}, bindings: Partial<Bindings> = {}): Promise<Response> => {
    const request = new Request(`http://door${path}`, { method: "POST", headers: { "synod-secret": "s3" }, ...init });
    return answerAtDoor(request, { ...env, SYNOD_SECRET: "s3", ...bindings });
  };

  it("calls the objects of this process", async () => {
    const response = await knock("/clock/default/wnam");
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ region: "wnam", dataCentre: "local" });
  });

  it.each([{}, { "synod-secret": "wrong" }, { "synod-secret": "" }])("stays shut to %j", async (headers) => {
    expect((await knock("/clock/default/wnam", { headers })).status).toBe(403);
    expect((await knock("/nowhere", { headers })).status).toBe(403);
  });

  it.each([{ SYNOD_SECRET: "" }])("is not there without a secret: %j", async (bindings) => {
    expect((await knock("/clock/default/wnam", {}, bindings)).status).toBe(404);
    expect((await knock("/clock/default/wnam", { headers: { "synod-secret": "" } }, bindings)).status).toBe(404);
  });

  it.each([
    "/",
    "/nowhere/default/wnam",
    "/constructor/default/wnam",
    "/clock/default/mars",
    "/clock/BAD/wnam",
    "/clock/default",
    "/clock/default/wnam/more",
  ])("has no port %s", async (path) => {
    expect((await knock(path)).status).toBe(404);
  });

  it("calls no object that another process holds", async () => {
    expect((await knock("/clock/default/wnam", {}, { SYNOD_HOME: "enam" })).status).toBe(404);
    expect((await knock("/clock/default/wnam", {}, { SYNOD_HOME: "wnam" })).status).toBe(200);
  });

  it("takes POST only, and no more than a message", async () => {
    const read = await knock("/clock/default/wnam", { method: "GET" });
    expect([read.status, read.headers.get("allow")]).toEqual([405, "POST"]);
    expect((await knock("/clock/default/wnam", { body: new Uint8Array(8 * 1024 * 1024 + 1) })).status).toBe(413);
    expect((await knock("/client/default/wnam", { body: Uint8Array.of(0xff) })).status).toBe(400);
  });
});
