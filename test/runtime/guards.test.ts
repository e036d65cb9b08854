/** `If-Lock` through the real objects: whatever is written under a lock that was lost is refused, and changes nothing (SPEC K1). */
import { describe, expect, it } from "vitest";
import { expectProblem, freshNamespace, get, jsonIn, postJson, put, putJson, send, until, valueOf } from "./api.ts";

const holding = (token: number, name = "deploy") => ({ "if-lock": `${name};${token}` });

async function take(ns: string): Promise<number> {
  return Number((await jsonIn(await postJson(`${ns}/locks/deploy`, { ttl: 60 })))["token"]);
}

const release = async (ns: string, token: number) => send("DELETE", `${ns}/locks/deploy/${token}`);

const instance = { address: "a", port: 1, ttl: 60 };
type Headers = Readonly<Record<string, string>>;
const writes: readonly (readonly [string, (ns: string, headers: Headers) => Promise<Response>])[] = [
  ["PUT /kv", async (ns, headers) => put(`${ns}/kv/a`, "guarded", headers)],
  ["PUT /kv of a new key", async (ns, headers) => put(`${ns}/kv/new`, "guarded", headers)],
  ["DELETE /kv", async (ns, headers) => send("DELETE", `${ns}/kv/a`, { headers })],
  ["POST /txn", async (ns, headers) => postJson(`${ns}/txn`, { then: [{ put: { key: "a", value: "t" } }] }, headers)],
  ["PUT /services", async (ns, headers) => putJson(`${ns}/services/web/i`, instance, headers)],
  ["DELETE /services", async (ns, headers) => send("DELETE", `${ns}/services/web/there`, { headers })],
  ["POST /leases", async (ns, headers) => postJson(`${ns}/leases`, { ttl: 60, id: "8" }, headers)],
  ["PUT /leases", async (ns, headers) => send("PUT", `${ns}/leases/7`, { headers })],
  ["DELETE /leases", async (ns, headers) => send("DELETE", `${ns}/leases/7`, { headers })],
  ["POST /compaction", async (ns, headers) => postJson(`${ns}/compaction`, { revision: 2 }, headers)],
  ["POST /locks", async (ns, headers) => postJson(`${ns}/locks/other`, { ttl: 60 }, headers)],
  ["DELETE /locks", async (ns, headers) => send("DELETE", `${ns}/locks/deploy/4`, { headers })],
  ["POST /elections", async (ns, headers) => postJson(`${ns}/elections/e`, { ttl: 60, value: "v" }, headers)],
];

/** Something of everything: revision 2 to 3, a lease, and a lock that was lost to another. */
async function lost(): Promise<{ readonly ns: string; readonly token: number; readonly next: number }> {
  const ns = freshNamespace();
  await put(`${ns}/kv/a`, "before");
  await putJson(`${ns}/services/web/there`, instance);
  const token = await take(ns);
  await postJson(`${ns}/leases`, { ttl: 60, id: "7" });
  await release(ns, token);
  return { ns, token, next: await take(ns) };
}

const stateOf = async (ns: string): Promise<readonly unknown[]> => [
  await jsonIn(await get(`${ns}/kv`)),
  (await jsonIn(await get(`${ns}/services`)))["services"],
  (await jsonIn(await get(`${ns}/locks/deploy`)))["holder"],
  ((await jsonIn(await get(`${ns}/leases`)))["leases"] as readonly { readonly id: string }[]).map(({ id }) => id),
];

