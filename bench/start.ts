/**
 * `npm run bench:start`: the open runtime started directly, as Synod's launchers do, against Miniflare, which wraps the
 * same runtime. The same bundled Worker, turn about on the same machine: time to the first answer, and throughput.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { bundleWorker, gatewayEntry } from "../scripts/runtime/bundle.ts";
import { requestsPerSecond, tool, type Load } from "./load.ts";

const ways = ["workerd", "miniflare"] as const;
type Way = (typeof ways)[number];

const starts = 7;
const loadRounds = 5;
const loadSeconds = 4;
const warmUpSeconds = 1;

const loads: readonly Load[] = [
  { method: "GET", path: "/time" },
  { method: "PUT", path: "/kv/bench-#" },
];

interface Server {
  readonly url: string;
  readonly startMs: number;
  readonly stop: () => Promise<void>;
}

const directory = mkdtempSync(join(tmpdir(), "synod-bench-"));
const module = join(directory, "gateway.js");
let runs = 0;

/** Starts a server on fresh storage and waits for its first answer. */
async function start(way: Way): Promise<Server> {
  runs += 1;
  const data = join(directory, String(runs));
  mkdirSync(data);
  const begin = performance.now();
  const child: ChildProcess = spawn(process.execPath, [resolve(import.meta.dirname, "serve.ts"), way, module, data], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exit = once(child, "exit");
  if (child.stdin === null || child.stdout === null) throw new Error("no pipes");
  const { stdin } = child;
  const [url] = (await Promise.race([once(createInterface({ input: child.stdout }), "line"), exit])) as [unknown];
  if (typeof url !== "string") throw new Error(`${way} did not start`);
  const response = await fetch(`${url}/time`);
  await response.arrayBuffer();
  const startMs = performance.now() - begin;
  const stop = async (): Promise<void> => {
    stdin.end();
    await exit;
  };
  if (!response.ok) throw new Error(`${way} answers ${response.status}`);
  return { url, startMs, stop };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** The order changes with each round, so that neither way always comes first. */
const inTurn = (round: number): readonly Way[] => (round % 2 === 0 ? ways : ways.toReversed());

type Results = Record<Way, number[]>;

async function measureStarts(): Promise<Results> {
  const results: Results = { workerd: [], miniflare: [] };
  for (let round = 0; round < starts; round += 1) {
    for (const way of inTurn(round)) {
      const server = await start(way);
      results[way].push(server.startMs);
      await server.stop();
    }
  }
  return results;
}

async function measureLoad(load: Load): Promise<Results> {
  const results: Results = { workerd: [], miniflare: [] };
  for (let round = 0; round < loadRounds; round += 1) {
    for (const way of inTurn(round)) {
      const server = await start(way);
      await requestsPerSecond(server.url, load, warmUpSeconds);
      results[way].push(await requestsPerSecond(server.url, load, loadSeconds));
      await server.stop();
    }
  }
  return results;
}

function row(title: string, unit: string, results: Results): string {
  const cell = (values: readonly number[]): string => {
    const [low, high] = [Math.min(...values), Math.max(...values)].map((value) => value.toFixed(0));
    return `${median(values).toFixed(0)} ${unit} (${low}-${high})`;
  };
  const ratio = (median(results.workerd) / median(results.miniflare)).toFixed(2);
  return `| ${title} | ${cell(results.workerd)} | ${cell(results.miniflare)} | ${ratio} |`;
}

try {
  await bundleWorker(gatewayEntry, module);
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  print(
    `Medians (lowest-highest) of ${starts} starts and ${loadRounds} loads of ${loadSeconds} s, 64 connections, ${tool}.`,
  );
  print("| | workerd | Miniflare | workerd / Miniflare |");
  print("|---|---|---|---|");
  print(row("spawn to first answer", "ms", await measureStarts()));
  for (const load of loads) print(row(`${load.method} ${load.path}`, "/s", await measureLoad(load)));
} finally {
  rmSync(directory, { recursive: true, force: true });
}
