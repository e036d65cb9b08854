/**
 * The judges: chronyd, ntpdig and ntpdate as Debian packs them, run so that none of them can touch the machine's clock, and
 * what they print read back. Whoever lacks one is told which package holds it.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodePacket, encodePacket } from "../../../src/time/ntp-packet.ts";
import type { NtpPacket } from "../../../src/time/ntp-packet.ts";
import { exchangeOfTimestamps } from "../../../src/time/exchange.ts";
import { fromUnixMs, secondsFromShort } from "../../../src/time/timestamps.ts";

export interface Ran {
  readonly code: number | null;
  readonly output: string;
}

/** Daemons live where only root's path may lead. */
const path = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;

const packages = { chronyd: "chrony", chronyc: "chrony", ntpdig: "ntpsec-ntpdig", ntpdate: "ntpsec-ntpdate" } as const;
export type Tool = keyof typeof packages;

/** @returns why these cannot be asked here, or null. */
export function missing(...tools: readonly Tool[]): string | null {
  const absent = tools.filter(
    (tool) => spawnSync("sh", ["-c", `command -v ${tool}`], { env: { PATH: path } }).status !== 0,
  );
  if (absent.length === 0) return null;
  const wanted = [...new Set(absent.map((tool) => packages[tool]))].join(" ");
  return `${absent.join(", ")} not installed: apt-get install ${wanted}`;
}

/** Runs to the end, or to SIGKILL. */
export async function run(command: string, args: readonly string[], timeoutMs: number): Promise<Ran> {
  const child = spawn(command, [...args], { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, PATH: path } });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes: Buffer) => (output += bytes.toString()));
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(timer);
  return { code, output };
}

export interface ChronyVerdict extends Ran {
  /** Server minus local, in ms; null when it has none. */
  readonly offsetMs: number | null;
}

/** `-Q` measures and prints, and sets nothing. */
export async function chronydOnce(port: number, samples: number, timeoutS: number): Promise<ChronyVerdict> {
  const server = `server 127.0.0.1 port ${port} iburst maxsamples ${samples}`;
  const ran = await run(
    "chronyd",
    ["-Q", "-U", "-t", String(timeoutS), "-f", "/dev/null", server],
    timeoutS * 1000 + 5_000,
  );
  const seconds = /System clock wrong by (-?[\d.]+) seconds \(ignored\)/.exec(ran.output)?.[1];
  return { ...ran, offsetMs: seconds === undefined ? null : Number(seconds) * 1000 };
}

export interface Tracking {
  /** The bridge's clock minus this machine's: what chronyd would have corrected. */
  readonly offsetMs: number;
  readonly sdMs: number;
  readonly skewPpm: number;
  readonly stratum: number;
  readonly rootDelayMs: number;
  readonly rootDispersionMs: number;
}

/** A whole chronyd that follows the bridge for a while, without control of the clock (`-x`). */
export async function chronydFor(port: number, seconds: number): Promise<Tracking> {
  const directory = mkdtempSync(join(tmpdir(), "synod-chrony-"));
  const command = await freeUdpPort();
  const config = join(directory, "chrony.conf");
  writeFileSync(
    config,
    `server 127.0.0.1 port ${port} iburst minpoll -2 maxpoll -2\ncmdport ${command}\nbindcmdaddress 127.0.0.1\n` +
      `bindcmdaddress /\npidfile ${join(directory, "pid")}\n`,
  );
  const daemon = spawn("chronyd", ["-x", "-U", "-d", "-u", "root", "-f", config], {
    stdio: "ignore",
    env: { PATH: path },
  });
  const ended = once(daemon, "close");
  try {
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    const ask = async (what: string): Promise<readonly string[]> => {
      const { output } = await run("chronyc", ["-h", "127.0.0.1", "-p", String(command), "-n", "-c", what], 5_000);
      return output.trim().split(",");
    };
    const tracking = await ask("tracking");
    const stats = await ask("sourcestats");
    return {
      offsetMs: 1000 * Number(tracking[4]),
      sdMs: 1000 * Number(stats[7]),
      skewPpm: Number(stats[5]),
      stratum: Number(tracking[2]),
      rootDelayMs: 1000 * Number(tracking[10]),
      rootDispersionMs: 1000 * Number(tracking[11]),
    };
  } finally {
    daemon.kill("SIGTERM");
    await ended;
    rmSync(directory, { recursive: true, force: true });
  }
}

