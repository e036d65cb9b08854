/**
 * The store's tables. Every row written is paid for, so no table has a second index, and what an apply must remember
 * is packed into the one row per batch. Called by the store only: it decides when tables may be made or dropped.
 */
import type { Sql } from "../support/sql.ts";

const tables = [
  // One row per put, never updated. `version` 0 marks a deletion; its value is NULL. Older rows are history.
  [
    "kv",
    "key BLOB, mod INTEGER, create_revision INTEGER, version INTEGER, lease TEXT, value BLOB, PRIMARY KEY (key, mod)",
    true,
  ],
  // One row per applied batch. `stamp` is log time after it; `before` and `revision` the store's revision around it;
  // `changes` as `changes.ts` writes them; `outcomes` those of the brief memory and `value` the batch as it came, both
  // NULL after a snapshot.
  [
    "batches",
    "slot INTEGER PRIMARY KEY, stamp INTEGER, before INTEGER, revision INTEGER, outcomes TEXT, changes TEXT, value TEXT",
    false,
  ],
  // What does not fit a batch row's `changes`: a lease may have ended with very many keys.
  ["changes", "slot INTEGER, part INTEGER, rows TEXT, PRIMARY KEY (slot, part)", true],
  // `granted` 0: it goes with its last key. `held_until` is of suspects only.
  [
    "leases",
    "id TEXT PRIMARY KEY, ttl_ms INTEGER, renewal INTEGER, renewed_at INTEGER, granted INTEGER, herd TEXT, held_until INTEGER",
    true,
  ],
  ["lease_keys", "lease TEXT, key BLOB, PRIMARY KEY (lease, key)", true],
  // Outcomes that the brief memory does not keep: under a client's own key, until a far deadline, or from a snapshot.
  ["outcomes", "id TEXT PRIMARY KEY, deadline INTEGER, fingerprint TEXT, outcome TEXT", true],
  ["sessions", "id TEXT PRIMARY KEY, next INTEGER, expires INTEGER", true],
  // How far history was compacted on demand (`compaction.ts`).
  // `loading` is here from the first page of a snapshot to the last: without it half a snapshot would pass for a store.
  ["store_meta", "name TEXT PRIMARY KEY, value TEXT", true],
] as const;

export type Found = "nothing" | "store" | "half-loaded";

/** What an object finds when it starts. Writes nothing. */
export function findTables(sql: Sql): Found {
  const made = sql.all("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'store_meta'");
  if (made.length === 0) return "nothing";
  return sql.all("SELECT name FROM store_meta WHERE name = 'loading'").length === 0 ? "store" : "half-loaded";
}

export function createTables(sql: Sql): void {
  for (const [name, columns, withoutRowid] of tables) {
    sql.all(`CREATE TABLE IF NOT EXISTS ${name} (${columns})${withoutRowid ? " WITHOUT ROWID" : ""}`);
  }
}

export function dropTables(sql: Sql): void {
  for (const [name] of tables) sql.all(`DROP TABLE IF EXISTS ${name}`);
}

const isThere = (sql: Sql, name: string): boolean =>
  sql.all("SELECT name FROM sqlite_master WHERE type = 'table' AND name = ?", name).length > 0;
const asideOf = (name: string): string => `before_${name}`;

/** Keeps what is there under other names, as long as it is not certain what takes its place. Moves no rows. */
export function setTablesAside(sql: Sql): void {
  for (const [name] of tables) {
    sql.all(`DROP TABLE IF EXISTS ${asideOf(name)}`);
    if (isThere(sql, name)) sql.all(`ALTER TABLE ${name} RENAME TO ${asideOf(name)}`);
  }
}

/** What is there goes, and what was set aside, if anything, is back. */
export function putTablesBack(sql: Sql): void {
  dropTables(sql);
  for (const [name] of tables)
    if (isThere(sql, asideOf(name))) sql.all(`ALTER TABLE ${asideOf(name)} RENAME TO ${name}`);
}

/** What was set aside goes for good. */
export function dropTablesAside(sql: Sql): void {
  for (const [name] of tables) sql.all(`DROP TABLE IF EXISTS ${asideOf(name)}`);
}

export function markLoading(sql: Sql): void {
  sql.all("INSERT OR REPLACE INTO store_meta (name, value) VALUES ('loading', '1')");
}

export function unmarkLoading(sql: Sql): void {
  sql.all("DELETE FROM store_meta WHERE name = 'loading'");
}
