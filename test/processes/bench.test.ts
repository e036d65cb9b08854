/** The smallest form of `npm run bench`: that it measures everybody, and leaves nothing behind. No figure is judged. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Series } from "../../bench/compare/measure.ts";
import { processesNaming } from "./launched.ts";

const missing = ["wrk", "etcd"].filter((program) => spawnSync(program, ["--version"]).error !== undefined);
if (missing.length > 0) console.warn(`SKIPPED: npm run bench, because ${missing.join(" and ")} is not installed`);

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "synod-bench-test-"));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** Everything it makes is under `directory`, which is in the command line of every process it starts. */
function bench(...flags: readonly string[]): {
  interrupt: () => void;
  ended: Promise<number | null>;
  said: () => string;
} {
  const main = resolve(import.meta.dirname, "../../bench/main.ts");
  const child = spawn(process.execPath, [main, "--rounds", "1", "--seconds", "1", "--connections", "3", ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, TMPDIR: directory },
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (bytes: Buffer) => (printed += bytes.toString()));
  const ended = once(child, "close").then(([code]) => code as number | null);
  return { interrupt: () => void child.kill("SIGINT"), ended, said: () => printed };
}

describe.skipIf(missing.length > 0)("npm run bench", () => {
  it("measures Synod, etcd, a ceiling and the disk, and leaves no process and no file", async () => {
    const json = join(directory, "rounds.json");
    const { ended, said } = bench("--only", "puts,batch,fan-out,disk", "--watchers", "6", "--json", json);
    expect([await ended, said()]).toEqual([0, expect.stringContaining("| ceiling: an object that writes one row |")]);
    const { series } = JSON.parse(readFileSync(json, "utf8")) as { readonly series: readonly Series[] };
    expect(series.map(({ system, load }) => `${system}: ${load}`)).toEqual([
      "Synod: puts",
      "etcd: puts",
      "an object that writes one row: puts",
      "Synod: 100 puts a request",
      "etcd: 100 puts a request",
      "Synod: puts through a pipeline",
      "Synod: watch fan-out",
      "etcd: watch fan-out",
      "disk: 512 bytes and fdatasync",
    ]);
    expect(series.map(({ turns }) => turns.filter(({ perSecond }) => perSecond > 0).length)).toEqual(
      series.map(() => 1),
    );
    const regions = Object.keys(series[0]?.turns[0]?.byRoleUs ?? {});
    expect(regions).toEqual(expect.arrayContaining(["enam", "links", "weur", "wnam"]));
    expect(processesNaming(directory)).toEqual([]);
    expect(readdirSync(directory)).toEqual(["rounds.json"]);
  });

  it("leaves nothing behind when it is interrupted", async () => {
    const { ended, interrupt, said } = bench("--only", "puts");
    await expect.poll(said, { timeout: 30_000 }).toContain("puts, 3 ...");
    expect(processesNaming(directory).length).toBeGreaterThan(6);
    interrupt();
    expect(await ended).toBe(1);
    expect(processesNaming(directory)).toEqual([]);
    expect(readdirSync(directory)).toEqual([]);
  });
});
