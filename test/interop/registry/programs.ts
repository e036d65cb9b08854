/**
 * The programs that this comparison is about, as Debian packs them: whether they are here, run to their end, or run until
 * they are stopped. Every one is ended by its id.
 */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess, ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";

/** Daemons live where only root's path may lead. */
const path = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;
const env = { ...process.env, PATH: path, LC_ALL: "C" };

const packages = {
  prometheus: "prometheus",
  haproxy: "haproxy",
  dig: "bind9-dnsutils",
  kdig: "knot-dnsutils",
  curl: "curl",
  openssl: "openssl",
} as const;
export type Program = keyof typeof packages;

/** @returns why these cannot be tried here, or null. */
export function missing(...programs: readonly Program[]): string | null {
  const absent = programs.filter((one) => spawnSync("sh", ["-c", `command -v ${one}`], { env }).status !== 0);
  if (absent.length === 0) return null;
  return `${absent.join(", ")} not installed: apt-get install ${absent.map((one) => packages[one]).join(" ")}`;
}

/** Those that run now. */
const running = new Set<ChildProcess>();

function start(command: string, args: readonly string[]): ChildProcessByStdio<null, Readable, Readable> {
  const child = spawn(command, [...args], { stdio: ["ignore", "pipe", "pipe"], env });
  running.add(child);
  child.once("close", () => running.delete(child));
  return child;
}

/** Ends what a failed test, or one that was interrupted, left running. They are given time to end what is theirs. */
export async function endPrograms(): Promise<void> {
  await Promise.all([...running].map(ended));
}

async function ended(child: ChildProcess): Promise<void> {
  const closed = once(child, "close");
  const late = setTimeout(() => child.kill("SIGKILL"), 10_000);
  child.kill("SIGTERM");
  await closed;
  clearTimeout(late);
}

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export async function run(command: string, args: readonly string[], timeoutMs = 20_000): Promise<Ran> {
  const child = start(command, args);
  const printed = { stdout: "", stderr: "" };
  child.stdout.on("data", (bytes: Buffer) => (printed.stdout += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (printed.stderr += bytes.toString()));
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(timer);
  return { code, ...printed };
}

export interface Daemon {
  readonly said: () => string;
  /** Settles when it says so. @throws {Error} when it ends before, or takes too long. */
  readonly says: (pattern: RegExp) => Promise<RegExpExecArray>;
  readonly stop: () => Promise<void>;
}

export function daemon(command: string, args: readonly string[]): Daemon {
  const child = start(command, args);
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (bytes: Buffer) => (said = (said + bytes.toString()).slice(-100_000)));
  return {
    said: () => said,
    async says(pattern) {
      for (const end = Date.now() + 20_000; ;) {
        const found = pattern.exec(said);
        if (found !== null) return found;
        if (!running.has(child) || Date.now() > end) throw new Error(`${command} never said ${pattern}:\n${said}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    async stop() {
      if (running.has(child)) await ended(child);
    },
  };
}
