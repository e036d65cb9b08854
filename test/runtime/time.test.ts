/** Time, status and the front page. */
import { describe, expect, it } from "vitest";
import { expectProblem, freshNamespace, get, jsonIn, put, send, statusOf } from "./api.ts";

const regions = ["wnam", "enam", "weur"];

describe("GET /time", () => {
  it("answers with this gateway's stamps and their error", async () => {
    const before = Date.now();
    const response = await get("/time?t1=1800000000000.25");
    expect(response.headers.get("cache-control")).toBe("no-store");
    const answer = await jsonIn(response);
    expect(answer).toMatchObject({
      t1: "1800000000000.25",
      tick_ms: 1,
      precision: -9,
      leap: 0,
      stratum: 3,
      root_delay_ms: 0,
      assumed_error_ms: 25,
      dataCentre: "local",
    });
    expect(answer["t2"]).toBeGreaterThanOrEqual(before);
    expect(answer["t3"]).toBeGreaterThanOrEqual(Number(answer["t2"]));
    expect(Number(answer["t3"])).toBeLessThanOrEqual(Date.now());
    expect(answer["radius_ms"]).toBe(Number(answer["root_dispersion_ms"]) + 1);
    expect(await jsonIn(await get("/time"))).not.toHaveProperty("t1");
  });

  it("asks a region's clock, and shows the hop to it", async () => {
    const answer = await jsonIn(await get("/time?region=weur&t1=x"));
    const { t1, t4 } = answer["hop"] as { readonly t1: number; readonly t4: number };
    expect(answer).toMatchObject({ t1: "x", region: "weur", dataCentre: "local" });
    const stamps = [t1, answer["t2"], answer["t3"], t4].map(Number);
    expect(stamps).toEqual(stamps.toSorted((a, b) => a - b));
  });

  it.each([
    ["/time?region=mars", "unknown-region"],
    ["/time?region=oc", "unknown-region"],
    [`/time?t1=${"1".repeat(65)}`, "invalid-query"],
    ["/time?t1=%ff", "invalid-query"],
    ["/time?t2=1", "invalid-query"],
    ["/time?nonce=", "invalid-query"],
    ["/time?nonce=a%20b", "invalid-query"],
    [`/time?nonce=${"n".repeat(129)}`, "invalid-query"],
    ["/time?nonce=a&previous=1", "invalid-query"],
    [`/time?previous=${"0".repeat(64)}`, "invalid-query"],
    ["/time/keys?kid=1", "invalid-query"],
    ["/time/regions?region=weur", "invalid-query"],
  ])("refuses %s", async (path, code) => {
    await expectProblem(await get(path), 400, code);
  });

  it("is for reading", async () => {
    await expectProblem(await put("/time", ""), 405, "method-not-allowed", "not-applied");
  });
});

describe("GET /time/regions", () => {
  it("shows all clocks side by side", async () => {
    const answer = await jsonIn(await get("/time/regions"));
    const clocks = answer["regions"] as readonly Readonly<Record<string, unknown>>[];
    expect(clocks.map(({ region }) => region)).toEqual(regions);
    for (const { reachable, t1, t2, t3, t4, offset_ms, delay_ms, error_bound_ms } of clocks) {
      expect(reachable).toBe(true);
      expect(offset_ms).toBe((Number(t2) - Number(t1) + Number(t3) - Number(t4)) / 2);
      expect(delay_ms).toBeGreaterThanOrEqual(0);
      // One machine, one clock: the truth is 0.
      expect(Math.abs(Number(offset_ms))).toBeLessThanOrEqual(Number(error_bound_ms));
    }
  });
});

describe("GET /status", () => {
  it("founds nothing", async () => {
    const ns = freshNamespace();
    for (let i = 0; i < 2; i += 1) {
      const status = await statusOf(ns);
      expect(status).toMatchObject({ leader: null, warnings: [], namespace: ns.slice("/ns/".length) });
      expect(status.acceptors).toMatchObject(regions.map((region) => ({ region, identity: "empty", counter: 0 })));
    }
  });

  it("shows who leads, how far everybody is, and equal digests", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/a`, "x");
    await expect
      .poll(async () => (await statusOf(ns)).replicas.map(({ lag }) => lag), { timeout: 5_000 })
      .toEqual([0, 0, 0]);
    const status = await statusOf(ns, "?digest=true");
    expect(status.leader).toMatch(/^(wnam|enam|weur)$/);
    expect(status.warnings).toEqual([]);
    expect(status.acceptors).toMatchObject(
      regions.map((region) => ({
        region,
        reachable: true,
        dataCentre: "local",
        identity: "enrolled",
        floor: 0,
        promised: { proposer: status.leader },
      })),
    );
    expect(status.replicas).toMatchObject(
      regions.map((region) => ({
        region,
        reachable: true,
        dataCentre: "local",
        revision: 2,
        leading: region === status.leader,
      })),
    );
    expect(new Set(status.replicas.map(({ digest }) => digest)).size).toBe(1);
    expect(status.replicas[0]?.digest).toMatch(/^\w+$/);
    expect(status.clocks).toMatchObject(regions.map((region) => ({ region, reachable: true })));
    expect((await statusOf(ns)).replicas[0]).not.toHaveProperty("digest");
  });

  it.each(["?digest=1", "?digest=", "?digest=true&digest=true", "?verbose=true"])("refuses %s", async (query) => {
    await expectProblem(await get(`/status${query}`), 400, "invalid-query");
  });
});

describe("GET /", () => {
  it("lists the doors", async () => {
    const index = await get("/");
    expect(await jsonIn(index)).toMatchObject({
      name: "synod",
      doors: { "/time/regions": expect.any(String) as unknown },
    });
    expect((await get("/ns/team-1")).status).toBe(200);
    expect((await send("HEAD", "/")).status).toBe(200);
  });
});
