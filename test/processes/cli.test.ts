/** `synod`, the command line: run from source and as it is built, against a real Synod. */
import { spawn, spawnSync } from "node:child_process";
import { generateKeyPairSync, sign } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startSingle, type Single } from "../../scripts/runtime/single.ts";
import { receiptHash } from "../../src/client/receipts.ts";
import { decodeReceipt, receiptJson, statementBytes } from "../../src/time/receipt.ts";
import { freeUdpPort } from "../interop/ntp/tools.ts";
import { served } from "../support/served.ts";

const root = resolve(import.meta.dirname, "../..");
let directory: string;
let synod: Single;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "synod-cli-"));
  synod = await startSingle({ dataDir: join(directory, "data"), port: 0 });
});

afterAll(async () => {
  await synod.stop();
  rmSync(directory, { recursive: true, force: true });
});

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(args: readonly string[], environment: NodeJS.ProcessEnv = {}, input = ""): Promise<Ran> {
  const child = spawn(process.execPath, [join(root, "src/cli/main.ts"), ...args], {
    env: { ...process.env, ...environment },
  });
  const printed = { stdout: "", stderr: "" };
  child.stdout.on("data", (bytes: Buffer) => (printed.stdout += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (printed.stderr += bytes.toString()));
  child.stdin.end(input);
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...printed };
}

interface Chain {
  readonly keys: readonly { readonly x: string }[];
  readonly receipts: readonly unknown[];
}

