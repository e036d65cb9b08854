/**
 * `npm run cost`: requests to objects, rows written and read, and bytes stored, of every kind of operation, counted from
 * the objects themselves while the deployed code runs in the platform's runtime; and what that costs by the price list.
 *
 *   node bench/cost.ts
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, inTurn, keysFrom } from "./cost/client.ts";
import { countClearing } from "./cost/clearing.ts";
import { startCounted } from "./cost/counted.ts";
import type { Counted } from "./cost/counted.ts";
import { requestsByKind, requestsIn, rowsByTable, rowsReadIn, rowsWrittenIn, slotsIn } from "./cost/counts.ts";
import type { Counts } from "./cost/counts.ts";
import { dollarsAwakeMonth, dollarsPerMillion, prices } from "./cost/prices.ts";
import { reads, renewals, writes } from "./cost/operations.ts";
import type { Operation } from "./cost/operations.ts";
import { pause } from "../test/processes/support/gateway.ts";
import { print, printHead, printTable } from "./report.ts";

const replicas = 3;
const idleMs = 30_000;
const shown = (n: number): string => (n === 0 ? "0" : n.toFixed(n < 10 ? 3 : 1).replace(/\.?0+$/, ""));
const parts = (found: readonly (readonly [string, number])[], times: number): string =>
  found.map(([what, n]) => `${what} ${shown(n / times)}`).join(", ");

async function countAll(synod: Counted, operations: readonly Operation[], first: number) {
  const counted: (readonly [Operation, Counts])[] = [];
  for (const [at, operation] of operations.entries()) {
    const client = new Client(synod.url, `cost-${first + at}`);
    await client.put("first");
    await operation.prepare?.(client);
    counted.push([operation, await synod.count(async () => operation.run(client))]);
  }
  return counted;
}

function printCounted(counted: readonly (readonly [Operation, Counts])[]): void {
  printTable([
    ["for each", "slots", "requests to objects", "rows written", "rows read", "$ for a million"],
    ...counted.map(([{ title, times }, counts]) => [
      title,
      shown(slotsIn(counts, replicas) / times),
      shown(requestsIn(counts) / times),
      shown(rowsWrittenIn(counts) / times),
      shown(rowsReadIn(counts) / times),
      dollarsPerMillion(counts, times).toFixed(2),
    ]),
  ]);
}

function printParts(counted: readonly (readonly [Operation, Counts])[]): void {
  printTable([
    ["for each", "rows written, by table", "requests, by what was asked"],
    ...counted.map(([{ title, times }, counts]) => [
      title,
      parts(rowsByTable(counts), times),
      parts(requestsByKind(counts), times),
    ]),
  ]);
}

/** Bytes that the objects' databases grow by. */
async function stored(synod: Counted, namespace: string, work: (client: Client) => Promise<unknown>) {
  const client = new Client(synod.url, namespace);
  const bytes = async (): Promise<readonly number[]> => {
    await synod.quiet();
    const weighed = await synod.weigh(namespace);
    return ["acceptor", "replica"].map((kind) =>
      weighed.filter((one) => one.kind === kind).reduce((sum, one) => sum + one.bytes, 0),
    );
  };
  await client.batch(keysFrom(0, 1_000));
  const before = await bytes();
  await work(client);
  const after = await bytes();
  return after.map((n, at) => n - (before[at] ?? 0));
}