/** ntpdig and ntpdate know port 123 only: for a namespace of the network's own. Without -S or -s ntpdig sets nothing. */
export async function ntpdig(): Promise<
  Ran & { readonly offsetMs: number | null; readonly precisionMs: number | null }
> {
  const ran = await run("ntpdig", ["-j", "-p", "3", "-g", "100", "-t", "2", "127.0.0.1"], 20_000);
  const line = ran.output.split("\n").find((one) => one.startsWith("{"));
  const told =
    line === undefined ? {} : (JSON.parse(line) as { readonly offset?: number; readonly precision?: number });
  const ms = (seconds: number | undefined): number | null => (seconds === undefined ? null : seconds * 1000);
  return { ...ran, offsetMs: ms(told.offset), precisionMs: ms(told.precision) };
}

/** `-q`: queries only. */
export async function ntpdateQuery(): Promise<Ran & { readonly offsetMs: number | null }> {
  const ran = await run("ntpdate", ["-q", "127.0.0.1"], 20_000);
  const seconds = /([+-][\d.]+) \+\/-/.exec(ran.output)?.[1];
  return { ...ran, offsetMs: seconds === undefined ? null : Number(seconds) * 1000 };
}

export interface Asked {
  readonly packet: NtpPacket;
  /** The bridge minus this machine's clock, and how far that may be wrong by the way there and back. */
  readonly offsetMs: number;
  readonly delayMs: number;
  /** Half of the root delay and the root dispersion: what the bridge says of itself. */
  readonly claimedMs: number;
}

const question: NtpPacket = {
  leap: 0,
  version: 4,
  mode: 3,
  stratum: 0,
  poll: 4,
  precision: -20,
  rootDelay: 0,
  rootDispersion: 0,
  referenceId: 0,
  reference: 0n,
  origin: 0n,
  receive: 0n,
  transmit: 0n,
};

/** One exchange of our own, to see what the tools do not print. Null when nothing came within a second. */
export async function askBridge(port: number, change: Partial<NtpPacket> = {}): Promise<Asked | null> {
  const socket = createSocket("udp4");
  const wall = (): number => performance.timeOrigin + performance.now();
  const t1 = fromUnixMs(wall());
  const answered = new Promise<readonly [Buffer, bigint] | null>((resolve) => {
    socket.once("message", (bytes) => resolve([bytes, fromUnixMs(wall())]));
    setTimeout(() => resolve(null), 1_000);
  });
  socket.send(encodePacket({ ...question, transmit: t1, ...change }), port, "127.0.0.1");
  const answer = await answered;
  socket.close();
  const packet = answer === null ? null : decodePacket(answer[0]);
  if (answer === null || packet === null) return null;
  const { offset, delay } = exchangeOfTimestamps({ t1, t2: packet.receive, t3: packet.transmit, t4: answer[1] });
  const claimed = secondsFromShort(packet.rootDelay) / 2 + secondsFromShort(packet.rootDispersion);
  return { packet, offsetMs: offset * 1000, delayMs: delay * 1000, claimedMs: claimed * 1000 };
}

/** Whether chronyd understands a configuration; it prints it back, and does nothing else. */
export const chronydParses = async (file: string): Promise<Ran> => run("chronyd", ["-p", "-f", file], 5_000);

/** A number nobody listens on, by UDP. */
export async function freeUdpPort(): Promise<number> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  return port;
}
