/** Targets for Prometheus through the real objects. Against Prometheus itself: `test/interop`. */
import { beforeAll, describe, expect, it } from "vitest";
import { Consul } from "./consul-registry.ts";
import type { Json } from "./consul-registry.ts";

describe("GET /v1/sd/prometheus", () => {
  const consul = new Consul();
  const targets = async (query = "") =>
    (await consul.json<readonly { targets: readonly string[] }[]>(`sd/prometheus${query}`)).flatMap(
      (one) => one.targets,
    );

  beforeAll(async () => {
    const add = async (ID: string, Name: string, Status: string, more: Json = {}) =>
      consul.done("agent/service/register", { Name, ID, Port: 80, Check: { TTL: "1h", Status }, ...more });
    await add("a", "web", "passing", { Address: "10.0.0.1", Tags: ["v1", "x-y"], Meta: { "my-zone": "a" } });
    await add("b", "web", "warning", { Address: "fe80::1" });
    await add("c", "web", "critical", { Address: "10.0.0.3" });
    await add("d", "db", "passing", { Address: "db.internal", Port: 0 });
  });

  it("tells the healthy ones, with their labels", async () => {
    const [db, a, b, ...more] = await consul.json("sd/prometheus");
    expect(more).toEqual([]);
    expect(db).toMatchObject({ targets: ["db.internal"] });
    expect(b).toMatchObject({
      targets: ["[fe80::1]:80"],
      labels: { __meta_synod_status: "warning", __meta_synod_tags: "" },
    });
    expect(a).toEqual({
      targets: ["10.0.0.1:80"],
      labels: {
        __meta_synod_namespace: expect.any(String) as unknown,
        __meta_synod_service: "web",
        __meta_synod_instance: "a",
        __meta_synod_node: "synod",
        __meta_synod_region: expect.stringMatching(/^[a-z]+$/) as unknown,
        __meta_synod_address: "10.0.0.1",
        __meta_synod_port: "80",
        __meta_synod_protocol: "tcp",
        __meta_synod_status: "passing",
        __meta_synod_suspect: "false",
        __meta_synod_tags: ",v1,x-y,",
        __meta_synod_tag_present_v1: "true",
        __meta_synod_tag_present_x_y: "true",
        __meta_synod_meta_my_zone: "a",
      },
    });
  });

  it("of some services, with a tag, or passing only", async () => {
    expect(await targets("?service=web")).toEqual(["10.0.0.1:80", "[fe80::1]:80"]);
    expect(await targets("?service=db&service=web&passing")).toEqual(["db.internal", "10.0.0.1:80"]);
    expect(await targets("?tag=v1")).toEqual(["10.0.0.1:80"]);
    expect(await targets("?service=nothing")).toEqual([]);
    expect(await targets("?stale")).toHaveLength(3);
  });

  it("is JSON, as Prometheus wants it", async () => {
    const response = await consul.get("sd/prometheus");
    expect(response.headers.get("content-type")).toBe("application/json");
    await response.text();
  });

  it.each([["?colour=red"], ["?service=a%20b"], ["?passing=maybe"]])("refuses %s", async (query) => {
    expect((await consul.refusedGet(`sd/prometheus${query}`))[0]).toBe(400);
  });
});
