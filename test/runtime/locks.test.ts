/** Locks through the real objects: one holder, a fair queue, tokens that only grow, and what becomes of who hangs up. */
import { exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { handedOver } from "../../workers/gateway/handover.ts";
import { expectProblem, freshNamespace, get, jsonIn, postJson, problemIn, send, until } from "./api.ts";
import { visitWith } from "./visits.ts";

const lock = (ns: string): string => `${ns}/locks/deploy`;

async function taken(response: Response): Promise<number> {
  expect(response.status).toBe(201);
  return Number((await jsonIn(response))["token"]);
}

const take = async (ns: string, body: object = { ttl: 60 }): Promise<number> => taken(await postJson(lock(ns), body));
const release = async (ns: string, token: number): Promise<Response> => send("DELETE", `${lock(ns)}/${token}`);

interface Shown {
  readonly holder: { readonly token: number; readonly owner: string | null } | null;
  readonly waiting: readonly { readonly token: number; readonly owner: string | null }[];
}
const shown = async (ns: string): Promise<Shown> => (await get(lock(ns))).json();

const untilWaiting = async (ns: string, count: number): Promise<Shown> =>
  until(`${count} wait`, async () => {
    const now = await shown(ns);
    return now.waiting.length === count ? now : null;
  });

/** A request that its client may abandon. */
const waitingFor = async (
  ns: string,
  body: object,
  signal: AbortSignal,
  headers: Readonly<Record<string, string>> = {},
) =>
  exports.default
    .fetch(`http://synod.test${lock(ns)}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
      signal,
    })
    .catch(() => null);

describe("POST /locks/{name}", () => {
  it("takes a free lock with 201, and says who holds it", async () => {
    const ns = freshNamespace();
    const response = await postJson(lock(ns), { ttl: 60, owner: "one" });
    expect(response.headers.get("synod-revision")).toMatch(/^\d+$/);
    const token = 2;
    expect([response.status, await jsonIn(response)]).toEqual([201, { name: "deploy", token, ttl: 60, owner: "one" }]);
    const now = await get(lock(ns));
    expect(now.headers.get("synod-consistency")).toBe("linearizable");
    const holder = { token, owner: "one", ttl: 60 };
    expect(await jsonIn(now)).toEqual({ name: "deploy", holder, waiting: [], revision: 2 });
  });

  it("is told 409, the holder and its token, where it is held, and leaves no place", async () => {
    const ns = freshNamespace();
    const token = await take(ns, { ttl: 60, owner: "one" });
    for (const wait of [0, 1]) {
      const refused = await problemIn(await postJson(lock(ns), { ttl: 60, wait, owner: "two" }));
      expect(refused).toMatchObject({ status: 409, code: "lock-held", outcome: "not-applied", token, owner: "one" });
    }
    expect(await shown(ns)).toMatchObject({ holder: { token }, waiting: [] });
  });

  it("gives it to those who wait in the order in which they came", async () => {
    const ns = freshNamespace();
    let token = await take(ns);
    const waiters: Promise<Response>[] = [];
    for (let i = 0; i < 6; i += 1) {
      waiters.push(postJson(lock(ns), { ttl: 60, wait: 60, owner: `w${i}` }));
      await untilWaiting(ns, i + 1);
    }
    for (const [index, waiter] of waiters.entries()) {
      await release(ns, token);
      const got = await jsonIn(await waiter);
      expect(got).toMatchObject({ owner: `w${index}` });
      expect(Number(got["token"])).toBeGreaterThan(token);
      token = Number(got["token"]);
      expect(await shown(ns)).toMatchObject({ holder: { token, owner: `w${index}` } });
    }
  });

  it("passes it on when a place in the middle of the queue goes", async () => {
    const ns = freshNamespace();
    const token = await take(ns);
    const middle = postJson(lock(ns), { ttl: 60, wait: 60 });
    const { waiting } = await untilWaiting(ns, 1);
    const last = postJson(lock(ns), { ttl: 60, wait: 60, owner: "last" });
    await untilWaiting(ns, 2);
    await release(ns, Number(waiting[0]?.token));
    await expectProblem(await middle, 412, "lock-lost", "not-applied");
    await release(ns, token);
    expect((await last).status).toBe(201);
  });

  it("passes it on when the holder's time to live is over", { timeout: 20_000 }, async () => {
    const ns = freshNamespace();
    const token = await take(ns, { ttl: 1 });
    const next = await postJson(lock(ns), { ttl: 60, wait: 20 });
    expect(await taken(next)).toBeGreaterThan(token);
    await expectProblem(await send("PUT", `${lock(ns)}/${token}`), 404, "lock-not-found", "not-applied");
  });

  it("keeps a place alive that waits longer than it lives", { timeout: 20_000 }, async () => {
    const ns = freshNamespace();
    const token = await take(ns, { ttl: 60 });
    const waiting = postJson(lock(ns), { ttl: 1, wait: 30 });
    const before = await untilWaiting(ns, 1);
    // Twice as long as it lives by itself.
    await new Promise((resolve) => {
      setTimeout(resolve, 3_000);
    });
    expect((await shown(ns)).waiting).toEqual(before.waiting);
    await release(ns, token);
    expect(await taken(await waiting)).toBe(before.waiting[0]?.token);
  });

  it("[K1] gives tokens that only grow, also after the lock was gone", async () => {
    const ns = freshNamespace();
    let last = 0;
    for (let i = 0; i < 4; i += 1) {
      const token = await take(ns);
      expect(token).toBeGreaterThan(last);
      last = token;
      await release(ns, token);
      expect(await shown(ns)).toMatchObject({ holder: null, waiting: [] });
    }
  });

  it("leaves no place behind when who waits hangs up", async () => {
    const ns = freshNamespace();
    const token = await take(ns);
    const hangUp = new AbortController();
    const waiting = waitingFor(ns, { ttl: 3600, wait: 60 }, hangUp.signal);
    await untilWaiting(ns, 1);
    hangUp.abort();
    await waiting;
    await untilWaiting(ns, 0);
    await release(ns, token);
    expect((await shown(ns)).holder).toBeNull();
  });
});

describe("under one Idempotency-Key", () => {
  const key = { "idempotency-key": "k" };

  it("[X1] a retry takes no second place, and is told the same token", async () => {
    const ns = freshNamespace();
    const token = await take(ns);
    const body = { ttl: 60, wait: 30 };
    const both = [1, 2].map(async () => postJson(lock(ns), body, key));
    const { waiting } = await untilWaiting(ns, 1);
    await release(ns, token);
    const tokens = await Promise.all(both.map(async (one) => taken(await one)));
    expect(tokens).toEqual([waiting[0]?.token, waiting[0]?.token]);
    expect(await taken(await postJson(lock(ns), body, key))).toBe(tokens[0]);
    expect(await shown(ns)).toMatchObject({ holder: { token: tokens[0] }, waiting: [] });
  });

  it("[X1] a retry after the lock was released takes it not again", async () => {
    const ns = freshNamespace();
    const token = await taken(await postJson(lock(ns), { ttl: 60 }, key));
    await release(ns, token);
    await expectProblem(await postJson(lock(ns), { ttl: 60 }, key), 412, "lock-lost", "not-applied");
    expect(await shown(ns)).toMatchObject({ holder: null, waiting: [] });
    await expectProblem(await postJson(lock(ns), { ttl: 61 }, key), 422, "idempotency-key-reused", "not-applied");
  });

  it("a place outlives a client that hangs up, so that its retry goes on waiting in it", async () => {
    const ns = freshNamespace();
    const token = await take(ns);
    const hangUp = new AbortController();
    const body = { ttl: 60, wait: 30 };
    const first = waitingFor(ns, body, hangUp.signal, key);
    const { waiting } = await untilWaiting(ns, 1);
    hangUp.abort();
    await first;
    const retry = postJson(lock(ns), body, key);
    await release(ns, token);
    expect(await taken(await retry)).toBe(waiting[0]?.token);
  });
});

describe("an answer to who has waited", () => {
  const answering = (refused: () => void) =>
    handedOver(
      visitWith((real) => real),
      new AbortController().signal,
      { token: 1 },
      {},
      async () => {
        refused();
        return Promise.resolve();
      },
    );

  it("is JSON behind an empty line", async () => {
    let given = 0;
    const response = answering(() => (given += 1));
    expect([response.status, await jsonIn(response), given]).toEqual([201, { token: 1 }, 0]);
  });

  it("gives the place up when nobody is there to take it", async () => {
    let given = 0;
    const reader = answering(() => (given += 1)).body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await reader?.cancel();
    expect(given).toBe(1);
  });
});

describe("a lock that is held", () => {
  it("is renewed and released by its token, and released once only", async () => {
    const ns = freshNamespace();
    const token = await take(ns);
    const renewed = await send("PUT", `${lock(ns)}/${token}`);
    expect([renewed.status, await jsonIn(renewed)]).toEqual([200, { name: "deploy", token, ttl: 60 }]);
    const released = await release(ns, token);
    expect([released.status, await jsonIn(released)]).toEqual([200, { name: "deploy", token, released: true }]);
    expect(await jsonIn(await release(ns, token))).toMatchObject({ released: false });
    await expectProblem(await send("PUT", `${lock(ns)}/${token}`), 404, "lock-not-found", "not-applied");
  });

  it("lives as long as it renews", { timeout: 20_000 }, async () => {
    const ns = freshNamespace();
    const token = await take(ns, { ttl: 2 });
    for (const end = Date.now() + 5_000; Date.now() < end;) {
      expect((await send("PUT", `${lock(ns)}/${token}`)).status).toBe(200);
      await new Promise((resolve) => {
        setTimeout(resolve, 500);
      });
    }
    expect(await shown(ns)).toMatchObject({ holder: { token } });
    await until("it ends", async () => ((await shown(ns)).holder === null ? true : null));
  });

  it("has a name of any bytes, and is not another's", async () => {
    const ns = freshNamespace();
    const odd = `${ns}/locks/%ff%2F`;
    const taking = await jsonIn(await postJson(odd, { ttl: 60 }));
    expect(taking).toMatchObject({ name: "/y8=", nameEncoding: "base64" });
    expect((await postJson(`${ns}/locks/a`, { ttl: 60 })).status).toBe(201);
    expect((await postJson(`${ns}/locks/ab`, { ttl: 60 })).status).toBe(201);
    expect((await postJson(`${ns}/elections/a`, { ttl: 60, value: "" })).status).toBe(201);
    expect((await postJson(`${ns}/locks/%61`, { ttl: 60 })).status).toBe(409);
    expect((await send("HEAD", odd)).status).toBe(200);
    expect(await jsonIn(await get(`${ns}/kv`))).toMatchObject({ keys: [] });
  });

  it("is read as strongly as is asked for", async () => {
    const ns = freshNamespace();
    await take(ns);
    const read = await get(`${lock(ns)}?consistency=session&at-least=2`);
    expect([read.status, read.headers.get("synod-consistency")]).toEqual([200, "session"]);
  });
});

describe("what a lock's door does not understand changes nothing:", () => {
  it.each([
    ["no ttl", {}],
    ["a ttl of zero", { ttl: 0 }],
    ["a negative ttl", { ttl: -1 }],
    ["a ttl over 9,000,000,000", { ttl: 9_000_000_001 }],
    ["a fraction of a second", { ttl: 0.5 }],
    ["a ttl as text", { ttl: "60" }],
    ["a negative wait", { ttl: 60, wait: -1 }],
    ["a wait too long", { ttl: 60, wait: 61 }],
    ["a wait as a float", { ttl: 60, wait: 0.5 }],
    ["an owner without a name", { ttl: 60, owner: "" }],
    ["an owner too long", { ttl: 60, owner: "o".repeat(257) }],
    ["an owner of half a character", { ttl: 60, owner: "\ud800" }],
    ["an unknown member", { ttl: 60, token: 1 }],
    ["a list", []],
  ])("%s", async (_, body) => {
    const ns = freshNamespace();
    await expectProblem(await postJson(lock(ns), body), 400, "invalid-body", "not-applied");
    expect(await shown(ns)).toMatchObject({ holder: null, revision: 1 });
  });

  it("names, tokens, headers, methods, bodies of another kind", async () => {
    const ns = freshNamespace();
    await expectProblem(await get(`${ns}/locks/${"n".repeat(513)}`), 400, "invalid-name");
    await expectProblem(await get(`${ns}/locks/a%00b`), 400, "invalid-name");
    await expectProblem(await get(`${ns}/locks/%zz`), 400, "invalid-path");
    await expectProblem(await get(`${ns}/locks`), 404, "not-found");
    for (const token of ["x", "0", "-1", "1.5", "01", "99999999999999999"]) {
      await expectProblem(await send("DELETE", `${lock(ns)}/${token}`), 400, "invalid-name", "not-applied");
    }
    const body = { ttl: 60 };
    await expectProblem(
      await postJson(lock(ns), body, { "if-match": "*" }),
      400,
      "invalid-precondition",
      "not-applied",
    );
    const session = { "synod-session": "s", "synod-sequence": "1" };
    await expectProblem(await postJson(lock(ns), body, session), 400, "invalid-header", "not-applied");
    await expectProblem(await postJson(`${lock(ns)}?wait=1`, body), 400, "invalid-query", "not-applied");
    await expectProblem(await send("PUT", lock(ns)), 405, "method-not-allowed", "not-applied");
    await expectProblem(await get(`${lock(ns)}/1`), 405, "method-not-allowed");
    await expectProblem(await send("PUT", `${lock(ns)}/1`, { body: "{}" }), 400, "invalid-body", "not-applied");
    const text = await send("POST", lock(ns), { headers: { "content-type": "text/plain" }, body: "{}" });
    await expectProblem(text, 415, "unsupported-media-type", "not-applied");
    expect(await shown(ns)).toMatchObject({ holder: null, revision: 1 });
  });
});
