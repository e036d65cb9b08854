/** etcd's keys and values through the real objects. Against the real etcd: `test/interop/etcd`. */
import { describe, expect, it } from "vitest";
import { freshNamespace, get, put, valueOf } from "./api.ts";
import { b64, etcd, etcdError, post } from "./etcd.ts";

const all = { key: "AA==", range_end: "AA==" };
const header = (revision: number) => ({ revision: String(revision) });

describe("a range", () => {
  it("begins at revision 1, in an empty store", async () => {
    expect(await etcd(`${freshNamespace()}/v3/kv/range`, all)).toEqual({ header: header(1) });
  });

  it("shows the keys that are written natively, and only those", async () => {
    const ns = freshNamespace();
    expect((await put(`${ns}/kv/native`, "x")).status).toBe(201);
    const registration = { body: JSON.stringify({ address: "10.0.0.1", port: 1, ttl: 60 }) };
    const response = await put(`${ns}/services/web/a`, registration.body, { "content-type": "application/json" });
    expect(response.status).toBe(201);
    const shown = await etcd(`${ns}/v3/kv/range`, all);
    expect(shown["kvs"]).toEqual([
      { key: b64("native"), create_revision: "2", mod_revision: "2", version: "1", value: b64("x") },
    ]);
    expect(await etcd(`${ns}/v3/kv/deleterange`, all)).toEqual({ header: header(4), deleted: "1" });
    expect((await get(`${ns}/services/web`)).status).toBe(200);
    expect(await (await get(`${ns}/services/web`)).json()).toMatchObject({ instances: [{ instance: "a" }] });
  });

  it("is put together from as many pages as it takes", async () => {
    const ns = freshNamespace();
    for (let batch = 0; batch < 11; batch += 1) {
      const success = Array.from({ length: 100 }, (_, at) => ({
        request_put: { key: b64(`k/${batch}/${at}`), value: b64("v") },
      }));
      await etcd(`${ns}/v3/kv/txn`, { success });
    }
    const range = { key: b64("k/"), range_end: b64("k0") };
    const whole = await etcd(`${ns}/v3/kv/range`, range);
    expect(whole).toMatchObject({ count: "1100", header: header(12) });
    expect(whole).not.toHaveProperty("more");
    expect(new Set((whole["kvs"] as { key: string }[]).map(({ key }) => key)).size).toBe(1100);
    const cut = await etcd(`${ns}/v3/kv/range`, { ...range, limit: "1050", sort_order: "DESCEND" });
    expect(cut).toMatchObject({ count: "1100", more: true });
    expect(cut["kvs"]).toHaveLength(1050);
  });

  it("is refused when it is larger than one answer may be", async () => {
    const ns = freshNamespace();
    const value = new Uint8Array(512 * 1024);
    for (let at = 0; at < 33; at += 3) {
      const written = await Promise.all([0, 1, 2].map(async (more) => put(`${ns}/kv/${at + more}`, value)));
      expect(written.map(({ status }) => status)).toEqual([201, 201, 201]);
    }
    const refused = await post(`${ns}/v3/kv/range`, all);
    expect(await etcdError(refused)).toEqual([429, 8, "grpc: received message larger than max (16777216)"]);
    expect(await etcd(`${ns}/v3/kv/range`, { ...all, keys_only: true })).toMatchObject({ count: "33" });
  }, 30_000);
});

describe("a put", () => {
  it("is there for everybody", async () => {
    const ns = freshNamespace();
    expect(await etcd(`${ns}/v3/kv/put`, { key: b64("a"), value: b64("1") })).toEqual({ header: header(2) });
    expect(await valueOf(await get(`${ns}/kv/a`))).toBe("1");
  });

  it("takes what an Idempotency-Key and If-Lock mean elsewhere", async () => {
    const ns = freshNamespace();
    const { send } = await import("./api.ts");
    const body = JSON.stringify({ key: b64("a"), value: b64("1") });
    const headers = { "idempotency-key": "once" };
    for (const _ of [1, 2]) expect((await send("POST", `${ns}/v3/kv/put`, { body, headers })).status).toBe(200);
    expect(await etcd(`${ns}/v3/kv/range`, { key: b64("a") })).toMatchObject({ kvs: [{ version: "1" }] });
    const guarded = await send("POST", `${ns}/v3/kv/put`, { body, headers: { "if-lock": "nobodys;7" } });
    expect(await etcdError(guarded)).toEqual([412, 9, expect.stringContaining("If-Lock")]);
  });

  it.each([
    [1024, 1, 200],
    [1025, 1, 400],
    [1, 512 * 1024, 200],
    [1, 512 * 1024 + 1, 400],
  ])("of a key of %i and a value of %i bytes", async (keyBytes, valueBytes, status) => {
    const message = { key: b64("k".repeat(keyBytes)), value: b64("v".repeat(valueBytes)) };
    const response = await post(`${freshNamespace()}/v3/kv/put`, message);
    expect(response.status).toBe(status);
    if (status === 400) expect((await etcdError(response))[1]).toBe(3);
    else await response.text();
  });
});

