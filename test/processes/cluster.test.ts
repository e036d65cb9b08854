/** `npm run cluster`: one process for each region, links that obey, and that it leaves nothing behind. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startCluster, type Cluster } from "../../scripts/runtime/cluster.ts";
import { endLaunched, launch, processesNaming, type Launched } from "./launched.ts";

const directory = mkdtempSync(join(tmpdir(), "synod-cluster-test-"));

afterEach(endLaunched);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Something answered, whatever it said. */
async function answers(url: string): Promise<boolean> {
  try {
    await fetch(url, { signal: AbortSignal.timeout(2_000) });
    return true;
  } catch {
    return false;
  }
}

async function up(...flags: string[]): Promise<Launched & { readonly lines: readonly unknown[] }> {
  const cluster = launch("cluster", "--base-port", "0", ...flags);
  await expect.poll(() => cluster.stdout(), { timeout: 20_000 }).toContain('{"ready":true}');
  const lines = cluster.stdout().trimEnd().split("\n");
  return { ...cluster, lines: lines.map((line) => JSON.parse(line) as unknown) };
}

describe("a cluster", () => {
  const data = join(directory, "regions");
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await startCluster({ dataDir: data, controlPort: 0 });
  });
  afterAll(async () => {
    await cluster.stop();
    expect(processesNaming(directory)).toEqual([]);
  });

  const url = (region: string): string => cluster.regions.find((other) => other.region === region)?.url ?? "";
  const control = async (method: string, path: string, body?: string): Promise<Response> =>
    fetch(`${cluster.controlUrl}${path}`, { method, ...(body === undefined ? {} : { body }) });

  it("has one process and one gateway for each region", async () => {
    expect(cluster.regions.map(({ region }) => region)).toEqual(["wnam", "enam", "weur"]);
    expect(new Set(cluster.regions.map(({ pid }) => pid)).size).toBe(3);
    for (const { url: gateway } of cluster.regions) expect(await answers(gateway)).toBe(true);
  });

  it("opens a door only to those who know the secret", async () => {
    for (const { doorUrl } of cluster.regions) {
      const response = await fetch(doorUrl, { method: "POST" });
      await response.body?.cancel();
      expect(response.ok).toBe(false);
    }
  });

  it("keeps a region's data over a kill and a restart on the same port", async () => {
    const written = await fetch(`${url("enam")}/kv/kept`, { method: "PUT", body: "still here" });
    expect(written.ok).toBe(true);
    const before = cluster.regions[1];
    await cluster.kill("enam");
    expect(await answers(url("enam"))).toBe(false);
    expect(await answers(url("wnam"))).toBe(true);
    const after = await cluster.restart("enam");
    expect(after).toMatchObject({ url: before?.url, doorUrl: before?.doorUrl });
    expect(after.pid).not.toBe(before?.pid);
    expect(await (await fetch(`${url("enam")}/kv/kept`)).text()).toBe("still here");
  });

  it("survives a region killed from outside", async () => {
    process.kill(cluster.regions[2]?.pid ?? 0, "SIGKILL");
    await expect.poll(async () => answers(url("weur"))).toBe(false);
    const response = await control("POST", "/regions/weur/restart");
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      region: "weur",
      url: url("weur"),
      pid: cluster.regions[2]?.pid,
    });
    expect(await answers(url("weur"))).toBe(true);
  });

  it("kills over the control port", async () => {
    expect((await control("POST", "/regions/weur/kill")).status).toBe(200);
    expect(await answers(url("weur"))).toBe(false);
    await cluster.restart("weur");
  });

  it("changes one direction at a time, and heals all", async () => {
    const put = await control("PUT", "/links/wnam/enam", '{"cut":true,"delayMs":40}');
    expect(await put.json()).toEqual({ from: "wnam", to: "enam", cut: true, delayMs: 40 });
    const shown = (await (await control("GET", "/links")).json()) as { readonly links: readonly unknown[] };
    expect(shown.links).toHaveLength(6);
    expect(shown.links).toContainEqual({ from: "wnam", to: "enam", cut: true, delayMs: 40 });
    expect(shown.links).toContainEqual({ from: "enam", to: "wnam", cut: false, delayMs: 0 });
    await control("DELETE", "/links");
    const healed = (await (await control("GET", "/links")).json()) as { readonly links: readonly unknown[] };
    expect(healed.links).toContainEqual({ from: "wnam", to: "enam", cut: false, delayMs: 0 });
  });

  it.each([
    ["PUT", "/links/wnam/mars", '{"cut":true}', 404],
    ["PUT", "/links/wnam/wnam", '{"cut":true}', 404],
    ["PUT", "/links/wnam/enam", "{", 400],
    ["PUT", "/links/wnam/enam", "[]", 400],
    ["PUT", "/links/wnam/enam", "{}", 400],
    ["PUT", "/links/wnam/enam", '{"cut":1}', 400],
    ["PUT", "/links/wnam/enam", '{"delayMs":-1}', 400],
    ["PUT", "/links/wnam/enam", '{"cut":true,"colour":"red"}', 400],
    ["PUT", "/links/wnam/enam", " ".repeat(5_000), 413],
    ["POST", "/regions/mars/kill", undefined, 404],
    ["GET", "/nowhere", undefined, 404],
  ])("answers %s %s %s with a problem", async (method, path, body, status) => {
    const response = await control(method, path, body);
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(await response.json()).toMatchObject({ status });
  });

  it("names the methods of a path", async () => {
    const response = await control("POST", "/links");
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("GET, DELETE");
  });
});

