/** Keys and values through the real objects: what `/kv` promises, row by row. */
import { describe, expect, it } from "vitest";
import { expectProblem, freshNamespace, get, jsonIn, put, send, statusOf, valueOf } from "./api.ts";

describe("PUT /kv/{key}", () => {
  it("creates with 201, changes with 200, and says which revision", async () => {
    const ns = freshNamespace();
    const created = await put(`${ns}/kv/a`, "one");
    expect(created.status).toBe(201);
    expect(created.headers.get("etag")).toBe('"2"');
    expect(created.headers.get("synod-revision")).toBe("2");
    expect(created.headers.get("synod-region")).toMatch(/^(wnam|enam|weur)$/);
    expect(await jsonIn(created)).toEqual({ key: "a", revision: 2, version: 1, createRevision: 2 });
    const changed = await put(`${ns}/kv/a`, "two");
    expect(changed.status).toBe(200);
    expect(await jsonIn(changed)).toEqual({ key: "a", revision: 3, version: 2, createRevision: 2 });
    expect(await valueOf(await get(`${ns}/kv/a`))).toBe("two");
  });

  it("takes an empty value, and one of the largest size", async () => {
    const ns = freshNamespace();
    expect((await put(`${ns}/kv/empty`, "")).status).toBe(201);
    expect(await valueOf(await get(`${ns}/kv/empty`))).toBe("");
    const value = new Uint8Array(512 * 1024).map((_, at) => at % 251);
    expect((await put(`${ns}/kv/large`, value)).status).toBe(201);
    expect(await (await get(`${ns}/kv/large`)).bytes()).toEqual(value);
  });

  it("writes only if the condition holds", async () => {
    const ns = freshNamespace();
    const key = `${ns}/kv/a`;
    await expectProblem(await put(key, "x", { "if-match": "*" }), 412, "precondition-failed", "not-applied");
    expect((await put(key, "1", { "if-none-match": "*" })).status).toBe(201);
    const again = await put(key, "2", { "if-none-match": "*" });
    expect(again.headers.get("etag")).toBe('"2"');
    await expectProblem(again, 412, "precondition-failed", "not-applied");
    expect((await put(key, "3", { "if-match": '"2"' })).status).toBe(200);
    const late = await put(key, "4", { "if-match": '"2"' });
    expect(late.headers.get("etag")).toBe('"3"');
    await expectProblem(late, 412, "precondition-failed", "not-applied");
    expect((await put(key, "5", { "if-match": "*" })).status).toBe(200);
    expect(await valueOf(await get(key))).toBe("5");
  });

  it("lets exactly one of many contenders through", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/lock`, "free");
    const contenders = Array.from({ length: 8 }, async (_, i) => put(`${ns}/kv/lock`, `${i}`, { "if-match": '"2"' }));
    const statuses = (await Promise.all(contenders)).map(({ status }) => status);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, ...Array.from({ length: 7 }, () => 412)]);
  });
});

describe("GET /kv/{key}", () => {
  it("answers HEAD with the headers of GET and nothing else, whether there is a value or not", async () => {
    const key = `${freshNamespace()}/kv/a`;
    const missing = await send("HEAD", key);
    expect([missing.status, missing.headers.get("content-type")]).toEqual([404, "application/problem+json"]);
    expect(await missing.text()).toBe("");
    await put(key, "one");
    const there = await send("HEAD", key);
    expect([there.status, there.headers.get("etag")]).toEqual([200, '"2"']);
    expect(await there.text()).toBe("");
  });

  it("gives the raw value with its tag, and where it was read", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/a`, "<script>");
    const read = await get(`${ns}/kv/a`);
    expect(read.status).toBe(200);
    expect(await valueOf(read)).toBe("<script>");
    expect(Object.fromEntries(read.headers)).toMatchObject({
      etag: '"2"',
      "content-type": "application/octet-stream",
      "x-content-type-options": "nosniff",
      "synod-revision": "2",
      "synod-consistency": "linearizable",
      "synod-age": expect.stringMatching(/^\d+$/) as unknown,
      "synod-region": expect.stringMatching(/^\w+$/) as unknown,
    });
  });

  it("answers 304 to who has it already", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/a`, "x");
    const same = await get(`${ns}/kv/a`, { "if-none-match": '"0", W/"2"' });
    expect([same.status, same.headers.get("etag"), await valueOf(same)]).toEqual([304, '"2"', ""]);
    await put(`${ns}/kv/a`, "y");
    expect((await get(`${ns}/kv/a`, { "if-none-match": '"2"' })).status).toBe(200);
  });

  it("answers 404 where nothing is, and HEAD without a body", async () => {
    const ns = freshNamespace();
    await expectProblem(await get(`${ns}/kv/a`), 404, "key-not-found");
    await put(`${ns}/kv/a`, "x");
    const head = await send("HEAD", `${ns}/kv/a`);
    expect([head.status, head.headers.get("etag"), await valueOf(head)]).toEqual([200, '"2"', ""]);
    expect((await send("HEAD", `${ns}/kv/b`)).status).toBe(404);
  });

  it("reads as strongly as is asked for", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/a`, "x");
    const session = await get(`${ns}/kv/a?consistency=session&at-least=2`);
    expect([session.status, session.headers.get("synod-consistency")]).toEqual([200, "session"]);
    const local = await get(`${ns}/kv/a?consistency=local`);
    expect([local.status, local.headers.get("synod-consistency")]).toEqual([200, "local"]);
    const recent = await get(`${ns}/kv/a?consistency=local&max-age=60000`);
    expect(Number(recent.headers.get("synod-age"))).toBeLessThanOrEqual(60_000);
    const future = await get(`${ns}/kv/a?consistency=session&at-least=99`);
    await expectProblem(future, 400, "revision-in-future");
  });
});

