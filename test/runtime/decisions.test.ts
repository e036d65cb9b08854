/** Decisions through the real acceptors: one value for ever, and the edge's memory of it. */
import { describe, expect, it } from "vitest";
import { expectProblem, freshNamespace, get, jsonIn, problemIn, put, send, statusOf } from "./api.ts";

const countersOf = async (namespace: string): Promise<readonly number[]> =>
  (await statusOf(namespace)).acceptors.map(({ counter }) => counter);

describe("PUT /decisions/{id}", () => {
  it("chooses the first proposal, and tells every later one", async () => {
    const ns = freshNamespace();
    const first = await put(`${ns}/decisions/leader`, "me");
    expect(first.status).toBe(201);
    const chosen = await jsonIn(first);
    expect(chosen).toMatchObject({ id: "leader", value: "me", yours: true, ballot: { round: 1 } });
    expect((chosen["acceptors"] as readonly string[]).length).toBeGreaterThanOrEqual(2);
    const second = await put(`${ns}/decisions/leader`, "you");
    expect(second.status).toBe(200);
    expect(await jsonIn(second)).toEqual({ ...chosen, yours: false });
  });

  it("tells equal values of two proposers apart", async () => {
    const ns = freshNamespace();
    expect(await jsonIn(await put(`${ns}/decisions/a`, "same"))).toMatchObject({ yours: true });
    expect(await jsonIn(await put(`${ns}/decisions/a`, "same"))).toMatchObject({ yours: false });
  });

  it("lets one of many contenders win, and all agree", async () => {
    const ns = freshNamespace();
    const answers = await Promise.all(
      Array.from({ length: 6 }, async (_, i) => jsonIn(await put(`${ns}/decisions/contended`, `${i}`))),
    );
    expect(new Set(answers.map(({ value }) => value)).size).toBe(1);
    expect(answers.filter(({ yours }) => yours === true)).toHaveLength(1);
  });

  it("[X1] knows a proposal again by its key, and refuses the key for another value", async () => {
    const ns = freshNamespace();
    const key = { "idempotency-key": "attempt-1" };
    expect((await put(`${ns}/decisions/a`, "x", key)).status).toBe(201);
    const again = await put(`${ns}/decisions/a`, "x", key);
    expect([again.status, await jsonIn(again)]).toMatchObject([201, { yours: true, value: "x" }]);
    const other = await put(`${ns}/decisions/a`, "y", key);
    await expectProblem(other, 422, "idempotency-key-reused", "not-applied");
    expect((await put(`${ns}/decisions/a`, "y", { "idempotency-key": "attempt-2" })).status).toBe(200);
  });

  it("takes bytes that are not text, nothing at all, and ids with slashes", async () => {
    const ns = freshNamespace();
    const bytes = await put(`${ns}/decisions/a/b%2Fc`, Uint8Array.of(0xff));
    expect(await jsonIn(bytes)).toMatchObject({ id: "a/b/c", value: "/w==", encoding: "base64" });
    expect(await jsonIn(await put(`${ns}/decisions/empty`, ""))).toMatchObject({ value: "", yours: true });
    expect((await put(`${ns}/decisions/large`, "x".repeat(64 * 1024))).status).toBe(201);
  });
});

describe("GET /decisions/{id}", () => {
  it("answers 404 where nothing was decided, and lets nobody keep that", async () => {
    const ns = freshNamespace();
    const unfounded = await get(`${ns}/decisions/a`);
    expect(unfounded.headers.get("cache-control")).toBe("no-store");
    await expectProblem(unfounded, 404, "decision-not-found");
    await put(`${ns}/decisions/b`, "x");
    await expectProblem(await get(`${ns}/decisions/a`), 404, "decision-not-found");
    await put(`${ns}/decisions/a`, "now");
    expect(await jsonIn(await get(`${ns}/decisions/a`))).toMatchObject({ value: "now" });
  });

  it("shows the decision, to be kept for ever", async () => {
    const ns = freshNamespace();
    const { yours: _, ...chosen } = await jsonIn(await put(`${ns}/decisions/a`, "x"));
    const shown = await get(`${ns}/decisions/a`);
    expect(shown.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(await jsonIn(shown)).toEqual(chosen);
    const etag = shown.headers.get("etag") ?? "";
    expect((await get(`${ns}/decisions/a`, { "if-none-match": etag })).status).toBe(304);
    expect((await send("HEAD", `${ns}/decisions/a`)).status).toBe(200);
  });

  it("is served from memory without touching an acceptor", async () => {
    const ns = freshNamespace();
    await put(`${ns}/decisions/a`, "x");
    const [before, { counters }] = [await countersOf(ns), await statusOf(ns)];
    for (let i = 0; i < 5; i += 1) expect((await get(`${ns}/decisions/a`)).headers.get("synod-cache")).toBe("hit");
    expect((await put(`${ns}/decisions/a`, "y")).status).toBe(200);
    expect(await countersOf(ns)).toEqual(before);
    expect((await statusOf(ns)).counters.decisionCacheHits).toBe(counters.decisionCacheHits + 6);
    // An absent one is asked for every time.
    await get(`${ns}/decisions/absent`);
    const missed = await countersOf(ns);
    expect(missed.reduce((a, b) => a + b)).toBeGreaterThan(before.reduce((a, b) => a + b));
    expect((await statusOf(ns)).counters.decisionCacheMisses).toBe(counters.decisionCacheMisses + 1);
  });

  it("keeps decisions of different namespaces apart", async () => {
    const [one, other] = [freshNamespace(), freshNamespace()];
    await put(`${one}/decisions/a`, "one");
    await get(`${one}/decisions/a`);
    expect((await get(`${other}/decisions/a`)).status).toBe(404);
    await put(`${other}/decisions/a`, "other");
    expect(await jsonIn(await get(`${other}/decisions/a`))).toMatchObject({ value: "other" });
  });
});

describe("bad input to /decisions", () => {
  it.each([
    ["GET", "/decisions/", "invalid-name"],
    ["GET", "/decisions/%ff", "invalid-name"],
    ["GET", "/decisions/%00", "invalid-name"],
    ["GET", `/decisions/${"a".repeat(257)}`, "invalid-name"],
    ["GET", "/decisions/%zz", "invalid-path"],
    ["GET", "/decisions/a?consistency=local", "invalid-query"],
  ])("%s %s", async (method, path, code) => {
    await expectProblem(await send(method, path), 400, code);
  });

  it("is refused before anything is founded", async () => {
    const ns = freshNamespace();
    const large = await put(`${ns}/decisions/a`, "x".repeat(64 * 1024 + 1));
    await expectProblem(large, 413, "body-too-large", "not-applied");
    const conditional = await put(`${ns}/decisions/a`, "x", { "if-none-match": "*" });
    await expectProblem(conditional, 400, "invalid-precondition", "not-applied");
    await expectProblem(
      await put(`${ns}/decisions/a`, "x", { "idempotency-key": "a b" }),
      400,
      "invalid-header",
      "not-applied",
    );
    const ordered = await put(`${ns}/decisions/a`, "x", { "synod-session": "s", "synod-sequence": "1" });
    await expectProblem(ordered, 400, "invalid-header", "not-applied");
    const deleted = await send("DELETE", `${ns}/decisions/a`);
    expect(deleted.headers.get("allow")).toBe("GET, HEAD, PUT");
    expect(await problemIn(deleted)).toMatchObject({ code: "method-not-allowed" });
    expect((await statusOf(ns)).acceptors.map(({ identity }) => identity)).toEqual(Array(3).fill("empty"));
  });
});
