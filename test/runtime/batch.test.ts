/** Batches through the real objects: many operations in one request, each by itself. */
import { describe, expect, it } from "vitest";
import type { ClientReply } from "../../src/replica/messages.ts";
import { revision } from "../../src/support/brand.ts";
import { encodeClientReply } from "../../src/wire/client-codec.ts";
import { askBatch } from "../../workers/gateway/batches.ts";
import { expectProblem, freshNamespace, get, jsonIn, postJson, problemIn, put, send, valueOf } from "./api.ts";
import { visitWith } from "./visits.ts";

interface Result {
  readonly status: number;
  readonly problem?: Readonly<Record<string, unknown>>;
  readonly [member: string]: unknown;
}

const batch = async (ns: string, operations: unknown, headers: Readonly<Record<string, string>> = {}, query = "") =>
  postJson(`${ns}/batch${query}`, { operations }, headers);

async function resultsOf(response: Response): Promise<readonly Result[]> {
  expect(response.status).toBe(200);
  return (await jsonIn(response))["results"] as readonly Result[];
}

const putOf = (key: string, value = "x") => ({ put: { key, value } });

describe("POST /batch", () => {
  it("answers each operation as its own door would", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/there`, "1");
    const results = await resultsOf(
      await batch(ns, [
        putOf("new", "n"),
        putOf("there", "2"),
        { put: { key: "there", value: "3", if: "absent" } },
        { put: { key: "/w==", keyEncoding: "base64", value: "/g==", encoding: "base64" } },
        { delete: { key: "none" } },
        { delete: { key: "none", if: "present" } },
        { delete: { key: "new", if: { modRevision: 99 } } },
      ]),
    );
    expect(results.map(({ status }) => status)).toEqual([201, 200, 412, 201, 200, 412, 412]);
    expect(results[0]).toEqual({ status: 201, key: "new", revision: 3, version: 1, createRevision: 3 });
    expect(results[2]?.problem).toMatchObject({ code: "precondition-failed", outcome: "not-applied", modRevision: 4 });
    expect(results[3]).toMatchObject({ key: "/w==", keyEncoding: "base64" });
    expect(results[4]).toMatchObject({ key: "none", deleted: false });
    const read = await resultsOf(
      await batch(ns, [{ get: { key: "/w==", keyEncoding: "base64" } }, { get: { key: "none" } }]),
    );
    expect(read[0]).toEqual({
      status: 200,
      key: "/w==",
      keyEncoding: "base64",
      value: "/g==",
      encoding: "base64",
      createRevision: 5,
      modRevision: 5,
      version: 1,
      revision: 5,
    });
    expect(read[1]).toMatchObject({ status: 404, problem: { code: "key-not-found" } });
    expect(read[1]?.problem).not.toHaveProperty("outcome");
  });

  it("carries a thousand operations out", async () => {
    const ns = freshNamespace();
    const many = Array.from({ length: 1000 }, (_, index) => putOf(`k${index}`));
    const results = await resultsOf(await batch(ns, many));
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(results.map((one) => one["revision"])).size).toBe(1000);
    expect((await jsonIn(await get(`${ns}/kv?limit=1000`)))["keys"]).toHaveLength(1000);
    await expectProblem(await batch(ns, [...many, putOf("one more")]), 400, "invalid-body", "not-applied");
  });

  it("[X1] tells a retry the first outcome of each, and the rest of a longer one its own", async () => {
    const ns = freshNamespace();
    const key = { "idempotency-key": "k" };
    const operations = [putOf("a", "1"), { put: { key: "b", value: "1", if: "present" } }, { delete: { key: "a" } }];
    const first = await resultsOf(await batch(ns, operations, key));
    expect(first.map(({ status }) => status)).toEqual([201, 412, 200]);
    await put(`${ns}/kv/b`, "2");
    expect(await resultsOf(await batch(ns, operations, key))).toEqual(first);
    const changed = await resultsOf(await batch(ns, [putOf("a", "2"), ...operations.slice(1), putOf("c")], key));
    expect(changed.map(({ status }) => status)).toEqual([422, 412, 200, 201]);
    expect((await get(`${ns}/kv/a`)).status).toBe(404);
  });

  it("ties keys to a lease, and refuses one that nobody granted, each by itself", async () => {
    const ns = freshNamespace();
    await postJson(`${ns}/leases`, { ttl: 60, id: "7" });
    const tied = (key: string, lease: string) => ({ put: { key, value: "x", lease } });
    const results = await resultsOf(await batch(ns, [tied("a", "7"), tied("b", "8")]));
    expect(results.map(({ status }) => status)).toEqual([201, 404]);
    expect(results[1]?.problem).toMatchObject({ code: "lease-not-found", outcome: "not-applied" });
    const [read] = await resultsOf(await batch(ns, [{ get: { key: "a" } }]));
    expect(read).toMatchObject({ lease: "7" });
  });

  it("reads as strongly as is asked for", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/a`, "1");
    const [read] = await resultsOf(await batch(ns, [{ get: { key: "a" } }], {}, "?consistency=session&at-least=2"));
    expect(read).toMatchObject({ value: "1" });
    const future = await resultsOf(
      await batch(ns, [{ get: { key: "a" } }, putOf("b")], {}, "?consistency=session&at-least=99"),
    );
    expect(future.map(({ status }) => status)).toEqual([400, 201]);
    expect(future[0]?.problem).toMatchObject({ code: "revision-in-future" });
    await expectProblem(await batch(ns, [putOf("a")], {}, "?consistency=local"), 400, "invalid-query", "not-applied");
  });

  it("reads no more than fits one answer", async () => {
    const ns = freshNamespace();
    const value = new Uint8Array(512 * 1024).fill(65);
    await put(`${ns}/kv/large`, value);
    const results = await resultsOf(
      await batch(ns, [...Array.from({ length: 20 }, () => ({ get: { key: "large" } })), putOf("a")]),
    );
    expect(results.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
    expect(results.find(({ status }) => status === 413)?.problem).toMatchObject({ code: "too-large" });
    expect(results.at(-1)?.status).toBe(201);
  });
});

