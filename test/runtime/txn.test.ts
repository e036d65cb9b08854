/** Transactions through the real objects: compared, carried out altogether or not at all, and shown as `/kv` shows keys. */
import { describe, expect, it } from "vitest";
import { expectProblem, freshNamespace, get, jsonIn, postJson, problemIn, put, send, valueOf } from "./api.ts";

const txn = async (ns: string, body: unknown, headers: Readonly<Record<string, string>> = {}, query = "") =>
  postJson(`${ns}/txn${query}`, body, headers);
const revisionOf = async (ns: string): Promise<string | null> => (await get(`${ns}/kv`)).headers.get("synod-revision");

const putOf = (key: string, value = "x") => ({ put: { key, value } });

describe("POST /txn", () => {
  it("does all of one branch under one revision", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/a`, "1");
    const moved = await txn(ns, {
      if: [
        { key: "a", value: { equal: "1" } },
        { key: "b", created: { equal: 0 } },
      ],
      then: [putOf("b", "1"), { delete: { key: "a", previous: true } }, { get: { prefix: "" } }],
      else: [{ get: { key: "a" } }],
    });
    expect([moved.status, moved.headers.get("synod-revision")]).toEqual([200, "3"]);
    const a = { key: "a", value: "1", createRevision: 2, modRevision: 2, version: 1 };
    const b = { key: "b", value: "1", createRevision: 3, modRevision: 3, version: 1 };
    expect(await jsonIn(moved)).toEqual({
      succeeded: true,
      revision: 3,
      results: [{ put: {} }, { delete: { deleted: 1, previous: [a] } }, { get: { keys: [b], count: 1, more: false } }],
    });
  });

  it("takes the other branch when one comparison does not hold", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/a`, "1");
    const body = {
      if: [{ key: "a", version: { greater: 1 } }],
      then: [{ delete: { key: "a" } }],
      else: [{ put: { key: "a", value: "2", previous: true } }, { put: { key: "n", value: "", previous: true } }],
    };
    expect(await jsonIn(await txn(ns, body))).toMatchObject({
      succeeded: false,
      revision: 3,
      results: [{ put: { previous: { value: "1" } } }, { put: { previous: null } }],
    });
  });

  it.each([
    [{ key: "a", version: { equal: 1 } }, true],
    [{ key: "a", version: { notEqual: 1 } }, false],
    [{ key: "a", created: { less: 3 } }, true],
    [{ key: "a", modified: { greater: 2 } }, false],
    [{ key: "a", lease: { equal: null } }, true],
    [{ key: "a", lease: { equal: "7" } }, false],
    [{ key: "a", value: { greater: "0" } }, true],
    [{ key: "a", value: { equal: "MQ==" }, encoding: "base64" }, true],
    [{ key: "YQ==", keyEncoding: "base64", value: { equal: "1" } }, true],
    [{ key: "none", version: { equal: 0 } }, true],
    [{ key: "none", value: { notEqual: "1" } }, false],
    [{ prefix: "a", version: { equal: 1 } }, true],
    [{ prefix: "", version: { equal: 1 } }, false],
    [{ from: "a", to: "ab", version: { equal: 1 } }, true],
    [{ from: "b", version: { equal: 2 } }, true],
  ])("compares %j: %s", async (compare, holds) => {
    const ns = freshNamespace();
    await put(`${ns}/kv/a`, "1");
    for (const value of ["1", "2"]) await put(`${ns}/kv/b`, value);
    expect(await jsonIn(await txn(ns, { if: [compare] }))).toEqual({ succeeded: holds, revision: 4, results: [] });
  });

  it("reads what it is asked for: sorted, bounded, without values, only counted", async () => {
    const ns = freshNamespace();
    for (const key of ["a", "b", "c"]) await put(`${ns}/kv/${key}`, `v${key}`);
    const body = {
      then: [
        { get: { prefix: "", sort: "modified", order: "descending", limit: 2, keysOnly: true } },
        { get: { from: "b", to: "c" } },
        { get: { prefix: "", countOnly: true } },
        { get: { key: "none" } },
      ],
    };
    const read = await txn(ns, body, {}, "?consistency=session&at-least=4");
    expect(read.headers.get("synod-consistency")).toBe("session");
    const keys = [
      { key: "c", createRevision: 4, modRevision: 4, version: 1 },
      { key: "b", createRevision: 3, modRevision: 3, version: 1 },
    ];
    expect(await jsonIn(read)).toEqual({
      succeeded: true,
      revision: 4,
      results: [
        { get: { keys, count: 3, more: true } },
        { get: { keys: [{ ...keys[1], value: "vb" }], count: 1, more: false } },
        { get: { count: 3 } },
        { get: { keys: [], count: 0, more: false } },
      ],
    });
  });

  it("reads the past only where it writes nothing", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/a`, "1");
    await put(`${ns}/kv/a`, "2");
    const past = { get: { key: "a", revision: 2 } };
    expect(await jsonIn(await txn(ns, { then: [past] }))).toMatchObject({
      results: [{ get: { keys: [{ value: "1" }] } }],
    });
    await expectProblem(await txn(ns, { then: [past, putOf("b")] }), 400, "invalid-body", "not-applied");
    const future = { then: [{ get: { key: "a", revision: 99 } }] };
    await expectProblem(await txn(ns, future), 400, "revision-in-future", "not-applied");
    expect((await get(`${ns}/kv/b`)).status).toBe(404);
  });

  it("nests, and keeps what it is told to keep", async () => {
    const ns = freshNamespace();
    await postJson(`${ns}/leases`, { ttl: 60, id: "7" });
    await put(`${ns}/kv/a?lease=7`, "1");
    const nested = { txn: { if: [{ key: "a", lease: { equal: "7" } }], then: [putOf("c")] } };
    const kept = { put: { key: "a", keepValue: true, keepLease: true } };
    expect(await jsonIn(await txn(ns, { then: [nested, kept] }))).toEqual({
      succeeded: true,
      revision: 3,
      results: [{ txn: { succeeded: true, results: [{ put: {} }] } }, { put: {} }],
    });
    const read = await get(`${ns}/kv/a`);
    expect([read.headers.get("synod-lease"), await valueOf(read)]).toEqual(["7", "1"]);
    const moved = { put: { key: "a", value: "2", lease: "7" } };
    expect((await txn(ns, { then: [moved] })).status).toBe(200);
  });

  it("[X1] is carried out once under one key, and told what came of it", async () => {
    const ns = freshNamespace();
    const body = { then: [putOf("a", "1"), { get: { key: "a" } }] };
    const first = await jsonIn(await txn(ns, body, { "idempotency-key": "k" }));
    await put(`${ns}/kv/a`, "2");
    expect(await jsonIn(await txn(ns, body, { "idempotency-key": "k" }))).toEqual(first);
    expect(await valueOf(await get(`${ns}/kv/a`))).toBe("2");
    const other = await txn(ns, { then: [putOf("a", "3")] }, { "idempotency-key": "k" });
    await expectProblem(other, 422, "idempotency-key-reused", "not-applied");
  });

  it("tells a retry that it was carried out when its answer was too large to keep", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/large`, new Uint8Array(100_000).fill(65));
    const body = { then: [{ get: { key: "large" } }, putOf("a")] };
    const key = { "idempotency-key": "k" };
    expect((await txn(ns, body, key)).status).toBe(200);
    const again = await problemIn(await txn(ns, body, key));
    expect(again).toMatchObject({
      status: 409,
      code: "result-forgotten",
      outcome: "applied",
      succeeded: true,
      revision: 3,
    });
    expect(await revisionOf(ns)).toBe("3");
  });

  it("[X3] keeps a session's order", async () => {
    const ns = freshNamespace();
    const at = (sequence: number) => ({ "synod-session": "s", "synod-sequence": String(sequence) });
    expect((await txn(ns, { then: [putOf("a")] }, at(1))).status).toBe(200);
    await expectProblem(await txn(ns, { then: [putOf("a")] }, at(3)), 409, "out-of-order", "not-applied");
    await expectProblem(await txn(ns, { then: [] }, at(2)), 400, "invalid-header", "not-applied");
  });

  it("takes 128 operations, eight deep", async () => {
    const ns = freshNamespace();
    const many = Array.from({ length: 128 }, (_, index) => putOf(`k${index}`));
    expect((await txn(ns, { then: many })).status).toBe(200);
    const deep = (levels: number): object =>
      levels === 1 ? { then: [putOf("d")] } : { then: [{ txn: deep(levels - 1) }] };
    expect((await txn(ns, deep(8))).status).toBe(200);
    await expectProblem(await txn(ns, deep(9)), 400, "invalid-body", "not-applied");
  });
});

