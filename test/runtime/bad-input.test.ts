/** What clients must not send, and what they are told. Each is refused before anything is asked of an object. */
import { describe, expect, it } from "vitest";
import { expectProblem, freshNamespace, get, problemIn, put, send, statusOf } from "./api.ts";

describe("paths", () => {
  it.each([
    ["/kv/", 400, "invalid-key"],
    ["/kv/%zz", 400, "invalid-path"],
    ["/kv/%", 400, "invalid-path"],
    ["/kv/%f", 400, "invalid-path"],
    [`/kv/${"a".repeat(1025)}`, 400, "invalid-key"],
    ["/nowhere", 404, "not-found"],
    ["/KV/a", 404, "not-found"],
    ["//kv/a", 404, "not-found"],
    ["/internal/acceptor", 404, "not-found"],
    ["/acceptor/default/wnam", 404, "not-found"],
    ["/status/", 404, "not-found"],
    ["/ns", 404, "not-found"],
    ["/ns//kv/a", 400, "invalid-namespace"],
    ["/ns/Upper/kv/a", 400, "invalid-namespace"],
    ["/ns/-a/kv/a", 400, "invalid-namespace"],
    ["/ns/a%62/kv/a", 400, "invalid-namespace"],
    [`/ns/${"a".repeat(64)}/kv/a`, 400, "invalid-namespace"],
    ["/ns/a/ns/b/kv/a", 404, "not-found"],
    ["/ns/a/nowhere", 404, "not-found"],
  ])("%s", async (path, status, code) => {
    await expectProblem(await get(path), status, code);
  });
});

describe("queries", () => {
  it.each([
    "/kv/a?x=1",
    "/kv/a?consistency=eventual",
    "/kv/a?consistency=",
    "/kv/a?consistency=local&consistency=local",
    "/kv/a?consistency=session",
    "/kv/a?at-least=1",
    "/kv/a?max-age=1",
    "/kv/a?consistency=local&at-least=1",
    "/kv/a?consistency=session&at-least=1&max-age=1",
    ...["-1", "1.5", "x", "", "1e3", "9007199254740993", "99999999999999999999"].flatMap((number) => [
      `/kv/a?consistency=session&at-least=${number}`,
      `/kv/a?consistency=local&max-age=${number}`,
      `/kv?limit=${number}`,
    ]),
    "/kv?limit=0",
    "/kv?limit=1001",
    "/kv?prefix=%zz",
    "/kv?%ff=1",
    "/?a=1",
    "/status?a=1",
  ])("%s", async (path) => {
    await expectProblem(await get(path), 400, "invalid-query");
  });

  it.each(["/kv?cursor=", "/kv?cursor=!", "/kv?cursor=MQ", "/kv?cursor=MTo="])("%s", async (path) => {
    await expectProblem(await get(path), 400, "invalid-cursor");
  });

  it("of writes", async () => {
    await expectProblem(await put("/kv/a?ttl=1", "x"), 400, "invalid-query", "not-applied");
    await expectProblem(await send("DELETE", "/kv/a?consistency=local"), 400, "invalid-query", "not-applied");
    const prefix = await get(`/kv?prefix=${"a".repeat(1025)}`);
    await expectProblem(prefix, 400, "invalid-key");
  });
});

