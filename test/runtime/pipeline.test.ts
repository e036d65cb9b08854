/** `/pipeline` through the real gateway and objects: many requests on one socket, and what is not understood. */
import { describe, expect, it } from "vitest";
import { limits } from "../../src/support/limits.ts";
import { expectProblem, freshNamespace, get, put, send } from "./api.ts";
import { ClientEnd, upgrade } from "./sockets.ts";

type Json = Readonly<Record<string, unknown>>;

const anything = (): boolean => true;

class Client extends ClientEnd {
  static async open(ns: string): Promise<Client> {
    return new Client(await upgrade(`${ns}/pipeline`));
  }

  ask(...requests: readonly unknown[]): void {
    this.send({ requests });
  }

  /** The answers to so many requests, in the order of their ids; nothing else has come. */
  async answers(count: number): Promise<readonly Json[]> {
    const results: Json[] = [];
    while (results.length < count) {
      const frame = JSON.parse(String(await this.first(anything))) as { readonly results: readonly Json[] };
      results.push(...frame.results);
    }
    expect(this.count(anything)).toBe(0);
    return results.toSorted((a, b) => Number(a["id"]) - Number(b["id"]));
  }
}

const putOf = (id: number, key: string, value: string, more: Json = {}, own: Json = {}): Json => ({
  id,
  put: { key, value, ...own },
  ...more,
});

