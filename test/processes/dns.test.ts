/** `synod dns` as people run it: a process in front of a real Synod, asked by `dig` where there is one. */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createSocket } from "node:dgram";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Readable } from "node:stream";
import packet from "dns-packet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startSingle, type Single } from "../../scripts/runtime/single.ts";

const root = resolve(import.meta.dirname, "../..");
const hasDig = spawnSync("sh", ["-c", "command -v dig"]).status === 0;
let directory: string;
let synod: Single;
let bridge: Bridge;

interface Bridge {
  readonly child: ChildProcessByStdio<null, null, Readable>;
  readonly port: number;
  readonly said: () => string;
}

async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end;) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${what} is not there`);
}

async function bridgeTo(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Bridge> {
  const all = [join(root, "src/cli/main.ts"), "dns", "--listen", "127.0.0.1:0", ...args];
  const env = { ...process.env, ...environment };
  const child = spawn(process.execPath, all, { stdio: ["ignore", "ignore", "pipe"], env });
  let said = "";
  child.stderr.on("data", (bytes: Buffer) => (said += bytes.toString()));
  await until("the bridge", () => said.includes("answering DNS on 127.0.0.1:"));
  return { child, port: Number(/127\.0\.0\.1:(\d+)/.exec(said)?.[1]), said: () => said };
}

async function ended({ child }: Bridge): Promise<number | null> {
  const closed = once(child, "close") as Promise<[number | null]>;
  child.kill("SIGINT");
  return (await closed)[0];
}

async function ask(port: number, name: string, type: packet.RecordType = "A"): Promise<packet.DecodedPacket> {
  const socket = createSocket("udp4");
  const answered = once(socket, "message") as Promise<[Buffer]>;
  socket.send(packet.encode({ type: "query", id: 1, questions: [{ type, name }] }), port, "127.0.0.1");
  const [bytes] = await answered;
  socket.close();
  return packet.decode(bytes);
}

const dig = (...args: readonly string[]): string =>
  spawnSync("dig", ["@127.0.0.1", "-p", String(bridge.port), "+tries=1", ...args], { encoding: "utf8" }).stdout;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "synod-dns-"));
  synod = await startSingle({ dataDir: join(directory, "data"), port: 0 });
  for (const space of ["", "/ns/team"])
    for (let i = 1; i <= 30; i += 1) {
      const body = JSON.stringify({ address: `10.0.${space.length}.${i}`, port: 8080, ttl: 600, tags: [`t${i % 2}`] });
      const headers = { "content-type": "application/json" };
      const put = await fetch(`${synod.url}${space}/services/web/web-${i}`, { method: "PUT", headers, body });
      expect(put.status).toBe(201);
    }
  // The nearest replica answers, which hears of writes a moment later.
  for (const space of ["", "/ns/team"])
    await until("all of them", async () => {
      const response = await fetch(`${synod.url}${space}/dns-query?name=web.service.synod`);
      return ((await response.json()) as { readonly Answer?: readonly unknown[] }).Answer?.length === 30;
    });
  bridge = await bridgeTo(["--from", synod.url]);
});

afterAll(async () => {
  if (bridge !== undefined) expect(await ended(bridge)).toBe(0);
  await synod.stop();
  rmSync(directory, { recursive: true, force: true });
});

describe("synod dns", () => {
  it.each([
    [["--help"], 0, "--listen ADDRESS:PORT"],
    [[], 2, "--from is needed"],
    [["--from", "http://127.0.0.1:1,ftp://a"], 2, "--from must be"],
    [["--from", Array.from({ length: 9 }, () => "http://127.0.0.1:1").join(",")], 2, "8 deployments at most"],
    [["--from", "http://127.0.0.1:1", "--listen", "x"], 2, "--listen must be"],
    [["--from", "http://127.0.0.1:1", "--namespace", "A b"], 2, "--namespace must have"],
    [["--from", "http://127.0.0.1:1", "--token-file", "/nowhere"], 1, "cannot be read"],
    [["--from", "http://127.0.0.1:1", "--token-file", "/dev/null"], 1, "must hold the token"],
    [["--from", "http://127.0.0.1:1", "--cache", "5"], 2, "(see --help)"],
  ] as const)("%j ends with %i", (args, code, text) => {
    const ran = spawnSync(process.execPath, [join(root, "src/cli/main.ts"), "dns", ...args], { encoding: "utf8" });
    expect([ran.status, code === 0 ? ran.stdout : ran.stderr]).toEqual([code, expect.stringContaining(text)]);
    if (code !== 0) expect(ran.stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  it("answers from the namespace it was given", async () => {
    const team = await bridgeTo(["--from", synod.url, "--namespace", "team"]);
    const { answers } = await ask(team.port, "web.service.synod");
    expect(answers?.every((one) => one.type === "A" && one.data.startsWith("10.0.8."))).toBe(true);
    expect(answers).not.toHaveLength(0);
    expect(await ended(team)).toBe(0);
  });

  it("goes on with the next deployment, and says SERVFAIL without any", async () => {
    const some = await bridgeTo(["--from", `http://127.0.0.1:1,${synod.url}`]);
    expect(await ask(some.port, "web.service.synod")).toMatchObject({ rcode: "NOERROR" });
    expect(some.said()).toContain("http://127.0.0.1:1/dns-query cannot be reached");
    await ended(some);
    const none = await bridgeTo(["--from", "http://127.0.0.1:1"]);
    expect(await ask(none.port, "web.service.synod")).toMatchObject({ rcode: "SERVFAIL" });
    await ended(none);
  });

  it("sends the token, of the file or of the environment", async () => {
    const seen: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(401).end();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const from = ["--from", `http://127.0.0.1:${(server.address() as AddressInfo).port}`];
    const file = join(directory, "token");
    writeFileSync(file, "of-file\n");
    for (const [args, environment] of [
      [from, { SYNOD_TOKEN: "of-environment" }],
      [[...from, "--token-file", file], { SYNOD_TOKEN: "of-environment" }],
    ] as const) {
      const guarded = await bridgeTo(args, environment);
      expect(await ask(guarded.port, "web.service.synod")).toMatchObject({ rcode: "SERVFAIL" });
      expect(guarded.said()).toContain("answers 401");
      await ended(guarded);
    }
    server.close();
    expect(seen).toEqual(["Bearer of-environment", "Bearer of-file"]);
  });

  it("refuses an address where something else listens", () => {
    const args = ["dns", "--from", synod.url, "--listen", `127.0.0.1:${bridge.port}`];
    const ran = spawnSync(process.execPath, [join(root, "src/cli/main.ts"), ...args], { encoding: "utf8" });
    expect([ran.status, ran.stderr]).toEqual([
      1,
      `synod: cannot listen on 127.0.0.1:${bridge.port}: something else listens there\n`,
    ]);
  });
});

