/** Looking up services through the real objects: order, filters, caches, pages, and waiting for a change. */
import { describe, expect, it } from "vitest";
import { expectProblem, freshNamespace, get, jsonIn, postJson, putJson, send } from "./api.ts";

const instance = { address: "10.0.0.1", port: 8080, ttl: 600 };

async function found(path: string): Promise<readonly string[]> {
  const response = await get(path);
  expect(response.status).toBe(200);
  const { instances } = await jsonIn(response);
  return (instances as readonly { readonly instance: string }[]).map((one) => one.instance);
}

/** Five instances in three regions. */
async function filled(): Promise<string> {
  const ns = freshNamespace();
  const register = [
    { instance: "a", region: "oc", tags: ["blue"], meta: { zone: "1" } },
    { instance: "b", region: "weur", tags: ["Blue", "new"], meta: { zone: "2" } },
    { instance: "c", region: "wnam", tags: [], meta: {} },
    { instance: "d", region: "weur", tags: ["green"], meta: { zone: "1" } },
    { instance: "e", region: "oc", tags: ["new"], meta: { zone: "1", rack: "a:b" } },
  ].map((one) => ({ service: "web", ...instance, ...one }));
  expect((await postJson(`${ns}/services`, { register })).status).toBe(200);
  return `${ns}/services/web`;
}

describe("GET /services/{service}", () => {
  it("answers nearest first, from the caller's place or another", async () => {
    const web = await filled();
    expect(await found(`${web}?near=weur`)).toEqual(["b", "d", "c", "a", "e"]);
    expect(await found(`${web}?near=oc`)).toEqual(["a", "e", "c", "b", "d"]);
    expect((await found(web))[0]).toBe("c");
    expect(await found(`${web}?near=weur&limit=2`)).toEqual(["b", "d"]);
    await expectProblem(await get(`${web}?near=mars`), 400, "unknown-region");
  });

  it("filters by tags, also negated, by meta and by region", async () => {
    const web = `${await filled()}?order=name`;
    expect(await found(`${web}&tag=blue`)).toEqual(["a", "b"]);
    expect(await found(`${web}&tag=blue&tag=new`)).toEqual(["b"]);
    expect(await found(`${web}&not-tag=blue`)).toEqual(["c", "d", "e"]);
    expect(await found(`${web}&not-tag=blue&not-tag=green&tag=new`)).toEqual(["e"]);
    expect(await found(`${web}&meta=zone:1`)).toEqual(["a", "d", "e"]);
    expect(await found(`${web}&meta=zone:1&meta=rack:a:b`)).toEqual(["e"]);
    expect(await found(`${web}&region=oc&region=wnam`)).toEqual(["a", "c", "e"]);
  });

  it("fails over to other regions when nothing is healthy nearby", async () => {
    const web = await filled();
    expect(await found(`${web}?near=weur&failover=oc,wnam`)).toEqual(["b", "d"]);
    for (const name of ["b", "d"]) await putJson(`${web}/${name}/maintenance`, { reason: "r" });
    expect(await found(`${web}?near=weur&failover=oc,wnam`)).toEqual(["a", "e"]);
    expect(await found(`${web}?near=weur&failover=me`)).toEqual([]);
  });

  it("draws by weight, and goes round, on request; and nobody may keep such an answer", async () => {
    const web = await filled();
    for (const order of ["weighted", "round-robin"]) {
      const response = await get(`${web}?order=${order}`);
      expect([response.headers.get("cache-control"), response.headers.get("etag")]).toEqual(["no-store", null]);
      expect((await found(`${web}?order=${order}`)).toSorted()).toEqual(["a", "b", "c", "d", "e"]);
    }
    const firsts = new Set<string | undefined>();
    for (let i = 0; i < 5; i += 1) firsts.add((await found(`${web}?order=round-robin`))[0]);
    expect(firsts).toEqual(new Set(["a", "b", "c", "d", "e"]));
  });

  it("goes page by page in the order of names", async () => {
    const web = await filled();
    const first = await jsonIn(await get(`${web}?order=name&limit=3`));
    expect(first).toMatchObject({ more: true, instances: [{ instance: "a" }, { instance: "b" }, { instance: "c" }] });
    const second = await jsonIn(await get(`${web}?order=name&limit=3&cursor=${String(first["cursor"])}`));
    expect(second).toMatchObject({ more: false, cursor: null, instances: [{ instance: "d" }, { instance: "e" }] });
    await expectProblem(await get(`${web}?order=name&cursor=MTph`), 400, "invalid-cursor");
  });

  it("is cacheable: the same answer is not sent twice", async () => {
    const web = await filled();
    const first = await get(`${web}?near=oc`);
    const tag = first.headers.get("etag") ?? "";
    expect([first.headers.get("cache-control"), first.headers.get("synod-index")]).toEqual(["no-cache", "6"]);
    expect(tag).toMatch(/^W\/"6-[0-9a-f]{16}"$/);
    const known = { "if-none-match": tag };
    const same = await get(`${web}?near=oc`, known);
    expect([same.status, same.headers.get("etag"), await same.text()]).toEqual([304, tag, ""]);
    // Another question, or another answer, has another tag; what happens elsewhere changes nothing.
    expect((await get(`${web}?near=weur`, known)).status).toBe(200);
    await putJson(`${web}-2/x`, instance);
    expect((await get(`${web}?near=oc`, known)).status).toBe(304);
    await putJson(`${web}/a/maintenance`, { reason: "r" });
    expect((await get(`${web}?near=oc`, known)).status).toBe(200);
  });

  it("is kept a few seconds where any replica's word is good enough", async () => {
    const web = await filled();
    await get(web);
    const local = await get(`${web}?consistency=local&max-age=30000`);
    expect(local.headers.get("cache-control")).toBe("private, max-age=5");
    expect([local.headers.get("synod-consistency"), local.headers.get("synod-stale")]).toEqual(["local", null]);
    expect(await jsonIn(local)).not.toHaveProperty("stale");
  });

  it("has no instances of an unknown service, and waits for it all the same", async () => {
    const ns = freshNamespace();
    expect(await jsonIn(await get(`${ns}/services/none`))).toMatchObject({ instances: [], index: 1 });
    await putJson(`${ns}/services/other/o1`, instance);
    const waiting = get(`${ns}/services/none?index=1&wait=30`);
    await putJson(`${ns}/services/none/n1`, instance);
    expect(await jsonIn(await waiting)).toMatchObject({ instances: [{ instance: "n1" }], index: 3 });
  });
});

