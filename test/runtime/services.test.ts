/** The service registry through the real objects: registering, renewing, expiring, looking up. */
import { describe, expect, it } from "vitest";
import { expectProblem, freshNamespace, get, jsonIn, put, putJson, send } from "./api.ts";

const instance = { address: "10.0.0.1", port: 8080, tags: ["v1"], meta: { zone: "a" }, ttl: 60 };

describe("PUT /services/{name}/{instance}", () => {
  it("registers with 201, renews and changes with 200", async () => {
    const ns = freshNamespace();
    const registered = await putJson(`${ns}/services/web/i1`, instance);
    expect(registered.status).toBe(201);
    const shown = {
      service: "web",
      instance: "i1",
      ...instance,
      protocol: "tcp",
      weights: { passing: 1, warning: 1 },
      checks: [],
      region: expect.stringMatching(/^[a-z]+$/) as unknown,
    };
    expect(await jsonIn(registered)).toEqual({ ...shown, revision: 2, renewed: false });
    const renewed = await putJson(`${ns}/services/web/i1`, instance);
    expect(renewed.status).toBe(200);
    expect(await jsonIn(renewed)).toEqual({ ...shown, revision: 2, renewed: true });
    const changed = await putJson(`${ns}/services/web/i1`, { ...instance, port: 81 });
    expect(changed.status).toBe(200);
    expect(await jsonIn(changed)).toMatchObject({ port: 81, revision: 3, renewed: false });
  });

  it("[X1] carries a request with a key out once", async () => {
    const ns = freshNamespace();
    const key = { "idempotency-key": "k" };
    expect((await putJson(`${ns}/services/web/i1`, instance, key)).status).toBe(201);
    await send("DELETE", `${ns}/services/web/i1`);
    expect((await putJson(`${ns}/services/web/i1`, instance, key)).status).toBe(201);
    expect(await jsonIn(await get(`${ns}/services/web`))).toMatchObject({ instances: [] });
    const other = await putJson(`${ns}/services/web/i1`, { ...instance, port: 1 }, key);
    await expectProblem(other, 422, "idempotency-key-reused", "not-applied");
  });

  it("takes the region that the body names, and nothing it must not", async () => {
    const ns = freshNamespace();
    expect(await jsonIn(await putJson(`${ns}/services/web/i1`, { ...instance, region: "oc" }))).toMatchObject({
      region: "oc",
    });
    const least = { address: "db.internal", port: 0, ttl: 1, protocol: "udp", weights: { passing: 3, warning: 0 } };
    expect(await jsonIn(await putJson(`${ns}/services/web/i2`, least))).toMatchObject({ ...least, tags: [], meta: {} });
    const odd = `{"address":"a","port":1,"ttl":1,"meta":{"__proto__":"x","constructor":"y"}}`;
    const kept = await put(`${ns}/services/web/i3`, odd, { "content-type": "application/json" });
    expect(await kept.text()).toContain('"meta":{"__proto__":"x","constructor":"y"}');
  });

  it.each([
    ["an unknown field", { ...instance, colour: "red" }],
    ["no address", { port: 1, ttl: 1 }],
    ["no port", { address: "a", ttl: 1 }],
    ["neither ttl nor checks", { address: "a", port: 1 }],
    ["no ttl and an empty list of checks", { address: "a", port: 1, checks: [] }],
    ["an address with a space", { ...instance, address: "a b" }],
    ["an address that is none", { ...instance, address: "10.0.0.256" }],
    ["a host's name that is none", { ...instance, address: "-a.example" }],
    ["an empty address", { ...instance, address: "" }],
    ["a protocol that is none", { ...instance, protocol: "sctp" }],
    ["a weight below nothing", { ...instance, weights: { passing: -1, warning: 1 } }],
    ["a tag twice", { ...instance, tags: ["a", "a"] }],
    ["10,000 tags", { ...instance, tags: Array.from({ length: 10_000 }, (_, i) => i.toString(36)) }],
    ["checks that are no list", { ...instance, checks: {} }],
    ["a check of an unknown kind", { ...instance, checks: [{ kind: "script", args: ["/bin/true"] }] }],
    ["a check with an unknown member", { ...instance, checks: [{ kind: "ttl", ttl: 5, script: "x" }] }],
    ["a check without its ttl", { ...instance, checks: [{ kind: "ttl" }] }],
    ["a negative ttl of a check", { ...instance, checks: [{ kind: "ttl", ttl: -5 }] }],
    ["a negative interval", { ...instance, checks: [{ kind: "tcp", host: "example.org", port: 1, interval: -1 }] }],
    [
      "a timeout above its interval",
      { ...instance, checks: [{ kind: "tcp", host: "a", port: 1, interval: 1, timeout: 2 }] },
    ],
    [
      "a check twice",
      {
        ...instance,
        checks: [
          { kind: "plain", id: "a" },
          { kind: "plain", id: "a" },
        ],
      },
    ],
    ["17 checks", { ...instance, checks: Array.from({ length: 17 }, (_, i) => ({ kind: "plain", id: `c${i}` })) }],
    ["a status that is none", { ...instance, checks: [{ kind: "plain", status: "fine" }] }],
    ["an alias with a status", { ...instance, checks: [{ kind: "alias", instance: "i2", status: "passing" }] }],
    ["two ways to end", { ...instance, checks: [{ kind: "ttl", ttl: 5, deregisterAfter: 60 }] }],
    ["a port out of range", { ...instance, port: 65_536 }],
    ["a fractional port", { ...instance, port: 1.5 }],
    ["a port as text", { ...instance, port: "80" }],
    ["a ttl too short", { ...instance, ttl: 0 }],
    ["a ttl too long", { ...instance, ttl: 86_401 }],
    ["a ttl as text", { ...instance, ttl: "1" }],
    ["too many tags", { ...instance, tags: Array.from({ length: 65 }, (_, i) => `t${i}`) }],
    ["a tag too long", { ...instance, tags: ["t".repeat(129)] }],
    ["a tag that is none", { ...instance, tags: [1] }],
    ["tags that are no list", { ...instance, tags: "v1" }],
    ["meta too deep", { ...instance, meta: { a: { b: "c" } } }],
    ["meta that is a list", { ...instance, meta: ["a"] }],
    ["too much meta", { ...instance, meta: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, "v"])) }],
    ["meta too long", { ...instance, meta: { a: "v".repeat(513) } }],
    ["a region that is none", { ...instance, region: "Mars 1" }],
    ["a list", [instance]],
    ["null", null],
    ["text", "instance"],
  ])("refuses %s", async (_, body) => {
    await expectProblem(await putJson("/services/web/bad", body), 400, "invalid-body", "not-applied");
  });

  it.each([
    ["nothing", ""],
    ["half an object", '{"address":'],
    ["a very deep list", `${"[".repeat(30_000)}${"]".repeat(30_000)}`],
    ["two objects", "{}{}"],
    ["bytes that are not UTF-8", Uint8Array.of(0x22, 0xff, 0x22)],
  ])("refuses %s", async (_, body) => {
    const response = await put("/services/web/bad", body, { "content-type": "application/json" });
    await expectProblem(response, 400, "invalid-body", "not-applied");
  });

  it("refuses other media types, and too much of the right one", async () => {
    const text = JSON.stringify(instance);
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "application/json; charset=latin1",
      "application/jsonx",
    ]) {
      const response = await put("/services/web/bad", text, { "content-type": type });
      await expectProblem(response, 415, "unsupported-media-type", "not-applied");
    }
    const utf8 = await put("/services/web/typed", text, { "content-type": "Application/JSON; charset=UTF-8" });
    expect(utf8.ok).toBe(true);
    await expectProblem(
      await putJson("/services/web/bad", { ...instance, x: "x".repeat(65_536) }),
      413,
      "body-too-large",
      "not-applied",
    );
  });

  it.each(["/services/-web/i1", "/services/a.b/i1", "/services/web/a%20b", "/services/%ff/i1"])(
    "refuses the name in %s",
    async (path) => {
      await expectProblem(await putJson(path, instance), 400, "invalid-name", "not-applied");
    },
  );

  it("takes no condition, no query, no deeper path", async () => {
    const conditional = await putJson("/services/web/i1", instance, { "if-match": "*" });
    await expectProblem(conditional, 400, "invalid-precondition", "not-applied");
    await expectProblem(await putJson("/services/web/i1?ttl=1", instance), 400, "invalid-query", "not-applied");
    await expectProblem(await putJson("/services/web/i1/x", instance), 404, "not-found", "not-applied");
    await expectProblem(await putJson("/services/web/", instance), 404, "not-found", "not-applied");
  });
});