describe("keys", () => {
  it.each([
    "a%2Fb",
    "%00",
    "%F0%9F%98%80",
    "%ff%fe",
    "a%20b",
    "a+b",
    "%25",
    "a%3Fb",
    "x/",
    "a//b",
    "%2e%2e%2e",
    "~'()*!",
  ])("%s is one", async (key) => {
    const ns = freshNamespace();
    expect((await put(`${ns}/kv/${key}`, key)).status).toBe(201);
    expect(await valueOf(await get(`${ns}/kv/${key}`))).toBe(key);
    expect((await send("DELETE", `${ns}/kv/${key}`)).status).toBe(200);
  });

  it("are the same with a slash encoded or not", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/a%2Fb`, "x");
    expect(await valueOf(await get(`${ns}/kv/a/b`))).toBe("x");
  });

  it("of the largest size work, and one byte more is refused", async () => {
    const ns = freshNamespace();
    expect((await put(`${ns}/kv/${"%61".repeat(1024)}`, "x")).status).toBe(201);
    expect((await get(`${ns}/kv/${"a".repeat(1024)}`)).status).toBe(200);
    await expectProblem(await put(`${ns}/kv/${"a".repeat(1025)}`, "x"), 400, "invalid-key", "not-applied");
  });
});

describe("DELETE /kv/{key}", () => {
  it("says whether something was there", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/a`, "x");
    const gone = await send("DELETE", `${ns}/kv/a`);
    expect([gone.status, gone.headers.get("synod-revision"), await jsonIn(gone)]).toEqual([
      200,
      "3",
      { key: "a", deleted: true, revision: 3 },
    ]);
    expect(await jsonIn(await send("DELETE", `${ns}/kv/a`))).toMatchObject({ deleted: false });
    expect((await get(`${ns}/kv/a`)).status).toBe(404);
    expect(await jsonIn(await put(`${ns}/kv/a`, "y"))).toMatchObject({ version: 1, createRevision: 4 });
  });

  it("is conditional like PUT", async () => {
    const ns = freshNamespace();
    const remove = async (headers: Readonly<Record<string, string>>) => send("DELETE", `${ns}/kv/a`, { headers });
    await expectProblem(await remove({ "if-match": "*" }), 412, "precondition-failed", "not-applied");
    await put(`${ns}/kv/a`, "x");
    await expectProblem(await remove({ "if-match": '"7"' }), 412, "precondition-failed", "not-applied");
    await expectProblem(await remove({ "if-none-match": "*" }), 412, "precondition-failed", "not-applied");
    expect(await jsonIn(await remove({ "if-match": '"2"' }))).toMatchObject({ deleted: true });
  });
});