describe("the links of a cluster", () => {
  const rttMs = 150;
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await startCluster({
      dataDir: join(directory, "links"),
      rtt: { "wnam-enam": rttMs, "wnam-weur": rttMs },
    });
    // The first write founds the namespace, which takes more round trips than later ones.
    expect(await write("enam", "founded")).toBe(true);
  });
  afterAll(async () => cluster.stop());

  async function write(region: string, key: string): Promise<boolean> {
    const url = cluster.regions.find((other) => other.region === region)?.url ?? "";
    const response = await fetch(`${url}/kv/${key}`, { method: "PUT", body: "value" });
    await response.body?.cancel();
    return response.ok;
  }

  it("are the only way between regions: a write from afar pays the round trip, one from nearby does not", async () => {
    const start = performance.now();
    expect(await write("wnam", "far")).toBe(true);
    expect(performance.now() - start).toBeGreaterThanOrEqual(rttMs - 2);
    // Whoever leads now, enam and weur are a majority with nothing between them.
    const times = [];
    for (const key of ["near-1", "near-2", "near-3", "near-4", "near-5"]) {
      const begin = performance.now();
      expect(await write("enam", key)).toBe(true);
      times.push(performance.now() - begin);
    }
    expect(Math.min(...times)).toBeLessThan(rttMs);
  });

  it("cut a region off: it refuses to write, the others go on, and healing brings it back", async () => {
    for (const other of ["enam", "weur"]) {
      cluster.link("wnam", other, { cut: true });
      cluster.link(other, "wnam", { cut: true });
    }
    expect(await write("wnam", "alone")).toBe(false);
    await expect.poll(async () => write("weur", "together"), { timeout: 20_000 }).toBe(true);
    cluster.heal();
    await expect.poll(async () => write("wnam", "back"), { timeout: 20_000 }).toBe(true);
  });
});

describe("npm run cluster", () => {
  it("prints a line for each region, then that it is ready, and ends on Ctrl-C leaving nothing", async () => {
    const cluster = await up();
    expect(cluster.lines).toEqual([
      { region: "wnam", url: expect.any(String) as unknown, pid: expect.any(Number) as unknown },
      { region: "enam", url: expect.any(String) as unknown, pid: expect.any(Number) as unknown },
      { region: "weur", url: expect.any(String) as unknown, pid: expect.any(Number) as unknown },
      { ready: true },
    ]);
    const [first] = cluster.lines as readonly { readonly pid: number }[];
    const storage = temporaryDirectoryOf(first?.pid ?? -1);
    expect(storage).toContain("synod-cluster-");
    expect(existsSync(storage)).toBe(true);
    cluster.process.kill("SIGINT");
    expect(await cluster.exit).toBe(0);
    expect(processesNaming(storage)).toEqual([]);
    expect(existsSync(storage)).toBe(false);
  });

  it("takes its regions with it when it is killed", async () => {
    const data = join(directory, "killed");
    const cluster = await up("--data", data);
    expect(processesNaming(data).length).toBeGreaterThan(3);
    cluster.process.kill("SIGKILL");
    await expect.poll(() => processesNaming(data), { timeout: 5_000 }).toEqual([]);
  });

  it("refuses data made by npm start, and the other way round", async () => {
    const data = join(directory, "killed");
    const single = launch("start", "--port", "0", "--data", data);
    expect(await single.exit).toBe(1);
    expect(single.stderr()).toContain("was made by `npm run cluster`");
  });

  it("refuses other regions than the data has", async () => {
    const other = launch("cluster", "--data", join(directory, "killed"), "--regions", "oc,me,afr");
    expect(await other.exit).toBe(1);
    expect(other.stderr()).toContain("the regions wnam,enam,weur; it cannot be started with oc,me,afr");
  });

  it.each([
    ['{"wnam-mars":1}', '"wnam-mars" is no pair'],
    ['{"wnam-enam":-1}', '"wnam-enam" must be a number'],
    ['{"wnam-enam":"60"}', '"wnam-enam" must be a number'],
    ["[60]", "must hold an object"],
    ["wnam", "is not JSON"],
  ])("refuses the round trips %s", async (text, complaint) => {
    const file = join(directory, "rtt.json");
    writeFileSync(file, text);
    const cluster = launch("cluster", "--rtt", file);
    expect(await cluster.exit).toBe(2);
    expect(cluster.stderr()).toContain(complaint);
    expect(cluster.stdout()).toBe("");
  });

  it.each([
    [["--base-port", "65535"], "base port 65535 leaves no room"],
    [["--control-port", "x"], "--control-port must be a port"],
    [["--rtt", "nowhere.json"], "--rtt cannot be read"],
    [["--regions", "wnam"], "3 or 5 regions, not 1"],
  ])("refuses %j", async (flags, complaint) => {
    const cluster = launch("cluster", ...flags);
    expect(await cluster.exit).toBe(2);
    expect(cluster.stderr()).toContain(complaint);
  });
});

/** The directory the launcher made, as the runtime's command line names it. */
function temporaryDirectoryOf(pid: number): string {
  const runtime = processesNaming("workerd serve").find((process) => process.pid === pid);
  return /--directory-path=objects=(.*)\/wnam\/objects/.exec(runtime?.command ?? "")?.[1] ?? "";
}