describe("an instance's name is its own", () => {
  it("whatever the service: under a second one it is refused, and nothing changed", async () => {
    const ns = freshNamespace();
    await putJson(`${ns}/services/web/i1`, instance);
    const body = { ...instance, port: 1, checks: [{ kind: "ttl", ttl: 5, status: "passing" }] };
    const again = await putJson(`${ns}/services/api/i1`, body);
    await expectProblem(again, 409, "instance-elsewhere", "not-applied");
    expect(await jsonIn(await get(`${ns}/services`))).toMatchObject({ services: [{ name: "web" }], revision: 2 });
    expect(await jsonIn(await send("DELETE", `${ns}/services/api/i1`))).toMatchObject({ deleted: false });
    expect(await jsonIn(await get(`${ns}/services/web/i1`))).toMatchObject({ port: 8080, status: "passing" });
    await send("DELETE", `${ns}/services/web/i1`);
    expect((await putJson(`${ns}/services/api/i1`, body)).status).toBe(201);
  });

  it("is asked for by itself", async () => {
    const ns = freshNamespace();
    await putJson(`${ns}/services/web/i1`, instance);
    const found = await get(`${ns}/services/web/i1`);
    expect(found.headers.get("synod-index")).toBe("2");
    expect(await jsonIn(found)).toMatchObject({
      service: "web",
      instance: "i1",
      ...instance,
      status: "passing",
      suspect: false,
      checks: [],
      createRevision: 2,
      modRevision: 2,
      index: 2,
      revision: 2,
    });
    await expectProblem(await get(`${ns}/services/api/i1`), 404, "instance-not-found");
    await expectProblem(await get(`${ns}/services/web/i2`), 404, "instance-not-found");
  });
});