describe("GET /kv", () => {
  const keysOf = (page: Readonly<Record<string, unknown>>): readonly unknown[] =>
    (page["keys"] as readonly { readonly key: string }[]).map(({ key }) => key);

  it("lists keys in order under a prefix", async () => {
    const ns = freshNamespace();
    for (const key of ["b/2", "a", "b/1", "c"]) await put(`${ns}/kv/${key}`, `v-${key}`);
    const all = await jsonIn(await get(`${ns}/kv`));
    expect(keysOf(all)).toEqual(["a", "b/1", "b/2", "c"]);
    const some = await get(`${ns}/kv?prefix=b%2F`);
    expect(some.headers.get("synod-revision")).toBe("5");
    expect(await jsonIn(some)).toEqual({
      keys: [
        { key: "b/1", value: "v-b/1", createRevision: 4, modRevision: 4, version: 1 },
        { key: "b/2", value: "v-b/2", createRevision: 2, modRevision: 2, version: 1 },
      ],
      revision: 5,
      cursor: null,
    });
    expect(await jsonIn(await get(`${ns}/kv?prefix=none`))).toEqual({ keys: [], revision: 5, cursor: null });
  });

  it("goes on at the revision of the first page, whatever is written meanwhile", async () => {
    const ns = freshNamespace();
    for (const key of ["a", "b", "c"]) await put(`${ns}/kv/${key}`, "old");
    const first = await jsonIn(await get(`${ns}/kv?limit=2`));
    expect(keysOf(first)).toEqual(["a", "b"]);
    await put(`${ns}/kv/c`, "new");
    await put(`${ns}/kv/d`, "new");
    const second = await jsonIn(await get(`${ns}/kv?limit=2&cursor=${String(first["cursor"])}`));
    expect(second).toMatchObject({ keys: [{ key: "c", value: "old" }], revision: 4, cursor: null });
    for (const level of ["linearizable", "local", "session&at-least=4"]) {
      const page = await get(`${ns}/kv?cursor=${String(first["cursor"])}&consistency=${level}`);
      expect(keysOf(await jsonIn(page))).toEqual(["c"]);
    }
  });

  it("shows bytes that are not text as base64", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/%ff`, Uint8Array.of(0xfe));
    const shown = { key: "/w==", keyEncoding: "base64", value: "/g==", encoding: "base64" };
    expect(await jsonIn(await get(`${ns}/kv?prefix=%ff`))).toMatchObject({ keys: [shown] });
    expect(await jsonIn(await put(`${ns}/kv/%ff`, "x"))).toMatchObject({ key: "/w==", keyEncoding: "base64" });
  });

  it("refuses a cursor of another listing, or of a revision that nobody has", async () => {
    const ns = freshNamespace();
    for (const key of ["a", "b"]) await put(`${ns}/kv/${key}`, "x");
    const { cursor } = await jsonIn(await get(`${ns}/kv?limit=1`));
    await expectProblem(await get(`${ns}/kv?prefix=b&cursor=${String(cursor)}`), 400, "invalid-cursor");
    const future = btoa("99:ka").replaceAll("=", "");
    await expectProblem(await get(`${ns}/kv?cursor=${future}`), 400, "revision-in-future");
  });
});

describe("namespaces", () => {
  it("share nothing", async () => {
    const [one, other] = [freshNamespace(), freshNamespace()];
    await put(`${one}/kv/a`, "one");
    await put(`${other}/kv/a`, "other");
    expect(await valueOf(await get(`${one}/kv/a`))).toBe("one");
    expect(await valueOf(await get(`${other}/kv/a`))).toBe("other");
    expect((await get(`${other}/kv/a`)).headers.get("synod-revision")).toBe("2");
  });

  it("without one is the default", async () => {
    await put("/kv/default-key", "x");
    expect(await valueOf(await get("/ns/default/kv/default-key"))).toBe("x");
  });

  it("[F6] are not founded by reading", async () => {
    const ns = freshNamespace();
    expect((await get(`${ns}/kv/a`)).status).toBe(404);
    expect(await jsonIn(await get(`${ns}/kv`))).toEqual({ keys: [], revision: 1, cursor: null });
    expect((await get(`${ns}/decisions/a`)).status).toBe(404);
    expect(await jsonIn(await get(`${ns}/services`))).toMatchObject({ services: [] });
    expect(await jsonIn(await get(`${ns}/services/web`))).toMatchObject({ instances: [] });
    const { acceptors } = await statusOf(ns);
    expect(acceptors.map(({ identity, counter }) => [identity, counter])).toEqual(Array(3).fill(["empty", 0]));
    await put(`${ns}/kv/a`, "x");
    expect((await statusOf(ns)).acceptors.map(({ identity }) => identity)).toEqual(Array(3).fill("enrolled"));
  });
});