describe("bad input", () => {
  const ns = freshNamespace();
  const nest = (depth: number): object =>
    depth === 0 ? { success: [] } : { success: [{ request_txn: nest(depth - 1) }] };

  it.each<readonly [string, string, unknown, number, number, string]>([
    ["no key", "range", {}, 400, 3, "etcdserver: key is not provided"],
    ["no body", "range", "", 400, 3, "etcdserver: key is not provided"],
    ["no JSON", "range", "nonsense", 400, 3, "invalid character in JSON"],
    ["half of it", "range", '{"key":', 400, 3, "unexpected EOF"],
    ["a list", "range", [], 400, 3, "json: cannot unmarshal array into Go value of type map[string]json.RawMessage"],
    ["broken base64", "range", { key: "YQ" }, 400, 3, "illegal base64 data at input byte 2"],
    [
      "a fraction",
      "range",
      { key: "YQ==", limit: 1.5 },
      400,
      3,
      "json: cannot unmarshal number 1.5 into Go value of type int64",
    ],
    [
      "a large number",
      "range",
      '{"key":"YQ==","limit":9223372036854775808}',
      400,
      3,
      "json: cannot unmarshal number 9223372036854775808 into Go value of type int64",
    ],
    [
      "an unknown name",
      "range",
      { key: "YQ==", sort_order: "UP" },
      400,
      3,
      'unknown value "UP" for enum etcdserverpb.RangeRequest_SortOrder',
    ],
    ["an unknown target", "range", { key: "YQ==", sort_target: 9 }, 400, 3, "etcdserver: invalid sort option"],
    [
      "a future revision",
      "range",
      { key: "YQ==", revision: 99 },
      400,
      11,
      "etcdserver: mvcc: required revision is a future revision",
    ],
    [
      "a value to keep and one to put",
      "put",
      { key: "YQ==", value: "YQ==", ignore_value: true },
      400,
      3,
      "etcdserver: value is provided",
    ],
    [
      "a value to keep of nobody",
      "put",
      { key: b64("nobody"), ignore_value: true },
      400,
      3,
      "etcdserver: key not found",
    ],
    ["an unknown lease", "put", { key: "YQ==", lease: "9" }, 404, 5, "etcdserver: requested lease not found"],
    ["an empty operation", "txn", { success: [{}] }, 400, 3, "etcdserver: key not found"],
    [
      "too many operations",
      "txn",
      { success: Array.from({ length: 129 }, () => ({ request_range: { key: "YQ==" } })) },
      400,
      3,
      "etcdserver: too many operations in txn request",
    ],
    ["deep nesting", "txn", nest(129), 400, 3, "etcdserver: too many operations in txn request"],
    ["nesting beyond all measure", "txn", `${"[".repeat(200_000)}`, 400, 3, "unexpected EOF"],
    [
      "a key twice",
      "txn",
      { success: [{ request_put: { key: "YQ==" } }, { request_put: { key: "YQ==" } }] },
      400,
      3,
      "etcdserver: duplicate key given in txn request",
    ],
    [
      "writing and reading the past",
      "txn",
      { success: [{ request_put: { key: "YQ==" } }, { request_range: { key: "YQ==", revision: 1 } }] },
      501,
      12,
      "etcdserver: not supported by Synod: a transaction that writes and reads at a revision",
    ],
    [
      "compacting the future",
      "compaction",
      { revision: "99" },
      400,
      11,
      "etcdserver: mvcc: required revision is a future revision",
    ],
    ["compacting nothing", "compaction", {}, 400, 11, "etcdserver: mvcc: required revision has been compacted"],
    [
      "a body too large",
      "put",
      `{"key":"YQ==","value":"${"A".repeat(3 * 1024 * 1024)}"}`,
      429,
      8,
      "grpc: received message larger than max (3145728)",
    ],
  ])("%s", async (_, call, message, status, code, text) => {
    expect(await etcdError(await post(`${ns}/v3/kv/${call}`, message))).toEqual([status, code, text]);
  });

  it("changes nothing", async () => {
    expect(await etcd(`${ns}/v3/kv/range`, all)).toEqual({ header: header(1) });
  });

  it("ignores what etcd ignores", async () => {
    const known = { key: "YQ==", nobodyKnows: { a: [1] }, limit: null };
    expect(await etcd(`${ns}/v3/kv/range`, known)).toEqual({ header: header(1) });
    expect(await etcd(`${ns}/v3/kv/range`, `${JSON.stringify(known)} and more`)).toEqual({ header: header(1) });
  });
});

it("compacts, and says what is gone", async () => {
  const ns = freshNamespace();
  for (const value of ["1", "2", "3"]) await etcd(`${ns}/v3/kv/put`, { key: b64("a"), value: b64(value) });
  expect(await etcd(`${ns}/v3/kv/range`, { key: b64("a"), revision: 2 })).toMatchObject({ kvs: [{ value: b64("1") }] });
  expect(await etcd(`${ns}/v3/kv/compaction`, { revision: "3", physical: true })).toEqual({ header: header(4) });
  const gone = await post(`${ns}/v3/kv/range`, { key: b64("a"), revision: 2 });
  expect(await etcdError(gone)).toEqual([400, 11, "etcdserver: mvcc: required revision has been compacted"]);
  expect(await etcd(`${ns}/v3/kv/range`, { key: b64("a"), revision: 3 })).toMatchObject({ kvs: [{ value: b64("2") }] });
});
