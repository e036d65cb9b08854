/** Leases through the real objects: granted, renewed, revoked, expired, and the keys that go with them. */
import { describe, expect, it } from "vitest";
import { expectProblem, freshNamespace, get, jsonIn, postJson, problemIn, put, send, until, valueOf } from "./api.ts";

const grant = async (ns: string, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
  postJson(`${ns}/leases`, body, headers);

describe("POST /leases", () => {
  it("grants one with an id of its own, or the one it is told", async () => {
    const ns = freshNamespace();
    const minted = await grant(ns, { ttl: 60 });
    expect(minted.status).toBe(201);
    const { id, ttl } = await jsonIn(minted);
    expect([id, ttl]).toEqual([expect.stringMatching(/^[1-9][0-9]{0,18}$/), 60]);
    expect(BigInt(String(id))).toBeLessThan(2n ** 63n);
    const most = { ttl: 9_000_000_000, id: "9223372036854775807" };
    expect(await jsonIn(await grant(ns, most))).toEqual({ ...most, revision: 1 });
    await expectProblem(await grant(ns, most), 409, "lease-exists", "not-applied");
  });

  it("[X1] grants one only under one key, and tells a retry its id", async () => {
    const ns = freshNamespace();
    const first = await jsonIn(await grant(ns, { ttl: 60 }, { "idempotency-key": "k" }));
    expect(await jsonIn(await grant(ns, { ttl: 60 }, { "idempotency-key": "k" }))).toEqual(first);
    expect((await jsonIn(await get(`${ns}/leases`)))["leases"]).toHaveLength(1);
    await expectProblem(
      await grant(ns, { ttl: 61 }, { "idempotency-key": "k" }),
      422,
      "idempotency-key-reused",
      "not-applied",
    );
  });

  it.each([
    ["no ttl", {}],
    ["a ttl of zero", { ttl: 0 }],
    ["a negative ttl", { ttl: -1 }],
    ["a ttl over 9,000,000,000", { ttl: 9_000_000_001 }],
    ["a fraction of a second", { ttl: 1.5 }],
    ["a ttl as text", { ttl: "60" }],
    ["an id of zero", { ttl: 1, id: "0" }],
    ["an id beyond 63 bits", { ttl: 1, id: "9223372036854775808" }],
    ["an id as a number", { ttl: 1, id: 7 }],
    ["an id that is a word", { ttl: 1, id: "service/web/1" }],
    ["an unknown member", { ttl: 1, keys: [] }],
    ["a list", []],
  ])("refuses %s", async (_, body) => {
    const ns = freshNamespace();
    await expectProblem(await grant(ns, body), 400, "invalid-body", "not-applied");
  });
});

describe("a lease", () => {
  it("takes its keys with it when it is revoked, all under one revision", async () => {
    const ns = freshNamespace();
    await grant(ns, { ttl: 60, id: "7" });
    for (const key of ["a", "b"]) expect((await put(`${ns}/kv/${key}?lease=7`, "x")).status).toBe(201);
    expect((await get(`${ns}/kv/a`)).headers.get("synod-lease")).toBe("7");
    expect((await jsonIn(await get(`${ns}/kv`)))["keys"]).toMatchObject([{ lease: "7" }, { lease: "7" }]);
    const shown = await jsonIn(await get(`${ns}/leases/7?keys=true`));
    expect(shown).toMatchObject({ id: "7", ttl: 60, keys: [{ key: "a" }, { key: "b" }] });
    expect(shown["remaining"]).toBeGreaterThan(30);
    const revoked = await send("DELETE", `${ns}/leases/7`);
    expect([revoked.status, await jsonIn(revoked)]).toEqual([
      200,
      { id: "7", revoked: true, deletedKeys: 2, revision: 4 },
    ]);
    expect(await jsonIn(await get(`${ns}/kv`))).toMatchObject({ keys: [], revision: 4 });
    await expectProblem(await send("DELETE", `${ns}/leases/7`), 404, "lease-not-found", "not-applied");
    await expectProblem(await get(`${ns}/leases/7`), 404, "lease-not-found");
  });

  it("lets go of a key that is written without it", async () => {
    const ns = freshNamespace();
    await grant(ns, { ttl: 60, id: "7" });
    await put(`${ns}/kv/a?lease=7`, "x");
    await put(`${ns}/kv/a`, "y");
    expect((await get(`${ns}/kv/a`)).headers.get("synod-lease")).toBeNull();
    expect(await jsonIn(await send("DELETE", `${ns}/leases/7`))).toMatchObject({ deletedKeys: 0 });
    expect((await get(`${ns}/kv/a`)).status).toBe(200);
  });

  it("ends with its keys when nobody renews it", { timeout: 20_000 }, async () => {
    const ns = freshNamespace();
    await grant(ns, { ttl: 2, id: "7" });
    await put(`${ns}/kv/a?lease=7`, "x");
    expect(await jsonIn(await send("PUT", `${ns}/leases/7`))).toMatchObject({ id: "7", ttl: 2 });
    expect((await get(`${ns}/kv/a`)).status).toBe(200);
    const gone = await until("the key goes", async () => {
      const read = await get(`${ns}/kv/a`);
      return read.status === 404 ? read : null;
    });
    await expectProblem(gone, 404, "key-not-found");
    await expectProblem(await get(`${ns}/leases/7`), 404, "lease-not-found");
    await expectProblem(await send("PUT", `${ns}/leases/7`), 404, "lease-not-found", "not-applied");
    await expectProblem(await put(`${ns}/kv/a?lease=7`, "x"), 404, "lease-not-found", "not-applied");
    expect((await get(`${ns}/kv/a`)).status).toBe(404);
  });

  it("that was never granted ties nothing", async () => {
    const ns = freshNamespace();
    await expectProblem(await put(`${ns}/kv/a?lease=7`, "x"), 404, "lease-not-found", "not-applied");
    for (const lease of ["", "0", "x", "-1", "1.5", "9223372036854775808"]) {
      await expectProblem(await put(`${ns}/kv/a?lease=${lease}`, "x"), 400, "invalid-query", "not-applied");
    }
    expect((await get(`${ns}/kv/a`)).status).toBe(404);
  });

  it("[X1] belongs to what a key was used for", async () => {
    const ns = freshNamespace();
    for (const id of ["7", "8"]) await grant(ns, { ttl: 60, id });
    const key = { "idempotency-key": "k" };
    expect((await put(`${ns}/kv/a?lease=7`, "x", key)).status).toBe(201);
    await expectProblem(await put(`${ns}/kv/a?lease=8`, "x", key), 422, "idempotency-key-reused", "not-applied");
    await expectProblem(await put(`${ns}/kv/a`, "x", key), 422, "idempotency-key-reused", "not-applied");
  });
});

describe("GET /leases", () => {
  it("lists what was granted, page by page, and no place, and no instance", async () => {
    const ns = freshNamespace();
    for (const id of ["10", "9", "8"]) await grant(ns, { ttl: 60, id });
    await postJson(`${ns}/locks/l`, { ttl: 60 });
    await put(`${ns}/services/web/i`, '{"address":"a","port":1,"ttl":60}');
    const first = await jsonIn(await get(`${ns}/leases?limit=2`));
    expect(first["leases"]).toMatchObject([
      { id: "10", ttl: 60 },
      { id: "8", ttl: 60 },
    ]);
    const second = await jsonIn(await get(`${ns}/leases?limit=2&cursor=${String(first["cursor"])}`));
    expect(second).toMatchObject({ leases: [{ id: "9" }], cursor: null });
    expect(await jsonIn(await get(`${freshNamespace()}/leases`))).toMatchObject({ leases: [], cursor: null });
  });

  it("refuses what it does not understand", async () => {
    const ns = freshNamespace();
    await expectProblem(await get(`${ns}/leases?limit=0`), 400, "invalid-query");
    await expectProblem(await get(`${ns}/leases?cursor=MTprYQ`), 400, "invalid-cursor");
    await expectProblem(await get(`${ns}/leases/7?keys=yes`), 400, "invalid-query");
    for (const id of ["x", "0", "01", "9223372036854775808", "lock%2Fa"]) {
      await expectProblem(await get(`${ns}/leases/${id}`), 400, "invalid-name");
    }
    await expectProblem(await send("PUT", `${ns}/leases/7`, { body: "{}" }), 400, "invalid-body", "not-applied");
    await expectProblem(await send("PATCH", `${ns}/leases/7`), 405, "method-not-allowed", "not-applied");
    const conditional = await send("DELETE", `${ns}/leases/7`, { headers: { "if-match": "*" } });
    await expectProblem(conditional, 400, "invalid-precondition", "not-applied");
  });
});

describe("revisions of the past", () => {
  it("are read as they were", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/a`, "1");
    await put(`${ns}/kv/a`, "2");
    await send("DELETE", `${ns}/kv/a`);
    await put(`${ns}/kv/b`, "3");
    const past = await get(`${ns}/kv/a?revision=2`);
    expect([past.status, past.headers.get("etag"), await valueOf(past)]).toEqual([200, '"2"', "1"]);
    expect(await valueOf(await get(`${ns}/kv/a?revision=3`))).toBe("2");
    await expectProblem(await get(`${ns}/kv/a?revision=4`), 404, "key-not-found");
    await expectProblem(await get(`${ns}/kv/a?revision=1`), 404, "key-not-found");
    const all = await jsonIn(await get(`${ns}/kv?revision=3`));
    expect(all).toEqual({
      keys: [{ key: "a", value: "2", createRevision: 2, modRevision: 3, version: 2 }],
      revision: 3,
      cursor: null,
    });
    expect((await get(`${ns}/kv/a?revision=2`, { "if-none-match": '"2"' })).status).toBe(304);
  });

  it("go on page by page", async () => {
    const ns = freshNamespace();
    for (const key of ["a", "b", "c"]) await put(`${ns}/kv/${key}`, "x");
    const first = await jsonIn(await get(`${ns}/kv?revision=3&limit=1`));
    const second = await jsonIn(await get(`${ns}/kv?cursor=${String(first["cursor"])}`));
    expect(second).toMatchObject({ keys: [{ key: "b" }], revision: 3, cursor: null });
  });

  it("are refused where they do not exist yet, no longer, or beside a consistency", async () => {
    const ns = freshNamespace();
    for (const value of ["1", "2", "3"]) await put(`${ns}/kv/a`, value);
    for (const path of ["/kv/a", "/kv"]) {
      await expectProblem(await get(`${ns}${path}?revision=99`), 400, "revision-in-future");
      await expectProblem(await get(`${ns}${path}?revision=0`), 400, "invalid-query");
      await expectProblem(await get(`${ns}${path}?revision=1.5`), 400, "invalid-query");
      await expectProblem(await get(`${ns}${path}?revision=2&consistency=local`), 400, "invalid-query");
    }
    const compacted = await postJson(`${ns}/compaction`, { revision: 3 });
    expect([compacted.status, await jsonIn(compacted)]).toEqual([200, { compactedRevision: 3, revision: 4 }]);
    for (const path of ["/kv/a", "/kv"]) {
      const gone = await problemIn(await get(`${ns}${path}?revision=2`));
      expect(gone).toMatchObject({ status: 410, code: "revision-compacted", compactedRevision: 3 });
    }
    expect(await valueOf(await get(`${ns}/kv/a?revision=3`))).toBe("2");
    await expectProblem(await postJson(`${ns}/compaction`, { revision: 3 }), 410, "revision-compacted", "not-applied");
    await expectProblem(await postJson(`${ns}/compaction`, { revision: 99 }), 400, "revision-in-future", "not-applied");
    for (const body of [
      {},
      { revision: 0 },
      { revision: 1.5 },
      { revision: "2" },
      { revision: 2, physical: true },
      [],
    ]) {
      await expectProblem(await postJson(`${ns}/compaction`, body), 400, "invalid-body", "not-applied");
    }
    await expectProblem(await get(`${ns}/compaction`), 405, "method-not-allowed");
  });
});