describe("DELETE /services/{name}/{instance}", () => {
  it("removes the instance", async () => {
    const ns = freshNamespace();
    await putJson(`${ns}/services/web/i1`, instance);
    const gone = await send("DELETE", `${ns}/services/web/i1`);
    expect(await jsonIn(gone)).toEqual({ service: "web", instance: "i1", deleted: true, revision: 3 });
    expect(await jsonIn(await send("DELETE", `${ns}/services/web/i1`))).toMatchObject({ deleted: false });
    expect(await jsonIn(await get(`${ns}/services/web`))).toMatchObject({ instances: [] });
  });
});

describe("GET /services", () => {
  it("finds instances by tag and region", async () => {
    const ns = freshNamespace();
    await putJson(`${ns}/services/web/a`, { ...instance, region: "oc" });
    await putJson(`${ns}/services/web/b`, { ...instance, tags: ["v2"], region: "weur" });
    const found = async (query: string): Promise<readonly unknown[]> => {
      const { instances } = await jsonIn(await get(`${ns}/services/Web?order=name${query}`));
      return (instances as readonly { readonly instance: string }[]).map((one) => one.instance);
    };
    expect(await found("")).toEqual(["a", "b"]);
    expect(await found("&tag=v2")).toEqual(["b"]);
    expect(await found("&region=oc")).toEqual(["a"]);
    expect(await found("&region=oc&tag=v2")).toEqual([]);
    const all = await get(`${ns}/services/web?consistency=local`);
    expect(all.headers.get("synod-consistency")).toBe("local");
    expect(await jsonIn(await get(`${ns}/services/web?tag=v2`))).toMatchObject({
      service: "web",
      more: false,
      revision: 3,
      instances: [{ instance: "b", ...instance, tags: ["v2"], region: "weur", createRevision: 3, modRevision: 3 }],
    });
  });

  it("lists services page by page", async () => {
    const ns = freshNamespace();
    for (const name of ["a", "b", "c"]) await putJson(`${ns}/services/${name}/${name}1`, instance);
    await putJson(`${ns}/services/b/b2`, { ...instance, tags: ["v2"] });
    const first = await jsonIn(await get(`${ns}/services?limit=2`));
    expect(first).toMatchObject({
      services: [
        { name: "a", instances: 1, tags: ["v1"] },
        { name: "b", instances: 2, tags: ["v1", "v2"] },
      ],
      revision: 5,
    });
    const second = await jsonIn(await get(`${ns}/services?limit=2&cursor=${String(first["cursor"])}`));
    const services = [{ name: "c", instances: 1, tags: ["v1"] }];
    expect(second).toEqual({ services, cursor: null, index: 5, revision: 5 });
    expect(await jsonIn(await get(`${ns}/services?prefix=C`))).toMatchObject({ services, index: 4 });
  });

  it.each([
    "?limit=0",
    "?limit=1001",
    "?cursor=!",
    "?prefix=-",
    "?prefixes=a",
    "/web?region=Mars",
    `/web?tag=${"t".repeat(129)}`,
    "/web?limit=0",
    "/web?limit=1001",
    "/web?health=well",
    "/web?health=any&health=any",
    "/web?order=random",
    "/web?meta=a",
    "/web?meta=:a",
    "/web?meta=a:1&meta=a:2",
    "/web?failover=weur,,oc",
    "/web?order=near&cursor=MTph",
    "/web?wait=5",
    "/web?index=-1",
    "/web?index=1&wait=61",
    "/web?index=1&wait=5s",
    "/web?at-least=5",
    "/web/events?prefix=a",
    "/events?prefix=-a",
    "/web/i1?tag=a",
  ])("refuses %s", async (query) => {
    const response = await get(`/services${query}`);
    await expectProblem(response, 400, query === "?cursor=!" ? "invalid-cursor" : "invalid-query");
  });

  it("[E1] forgets an instance that no longer renews, and not one that does", async () => {
    const ns = freshNamespace();
    await putJson(`${ns}/services/web/brief`, { ...instance, ttl: 1 });
    await putJson(`${ns}/services/web/lasting`, instance);
    expect(await jsonIn(await get(`${ns}/services/web`))).toMatchObject({
      instances: [{ instance: "brief" }, { instance: "lasting" }],
    });
    await expect
      .poll(async () => jsonIn(await get(`${ns}/services/web`)), { timeout: 8_000, interval: 200 })
      .toMatchObject({ instances: [{ instance: "lasting" }] });
  }, 12_000);
});
