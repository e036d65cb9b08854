/**
 * `npm run bench:growth`: how latency, memory, disk and the time of a cold start grow with keys, watchers, the size of
 * values, the length of the log, and namespaces. The first of each row is what the others are compared with.
 *
 *   node bench/growth.ts [--quick] [--only keys|watchers|values|namespaces|log]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startCounted } from "./cost/counted.ts";
import type { Counted } from "./cost/counted.ts";
import { keys } from "./growth/keys.ts";
import { log } from "./growth/log.ts";
import { namespaces } from "./growth/namespaces.ts";
import { values } from "./growth/values.ts";
import { watchers } from "./growth/watchers.ts";
import { print, printHead } from "./report.ts";

const parts = { keys, watchers, values, namespaces, log };
const { values: options } = parseArgs({
  options: { quick: { type: "boolean", default: false }, only: { type: "string", multiple: true } },
});
const wanted = Object.entries(parts).filter(([name]) => options.only?.includes(name) ?? true);
const directory = mkdtempSync(join(tmpdir(), "synod-growth-"));
const started: Counted[] = [];

async function stopAll(): Promise<void> {
  await Promise.all(started.map(async ({ single }) => single.stop()));
  rmSync(directory, { recursive: true, force: true });
}
const onSignal = (): void => void stopAll().finally(() => process.exit(1));
process.once("SIGINT", onSignal).once("SIGTERM", onSignal);

async function start(name: string): Promise<Counted> {
  const synod = await startCounted(join(directory, name));
  started.push(synod);
  return synod;
}

printHead(
  `npm run bench:growth${options.quick ? " -- --quick" : ""}`,
  `Medians, each size once in every round, in brackets the ratio to the first. Three regions in one process of the runtime, the client in this one; log: see there.
The counting Worker of npm run cost, which adds the same to every size.`,
);
try {
  for (const [name, part] of wanted) {
    print(`${name}:\n`);
    await part({ start, directory, quick: options.quick });
  }
} finally {
  process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  await stopAll();
}
process.exit();
