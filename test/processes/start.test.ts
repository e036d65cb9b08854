/** `npm start`: what it prints, what it refuses, and that it leaves nothing behind. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { endLaunched, launch, processesNaming, type Launched } from "./launched.ts";

let directory: string;
let data: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "synod-start-"));
  data = join(directory, "data");
});

afterEach(async () => {
  endLaunched();
  await expect.poll(() => processesNaming(directory), { timeout: 10_000 }).toEqual([]);
  rmSync(directory, { recursive: true, force: true });
});

async function up(...flags: string[]): Promise<Launched & { readonly url: string }> {
  const synod = launch("start", "--port", "0", "--data", data, ...flags);
  await expect.poll(() => synod.stdout() + synod.stderr(), { timeout: 20_000 }).toContain("Ctrl-C ends it.");
  return { ...synod, url: /http:\S+/.exec(synod.stdout())?.[0] ?? "" };
}

function hashes(path: string): Readonly<Record<string, string>> {
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map((entry) => {
      const file = join(entry.parentPath, entry.name);
      return [file, createHash("sha256").update(readFileSync(file)).digest("hex")];
    }),
  );
}

describe("npm start", () => {
  it("answers, remembers over a restart, and ends on Ctrl-C leaving no process", async () => {
    const first = await up();
    expect(first.stdout()).toContain("wnam, enam, weur");
    expect(first.stdout().match(/^ {2}curl /gm)).toHaveLength(4);
    const written = await fetch(`${first.url}/kv/greeting`, { method: "PUT", body: "hello" });
    expect(written.ok).toBe(true);
    first.process.kill("SIGINT");
    expect(await first.exit).toBe(0);
    expect(processesNaming(directory)).toEqual([]);

    const second = await up();
    expect(await (await fetch(`${second.url}/kv/greeting`)).text()).toBe("hello");
    second.process.kill("SIGTERM");
    expect(await second.exit).toBe(0);
    expect(second.stderr()).toBe("");
  });

  it("takes its runtime with it when it is killed", async () => {
    const synod = await up();
    expect(processesNaming(directory).length).toBeGreaterThan(1);
    synod.process.kill("SIGKILL");
    await expect.poll(() => processesNaming(directory), { timeout: 5_000 }).toEqual([]);
  });

  it("says so when the runtime ends by itself", async () => {
    const synod = await up();
    const runtime = processesNaming(directory).find(({ command }) => command.includes("workerd serve"));
    process.kill(runtime?.pid ?? 0, "SIGKILL");
    expect(await synod.exit).toBe(1);
    expect(synod.stderr()).toContain("ended by SIGKILL unexpectedly");
  });

  it("does not go on without the lock on its data", async () => {
    const synod = await up();
    const keeper = processesNaming(directory).find(({ command }) => command.includes("keeper.ts"));
    process.kill(keeper?.pid ?? 0, "SIGKILL");
    expect(await synod.exit).toBe(1);
    expect(processesNaming(directory)).toEqual([]);
  });

  it("refuses a second Synod on the same data", async () => {
    await up();
    const second = launch("start", "--port", "0", "--data", data);
    expect(await second.exit).toBe(1);
    expect(second.stderr()).toBe(`synod: another Synod is running on ${data}\n`);
  });

  it("refuses existing data with other regions, and leaves the data untouched", async () => {
    const first = await up();
    await fetch(`${first.url}/kv/greeting`, { method: "PUT", body: "hello" });
    first.process.kill("SIGINT");
    await first.exit;
    const before = hashes(data);
    const other = launch("start", "--port", "0", "--data", data, "--regions", "wnam,enam,apac");
    expect(await other.exit).toBe(1);
    expect(other.stderr()).toBe(
      `synod: ${data} holds a cluster of the regions wnam,enam,weur; it cannot be started with wnam,enam,apac\n`,
    );
    expect(hashes(data)).toEqual(before);
  });

  it.each([
    ["another layout", { format: 2 }, "has format 2"],
    ["a damaged description", { format: 1 }, "is damaged"],
  ])("refuses %s", async (_, description, complaint) => {
    mkdirSync(data);
    writeFileSync(join(data, "synod.json"), JSON.stringify(description));
    const synod = launch("start", "--port", "0", "--data", data);
    expect(await synod.exit).toBe(1);
    expect(synod.stderr()).toContain(complaint);
  });

  it("refuses a directory that holds something else", async () => {
    writeFileSync(join(directory, "letter.txt"), "dear");
    const synod = launch("start", "--port", "0", "--data", directory);
    expect(await synod.exit).toBe(1);
    expect(synod.stderr()).toContain("holds no Synod data");
    expect(readdirSync(directory)).toEqual(["letter.txt"]);
  });

  it("refuses a port that is taken", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const synod = launch("start", "--port", String(port), "--data", data);
    expect(await synod.exit).toBe(1);
    expect(synod.stderr()).toBe(`synod: 127.0.0.1:${port} is already in use; choose another --port\n`);
    server.close();
  });

  it.each([
    [["--port", "x"], '--port must be a port from 0 to 65535, not "x"'],
    [["--port", "65536"], "--port must be a port"],
    [["--regions", "wnam,enam,mars"], 'unknown region "mars"'],
    [["--regions", "wnam,enam"], "3 or 5 regions, not 2"],
    [["--regions", "wnam,enam,wnam"], 'region "wnam" is named twice'],
    [["--host", "example"], "--host must be an IP address"],
    [["--data", ""], "--data must not be empty"],
    [["--data"], "--data"],
    [["--colour", "red"], "Unknown option '--colour'"],
    [["stray"], "Unexpected argument 'stray'"],
  ])("refuses %j before anything is made", async (flags, complaint) => {
    const synod = launch("start", "--data", data, ...flags);
    expect(await synod.exit).toBe(2);
    expect(synod.stderr()).toContain(complaint);
    expect(synod.stderr().trimEnd().split("\n")).toHaveLength(1);
    expect(readdirSync(directory)).toEqual([]);
  });

  it("explains itself", async () => {
    const synod = launch("start", "--help");
    expect(await synod.exit).toBe(0);
    expect(synod.stdout()).toContain("--regions");
  });
});
