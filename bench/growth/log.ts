/**
 * How cost grows with the log: very many slots of one put each, over 1,000 keys, with the acceptor's votes trimmed and the
 * store's history cleared as they go, then a snapshot into an empty store. The real store and acceptor storage on SQLite
 * files, in this process: through the runtime a million slots would take hours. No network and no fsync in its times.
 */
import { join } from "node:path";
import { encodeBatch } from "../../src/store/batch-codec.ts";
import { encodeCommand } from "../../src/store/command-codec.ts";
import type { Command } from "../../src/store/command.ts";
import { userKey } from "../../src/store/key-space.ts";
import { Store } from "../../src/store/store.ts";
import { logTime, nextSlot, requestId, slot } from "../../src/support/brand.ts";
import { utf8 } from "../../src/support/bytes.ts";
import { limits } from "../../src/support/limits.ts";
import { NodeSql } from "../../test/support/node-sql.ts";
import type { Enrolment } from "../../src/paxos/enrolment.ts";
import { ballot } from "../../src/paxos/ballot.ts";
import { AcceptorStorage } from "../../workers/adapters/acceptor-storage.ts";
import { printTable } from "../report.ts";
import { mib } from "./ground.ts";
import type { Ground } from "./ground.ts";

function open(path: string): NodeSql {
  const sql = new NodeSql(path);
  sql.all("PRAGMA journal_mode = WAL");
  sql.all("PRAGMA synchronous = OFF");
  return sql;
}

function commit(sql: NodeSql, work: () => void): void {
  sql.all("BEGIN");
  work();
  sql.all("COMMIT");
}

const number = (sql: NodeSql, query: string): number => Number(Object.values(sql.all(query)[0] ?? {})[0]);
const bytesOf = (sql: NodeSql): number =>
  number(sql, "PRAGMA page_count") * number(sql, "PRAGMA page_size") -
  number(sql, "PRAGMA freelist_count") * number(sql, "PRAGMA page_size");

export async function log({ directory, quick }: Ground): Promise<void> {
  const slots = quick ? 5_000 : 1_000_000;
  const steps = 4;
  const sql = open(join(directory, "log-store"));
  const votes = open(join(directory, "log-votes"));
  const store = new Store(sql);
  const acceptor = new AcceptorStorage(votes);
  // Nothing here asks who it is.
  acceptor.enrol({} as Enrolment, "bench");
  const under = ballot(1, "bench", "bench");
  const rows: string[][] = [
    [
      "slots so far",
      "µs a slot, store",
      "µs a vote",
      "rows of batches",
      "rows of keys",
      "votes kept",
      "store MiB",
      "votes MiB",
      "RSS MiB",
    ],
  ];
  for (let step = 1; step <= steps; step += 1) {
    let [storing, voting] = [0, 0];
    for (let at = (slots / steps) * (step - 1); at < (slots / steps) * step; at += 1) {
      // A hundred slots a second: an hour, after which history may go, is 360,000 of them.
      const now = 1_700_000_000_000 + at * (quick ? 1_000 : 10);
      const command: Command = {
        id: requestId(`log-${at}`),
        deadline: logTime(now + limits.commandLifeMs),
        operation: {
          type: "put",
          key: userKey(utf8(`key-${at % 1_000}`)),
          value: utf8("0123456789abcdef"),
          condition: { type: "always" },
        },
      };
      const batch = { semantics: store.knows, stamp: logTime(now), commands: [command] };
      const text = encodeBatch(batch.stamp, [encodeCommand(command)]);
      const began = performance.now();
      commit(votes, () => {
        const trims = at > limits.keptSlots && at % limits.trimStep === 0;
        acceptor.save([
          { type: "voted", subject: "log", vote: { slot: slot(at + 1), ballot: under, value: text } },
          ...(trims ? [{ type: "trimmed", floor: slot(at - limits.keptSlots) } as const] : []),
        ]);
      });
      const voted = performance.now();
      commit(sql, () => void store.apply(nextSlot(store.appliedSlot), text, batch));
      voting += voted - began;
      storing += performance.now() - voted;
    }
    const micros = (ms: number): string => ((ms * 1_000) / (slots / steps)).toFixed(0);
    rows.push([
      store.appliedSlot.toLocaleString("en"),
      micros(storing),
      micros(voting),
      String(number(sql, "SELECT count(*) FROM batches")),
      String(number(sql, "SELECT count(*) FROM kv")),
      String(number(votes, "SELECT count(*) FROM votes")),
      mib(bytesOf(sql)),
      mib(bytesOf(votes)),
      (process.memoryUsage().rss / 1024 / 1024).toFixed(0),
    ]);
  }
  printTable(rows);

  const starting = performance.now();
  const again = new Store(sql);
  const started = performance.now();
  const other = open(join(directory, "log-copy"));
  const copy = new Store(other);
  commit(other, () => copy.beginLoad());
  const snapshot = again.openSnapshot();
  let [pages, bytes] = [0, 0];
  for (let cursor: string | null = null; ;) {
    const page = snapshot.page(cursor);
    if (page.type !== "page") throw new Error(page.type);
    commit(other, () => {
      if (copy.loadPage(page.rows) !== null) throw new Error("the copy refused a page");
    });
    pages += 1;
    bytes += page.rows.length;
    if (page.next === null) break;
    cursor = page.next;
  }
  commit(other, () => {
    if (copy.endLoad() !== null) throw new Error("the copy is not whole");
  });
  const loaded = performance.now();
  if (copy.digest() !== again.digest()) throw new Error("the copy differs");
  printTable([
    ["after all slots", ""],
    ["a store opened on its tables, ms", (started - starting).toFixed(1)],
    ["a snapshot made and loaded, ms", (loaded - started).toFixed(0)],
    ["its pages; MiB", `${pages}; ${mib(bytes)}`],
  ]);
  return Promise.resolve();
}