describe("[K1] a write under a lock", () => {
  it.each(writes)("that was lost changes nothing: %s", async (_, write) => {
    const { ns, token } = await lost();
    const before = await stateOf(ns);
    await expectProblem(await write(ns, holding(token)), 412, "lock-lost", "not-applied");
    expect(await stateOf(ns)).toEqual(before);
  });

  it.each(writes)("that is held is carried out: %s", async (_, write) => {
    const { ns, next } = await lost();
    expect((await write(ns, holding(next))).status).toBeLessThan(300);
  });

  it("that was lost changes nothing: any operation of a batch", async () => {
    const { ns, token, next } = await lost();
    const operations = [{ put: { key: "a", value: "b" } }, { delete: { key: "a" } }, { get: { key: "a" } }];
    const statuses = async (held: number) => {
      const { results } = await jsonIn(await postJson(`${ns}/batch`, { operations }, holding(held)));
      return (results as readonly { readonly status: number }[]).map(({ status }) => status);
    };
    expect(await statuses(token)).toEqual([412, 412, 200]);
    expect(await valueOf(await get(`${ns}/kv/a`))).toBe("before");
    expect((await statuses(next)).slice(0, 2)).toEqual([200, 200]);
  });

  it("that nobody holds any more, or that only waits, is refused", async () => {
    const ns = freshNamespace();
    const token = await take(ns);
    const waiting = postJson(`${ns}/locks/deploy`, { ttl: 60, wait: 30 });
    const other = await until("it waits", async () => {
      const { waiting: others } = await jsonIn(await get(`${ns}/locks/deploy`));
      return (others as readonly { readonly token: number }[])[0] ?? null;
    });
    await expectProblem(await put(`${ns}/kv/a`, "x", holding(other.token)), 412, "lock-lost", "not-applied");
    await expectProblem(await send("PUT", `${ns}/locks/deploy/${other.token}`), 412, "lock-lost", "not-applied");
    await release(ns, token);
    const next = Number((await jsonIn(await waiting))["token"]);
    await release(ns, next);
    await expectProblem(await put(`${ns}/kv/a`, "x", holding(next)), 412, "lock-lost", "not-applied");
    await expectProblem(await put(`${ns}/kv/a`, "x", holding(99)), 412, "lock-lost", "not-applied");
    await expectProblem(await put(`${ns}/kv/a`, "x", holding(token, "never")), 412, "lock-lost", "not-applied");
    expect((await get(`${ns}/kv/a`)).status).toBe(404);
  });

  it("[X1] keeps its first outcome, and its key belongs to that lock and token", async () => {
    const ns = freshNamespace();
    const token = await take(ns);
    const guarded = { ...holding(token), "idempotency-key": "k" };
    expect((await put(`${ns}/kv/a`, "x", guarded)).status).toBe(201);
    await release(ns, token);
    expect((await put(`${ns}/kv/a`, "x", guarded)).status).toBe(201);
    await expectProblem(
      await put(`${ns}/kv/a`, "x", { "idempotency-key": "k" }),
      422,
      "idempotency-key-reused",
      "not-applied",
    );
  });

  it("finds a name of any bytes, percent-encoded", async () => {
    const ns = freshNamespace();
    const { token } = await jsonIn(await postJson(`${ns}/locks/a%2Fb%ff%3B`, { ttl: 60 }));
    expect((await put(`${ns}/kv/a`, "x", holding(Number(token), "a%2Fb%ff%3B"))).status).toBe(201);
  });
});

describe("If-Lock", () => {
  it.each([
    "",
    "deploy",
    "deploy;",
    "deploy;0",
    "deploy;-1",
    "deploy;1.5",
    "deploy;x",
    ";1",
    "a b;1",
    "%zz;1",
    "%00;1",
    "deploy;1;2",
    "a;1, b;2",
  ])("%j is refused", async (header) => {
    const ns = freshNamespace();
    await expectProblem(await put(`${ns}/kv/a`, "x", { "if-lock": header }), 400, "invalid-header", "not-applied");
  });

  it("is refused where it guards nothing, or is said by the path", async () => {
    const ns = freshNamespace();
    const token = await take(ns);
    const reading = { then: [{ get: { key: "a" } }] };
    await expectProblem(await postJson(`${ns}/txn`, reading, holding(token)), 400, "invalid-header", "not-applied");
    const renewing = await send("PUT", `${ns}/locks/deploy/${token}`, { headers: holding(token) });
    await expectProblem(renewing, 400, "invalid-header", "not-applied");
  });
});
