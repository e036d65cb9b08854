/** One size of `memory.ts`: fills a store and measures everything that looks at many keys. Prints its findings as JSON. */
import { join } from "node:path";
import { encodeBatch } from "../src/store/batch-codec.ts";
import { encodeCommand } from "../src/store/command-codec.ts";
import type { Command } from "../src/store/command.ts";
import { userKey, userRange } from "../src/store/key-space.ts";
import { startOf } from "../src/store/events.ts";
import { allOf, rangeStart } from "../src/store/ranges.ts";
import { Store } from "../src/store/store.ts";
import { leaseId, logTime, nextSlot, requestId, revision } from "../src/support/brand.ts";
import { utf8 } from "../src/support/bytes.ts";
import { limits } from "../src/support/limits.ts";
import type { Sql, SqlRow, SqlValue } from "../src/support/sql.ts";
import { NodeSql } from "../test/support/node-sql.ts";

export interface Measured {
  readonly name: string;
  readonly ms: number;
  readonly peakBytes: number;
  readonly keptBytes: number;
  readonly rssBytes: number;
}

const inUse = (): number => {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

/** Sees how much memory is in use at each statement: rows are there, and what is made of them before is, too. */
class WatchedSql implements Sql {
  readonly #sql: NodeSql;
  peak = 0;
  /** Filling makes millions of statements: it looks once for each batch instead. */
  isWatching = true;

  constructor(path: string) {
    this.#sql = new NodeSql(path);
    // As on the platform: one commit for each event. What a disk takes is not measured.
    this.#sql.all("PRAGMA journal_mode = WAL");
    this.#sql.all("PRAGMA synchronous = OFF");
  }

  all(statement: string, ...bindings: readonly SqlValue[]): readonly SqlRow[] {
    const rows = this.#sql.all(statement, ...bindings);
    if (this.isWatching) this.look();
    return rows;
  }

  look(): void {
    this.peak = Math.max(this.peak, inUse());
  }

  commit(work: () => void): void {
    this.#sql.all("BEGIN");
    work();
    this.#sql.all("COMMIT");
  }
}

const [keys, directory] = [Number(process.argv[2]), process.argv[3]];
if (!Number.isSafeInteger(keys) || directory === undefined) throw new Error("memory-child.ts KEYS DIRECTORY");
const { gc } = globalThis;
if (gc === undefined) throw new Error("memory-child.ts needs --expose-gc");

const sql = new WatchedSql(join(directory, "store.sqlite"));
const found: Measured[] = [];

function measure(name: string, work: (watched: WatchedSql) => void, watched: WatchedSql = sql): void {
  gc?.();
  const [before, rss, begin] = [inUse(), process.memoryUsage.rss(), performance.now()];
  watched.peak = before;
  work(watched);
  const ms = performance.now() - begin;
  watched.look();
  gc?.();
  const [kept, rssAfter] = [inUse(), process.memoryUsage.rss()];
  found.push({ name, ms, peakBytes: watched.peak - before, keptBytes: kept - before, rssBytes: rssAfter - rss });
}

// --- filling ---

const large = "large";
const key = (n: number) => userKey(utf8(`key/${String(n).padStart(7, "0")}`));
let now = 1_000_000_000;
let [written, deadline] = [0, logTime(0)];

function putNext(): Command {
  const n = written;
  written += 1;
  // One in ten to one of a hundred leases, one in ten to a single one.
  const name = n % 10 === 0 ? `lease-${n % 1000}` : n % 10 === 5 ? large : null;
  const lease = name === null ? {} : { lease: { id: leaseId(name), ttlMs: 86_400_000 } };
  const value = utf8(`value ${String(n).padStart(10, "0")}`);
  const operation = { type: "put", key: key(n), value, condition: { type: "always" }, ...lease } as const;
  return { id: requestId(`bench/${n}`), deadline, operation };
}

function apply(store: Store, commands: readonly Command[]): void {
  now += 2_000;
  const batch = { semantics: 1, stamp: logTime(now), commands };
  const text = encodeBatch(batch.stamp, commands.map(encodeCommand));
  sql.commit(() => store.apply(nextSlot(store.appliedSlot), text, batch));
}

let store = new Store(sql);
measure("filling", (watched) => {
  watched.isWatching = false;
  while (written < keys) {
    deadline = logTime(now + limits.commandLifeMs);
    apply(store, Array.from({ length: Math.min(limits.batchCommands, keys - written) }, putNext));
    store.takeTouched();
    watched.look();
  }
  // Time goes on: outcomes are forgotten with it, however many keys there are.
  now += 2 * limits.commandLifeMs;
  for (let n = 0; n < 3; n += 1) apply(store, []);
  watched.isWatching = true;
});

// --- reading ---

const everything = allOf(userRange);
const page = { limit: limits.pageKeys, maxBytes: limits.pageBytes };
const expect = (holds: boolean, what: string): void => {
  if (!holds) throw new Error(`${what}: not what was written`);
};

measure("opening", () => {
  store = new Store(sql);
});
measure("a lookup", () => {
  expect(store.get(key(keys - 1))?.version === 1, "a lookup");
});
measure("a range of 1,000", () => {
  const range = store.range(everything, { after: key(0), skip: 0 }, page);
  expect("entries" in range && range.entries.length === Math.min(keys - 1, limits.pageKeys), "a range");
});
measure("its first page, with a count of all", () => {
  const range = store.range(everything, rangeStart, page);
  expect("entries" in range && range.count === keys, "a first page");
});
measure("a count of all", () => {
  const range = store.range({ ...everything, countOnly: true }, rangeStart, page);
  expect("count" in range && range.count === keys, "a count");
});
measure("a range of 1,000, newest first", () => {
  const sort = { target: "mod", descending: true } as const;
  const range = store.range({ ...everything, sort }, { after: null, skip: 1 }, page);
  expect("entries" in range && range.entries[0]?.modRevision === keys, "a sorted range");
});
measure("a watch of 1,000 events", () => {
  const from = { revision: revision(Math.max(2, keys - 4_000)), index: 0 };
  const query = { range: userRange, from, puts: true, deletes: true, previous: true };
  const bounds = { events: limits.watchEvents, bytes: limits.watchBytes, changes: 10_000 };
  const events = store.events(query, bounds);
  expect(events.type === "events" && events.events.length === limits.watchEvents, "a watch");
});

// --- snapshots and digests ---

const other = new WatchedSql(join(directory, "copy.sqlite"));
const pages: { rows: string }[] = [];
measure("a snapshot, page by page", () => {
  const snapshot = store.openSnapshot();
  for (let cursor: string | null = null; ;) {
    const read = snapshot.page(cursor);
    if (read.type !== "page") throw new Error(read.type);
    sql.look();
    // What a peer would be sent, one at a time.
    pages[0] = read;
    if (read.next === null) break;
    cursor = read.next;
  }
});
measure(
  "a snapshot, loaded by a peer",
  (watched) => {
    const copy = new Store(watched);
    const snapshot = store.openSnapshot();
    watched.commit(() => copy.beginLoad());
    watched.isWatching = false;
    for (let cursor: string | null = null; ;) {
      const read = snapshot.page(cursor);
      if (read.type !== "page") throw new Error(read.type);
      watched.commit(() => expect(copy.loadPage(read.rows) === null, "a page"));
      watched.look();
      if (read.next === null) break;
      cursor = read.next;
    }
    watched.isWatching = true;
    watched.commit(() => expect(copy.endLoad() === null, "the end"));
    expect(copy.revision === store.revision, "the copy");
  },
  other,
);
let digest = "";
measure("a digest", () => {
  digest = store.digest();
});
expect(new Store(other).digest() === digest, "the copy's digest");

// --- the end of a lease with a tenth of all keys ---

const before = store.revision;
measure("the end of a lease with a tenth of the keys", () => {
  const operation = { type: "revoke", lease: leaseId(large) } as const;
  apply(store, [{ id: requestId("end"), deadline: logTime(now + limits.commandLifeMs), operation }]);
  expect(store.revision === before + 1 && store.leaseKeys(leaseId(large), 1).length === 0, "the end of a lease");
});
measure("a watch of its first 1,000 events", () => {
  const query = { range: userRange, from: startOf(before + 1), puts: true, deletes: true, previous: true };
  const events = store.events(query, { events: limits.watchEvents, bytes: limits.watchBytes, changes: 10_000 });
  const expected = Math.min(keys / 10, limits.watchEvents);
  expect(events.type === "events" && events.events.length === expected, "a watch of it");
});
process.stdout.write(JSON.stringify(found));
