/**
 * `npm run bench:first-answer`: from nothing to the first answered write, as somebody new to Synod would go: clone what is
 * committed here, `npm ci` with an empty cache, `npm start`, one PUT.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { printHead, printTable } from "./report.ts";

const root = resolve(import.meta.dirname, "..");
const directory = mkdtempSync(join(tmpdir(), "synod-first-"));
const clone = join(directory, "synod");
const startPatienceMs = 60_000;

/** A terminal's environment, without what `npm run` adds for this program. */
function environment(): NodeJS.ProcessEnv {
  const added = /^(npm_(package|lifecycle|command|execpath|node_execpath|config_local_prefix|config_cache)|INIT_CWD)/i;
  const kept = Object.entries(process.env).filter(([name]) => !added.test(name));
  const path = (process.env["PATH"] ?? "").split(delimiter).filter((one) => !one.includes("node_modules"));
  return { ...Object.fromEntries(kept), PATH: path.join(delimiter), npm_config_cache: join(directory, "cache") };
}

async function run(command: string, args: readonly string[], cwd: string): Promise<void> {
  const child = spawn(command, args, { cwd, env: environment(), stdio: ["ignore", "ignore", "inherit"] });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}`);
}

/** From `npm start` to the line that says where it is up, and from there to the first answered write. */
async function start(): Promise<readonly [up: number, answered: number]> {
  const begin = performance.now();
  const child = spawn("npm", ["start", "--", "--port", "0"], {
    cwd: clone,
    env: environment(),
    stdio: ["ignore", "pipe", "inherit"],
    // A group of its own, so that one signal reaches npm and what it started, as Ctrl-C does.
    detached: true,
  });
  const exit = once(child, "exit");
  const timer = setTimeout(() => child.kill(), startPatienceMs);
  try {
    let url: string | undefined;
    let printed = "";
    for await (const bytes of child.stdout as AsyncIterable<Buffer>) {
      printed += bytes.toString();
      url = /Synod is up at (http:\S+)/.exec(printed)?.[1];
      if (url !== undefined) break;
    }
    if (url === undefined) throw new Error(`npm start did not come up:\n${printed}`);
    const up = performance.now();
    const response = await fetch(`${url}/kv/greeting`, { method: "PUT", body: "hello" });
    if (response.status !== 201) throw new Error(`the first write was answered ${response.status}`);
    return [up - begin, performance.now() - up];
  } finally {
    clearTimeout(timer);
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGINT");
    await exit;
  }
}

async function timed(work: Promise<void>): Promise<number> {
  const begin = performance.now();
  await work;
  return performance.now() - begin;
}

printHead("npm run bench:first-answer", "Once each, one after the other. Only what is committed is cloned.");
try {
  const cloned = await timed(run("git", ["clone", "--quiet", root, clone], directory));
  const installed = await timed(run("npm", ["ci", "--silent"], clone));
  const [up, answered] = await start();
  const parts = [cloned, installed, up, answered];
  const titles = ["git clone (local)", "npm ci (empty cache)", "npm start until it says so", "the first PUT"];
  const rows = titles.map((title, index) => [title, ((parts[index] ?? Number.NaN) / 1_000).toFixed(2)]);
  const sum = parts.reduce((total, part) => total + part, 0);
  printTable([["", "seconds"], ...rows, ["together", (sum / 1_000).toFixed(2)]]);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
