/** Many instances in one request, through the real objects: what comes of each, and what it costs. */
import { describe, expect, it } from "vitest";
import { expectProblem, freshNamespace, get, jsonIn, postJson, putJson, statusOf } from "./api.ts";

const instance = { address: "10.0.0.1", port: 8080, ttl: 600 };
type Results = readonly Readonly<Record<string, unknown>>[];

async function bulk(ns: string, body: object, headers = {}): Promise<Readonly<Record<string, Results>>> {
  const response = await postJson(`${ns}/services`, body, headers);
  expect(response.status).toBe(200);
  return response.json();
}

/** The slots of the log that something takes. */
async function slotsOf(ns: string, work: () => Promise<unknown>): Promise<number> {
  const applied = async (): Promise<number> => {
    const { replicas } = await statusOf(ns);
    return Math.max(...(replicas as readonly { readonly applied?: number }[]).map((one) => one.applied ?? 0));
  };
  const before = await applied();
  await work();
  return (await applied()) - before;
}

describe("POST /services", () => {
  it("registers, renews and removes, and says what came of each", async () => {
    const ns = freshNamespace();
    await putJson(`${ns}/services/web/old`, instance);
    await putJson(`${ns}/services/web/gone`, instance);
    const results = await bulk(ns, {
      register: [
        { service: "web", instance: "new", ...instance },
        {
          service: "api",
          instance: "checked",
          address: "a",
          port: 1,
          checks: [{ kind: "ttl", ttl: 5, status: "passing" }],
        },
      ],
      renew: [
        { service: "web", instance: "old" },
        { service: "web", instance: "nobody" },
      ],
      deregister: [
        { service: "web", instance: "gone" },
        { service: "api", instance: "never" },
      ],
    });
    expect(results).toMatchObject({
      register: [
        { service: "web", instance: "new", status: 201, revision: 4, renewed: false },
        { service: "api", instance: "checked", status: 201 },
      ],
      renew: [
        { service: "web", instance: "old", status: 200, ttl: 600 },
        { instance: "nobody", status: 404, problem: { code: "instance-not-found", outcome: "not-applied" } },
      ],
      deregister: [
        { instance: "gone", status: 200, deleted: true },
        { instance: "never", status: 200, deleted: false },
      ],
    });
    expect(await jsonIn(await get(`${ns}/services`))).toMatchObject({
      services: [
        { name: "api", instances: 1 },
        { name: "web", instances: 2 },
      ],
    });
    const again = await bulk(ns, { register: [{ service: "web", instance: "new", ...instance }] });
    expect(again).toMatchObject({ register: [{ status: 200, revision: 4, renewed: true }], renew: [], deregister: [] });
  });

  it("refuses what is registered elsewhere, and nothing else with it", async () => {
    const ns = freshNamespace();
    await putJson(`${ns}/services/web/i1`, instance);
    const results = await bulk(ns, {
      register: [
        { service: "api", instance: "i1", ...instance },
        { service: "api", instance: "i2", ...instance },
      ],
    });
    expect(results["register"]).toMatchObject([
      { status: 409, problem: { code: "instance-elsewhere" } },
      { status: 201 },
    ]);
    expect((await bulk(ns, { renew: [{ service: "api", instance: "i1" }] }))["renew"]).toMatchObject([
      { status: 409, problem: { code: "instance-elsewhere" } },
    ]);
  });

  it("[X1] carries a request with a key out once", async () => {
    const ns = freshNamespace();
    const key = { "idempotency-key": "k" };
    const body = {
      register: [{ service: "web", instance: "i1", ...instance, checks: [{ kind: "plain", status: "passing" }] }],
    };
    expect((await bulk(ns, body, key))["register"]).toMatchObject([{ status: 201 }]);
    await bulk(ns, { deregister: [{ service: "web", instance: "i1" }] });
    expect((await bulk(ns, body, key))["register"]).toMatchObject([{ status: 201 }]);
    expect(await jsonIn(await get(`${ns}/services`))).toMatchObject({ services: [] });
    const other = { register: [{ ...body.register[0], port: 1 }] };
    expect((await bulk(ns, other, key))["register"]).toMatchObject([{ status: 422 }]);
  });

  it("[K1] is refused without the lock it names", async () => {
    const ns = freshNamespace();
    const results = await bulk(
      ns,
      { register: [{ service: "web", instance: "i1", ...instance }] },
      { "if-lock": "l;7" },
    );
    expect(results["register"]).toMatchObject([{ status: 412, problem: { code: "lock-lost" } }]);
  });

  it.each([
    ["nothing", {}],
    ["empty lists", { register: [], renew: [], deregister: [] }],
    ["a list", []],
    ["an unknown member", { put: [] }],
    ["too many", { renew: Array.from({ length: 1001 }, (_, i) => ({ service: "web", instance: `i${i}` })) }],
    [
      "an instance twice",
      { register: [{ service: "web", instance: "a", ...instance }], renew: [{ service: "web", instance: "a" }] },
    ],
    ["a renewal that says more", { renew: [{ service: "web", instance: "a", ttl: 5 }] }],
    ["no instance", { renew: [{ service: "web" }] }],
    [
      "one bad among good ones",
      {
        register: [
          { service: "web", instance: "a", ...instance },
          { service: "web", instance: "b" },
        ],
      },
    ],
  ])("refuses %s, and changes nothing", async (_, body) => {
    const ns = freshNamespace();
    await expectProblem(await postJson(`${ns}/services`, body), 400, "invalid-body", "not-applied");
    expect(await jsonIn(await get(`${ns}/services`))).toMatchObject({ services: [], revision: 1 });
  });

  it("refuses names that are none, queries, conditions, and more than a megabyte", async () => {
    const body = { renew: [{ service: "a.b", instance: "i1" }] };
    await expectProblem(await postJson("/services", body), 400, "invalid-name", "not-applied");
    const good = { renew: [{ service: "web", instance: "i1" }] };
    await expectProblem(await postJson("/services?dry=1", good), 400, "invalid-query", "not-applied");
    await expectProblem(
      await postJson("/services", good, { "if-match": "*" }),
      400,
      "invalid-precondition",
      "not-applied",
    );
    const meta = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`k${i}`, "v".repeat(500)]));
    const register = Array.from({ length: 40 }, (_, i) => ({ service: "web", instance: `i${i}`, ...instance, meta }));
    await expectProblem(await postJson("/services", { register }), 413, "body-too-large", "not-applied");
  });

  it("takes 1,000 instances in one slot, and their renewals in one", async () => {
    const ns = freshNamespace();
    await putJson(`${ns}/services/web/first`, instance);
    const places = Array.from({ length: 1000 }, (_, i) => ({ service: `s${i % 10}`, instance: `i${i}` }));
    const registered = await slotsOf(ns, async () => {
      const { register } = await bulk(ns, { register: places.map((place) => ({ ...place, ...instance })) });
      expect(register?.every(({ status }) => status === 201)).toBe(true);
    });
    const revision = (await jsonIn(await get(`${ns}/services`)))["revision"];
    const renewed = await slotsOf(ns, async () => {
      const { renew } = await bulk(ns, { renew: places });
      expect(renew?.every(({ status }) => status === 200)).toBe(true);
    });
    expect([registered, renewed]).toEqual([1, 1]);
    expect(await jsonIn(await get(`${ns}/services?limit=1`))).toMatchObject({
      revision,
      services: [{ instances: 100 }],
    });
  }, 30_000);
});
