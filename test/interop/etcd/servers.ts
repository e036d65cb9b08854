/**
 * The two that are compared: the real etcd, from the Debian package, and Synod as `npm start` starts it. Each with a
 * temporary directory of its own and free ports of the loopback interface; both are ended by their ids, and leave nothing.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { launch } from "../../processes/launched.ts";

/** Whom to install where a program is missing. */
export const packages = { etcd: "etcd-server", etcd3gw: "python3-etcd3gw" } as const;

export interface Server {
  readonly name: "etcd" | "synod";
  /** What stands before `/v3`. */
  readonly url: string;
  stop(): Promise<void>;
}

/** @returns the version, or null where etcd is not installed. */
export function etcdVersion(): string | null {
  const { stdout, error } = spawnSync("etcd", ["--version"], { encoding: "utf8" });
  return error === undefined ? (/etcd Version: (\S+)/.exec(stdout)?.[1] ?? null) : null;
}

/** One that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Asks until somebody answers. */
async function untilUp(url: string, what: () => string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const answer = await fetch(`${url}/health`).catch(() => null);
    if (answer?.ok === true) return;
    await pause(50);
  }
  throw new Error(`nobody answers at ${url}: ${what()}`);
}

export async function startEtcd(): Promise<Server> {
  const directory = mkdtempSync(join(tmpdir(), "synod-etcd-"));
  const [url, peers] = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`];
  const flags = {
    "data-dir": join(directory, "data"),
    "listen-client-urls": url,
    "advertise-client-urls": url,
    "listen-peer-urls": peers,
    "initial-advertise-peer-urls": peers,
    "initial-cluster": `default=${peers}`,
    "log-level": "error",
  };
  const given = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const child = spawn("etcd", given, { stdio: ["ignore", "ignore", "pipe"] });
  let printed = "";
  child.stderr.on("data", (bytes: Buffer) => (printed = (printed + bytes.toString()).slice(-4000)));
  const ended = once(child, "close");
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
    rmSync(directory, { recursive: true, force: true });
  };
  return upOrStopped({ name: "etcd", url, stop }, () => printed);
}

/** @param flags more of `npm start`'s. */
export async function startSynod(...flags: readonly string[]): Promise<Server> {
  const directory = mkdtempSync(join(tmpdir(), "synod-interop-"));
  const synod = launch("start", "--port", "0", "--data", join(directory, "data"), ...flags);
  const stop = async (): Promise<void> => {
    synod.process.kill("SIGINT");
    await synod.exit;
    rmSync(directory, { recursive: true, force: true });
  };
  const said = (): string => synod.stdout() + synod.stderr();
  for (let attempt = 0; attempt < 400 && !said().includes("Ctrl-C ends it."); attempt += 1) await pause(50);
  const url = /http:\S+/.exec(synod.stdout())?.[0] ?? "";
  return upOrStopped({ name: "synod", url, stop }, said);
}

async function upOrStopped(server: Server, said: () => string): Promise<Server> {
  try {
    await untilUp(server.url, said);
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}
