/**
 * The gateway over real sockets: paths as they are sent, before any client's library has tidied them, and bodies that
 * are refused while they come. Then one process for each region, some of them killed, stopped or cut off.
 */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startCluster, type Cluster } from "../../scripts/runtime/cluster.ts";
import { startSingle, type Single } from "../../scripts/runtime/single.ts";

const directory = mkdtempSync(join(tmpdir(), "synod-api-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** One request, byte for byte. */
async function raw(url: string, request: string): Promise<Answer> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("data", (bytes: Buffer) => chunks.push(bytes));
  socket.write(Buffer.from(request, "latin1"));
  await once(socket, "close");
  const text = Buffer.concat(chunks).toString("latin1");
  return { status: Number(text.slice(9, 12)), text: text.slice(text.indexOf("\r\n\r\n") + 4) };
}

describe("over a raw socket", () => {
  let synod: Single;
  beforeAll(async () => {
    synod = await startSingle({ dataDir: join(directory, "single"), port: 0 });
  });
  afterAll(async () => synod.stop());

  const send = async (method: string, target: string, body = ""): Promise<Answer> =>
    raw(
      synod.url,
      `${method} ${target} HTTP/1.1\r\nHost: synod\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );

  it.each(["/kv/a/../b", "/kv/..", "/kv/.", "/kv/%2e%2e/x", "/kv/a/.%2E", "/decisions/..", "/kv/\xc3\xa9"])(
    "%j is refused, not turned into another key",
    async (path) => {
      const { status, text } = await send("PUT", path, "x");
      expect([status, JSON.parse(text)]).toMatchObject([400, { code: "invalid-path", outcome: "not-applied" }]);
    },
  );

  it.each(["/kv/a\\b", "/kv/a//b", "/kv/%00%ff", "/kv/a%2F..%2Fb", "/kv/a/b/"])(
    "%j is a key of its own",
    async (path) => {
      expect((await send("PUT", path, path)).status).toBe(201);
      expect(await send("GET", path)).toEqual({ status: 200, text: path });
    },
  );

  it.each(["/kv/a b", "/kv/\xff"])("%j is no request at all", async (path) => {
    expect((await send("GET", path)).status).toBe(400);
  });

  it.each([
    ["announced", "Content-Length: 999999999\r\n\r\nabc"],
    ["as it comes", `Transfer-Encoding: chunked\r\n\r\n${`10000\r\n${"x".repeat(65_536)}\r\n`.repeat(9)}0\r\n\r\n`],
  ])("refuses too large a body, %s", async (_, rest) => {
    const { status } = await raw(synod.url, `PUT /kv/large HTTP/1.1\r\nHost: synod\r\nConnection: close\r\n${rest}`);
    expect(status).toBe(413);
    expect((await send("GET", "/kv/large")).status).toBe(404);
  });

  it("goes on after all of that", async () => {
    expect((await fetch(`${synod.url}/status`)).status).toBe(200);
    expect(synod.lastWords()).not.toContain("unexpected error");
  });
});

describe("a cluster of processes", () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({ dataDir: join(directory, "cluster") });
    await put("wnam", "/kv/founded", "yes");
    await put("wnam", "/decisions/founded", "yes");
  });
  afterAll(async () => cluster.stop());
  afterEach(async () => {
    cluster.heal();
    for (const { region } of cluster.regions) await cluster.kill(region, "SIGCONT");
  });

  const url = (region: string, path: string): string =>
    `${cluster.regions.find((one) => one.region === region)?.url ?? ""}${path}`;
  const put = async (region: string, path: string, body: string, headers: Readonly<Record<string, string>> = {}) =>
    fetch(url(region, path), { method: "PUT", body, headers });
  /** @returns what came of it and whether within the promised time. */
  async function timed(run: Promise<Response>): Promise<{ readonly response: Response; readonly inTime: boolean }> {
    const start = performance.now();
    const response = await run;
    return { response, inTime: performance.now() - start < 5_500 };
  }
  function cut(from: string, to: string): void {
    cluster.link(from, to, { cut: true });
    cluster.link(to, from, { cut: true });
  }

  it("writes in one region and reads in another", async () => {
    expect((await put("wnam", "/kv/a", "1")).status).toBe(201);
    const read = await fetch(url("weur", "/kv/a"));
    expect([await read.text(), read.headers.get("synod-region")]).toEqual(["1", "weur"]);
    expect((await put("enam", "/decisions/a", "x")).status).toBe(201);
    expect(await (await fetch(url("weur", "/decisions/a"))).json()).toMatchObject({ value: "x" });
  });

  it("goes on without a killed region, and says so", async () => {
    await cluster.kill("wnam");
    const written = await timed(put("enam", "/kv/b", "1"));
    expect([written.response.status, written.inTime]).toEqual([201, true]);
    expect((await put("weur", "/decisions/b", "x")).status).toBe(201);
    const founding = await put("enam", "/ns/other/kv/a", "1");
    expect([founding.status, await founding.json()]).toMatchObject([
      503,
      { code: "founding-incomplete", outcome: "not-applied", retryable: true },
    ]);
    const status = await (await fetch(url("enam", "/status"))).json();
    expect(status).toMatchObject({
      acceptors: [{ region: "wnam", reachable: false }, { reachable: true }, { reachable: true }],
      warnings: [expect.stringContaining("acceptor in wnam"), expect.stringContaining("replica in wnam")] as unknown,
    });
    expect((await fetch(url("enam", "/time?region=wnam"))).status).toBe(503);
    const regions = await (await fetch(url("enam", "/time/regions"))).json();
    expect(regions).toMatchObject({ regions: [{ region: "wnam", reachable: false }, { reachable: true }, {}] });
    await cluster.restart("wnam");
    await expect.poll(async () => (await fetch(url("wnam", "/kv/b"))).status, { timeout: 10_000 }).toBe(200);
  });

  it("goes on while a region hangs", async () => {
    await cluster.kill("wnam", "SIGSTOP");
    const written = await timed(put("enam", "/kv/c", "1", { "idempotency-key": "c" }));
    expect([written.response.status, written.inTime]).toEqual([201, true]);
    const decided = await timed(put("weur", "/decisions/c", "x"));
    expect([decided.response.status, decided.inTime]).toEqual([201, true]);
    const status = await timed(fetch(url("weur", "/status")));
    expect([status.response.status, status.inTime]).toEqual([200, true]);
  });

  it("[U1] without a majority ends in time and claims nothing", async () => {
    expect((await fetch(url("wnam", "/decisions/founded"))).status).toBe(200);
    cut("wnam", "enam");
    cut("wnam", "weur");
    const [write, decision, read] = await Promise.all([
      timed(put("wnam", "/kv/d", "1")),
      timed(put("wnam", "/decisions/d", "x")),
      timed(fetch(url("wnam", "/kv/a"))),
      expectTooStale(),
    ]);
    expect([write.response.status, write.inTime]).toEqual([503, true]);
    expect(await write.response.json()).toMatchObject({
      outcome: expect.stringMatching(/unknown|not-applied/) as unknown,
    });
    expect([decision.response.status, decision.inTime]).toEqual([503, true]);
    expect(await decision.response.json()).toMatchObject({ code: "no-quorum", outcome: "not-applied" });
    expect([read.response.status, read.inTime]).toEqual([503, true]);
    // Who asks for less is served: marked with its age.
    const local = await fetch(url("wnam", "/kv/a?consistency=local"));
    expect([local.status, local.headers.get("synod-consistency")]).toEqual([200, "local"]);
    const known = await fetch(url("wnam", "/decisions/founded"));
    expect([known.status, known.headers.get("synod-cache")]).toEqual([200, "hit"]);
    const status = await fetch(url("wnam", "/status"));
    expect(await status.json()).toMatchObject({
      acceptors: [{ reachable: true }, { reachable: false }, { reachable: false }],
    });
  }, 60_000);

  it("looks services up in a minority, marked as stale where their age is not known", async () => {
    const local = "/services/web?consistency=local";
    const where = { address: "192.0.2.1", port: 8080, ttl: 600 };
    const registered = await fetch(url("enam", "/services/web/web-1"), {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(where),
    });
    expect(registered.status).toBe(201);
    await expect.poll(async () => (await fetch(url("wnam", local))).text(), { timeout: 10_000 }).toContain("web-1");
    cut("wnam", "enam");
    cut("wnam", "weur");
    const known = await timed(fetch(url("wnam", local)));
    expect([known.response.status, known.inTime]).toEqual([200, true]);
    // Its age is not half a minute yet.
    expect(known.response.headers.get("synod-stale")).toBe(null);
    // A replica that begins in the partition has asked nobody how old its state is.
    await cluster.kill("wnam");
    await cluster.restart("wnam");
    const stale = await timed(fetch(url("wnam", local)));
    expect([stale.response.status, stale.response.headers.get("synod-stale"), stale.inTime]).toEqual([
      200,
      "true",
      true,
    ]);
    expect(await stale.response.json()).toMatchObject({ stale: true, instances: [{ instance: "web-1" }] });
    const byConsul = await fetch(url("wnam", "/v1/health/service/web?stale"));
    expect([byConsul.status, await byConsul.json()]).toMatchObject([200, [{ Service: { ID: "web-1" } }]]);
    expect((await fetch(url("wnam", "/dns-query?name=web.service.synod&type=A"))).status).toBe(200);
    expect((await timed(fetch(url("wnam", "/services/web?consistency=linearizable")))).response.status).toBe(503);
  }, 60_000);

  async function expectTooStale(): Promise<void> {
    const { response, inTime } = await timed(fetch(url("wnam", "/kv/a?consistency=local&max-age=1")));
    expect([response.status, inTime]).toEqual([503, true]);
    expect(await response.json()).toMatchObject({ code: "too-stale", retryable: true });
  }
});
