/**
 * `npm run bench:watchers`: very many idle WebSockets on one replica. Whether it sleeps while they stay open and ping, and
 * how long after a write the last of them is told, by a replica that was awake and by one that had to wake.
 *
 *   node bench/watchers.ts [COUNT]
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startSingle, type Single } from "../scripts/runtime/single.ts";
import { gatewayEntry } from "../scripts/runtime/bundle.ts";
import { eventually, pause } from "../test/processes/support/gateway.ts";
import { printHead, printTable, spread } from "./report.ts";

const count = Number(process.argv[2] ?? 1_000);
const writes = 20;
/** The runtime puts an object to sleep after 10 s without work; peers gossip for a while after a write. */
const idleMs = 25_000;
const pingMs = 4_000;

const directory = mkdtempSync(join(tmpdir(), "synod-watchers-"));

/** The Worker that is deployed, but a replica says when an instance of it begins, and with how many sockets. */
function telling(): string {
  const entry = join(directory, "worker.js");
  const text = `import worker, { Replica as Deployed } from ${JSON.stringify(gatewayEntry)};
export * from ${JSON.stringify(gatewayEntry)};
export default worker;
export class Replica extends Deployed {
  constructor(ctx, env) {
    const sockets = ctx.getWebSockets().length;
    super(ctx, env);
    console.log("replica begins: " + ctx.id.name + " " + sockets);
  }
}
`;
  writeFileSync(entry, text);
  return entry;
}

/** One client: counts what it is told, acknowledges it, and pings. */
class Watcher {
  readonly #socket: WebSocket;
  readonly ready: Promise<void>;
  events = 0;
  pongs = 0;
  lastAt = 0;

  constructor(url: string) {
    this.#socket = new WebSocket(url);
    this.ready = new Promise((resolve, reject) => {
      this.#socket.onclose = ({ code }) => reject(new Error(`closed with ${code}`));
      this.#socket.onmessage = ({ data }) => {
        const text = String(data);
        if (text === "pong") this.pongs += 1;
        else if (text.startsWith('{"type":"ready"')) resolve();
        else
          this.#told(JSON.parse(text) as { readonly type: string; readonly events: unknown[]; readonly next: string });
      };
    });
  }

  #told({ type, events, next }: { readonly type: string; readonly events: unknown[]; readonly next: string }): void {
    if (type !== "events") throw new Error(`told of ${type}`);
    this.events += events.length;
    this.lastAt = performance.now();
    this.#socket.send(JSON.stringify({ type: "ack", next }));
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  ping(): void {
    this.#socket.send("ping");
  }
}

const begun: string[] = [];
const residentMiB = ({ pid }: Single): string => {
  const [, kib = "0"] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return (Number(kib) / 1024).toFixed(0);
};

/** @returns ms from sending the write until the last watcher was told. */
async function tellAll(synod: Single, watchers: readonly Watcher[]): Promise<number> {
  const before = watchers.map(({ events }) => events);
  const sent = performance.now();
  const response = await fetch(`${synod.url}/kv/watched`, { method: "PUT", body: String(sent) });
  if (!response.ok) throw new Error(`the write was answered ${response.status}`);
  await eventually("all watchers told", async () =>
    Promise.resolve(watchers.every(({ events }, i) => events === (before[i] ?? 0) + 1) ? true : null),
  );
  return Math.max(...watchers.map(({ lastAt }) => lastAt)) - sent;
}

async function open(synod: Single): Promise<readonly Watcher[]> {
  const watchers: Watcher[] = [];
  for (let i = 0; i < count; i += 50) {
    const some = Array.from({ length: Math.min(50, count - i) }, () => {
      return new Watcher(`${synod.url.replace("http", "ws")}/watch?key=watched`);
    });
    await Promise.all(some.map(async ({ ready }) => ready));
    watchers.push(...some);
  }
  return watchers;
}

printHead(
  "npm run bench:watchers",
  `${count} WebSockets from this process to one replica, all of one key. Each pings every ${pingMs / 1_000} s and acknowledges what it is told.
Times are from sending a write until the last client was told; figures of clients and server share the machine.`,
);
const log = (line: string): void => {
  const [, which] = /replica begins: \S+\/(\S+ \d+)$/.exec(line) ?? [];
  if (which !== undefined) begun.push(which);
};
const synod = await startSingle({ dataDir: join(directory, "data"), port: 0, entry: telling(), log });
const rows: (readonly [string, string])[] = [];
try {
  await fetch(`${synod.url}/kv/watched`, { method: "PUT", body: "0" });
  rows.push(["resident memory of the process before, MiB", residentMiB(synod)]);
  const opening = performance.now();
  const watchers = await open(synod);
  rows.push(["opening them all, s", ((performance.now() - opening) / 1_000).toFixed(1)]);
  await tellAll(synod, watchers);
  const awake: number[] = [];
  for (let i = 0; i < writes; i += 1) awake.push(await tellAll(synod, watchers));
  rows.push([`told by an awake replica, ${writes} writes`, spread(awake, "ms")]);
  rows.push(["resident memory with them, MiB", residentMiB(synod)]);

  const beginnings = begun.length;
  for (let idle = 0; idle < idleMs; idle += pingMs) {
    await pause(pingMs);
    for (const watcher of watchers) watcher.ping();
  }
  await eventually("the last pongs", async () => {
    const missing = watchers.filter(({ pongs }) => pongs < Math.ceil(idleMs / pingMs));
    return Promise.resolve(missing.length === 0 ? true : null);
  });
  rows.push([`instances begun in ${idleMs / 1_000} s with pings answered`, String(begun.length - beginnings)]);
  rows.push(["sockets still open", String(watchers.filter(({ isOpen }) => isOpen).length)]);
  const woken = await tellAll(synod, watchers);
  const found = begun.slice(beginnings).find((one) => one.endsWith(` ${count}`));
  rows.push(["told by a replica that had to wake", `${woken.toFixed(0)} ms`]);
  rows.push(["a fresh instance found its sockets", found === undefined ? "no: it had not slept" : `yes (${found})`]);
  printTable([["", ""], ...rows]);
  if (found === undefined) process.exitCode = 1;
} finally {
  await synod.stop();
  rmSync(directory, { recursive: true, force: true });
}
process.exit();