describe("a transaction that is not understood changes nothing:", () => {
  const wrong: readonly (readonly [string, unknown, number, string])[] = [
    ["no object", [], 400, "invalid-body"],
    ["an unknown member", { when: [] }, 400, "invalid-body"],
    ["an unknown operation", { then: [{ increment: { key: "a" } }] }, 400, "invalid-body"],
    ["two operations in one", { then: [{ ...putOf("a"), get: { key: "a" } }] }, 400, "invalid-body"],
    ["an operation that is none", { then: [{}] }, 400, "invalid-body"],
    ["an unknown member of a put", { then: [{ put: { key: "a", value: "x", ttl: 1 } }] }, 400, "invalid-body"],
    ["an empty key", { then: [putOf("")] }, 400, "invalid-key"],
    ["a key too long", { then: [putOf("k".repeat(1025))] }, 400, "invalid-key"],
    ["a value too large", { then: [putOf("a", "v".repeat(512 * 1024 + 1))] }, 413, "body-too-large"],
    ["a put without a value", { then: [{ put: { key: "a" } }] }, 400, "invalid-body"],
    ["a value to put and to keep", { then: [{ put: { key: "a", value: "x", keepValue: true } }] }, 400, "invalid-body"],
    ["malformed base64", { then: [{ put: { key: "a", value: "!", encoding: "base64" } }] }, 400, "invalid-body"],
    [
      "base64 that is not canonical",
      { then: [{ put: { key: "a", value: "YR==", encoding: "base64" } }] },
      400,
      "invalid-body",
    ],
    ["an unknown encoding", { then: [{ put: { key: "a", value: "x", encoding: "hex" } }] }, 400, "invalid-body"],
    ["half a character", { then: [putOf("\ud800")] }, 400, "invalid-body"],
    ["a key put twice", { then: [putOf("a"), putOf("a")] }, 400, "duplicate-key"],
    ["a key put and deleted", { then: [putOf("a"), { delete: { prefix: "" } }] }, 400, "duplicate-key"],
    ["129 operations", { then: Array.from({ length: 129 }, (_, i) => putOf(`k${i}`)) }, 400, "invalid-body"],
    [
      "129 operations, some of them nested",
      { then: [{ txn: { then: Array.from({ length: 128 }, (_, i) => putOf(`k${i}`)) } }] },
      400,
      "invalid-body",
    ],
    [
      "129 comparisons",
      { if: Array.from({ length: 129 }, () => ({ key: "a", version: { equal: 0 } })) },
      400,
      "invalid-body",
    ],
    ["a comparison of nothing", { if: [{ key: "a" }], then: [putOf("a")] }, 400, "invalid-body"],
    ["two aspects", { if: [{ key: "a", version: { equal: 1 }, created: { equal: 1 } }] }, 400, "invalid-body"],
    ["two relations", { if: [{ key: "a", version: { equal: 1, less: 3 } }] }, 400, "invalid-body"],
    ["an unknown relation", { if: [{ key: "a", version: { atLeast: 1 } }] }, 400, "invalid-body"],
    ["a float", { if: [{ key: "a", version: { equal: 1.5 } }] }, 400, "invalid-body"],
    ["a number as text", { if: [{ key: "a", version: { equal: "1" } }] }, 400, "invalid-body"],
    ["a negative number", { if: [{ key: "a", version: { equal: -1 } }] }, 400, "invalid-body"],
    ["a number beyond 2^53", { if: [{ key: "a", version: { equal: 2 ** 53 } }] }, 400, "invalid-body"],
    ["a key and a prefix", { then: [{ delete: { key: "a", prefix: "a" } }] }, 400, "invalid-body"],
    ["no key at all", { then: [{ delete: {} }] }, 400, "invalid-body"],
    ["a range that ends before it begins", { then: [{ delete: { from: "b", to: "a" } }] }, 400, "invalid-body"],
    ["an empty range", { then: [{ delete: { from: "b", to: "b" } }] }, 400, "invalid-body"],
    ["a limit of zero", { then: [{ get: { key: "a", limit: 0 } }] }, 400, "invalid-body"],
    ["an unknown order", { then: [{ get: { key: "a", order: "up" } }] }, 400, "invalid-body"],
    ["a lease that is no number", { then: [{ put: { key: "a", value: "x", lease: "mine" } }] }, 400, "invalid-body"],
    ["an unknown lease", { then: [{ put: { key: "a", value: "x", lease: "12345" } }] }, 404, "lease-not-found"],
    ["a value to keep that is not there", { then: [{ put: { key: "no", keepValue: true } }] }, 404, "key-not-found"],
  ];

  it("all of them", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/kept`, "1");
    for (const [what, body, status, code] of wrong) {
      const problem = await problemIn(await txn(ns, body));
      expect([what, problem["status"], problem["code"], problem["outcome"]]).toEqual([
        what,
        status,
        code,
        "not-applied",
      ]);
    }
    expect(await revisionOf(ns)).toBe("2");
  });

  it.each([
    ["a member twice", '{"then":[],"then":[]}'],
    ["a member twice, spelt differently", '{"then":[{"put":{"key":"a","value":"1","valu\\u0065":"2"}}]}'],
    ["too deep", `{"then":${"[".repeat(70)}${"]".repeat(70)}}`],
    ["not JSON", "{"],
    ["nothing", ""],
  ])("%s", async (_, body) => {
    await expectProblem(
      await send("POST", "/txn", { body: new TextEncoder().encode(body) }),
      400,
      "invalid-body",
      "not-applied",
    );
  });

  it("a body of another type, compressed, or too large", async () => {
    const sent = async (headers: Readonly<Record<string, string>>) =>
      send("POST", "/txn", { headers, body: '{"then":[]}' });
    await expectProblem(await sent({ "content-type": "text/plain" }), 415, "unsupported-media-type", "not-applied");
    const gzip = { "content-type": "application/json", "content-encoding": "gzip" };
    await expectProblem(await sent(gzip), 415, "unsupported-encoding", "not-applied");
    const large = new Uint8Array(1024 * 1024 + 1).fill(32);
    await expectProblem(await send("POST", "/txn", { body: large }), 413, "body-too-large", "not-applied");
  });

  it("a consistency where it writes, a condition, another method", async () => {
    const body = { then: [putOf("a")] };
    const ns = freshNamespace();
    await expectProblem(await txn(ns, body, {}, "?consistency=local"), 400, "invalid-query", "not-applied");
    await expectProblem(await txn(ns, body, { "if-match": "*" }), 400, "invalid-precondition", "not-applied");
    await expectProblem(await send("PUT", "/txn"), 405, "method-not-allowed", "not-applied");
    expect((await get(`${ns}/kv/a`)).headers.get("synod-revision")).toBe("1");
  });

  it("one whose answer is too large", async () => {
    const ns = freshNamespace();
    for (const key of ["a", "b", "c"]) await put(`${ns}/kv/${key}`, new Uint8Array(512 * 1024).fill(65));
    await expectProblem(await txn(ns, { then: [{ get: { prefix: "" } }] }), 413, "result-too-large", "not-applied");
    const writing = { then: [{ get: { prefix: "" } }, putOf("d")] };
    await expectProblem(await txn(ns, writing), 413, "result-too-large", "not-applied");
    expect((await get(`${ns}/kv/d`)).status).toBe(404);
  });
});
