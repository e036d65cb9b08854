/**
 * `npm run bench:memory`: what a store with very many keys takes of the memory that it shares with all objects of an
 * isolate (128 MB on the platform). Nothing may grow with the number of keys beyond one page of what is read.
 *
 *   node bench/memory.ts [KEYS ...]
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Measured } from "./memory-child.ts";
import { print, printHead, printTable } from "./report.ts";

const asked = process.argv.slice(2).map(Number);
const sizes = asked.length > 0 ? asked : [10_000, 100_000, 1_000_000];

/** The heap is held below the platform's 128 MB for everything: what grows with the keys ends the child. */
const heapMb = 96;

function measure(keys: number): readonly Measured[] {
  const directory = mkdtempSync(join(tmpdir(), "synod-memory-"));
  try {
    const flags = ["--expose-gc", `--max-old-space-size=${heapMb}`, "--max-semi-space-size=1"];
    const child = spawnSync(
      process.execPath,
      [
        ...flags,
        "--disable-warning=ExperimentalWarning",
        resolve(import.meta.dirname, "memory-child.ts"),
        String(keys),
        directory,
      ],
      { encoding: "utf8", maxBuffer: 1024 * 1024, stdio: ["ignore", "pipe", "inherit"] },
    );
    if (child.status !== 0) throw new Error(`${keys} keys: the child ended with ${child.status ?? child.signal}`);
    return JSON.parse(child.stdout) as readonly Measured[];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

printHead(
  "npm run bench:memory",
  `A store on a file, in a process of its own for each size. Keys of 12 bytes, values of 16; one key in ten is tied to one of 100 leases, one in ten to another.
Peak: the heap and the buffers of rows, seen at every statement, above what was in use before; some of it is garbage not yet collected.
Kept: what is still in use afterwards. RSS: growth of the whole process, SQLite's own cache of 2 MB included.`,
);
const results = sizes.map((keys) => ({ keys, measured: measure(keys) }));
const mib = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1);
for (const [title, show] of [
  ["peak MiB", ({ peakBytes }: Measured) => mib(peakBytes)],
  ["kept MiB", ({ keptBytes }: Measured) => mib(keptBytes)],
  ["RSS MiB", ({ rssBytes }: Measured) => mib(rssBytes)],
  ["ms", ({ ms }: Measured) => ms.toFixed(ms < 10 ? 1 : 0)],
] as const) {
  const names = results[0]?.measured.map(({ name }) => name) ?? [];
  printTable([
    [title, ...results.map(({ keys }) => `${keys.toLocaleString("en")} keys`)],
    ...names.map((name, at) => [
      name,
      ...results.map(({ measured }) => {
        const one = measured[at];
        return one === undefined ? "" : show(one);
      }),
    ]),
  ]);
}
const all = results.flatMap(({ measured }) => measured);
print(
  `The heap was held below ${heapMb} MiB. Largest peak: ${mib(Math.max(...all.map(({ peakBytes }) => peakBytes)))} MiB.`,
);
