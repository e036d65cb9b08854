/** Checks of instances through the real objects: what they say, what that makes of lookups, and who goes for it. */
import { describe, expect, it } from "vitest";
import { expectProblem, freshNamespace, get, jsonIn, putJson, send, until } from "./api.ts";

const instance = { address: "10.0.0.1", port: 8080 };
const beat = { kind: "ttl", id: "beat", ttl: 60 };

/** Names of what a lookup finds. */
async function found(ns: string, service = "web", query = ""): Promise<readonly string[]> {
  const { instances } = await jsonIn(await get(`${ns}/services/${service}${query}`));
  return (instances as readonly { readonly instance: string }[]).map((one) => one.instance);
}

describe("checks", () => {
  it("keep an instance out until they pass, and say so", async () => {
    const ns = freshNamespace();
    const body = { ...instance, checks: [beat, { kind: "plain", id: "by-hand", status: "passing" }] };
    const registered = await putJson(`${ns}/services/web/i1`, body);
    expect(registered.status).toBe(201);
    expect(await jsonIn(registered)).toMatchObject({ checks: [{ ...beat }, { kind: "plain", id: "by-hand" }] });
    expect(await found(ns)).toEqual([]);
    expect(await found(ns, "web", "?health=any")).toEqual(["i1"]);
    const said = await putJson(`${ns}/services/web/i1/checks/beat`, { status: "warning", output: "slow" });
    expect(await jsonIn(said)).toMatchObject({ service: "web", instance: "i1", check: "beat", status: "warning" });
    expect([await found(ns), await found(ns, "web", "?health=passing")]).toEqual([["i1"], []]);
    await putJson(`${ns}/services/web/i1/checks/beat`, { status: "passing" });
    expect(await found(ns, "web", "?health=passing")).toEqual(["i1"]);
    expect(await jsonIn(await get(`${ns}/services/web`))).toMatchObject({
      instances: [
        {
          status: "passing",
          checks: [
            { ...beat, status: "passing", output: "" },
            { kind: "plain", id: "by-hand", status: "passing", output: "" },
          ],
        },
      ],
    });
    await putJson(`${ns}/services/web/i1/checks/by-hand`, { status: "critical", output: "down" });
    expect(await found(ns)).toEqual([]);
  });

  it("fall silent: what was passing is critical when its time is over", async () => {
    const ns = freshNamespace();
    await putJson(`${ns}/services/web/i1`, { ...instance, checks: [{ ...beat, ttl: 1, status: "passing" }] });
    expect(await found(ns)).toEqual(["i1"]);
    await until("the check is critical", async () => ((await found(ns)).length === 0 ? true : null));
    expect(await jsonIn(await get(`${ns}/services/web/i1`))).toMatchObject({
      status: "critical",
      checks: [{ output: "TTL expired" }],
    });
  }, 20_000);

  it("stand for other instances", async () => {
    const ns = freshNamespace();
    await putJson(`${ns}/services/web/i1`, { ...instance, checks: [{ kind: "alias", instance: "db-1" }] });
    expect(await found(ns)).toEqual([]);
    await putJson(`${ns}/services/db/db-1`, { ...instance, ttl: 60 });
    expect(await found(ns)).toEqual(["i1"]);
    await putJson(`${ns}/services/db/db-1/maintenance`, { reason: "upgrade" });
    expect(await found(ns)).toEqual([]);
  });

  it("keep what they said when the instance is registered again", async () => {
    const ns = freshNamespace();
    const body = { ...instance, checks: [{ kind: "plain" }] };
    await putJson(`${ns}/services/web/i1`, body);
    await putJson(`${ns}/services/web/i1/checks/service:i1`, { status: "passing", output: "ok" });
    await putJson(`${ns}/services/web/i1`, { ...body, port: 81 });
    expect(await jsonIn(await get(`${ns}/services/web/i1`))).toMatchObject({
      port: 81,
      checks: [{ id: "service:i1", status: "passing", output: "ok" }],
    });
  });

  it.each([
    ["no status", {}, 400, "invalid-body"],
    ["an unknown one", { status: "fine" }, 400, "invalid-body"],
    ["an output too long", { status: "passing", output: "o".repeat(4097) }, 400, "invalid-body"],
    ["an unknown member", { status: "passing", note: "" }, 400, "invalid-body"],
    ["a list", [], 400, "invalid-body"],
  ])("refuse %s", async (_, body, status, code) => {
    await expectProblem(await putJson("/services/web/i1/checks/beat", body), status, code, "not-applied");
  });

  it("are set only where they are, and only by whom they wait for", async () => {
    const ns = freshNamespace();
    const path = (service: string, name: string, check: string) => `${ns}/services/${service}/${name}/checks/${check}`;
    const passing = { status: "passing" };
    const alias = { kind: "alias", id: "other", instance: "x" };
    await putJson(`${ns}/services/web/i1`, { ...instance, checks: [beat, alias] });
    await expectProblem(await putJson(path("web", "i2", "beat"), passing), 404, "instance-not-found", "not-applied");
    await expectProblem(await putJson(path("api", "i1", "beat"), passing), 404, "instance-not-found", "not-applied");
    await expectProblem(await putJson(path("web", "i1", "b"), passing), 404, "check-not-found", "not-applied");
    await expectProblem(await putJson(path("web", "i1", "other"), passing), 409, "check-not-settable", "not-applied");
    await expectProblem(await putJson(path("web", "i1", "a%20b"), passing), 400, "invalid-name", "not-applied");
    await expectProblem(await send("GET", path("web", "i1", "beat")), 405, "method-not-allowed");
  });
});

describe("maintenance", () => {
  it("takes an instance out of lookups and back", async () => {
    const ns = freshNamespace();
    await putJson(`${ns}/services/web/i1`, { ...instance, ttl: 60 });
    const out = await putJson(`${ns}/services/web/i1/maintenance`, { reason: "disk" });
    expect(await jsonIn(out)).toMatchObject({ service: "web", instance: "i1", maintenance: true, reason: "disk" });
    expect(await found(ns)).toEqual([]);
    expect(await jsonIn(await get(`${ns}/services/web/i1`))).toMatchObject({
      status: "critical",
      checks: [{ id: "_service_maintenance:i1", kind: "plain", status: "critical", output: "disk" }],
    });
    const again = await send("DELETE", `${ns}/services/web/i1/maintenance`);
    expect(await jsonIn(again)).toMatchObject({ maintenance: false });
    expect(await found(ns)).toEqual(["i1"]);
  });

  it("is for what is registered, with a reason", async () => {
    const ns = freshNamespace();
    const nobody = await putJson(`${ns}/services/web/i1/maintenance`, { reason: "" });
    await expectProblem(nobody, 404, "instance-not-found", "not-applied");
    for (const body of [{}, [], { reason: 7 }, { reason: "r".repeat(513) }, { reason: "", more: 1 }]) {
      const response = await putJson(`${ns}/services/web/i1/maintenance`, body);
      await expectProblem(response, 400, "invalid-body", "not-applied");
    }
  });
});