describe("a pipeline", () => {
  it("answers each request as the door of a single key would, under its id", async () => {
    const ns = freshNamespace();
    const client = await Client.open(ns);
    client.ask(putOf(1, "a", "one"), { id: 2, put: { key: "/w==", keyEncoding: "base64", value: "two" } });
    expect(await client.answers(2)).toMatchObject([
      { id: 1, status: 201, key: "a", version: 1 },
      { id: 2, status: 201, key: "/w==", keyEncoding: "base64", version: 1 },
    ]);
    client.ask(
      { id: 3, get: { key: "a" } },
      { id: 4, get: { key: "a" }, consistency: "local" },
      { id: 5, get: { key: "none" } },
      { id: 6, get: { key: "a" }, consistency: { atLeast: 3 } },
      { id: 7, get: { key: "a" }, consistency: { maxAgeMs: 60_000 } },
      putOf(8, "a", "no", {}, { if: "absent" }),
      { id: 9, delete: { key: "gone" } },
    );
    expect(await client.answers(7)).toMatchObject([
      { id: 3, status: 200, value: "one" },
      { id: 4, status: 200, value: "one" },
      { id: 5, status: 404, problem: { code: "key-not-found" } },
      { id: 6, status: 200, value: "one" },
      { id: 7, status: 200, value: "one" },
      { id: 8, status: 412, problem: { code: "precondition-failed" } },
      { id: 9, status: 200, deleted: false },
    ]);
    expect(await (await get(`${ns}/kv/a`)).text()).toBe("one");
  });

  it("carries out what comes in many frames at once, each once", async () => {
    const ns = freshNamespace();
    const client = await Client.open(ns);
    const count = 600;
    for (let id = 0; id < count; id += 1) client.ask(putOf(id, `k${id}`, String(id)));
    const answers = await client.answers(count);
    expect(answers.every(({ status, version }) => status === 201 && version === 1)).toBe(true);
    expect(new Set(answers.map(({ revision }) => revision)).size).toBe(count);
    const read = await get(`${ns}/kv?prefix=k&limit=1000`);
    expect(((await read.json()) as { readonly keys: readonly unknown[] }).keys).toHaveLength(count);
  });

  it("[X1] does once what is asked twice under one idempotency key, from whichever socket", async () => {
    const ns = freshNamespace();
    const [first, second] = [await Client.open(ns), await Client.open(ns)];
    const keyed = putOf(1, "a", "v", { idempotencyKey: "once" });
    first.ask(keyed);
    const [told] = await first.answers(1);
    second.ask({ ...keyed, id: 77 });
    expect(await second.answers(1)).toEqual([{ ...told, id: 77 }]);
    second.ask({ ...putOf(78, "a", "other"), idempotencyKey: "once" });
    expect(await second.answers(1)).toMatchObject([
      { id: 78, status: 422, problem: { code: "idempotency-key-reused" } },
    ]);
  });

  it("refuses a request by its id, and goes on with the others", async () => {
    const client = await Client.open(freshNamespace());
    const wrong: readonly Json[] = [
      { put: { key: "a" } },
      { put: { key: "a", value: 1 } },
      { put: { key: "", value: "v" } },
      { put: { key: "a", value: "v", ttl: 1 } },
      { put: { key: "a", value: "v" }, get: { key: "a" } },
      { put: { key: "a", value: "v" }, consistency: "local" },
      { put: { key: "a", value: "v" }, idempotencyKey: "a b" },
      { put: { key: "a", value: "v" }, idempotencyKey: "x".repeat(129) },
      { get: { key: "a" }, idempotencyKey: "k" },
      { get: { key: "a" }, consistency: "strong" },
      { get: { key: "a" }, consistency: { maxAgeMs: -1 } },
      { post: { key: "a" } },
      {},
    ];
    client.ask(...wrong.map((one, id) => ({ ...one, id })), putOf(wrong.length, "a", "v"));
    const answers = await client.answers(wrong.length + 1);
    expect(answers.map(({ status }) => status)).toEqual([...wrong.map(() => 400), 201]);
    expect(answers[0]).toMatchObject({ problem: { code: "invalid-body" } });
    expect(JSON.stringify(answers[0])).toContain("requests.0.put");
  });

  it.each([
    ["a frame of bytes", new Uint8Array([1, 2]), 1003],
    ["no JSON", "{", 1007],
    ["a list", "[]", 1007],
    ["no requests", '{"requests":[]}', 1007],
    ["another member", '{"requests":[{"id":1,"get":{"key":"a"}}],"more":1}', 1007],
    ["a member that stands twice", '{"requests":[{"id":1,"id":2,"get":{"key":"a"}}]}', 1007],
    ["a request without an id", '{"requests":[{"get":{"key":"a"}}]}', 1007],
    ["an id that is no whole number", '{"requests":[{"id":"1","get":{"key":"a"}}]}', 1007],
    ["a request that is a list", '{"requests":[[]]}', 1007],
    ["an id twice", '{"requests":[{"id":1,"get":{"key":"a"}},{"id":1,"get":{"key":"a"}}]}', 1008],
    [
      "too many requests",
      JSON.stringify({
        requests: Array.from({ length: limits.batchOperations + 1 }, (_, id) => ({ id, get: { key: "a" } })),
      }),
      1007,
    ],
    ["too large a frame", JSON.stringify({ requests: [putOf(1, "a", "x".repeat(limits.operationsBodyBytes))] }), 1009],
  ])("closes with a reason after %s", async (_, frame, code) => {
    const client = await Client.open(freshNamespace());
    client.socket.send(frame);
    const [closedWith, reason] = await client.closed;
    expect(closedWith).toBe(code);
    expect(reason).not.toBe("");
  });

  it("lets only so many wait", async () => {
    const client = await Client.open(freshNamespace());
    const count = limits.pipelineUnanswered + 10;
    for (let from = 0; from < count; from += 500) {
      client.ask(
        ...Array.from({ length: Math.min(500, count - from) }, (_, i) => ({ id: from + i, get: { key: "a" } })),
      );
    }
    const answers = await client.answers(count);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([404, 503]));
    expect(answers.find(({ status }) => status === 503)).toMatchObject({ problem: { code: "overloaded" } });
  });
});

describe("/pipeline", () => {
  it("is a WebSocket, takes no parameters, and no other method", async () => {
    const ns = freshNamespace();
    const plain = await send("GET", `${ns}/pipeline`);
    expect(plain.headers.get("upgrade")).toBe("websocket");
    await expectProblem(plain, 426, "upgrade-required");
    await expectProblem(await upgrade(`${ns}/pipeline?x=1`), 400, "invalid-query");
    await expectProblem(await put(`${ns}/pipeline`, "x"), 405, "method-not-allowed", "not-applied");
  });

  it("opens for no page of another origin", async () => {
    await expectProblem(await upgrade("/pipeline", { origin: "https://elsewhere.example" }), 401, "unauthorized");
  });
});