describe.skipIf(!hasDig)("dig", () => {
  it("reads what the bridge says, over UDP and, when that is cut, over TCP", () => {
    expect(dig("web.service.synod", "+short").trim().split("\n")).toHaveLength(30);
    expect(dig("t1.web.service.consul", "+short").trim().split("\n")).toHaveLength(15);
    const cut = dig("_web._tcp.service.synod", "SRV", "+noedns", "+ignore");
    expect(cut).toMatch(/flags: qr aa tc rd; QUERY: 1, ANSWER: 1\d,/);
    const whole = dig("_web._tcp.service.synod", "SRV", "+noedns");
    expect(whole).toContain("Truncated, retrying in TCP mode.");
    expect(whole).toMatch(/ANSWER: 30, AUTHORITY: 0, ADDITIONAL: 30/);
    expect(whole).toMatch(
      /_web\._tcp\.service\.synod\.\s+[0-5]\s+IN\s+SRV\s+1 1 8080 0a0000[0-9a-f]{2}\.addr\.synod\./,
    );
    expect(dig("0a00000b.addr.synod", "+short")).toBe("10.0.0.11\n");
  });

  it.each([
    [["nobody.service.synod"], "status: NXDOMAIN"],
    [["web.service.synod", "MX"], "status: NOERROR"],
    [["example.com"], "status: REFUSED"],
    [["+opcode=NOTIFY", "synod"], "status: NOTIMP"],
    [["+edns=1", "+noednsneg", "synod", "SOA"], "status: BADVERS"],
    [["+header-only"], "status: FORMERR"],
    [["synod", "AXFR"], "Transfer failed."],
  ] as const)("%j: %s", (args, text) => {
    const said = dig(...args);
    expect(said).toContain(text);
    expect(said).not.toMatch(/malformed|Got bad packet|mismatch/i);
  });
});