describe("synod", () => {
  it.each([
    [[], 2, "stdout", "synod ntp --listen"],
    [["--help"], 0, "stdout", "synod ntp --listen"],
    [["ntp", "--help"], 0, "stdout", "--listen ADDRESS:PORT"],
    [["receipts", "--help"], 0, "stdout", "synod receipts collect"],
    [["nonsense"], 2, "stderr", 'synod: "nonsense" is no command'],
    [["__proto__"], 2, "stderr", "is no command"],
    [["ntp"], 2, "stderr", "--from is needed"],
    [["ntp", "--from", "http://127.0.0.1:1", "--listen", "x"], 2, "stderr", "--listen must be"],
    [["ntp", "--from", "http://127.0.0.1:1", "--regions", "a,,b"], 2, "stderr", "--regions must be names"],
    [["receipts"], 2, "stderr", "(see --help)"],
    [["receipts", "collect", "--from", "http://127.0.0.1:1", "--rounds", "0"], 2, "stderr", "--rounds must be"],
    [["receipts", "collect", "--from", "http://127.0.0.1:1"], 1, "stderr", "cannot be reached"],
    [["receipts", "verify", "/nowhere"], 1, "stderr", "cannot be read"],
  ] as const)("%j ends with %i", async (args, code, where, text) => {
    const ran = await run(args);
    expect(ran.code).toBe(code);
    expect(ran[where]).toContain(text);
    if (where === "stderr") expect(ran.stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  it("is built into one file that needs nothing else", () => {
    const built = spawnSync(process.execPath, [join(root, "scripts/build.ts"), join(directory, "synod.mjs")]);
    expect(built.stderr.toString()).toBe("");
    const ran = spawnSync(join(directory, "synod.mjs"), ["--help"], { encoding: "utf8", cwd: directory });
    expect([ran.status, ran.stdout.split("\n")[0]]).toEqual([0, "synod: coordination and time from Durable Objects."]);
  });
});

describe("synod ntp", () => {
  it("refuses a port that is taken, and ends cleanly when asked", async () => {
    const listen = `127.0.0.1:${await freeUdpPort()}`;
    const args = [join(root, "src/cli/main.ts"), "ntp", "--from", synod.url, "--listen", listen];
    const first = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    first.stderr.on("data", (bytes: Buffer) => (said += bytes.toString()));
    await expect.poll(() => said, { timeout: 10_000 }).toContain("wnam, enam, weur");
    const second = await run(["ntp", "--from", synod.url, "--listen", listen]);
    expect([second.code, second.stderr]).toEqual([
      1,
      `synod: cannot listen on ${listen}: something else listens there\n`,
    ]);
    const closed = once(first, "close");
    first.kill("SIGINT");
    expect((await closed)[0]).toBe(0);
  });

  it("ends cleanly while it waits for its deployment", async () => {
    const listen = `127.0.0.1:${await freeUdpPort()}`;
    const args = [join(root, "src/cli/main.ts"), "ntp", "--from", "http://127.0.0.1:1", "--listen", listen];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
    await once(child.stderr, "data");
    const closed = once(child, "close");
    child.kill("SIGTERM");
    expect((await closed)[0]).toBe(0);
  });
});

describe("synod receipts", () => {
  it("collects a chain that is sound", async () => {
    const collected = await run(["receipts", "collect", "--from", synod.url]);
    expect([collected.code, collected.stderr]).toEqual([0, ""]);
    const chain = JSON.parse(collected.stdout) as Chain;
    expect(chain).toMatchObject({ ephemeral: true });
    expect(chain.receipts).toHaveLength(6);
    const file = join(directory, "chain.json");
    writeFileSync(file, collected.stdout);
    const x = chain.keys[0]?.x ?? "";
    for (const trust of [[], ["--key", x], ["--from", synod.url]]) {
      const verdict = await run(["receipts", "verify", file, ...trust]);
      expect(verdict.stderr).toBe("");
      expect([verdict.code, verdict.stdout]).toEqual([0, expect.stringContaining("sound: 6 receipts")]);
    }
    const other = await run(["receipts", "verify", file, "--key", `${"A".repeat(42)}E`]);
    expect([other.code, other.stdout]).toEqual([1, expect.stringContaining("broken: receipt 1: no key is known")]);
    const gap = { ...chain, receipts: chain.receipts.toSpliced(2, 1) };
    const torn = await run(["receipts", "verify", "-"], {}, JSON.stringify(gap));
    expect([torn.code, torn.stdout]).toEqual([1, expect.stringContaining("broken: receipt 3: it does not sign")]);
  });

  it("proves that a clock broke its word", async () => {
    const liar = await deploymentOf({ wnam: 0, weur: -500 });
    const collected = await run(["receipts", "collect", "--from", liar.url, "--rounds", "1"]);
    await liar.stop();
    expect(collected.code).toBe(0);
    const verdict = await run(["receipts", "verify", "-"], {}, collected.stdout);
    expect(verdict.code).toBe(3);
    expect(verdict.stdout).toMatch(
      /^contradiction: receipt 1 \(wnam\) and receipt 2 \(weur\) exclude each other by 4\d\d ms/,
    );
  });

  it("shows a deployment's problem, and sends the token", async () => {
    const refused = await run(["receipts", "collect", "--from", synod.url, "--regions", "mars"]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("answered 400 unknown-region");
    const guarded = await deploymentOf({ wnam: 0 }, "secret");
    const without = await run(["receipts", "collect", "--from", guarded.url]);
    expect([without.code, without.stderr]).toEqual([1, expect.stringContaining("answered 401 unauthorized")]);
    const withToken = await run(["receipts", "collect", "--from", guarded.url], { SYNOD_TOKEN: "secret" });
    await guarded.stop();
    expect(withToken.code).toBe(0);
  });
});

/** Signs whatever clocks it is given: these are ahead of this machine's by so many ms. */
async function deploymentOf(ahead: Readonly<Record<string, number>>, token?: string) {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const x = publicKey.export({ format: "jwk" })["x"] ?? "";
  const digest = await crypto.subtle.digest("SHA-256", Buffer.from(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`));
  const kid = Buffer.from(digest).toString("base64url");
  const answer = (url: URL): unknown => {
    if (url.pathname === "/time/keys") return { keys: [{ kid, kty: "OKP", crv: "Ed25519", x }] };
    if (url.pathname === "/time/regions")
      return { regions: Object.keys(ahead).map((region) => ({ region, reachable: true })) };
    const region = url.searchParams.get("region") ?? "";
    const t2 = Date.now() + (ahead[region] ?? 0);
    const previous = url.searchParams.get("previous");
    const nonce = url.searchParams.get("nonce") ?? "";
    const statement = { kid, nonce, previous, region, dataCentre: "local", t2, t3: t2, radiusMs: 28 };
    const signature = sign(null, statementBytes(statement), privateKey).toString("base64");
    return { receipt: receiptJson({ ...statement, signature }) };
  };
  const server = createServer(({ url = "", headers }, response) => {
    const known = token === undefined || headers.authorization === `Bearer ${token}`;
    response.writeHead(known ? 200 : 401, { "content-type": "application/json" });
    response.end(JSON.stringify(known ? answer(new URL(url, "http://x")) : { code: "unauthorized", detail: "no" }));
  });
  return served(server);
}

it("a receipt's hash does not depend on who reads it", async () => {
  const answer = (await (await fetch(`${synod.url}/time?nonce=a`)).json()) as { readonly receipt: unknown };
  const receipt = decodeReceipt(answer.receipt);
  expect(receipt === null ? "" : await receiptHash(receipt)).toMatch(/^[0-9a-f]{64}$/);
});