describe("GET /services/{service}?index=&wait=", () => {
  it("answers at once what is newer, or of another time", async () => {
    const web = await filled();
    expect(await jsonIn(await get(`${web}?index=5&wait=30`))).toMatchObject({ index: 6 });
    expect(await jsonIn(await get(`${web}?index=0&wait=30`))).toMatchObject({ index: 6 });
    expect(await jsonIn(await get(`${web}?index=1000&wait=30`))).toMatchObject({ index: 6 });
  });

  it("answers the same when the time is over", async () => {
    const web = await filled();
    expect(await jsonIn(await get(`${web}?index=6&wait=0`))).toMatchObject({ index: 6, instances: { length: 5 } });
    expect(await jsonIn(await get(`${web}?index=6&wait=1&tag=green`))).toMatchObject({ index: 6 });
  });

  it.each([
    ["a registration", async (web: string) => putJson(`${web}/f`, instance)],
    ["a change", async (web: string) => putJson(`${web}/a`, { ...instance, port: 1 })],
    ["a check", async (web: string) => putJson(`${web}/a/maintenance`, { reason: "r" })],
    ["a removal", async (web: string) => send("DELETE", `${web}/a`)],
  ])("is woken by %s, and by nothing that is not its own", async (_, change) => {
    const web = await filled();
    let answered = false;
    const waiting = get(`${web}?index=6&wait=50`).then((response) => {
      answered = true;
      return response;
    });
    for (const other of ["web-2/x", "we/y"]) await putJson(web.replace(/web$/, other), instance);
    await putJson(`${web}/c`, { ...instance, region: "wnam", tags: [], meta: {} });
    expect(answered).toBe(false);
    await change(web);
    const body = await jsonIn(await waiting);
    expect(body["index"]).toBe(body["revision"]);
    expect(body["index"]).toBe(9);
  });

  it("holds 1,000 clients of two services at one replica, and wakes those of the one that changed, once", async () => {
    const ns = freshNamespace();
    await putJson(`${ns}/services/web/w1`, instance);
    await putJson(`${ns}/services/api/a1`, instance);
    const answered = { web: 0, api: 0 };
    const wait = async (service: "web" | "api", index: number) => {
      const response = await get(`${ns}/services/${service}?index=${index}&wait=60&consistency=local`);
      answered[service] += 1;
      return jsonIn(response);
    };
    const web = Array.from({ length: 500 }, async () => wait("web", 2));
    const api = Array.from({ length: 500 }, async () => wait("api", 3));
    for (let i = 0; i < 3; i += 1) await putJson(`${ns}/services/other/o${i}`, instance);
    expect(answered).toEqual({ web: 0, api: 0 });
    await putJson(`${ns}/services/web/w2`, instance);
    for (const body of await Promise.all(web)) expect(body).toMatchObject({ index: 7, instances: { length: 2 } });
    expect(answered).toEqual({ web: 500, api: 0 });
    await send("DELETE", `${ns}/services/api/a1`);
    for (const body of await Promise.all(api)) expect(body).toMatchObject({ index: 8, instances: [] });
  }, 60_000);
});