describe("methods", () => {
  it.each([
    ["POST", "/kv/a", "GET, HEAD, PUT, DELETE"],
    ["PATCH", "/kv/a", "GET, HEAD, PUT, DELETE"],
    ["OPTIONS", "/kv/a", "GET, HEAD, PUT, DELETE"],
    ["PUT", "/kv", "GET, HEAD"],
    ["DELETE", "/kv", "GET, HEAD"],
    ["POST", "/decisions/a", "GET, HEAD, PUT"],
    ["PUT", "/services", "GET, HEAD, POST"],
    ["POST", "/services/events", "GET, HEAD"],
    ["DELETE", "/services/web/i1/checks/c", "PUT"],
    ["GET", "/services/web/i1/maintenance", "PUT, DELETE"],
    ["PUT", "/services/web", "GET, HEAD"],
    ["POST", "/services/web/i1", "GET, HEAD, PUT, DELETE"],
    ["POST", "/status", "GET, HEAD"],
    ["DELETE", "/time/regions", "GET, HEAD"],
    ["POST", "/", "GET, HEAD"],
    ["POST", "/ns/a/kv/a", "GET, HEAD, PUT, DELETE"],
  ])("%s %s", async (method, path, allow) => {
    const response = await send(method, path);
    expect(response.headers.get("allow")).toBe(allow);
    expect(response.status).toBe(405);
    expect(await problemIn(response)).toMatchObject({ code: "method-not-allowed", retryable: false });
  });
});

describe("headers", () => {
  it.each([
    [{ "if-match": "1" }, "invalid-precondition"],
    [{ "if-match": 'W/"1"' }, "invalid-precondition"],
    [{ "if-match": '"a"' }, "invalid-precondition"],
    [{ "if-match": '"1", "2"' }, "invalid-precondition"],
    [{ "if-match": `"${"1".repeat(2000)}"` }, "invalid-precondition"],
    [{ "if-none-match": '"1"' }, "invalid-precondition"],
    [{ "if-match": "*", "if-none-match": "*" }, "invalid-precondition"],
    [{ "idempotency-key": "" }, "invalid-header"],
    [{ "idempotency-key": "k".repeat(129) }, "invalid-header"],
    [{ "idempotency-key": "a b" }, "invalid-header"],
    [{ "synod-session": "s" }, "invalid-header"],
    [{ "synod-sequence": "1" }, "invalid-header"],
    [{ "synod-session": "s", "synod-sequence": "0" }, "invalid-header"],
    [{ "synod-session": "s", "synod-sequence": "1.5" }, "invalid-header"],
    [{ "synod-session": "s".repeat(129), "synod-sequence": "1" }, "invalid-header"],
  ])("%j on writes", async (headers, code) => {
    await expectProblem(await put("/kv/a", "x", headers), 400, code, "not-applied");
    await expectProblem(await send("DELETE", "/kv/a", { headers }), 400, code, "not-applied");
  });

  it.each([{ "if-match": '"1"' }, { "if-none-match": "1" }, { "if-none-match": `"${"1".repeat(2000)}"` }])(
    "%j on reads",
    async (headers) => {
      await expectProblem(await get("/kv/a", headers), 400, "invalid-precondition");
    },
  );
});

describe("bodies", () => {
  const tooMuch = 512 * 1024 + 1;

  it("larger than a value are refused when announced", async () => {
    await expectProblem(await put("/kv/a", new Uint8Array(tooMuch)), 413, "body-too-large", "not-applied");
  });

  it("larger than a value are refused while they come", async () => {
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1;
        controller.enqueue(new Uint8Array(64 * 1024));
      },
    });
    await expectProblem(await put("/kv/a", endless), 413, "body-too-large", "not-applied");
    expect(sent).toBeLessThan(100);
  });

  it("that are compressed are refused", async () => {
    const gzip = await put("/kv/a", Uint8Array.of(0x1f, 0x8b), { "content-encoding": "gzip" });
    await expectProblem(gzip, 415, "unsupported-encoding", "not-applied");
    const plain = await put(`${freshNamespace()}/kv/a`, "x", { "content-encoding": "identity" });
    expect(plain.status).toBe(201);
  });
});

it("leaves no trace of any of this", async () => {
  const ns = freshNamespace();
  await put(`${ns}/kv/${"a".repeat(1025)}`, "x");
  await put(`${ns}/kv/a`, "x", { "if-match": "1" });
  await put(`${ns}/kv/a`, new Uint8Array(512 * 1024 + 1));
  await send("POST", `${ns}/kv/a`);
  expect((await statusOf(ns)).acceptors.map(({ identity }) => identity)).toEqual(Array(3).fill("empty"));
});