describe("a batch that is not understood is refused as a whole:", () => {
  it.each<[string, unknown, number, string]>([
    ["no operations", [], 400, "invalid-body"],
    ["no list", {}, 400, "invalid-body"],
    ["an unknown operation", [putOf("a"), { txn: {} }], 400, "invalid-body"],
    ["two in one", [{ ...putOf("a"), get: { key: "a" } }], 400, "invalid-body"],
    ["an unknown member", [{ get: { key: "a", prefix: "b" } }], 400, "invalid-body"],
    ["an empty key", [putOf("a"), putOf("")], 400, "invalid-key"],
    ["a key too long", [putOf("a"), putOf("k".repeat(1025))], 400, "invalid-key"],
    ["a value too large", [putOf("a"), putOf("b", "v".repeat(512 * 1024 + 1))], 413, "body-too-large"],
    ["malformed base64", [putOf("a"), { put: { key: "b", value: "?", encoding: "base64" } }], 400, "invalid-body"],
    ["an unknown condition", [{ put: { key: "a", value: "x", if: "perhaps" } }], 400, "invalid-body"],
    ["a revision as a float", [{ put: { key: "a", value: "x", if: { modRevision: 1.5 } } }], 400, "invalid-body"],
    ["a lease that is none", [{ put: { key: "a", value: "x", lease: "0" } }], 400, "invalid-body"],
  ])("%s", async (_, operations, status, code) => {
    const ns = freshNamespace();
    await expectProblem(await batch(ns, operations), status, code, "not-applied");
    expect((await get(`${ns}/kv/a`)).status).toBe(404);
  });

  it("a session, a condition, another method, a body too large", async () => {
    const ns = freshNamespace();
    const session = { "synod-session": "s", "synod-sequence": "1" };
    await expectProblem(await batch(ns, [putOf("a")], session), 400, "invalid-header", "not-applied");
    await expectProblem(await batch(ns, [putOf("a")], { "if-match": "*" }), 400, "invalid-precondition", "not-applied");
    await expectProblem(await send("PUT", `${ns}/batch`), 405, "method-not-allowed", "not-applied");
    const large = new Uint8Array(1024 * 1024 + 1).fill(32);
    await expectProblem(await send("POST", `${ns}/batch`, { body: large }), 413, "body-too-large", "not-applied");
    expect((await get(`${ns}/kv/a`)).status).toBe(404);
  });
});

describe("a batch that one replica cannot help with", () => {
  const read = { type: "read", consistency: { type: "linearizable" }, query: { type: "get", key: "ka" } } as const;
  const result: ClientReply = {
    type: "result",
    result: { type: "entry", entry: null },
    revision: revision(1),
    ageMs: 0,
  };
  const failed = (failure: "catching-up" | "no-quorum", outcome: "unknown" | "not-applied"): ClientReply => ({
    type: "failed",
    failure,
    outcome,
    detail: "",
  });
  const answering = (answers: readonly (readonly ClientReply[] | null)[]) => {
    const left = [...answers];
    return visitWith(() => ({
      call: async () => {
        const replies = left.shift() ?? null;
        return Promise.resolve(replies === null ? null : encodeClientReply({ type: "batch", replies }));
      },
    }));
  };

  it("keeps what was answered, and asks the next for the rest", async () => {
    const visit = answering([[result, failed("catching-up", "not-applied")], [result]]);
    const parts = await askBatch(visit, [read, read] as never);
    expect(parts.map(({ type }) => type)).toEqual(["answer", "answer"]);
  });

  it("[U1] says what is unknown of each", async () => {
    const visit = answering([[result, failed("no-quorum", "unknown")], null, null]);
    const parts = await askBatch(visit, [read, read] as never);
    expect(parts[0]?.type).toBe("answer");
    const last = parts[1];
    expect(last?.type === "problem" && [last.problem.code, last.problem.particulars.outcome]).toEqual([
      "no-quorum",
      "unknown",
    ]);
  });

  it("[U1] is a problem as a whole when nobody answers", async () => {
    await expect(askBatch(answering([null, null, null]), [read] as never)).rejects.toMatchObject({ code: "no-quorum" });
  });
});

it("is one problem document when its namespace cannot be one", async () => {
  expect(await problemIn(await postJson("/ns/UP/batch", { operations: [] }))).toMatchObject({
    code: "invalid-namespace",
  });
  const ns = freshNamespace();
  await batch(ns, [putOf("a", "1"), putOf("a", "2")]);
  expect(await valueOf(await get(`${ns}/kv/a`))).toBe("2");
});
