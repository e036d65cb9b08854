/** etcd's Python client etcd3gw against a server. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** The interpreter that Debian's packages belong to: another one on the path does not know them. */
const python = "/usr/bin/python3";
const script = join(import.meta.dirname, "uses_etcd3gw.py");

export const hasEtcd3gw = (): boolean => spawnSync(python, ["-c", "import etcd3gw"]).status === 0;

/** @returns its transcript: what every step came to, revisions as they were. @throws {Error} when a step fails. */
export async function etcd3gw(url: string): Promise<readonly string[]> {
  const { hostname, port } = new URL(url);
  const child = spawn(python, ["-B", script, hostname, port], { stdio: ["ignore", "pipe", "pipe"] });
  const printed = { stdout: "", stderr: "" };
  child.stdout.on("data", (bytes: Buffer) => (printed.stdout += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (printed.stderr += bytes.toString()));
  const deadline = setTimeout(() => child.kill("SIGKILL"), 120_000);
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(deadline);
  const lines = printed.stdout.split("\n").filter((line) => line !== "");
  if (code === 0) return lines;
  throw new Error(`etcd3gw ended with ${code} after ${lines.at(-1) ?? "nothing"}: ${printed.stderr.slice(-2000)}`);
}
