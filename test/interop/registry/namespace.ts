/**
 * Runs a file of this folder inside a network and a mount namespace of its own: port 53 is free for everybody there, the
 * system's resolver asks whom we name, nobody outside is reached, and the machine keeps its own /etc/resolv.conf.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./programs.ts";

/** First as anybody; where the kernel gives nobody a namespace of users, as root. */
const ways = ["-Urmn", "-mn"];
const path = "PATH=$PATH:/usr/sbin:/sbin";
const prepare = `${path}; ip link set lo up && mount --bind "$1" /etc/resolv.conf`;

let way: string | null | undefined;

/** @returns how `unshare` is to be asked, or null. */
function wayIn(): string | null {
  if (way !== undefined) return way;
  way = inDirectory((resolvers) => {
    const can = (flags: string): boolean =>
      spawnSync("unshare", [flags, "sh", "-c", prepare, "sh", resolvers]).status === 0;
    return ways.find(can) ?? null;
  });
  return way;
}

export const noNamespace = (): string | null =>
  wayIn() === null ? "this kernel gives no network and mount namespace of our own (unshare -Urmn)" : null;

/** @returns what the file printed on its last line. @throws {Error} when it failed. */
export async function inNamespace(file: string, args: readonly string[], timeoutMs: number): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "synod-resolver-"));
  try {
    const resolvers = resolversIn(directory);
    const inside = `${prepare} && shift && exec "$@"`;
    const flags = [wayIn() ?? "", "sh", "-c", inside, "sh", resolvers, process.execPath, file, ...args];
    const { code, stdout, stderr } = await run("unshare", flags, timeoutMs);
    if (code !== 0) throw new Error(`it ended with ${code} inside of the namespace: ${stderr.slice(-4_000)}`);
    return stdout.trimEnd().split("\n").at(-1) ?? "";
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function resolversIn(directory: string): string {
  const file = join(directory, "resolv.conf");
  writeFileSync(file, "nameserver 127.0.0.1\noptions timeout:2 attempts:2\n");
  return file;
}

function inDirectory<T>(use: (resolvers: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), "synod-resolver-"));
  try {
    return use(resolversIn(directory));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