printHead(
  "npm run cost",
  `Three acceptors and three replicas, the gateway in the leader's region; the deployed code in one process of the runtime, with every call, statement and alarm of an object added up.
Keys of 5 to 9 bytes, values of 1. Each operation in a namespace of its own, after its first write, until all objects have come to rest; divided by how often it was carried out.
Prices as listed in ${prices.listed}, of what exceeds the plan: $${prices.perMillion.objectRequests} for a million requests to objects, $${prices.perMillion.workerRequests} to the Worker, $${prices.perMillion.rowsWritten} for rows written, $${prices.perMillion.rowsRead} for rows read.`,
);
const directory = mkdtempSync(join(tmpdir(), "synod-cost-"));
const synod = await startCounted(join(directory, "data"));
const onSignal = (): void => void synod.single.stop().finally(() => process.exit(1));
process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
try {
  print("Writes, before anything old is cleared:\n");
  const written = await countAll(synod, writes, 0);
  printCounted(written);
  print("Which rows and which requests those are:\n");
  printParts(written);
  print("Reads and decisions:\n");
  const other = [...(await countAll(synod, reads, 100)), ...(await countAll(synod, renewals, 200))];
  printCounted(other.slice(0, reads.length));
  print("Leases and instances:\n");
  printCounted(other.slice(reads.length));
  printParts(other);

  print("Idle: after all of this but what lives, nothing is asked for.\n");
  const idle = new Client(synod.url, "idle");
  await idle.put("first");
  const idleCounts = await synod.count(async () => pause(idleMs));
  const { timers } = await synod.reading();
  const alarms = (await synod.weigh("idle")).filter(({ alarmAt }) => alarmAt !== null).length;
  const perHour = 3_600_000 / idleMs;
  printTable([
    ["idle", "requests an hour", "rows written", "rows read", "alarms set", "timers set"],
    [
      `${idleMs / 1_000} s watched`,
      shown(requestsIn(idleCounts) * perHour),
      shown(rowsWrittenIn(idleCounts) * perHour),
      shown(rowsReadIn(idleCounts) * perHour),
      String(alarms),
      String(timers),
    ],
  ]);

  print("Bytes stored (the databases' sizes, all objects together):\n");
  const kinds: readonly (readonly [string, number, (client: Client) => Promise<unknown>])[] = [
    [
      "new key, batches of 100",
      20_000,
      async (c) => inTurn(200, async (at) => c.batch(keysFrom(1_000 + at * 100, 100))),
    ],
    ["existing key, batches of 100", 20_000, async (c) => inTurn(200, async () => c.batch(keysFrom(0, 100)))],
    ["existing key, one by one", 1_000, async (c) => inTurn(1_000, async (at) => c.put(`key-${at}`))],
  ];
  const sizes: string[][] = [];
  for (const [at, [title, times, work]] of kinds.entries()) {
    const [acceptors = 0, stores = 0] = await stored(synod, `stored-${at}`, work);
    sizes.push([title, (acceptors / times).toFixed(0), (stores / times).toFixed(0)]);
  }
  printTable([["for each write", "bytes at 3 acceptors", "bytes at 3 replicas"], ...sizes]);

  print("With what is cleared later (an hour and 10,000 revisions on), for each put of an existing key:\n");
  const cleared: string[][] = [];
  for (const { size, history, batches } of await countClearing(synod, new Client(synod.url, "cleared"), [1, 10, 100])) {
    const [operation, counts] =
      written.find(([{ title }]) => title === `put, existing key, \`/batch\` of ${size}`) ?? [];
    if (operation === undefined || counts === undefined) throw new Error("not counted before");
    const before = rowsWrittenIn(counts) / operation.times;
    // Each vote goes once, at each acceptor.
    const votes = (slotsIn(counts, replicas) * replicas) / operation.times;
    const later = history + batches + votes;
    const dollars = dollarsPerMillion(counts, operation.times) + later * prices.perMillion.rowsWritten;
    cleared.push([
      `\`/batch\` of ${size}`,
      shown(before),
      `${shown(later)} (history ${shown(history)}, batches ${shown(batches)}, votes ${shown(votes)})`,
      shown(before + later),
      dollars.toFixed(2),
    ]);
  }
  printTable([["", "rows before", "rows cleared later", "rows in all", "$ for a million in all"], ...cleared]);
  print(
    `Not in these figures: the time that objects are awake ($${prices.awakeGbSeconds} for a million GB-s: $${dollarsAwakeMonth.toFixed(2)} a month for one that never sleeps), and $${prices.storedGbMonth} a month for a GB stored.`,
  );
} finally {
  process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  await synod.single.stop();
  rmSync(directory, { recursive: true, force: true });
}
