/**
 * The keys and their history: one row per change, found by key and revision (multi-version concurrency control). Used
 * by the store, its snapshots and its digest. Never updates a row: that is what lets a page be read at one revision
 * while later writes go on.
 */
import { assert } from "../support/assert.ts";
import { leaseId, revision } from "../support/brand.ts";
import type { ByteString, LeaseId, Revision } from "../support/brand.ts";
import { byteString, bytesOf } from "../support/bytes.ts";
import { bytesIn, numberIn } from "../support/sql.ts";
import type { Sql, SqlRow, SqlValue } from "../support/sql.ts";
import type { Entry } from "./command.ts";
import type { SortTarget } from "./transaction.ts";

/** A row without its value, which may be large. `version` 0: the key was deleted by this row. */
export interface KeyRow {
  readonly modRevision: Revision;
  readonly createRevision: Revision;
  readonly version: number;
  readonly lease: LeaseId | null;
}

/** A row as snapshots carry it; `value` is null exactly when the row is a deletion. */
export interface StoredRow extends KeyRow {
  readonly key: ByteString;
  readonly value: Uint8Array | null;
}

/** Which keys to read, in order: those from `from` (or after it) up to but not including `until`. */
export interface Span {
  readonly from: ByteString;
  readonly exclusive: boolean;
  /** null: to the last key there is. */
  readonly until: ByteString | null;
}

export interface PageBounds {
  readonly limit: number;
  /** Of keys and values. The first entry is given however large it is. */
  readonly maxBytes: number;
}

/** Which of the entries of a span, and in what order. */
export interface Selection {
  readonly sort: { readonly target: SortTarget; readonly descending: boolean };
  /** So many entries, in that order, are left out at the start. */
  readonly skip: number;
  /** Entries come without their values. */
  readonly keysOnly: boolean;
  /** Bounds of mod and create revisions; 0 for none. */
  readonly minMod: number;
  readonly maxMod: number;
  readonly minCreate: number;
  readonly maxCreate: number;
}

const everything: Selection = {
  sort: { target: "key", descending: false },
  skip: 0,
  keysOnly: false,
  minMod: 0,
  maxMod: 0,
  minCreate: 0,
  maxCreate: 0,
};

export interface Rows<Row> {
  readonly rows: readonly Row[];
  readonly more: boolean;
}

/** Values up to this size come with their row; larger ones are read one by one, once the page has room for them. */
const inlineBytes = 4096;
const noBytes = new Uint8Array(0);
const columnsOfRow = 6;
/** The platform binds at most 100 values to a statement. */
const rowsAtOnce = 16;
/** Keys whose newest row is kept in memory: one or two megabytes of the 128 that all objects share. */
const rememberedKeys = 4096;
/** Values up to this size are kept with it, in bytes: reading such a key asks the database for nothing. */
const rememberedBytes = 256;

/** The newest row of a key, and its value where that is known: null for a deletion. */
interface Newest {
  readonly row: KeyRow;
  readonly value: Uint8Array | null | undefined;
}

/**
 * The names in a span, each found by one seek, so that a key with a long history costs no more than any other. The
 * recursion hands over one name at a time, in order, and stops with the reader.
 */
function namesIn(span: Span): string {
  const below = span.until === null ? "" : " AND key < ?";
  return `WITH RECURSIVE names (name) AS (
    SELECT min(key) FROM kv WHERE key ${span.exclusive ? ">" : ">="} ?${below}
    UNION ALL
    SELECT (SELECT min(key) FROM kv WHERE key > name${below}) FROM names WHERE name IS NOT NULL)`;
}

const atRevision = `FROM names CROSS JOIN kv ON kv.key = name
    AND kv.mod = (SELECT max(mod) FROM kv AS one WHERE one.key = name AND one.mod <= ?) WHERE kv.version > 0`;

const columnOf: Readonly<Record<SortTarget, string>> = {
  key: "kv.key",
  version: "kv.version",
  create: "kv.create_revision",
  mod: "kv.mod",
  value: "coalesce(kv.value, x'')",
};

function clausesOf({ sort, minMod, maxMod, minCreate, maxCreate }: Selection): string {
  // Whole numbers, checked where they came in: they may stand in the text.
  const bounds = [
    minMod > 0 ? ` AND kv.mod >= ${minMod}` : "",
    maxMod > 0 ? ` AND kv.mod <= ${maxMod}` : "",
    minCreate > 0 ? ` AND kv.create_revision >= ${minCreate}` : "",
    maxCreate > 0 ? ` AND kv.create_revision <= ${maxCreate}` : "",
  ];
  const direction = sort.descending ? "DESC" : "ASC";
  // In the order of keys they come anyway; asking for it would read the whole span first.
  const order =
    sort.target === "key" && !sort.descending ? "" : ` ORDER BY ${columnOf[sort.target]} ${direction}, kv.key`;
  return `${bounds.join("")}${order}`;
}

const columns = `key, mod, create_revision, version, lease, length(value) AS size,
    CASE WHEN length(value) <= ${inlineBytes} THEN value END AS small`;

const keyColumns = "key, mod, create_revision, version, lease, 0 AS size";

export class Keys {
  readonly #sql: Sql;
  /** The newest rows of keys that were written or looked at lately: most writes are to keys that were written before. */
  readonly #newest = new Map<ByteString, Newest>();
  /** Rows of the batch being applied that are not in the table yet: many go in by one statement. */
  #unwritten: SqlValue[] = [];

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** The newest row of a key, a deletion included. */
  newest(key: ByteString): KeyRow | null {
    const remembered = this.#newest.get(key);
    if (remembered !== undefined) return remembered.row;
    const [row] = this.#sql.all(
      "SELECT mod, create_revision, version, lease FROM kv WHERE key = ? ORDER BY mod DESC LIMIT 1",
      bytesOf(key),
    );
    return row === undefined ? null : this.#remember(key, keyRow(row), undefined);
  }

  #remember(key: ByteString, row: KeyRow, value: Newest["value"]): KeyRow {
    if (this.#newest.size >= rememberedKeys) {
      // Whatever is not written yet is found here.
      this.flush();
      this.#newest.clear();
    }
    const isSmall = value === null || (value !== undefined && value.length <= rememberedBytes);
    // A copy: a small value may lie in the memory of a large message.
    this.#newest.set(key, { row, value: isSmall ? (value?.slice() ?? null) : undefined });
    return row;
  }

  /** One row, a deletion included. */
  row(key: ByteString, mod: Revision): KeyRow | null {
    this.flush();
    const [row] = this.#sql.all(
      "SELECT mod, create_revision, version, lease FROM kv WHERE key = ? AND mod = ?",
      bytesOf(key),
      mod,
    );
    return row === undefined ? null : keyRow(row);
  }

  /** The value a row holds. */
  value(key: ByteString, mod: Revision): Uint8Array {
    this.flush();
    const [row] = this.#sql.all("SELECT value FROM kv WHERE key = ? AND mod = ?", bytesOf(key), mod);
    assert(row !== undefined, "a key row disappeared within one turn");
    return row["value"] === null ? noBytes : bytesIn(row, "value");
  }

  /** The key as it is now. */
  current(key: ByteString): Entry | null {
    const newest = this.#newest.get(key);
    if (newest?.value !== undefined) return entryOf(key, newest.row, newest.value);
    this.flush();
    const [row] = this.#sql.all(
      "SELECT mod, create_revision, version, lease, value FROM kv WHERE key = ? ORDER BY mod DESC LIMIT 1",
      bytesOf(key),
    );
    if (row === undefined) return null;
    const value = valueIn(row);
    return entryOf(key, this.#remember(key, keyRow(row), value), value);
  }

  /** The key as it was at a revision. */
  at(key: ByteString, at: Revision): Entry | null {
    const newest = this.#newest.get(key);
    if (newest?.value !== undefined && newest.row.modRevision <= at) return entryOf(key, newest.row, newest.value);
    this.flush();
    const [row] = this.#sql.all(
      "SELECT mod, create_revision, version, lease, value FROM kv WHERE key = ? AND mod <= ? ORDER BY mod DESC LIMIT 1",
      bytesOf(key),
      at,
    );
    if (row === undefined) return null;
    return entryOf(key, keyRow(row), valueIn(row));
  }

  append(key: ByteString, row: KeyRow, value: Uint8Array | null): void {
    this.#unwritten.push(bytesOf(key), row.modRevision, row.createRevision, row.version, row.lease, value);
    const isLarge = value !== null && value.length > inlineBytes;
    if (isLarge || this.#unwritten.length >= rowsAtOnce * columnsOfRow) this.flush();
    const known = this.#newest.get(key);
    if (known === undefined || known.row.modRevision <= row.modRevision) this.#remember(key, row, value);
    else {
      // It came again. What is not remembered is looked for in the table.
      this.flush();
      this.#newest.delete(key);
    }
  }

  /** Writes what `append` was given, in that order. Everybody who reads the table does it first, and so does the end of a batch. */
  flush(): void {
    if (this.#unwritten.length === 0) return;
    const values = this.#unwritten;
    this.#unwritten = [];
    const row = "(?, ?, ?, ?, ?, ?)";
    const rows = Array.from({ length: values.length / columnsOfRow }, () => row).join();
    this.#sql.all(
      `INSERT OR REPLACE INTO kv (key, mod, create_revision, version, lease, value) VALUES ${rows}`,
      ...values,
    );
  }

  remove(key: ByteString, mod: Revision): void {
    this.flush();
    if (this.#newest.get(key)?.row.modRevision === mod) this.#newest.delete(key);
    this.#sql.all("DELETE FROM kv WHERE key = ? AND mod = ?", bytesOf(key), mod);
  }

  /** The keys of a span as they were at one revision. */
  page(span: Span, at: Revision, bounds: PageBounds, selection: Selection = everything): Rows<Entry> {
    this.flush();
    const rows = this.#sql.all(
      `${namesIn(span)} SELECT ${selection.keysOnly ? keyColumns : columns} ${atRevision}${clausesOf(selection)} LIMIT ? OFFSET ?`,
      ...spanBindings(span),
      at,
      bounds.limit + 1,
      selection.skip,
    );
    return this.#bounded(rows, bounds, (row) => {
      const key = byteString(bytesIn(row, "key"));
      return { key, ...keyRow(row), value: selection.keysOnly ? noBytes : this.#valueOf(key, row) };
    });
  }

  /** How many keys a page of at most so many would have, and the bytes of their keys and values, without reading them. */
  measure(
    span: Span,
    at: Revision,
    atMost: number,
    selection: Selection = everything,
  ): { readonly keys: number; readonly bytes: number } {
    this.flush();
    const size = selection.keysOnly ? "length(kv.key)" : "length(kv.key) + coalesce(length(kv.value), 0)";
    const [row] = this.#sql.all(
      `${namesIn(span)} SELECT count(*) AS n, coalesce(sum(size), 0) AS bytes
         FROM (SELECT ${size} AS size ${atRevision}${clausesOf(selection)} LIMIT ?)`,
      ...spanBindings(span),
      at,
      atMost,
    );
    return row === undefined ? { keys: 0, bytes: 0 } : { keys: numberIn(row, "n"), bytes: numberIn(row, "bytes") };
  }

  count(span: Span, at: Revision, atMost: number): number {
    this.flush();
    const [row] = this.#sql.all(
      `${namesIn(span)} SELECT count(*) AS n FROM (SELECT 1 FROM names
         WHERE (SELECT version FROM kv WHERE key = name AND mod <= ? ORDER BY mod DESC LIMIT 1) > 0 LIMIT ?)`,
      ...spanBindings(span),
      at,
      atMost,
    );
    return row === undefined ? 0 : numberIn(row, "n");
  }

  /** The newest change of any key of a span, deletions included, as far as its rows are kept; 0 when there is none. */
  lastChange(span: Span): Revision {
    this.flush();
    const newest = "SELECT mod FROM kv WHERE key = name ORDER BY mod DESC LIMIT 1";
    const [row] = this.#sql.all(`${namesIn(span)} SELECT max((${newest})) AS mod FROM names`, ...spanBindings(span));
    return revision(row === undefined || row["mod"] === null ? 0 : numberIn(row, "mod"));
  }

  /** Every row, history included, up to one revision; in order of key and revision, from the given place on. */
  history(
    from: { readonly key: ByteString; readonly mod: number },
    upTo: Revision,
    bounds: PageBounds,
  ): Rows<StoredRow> {
    this.flush();
    const rows = this.#sql.all(
      `SELECT ${columns} FROM kv WHERE (key, mod) >= (?, ?) AND mod <= ? ORDER BY key, mod LIMIT ?`,
      bytesOf(from.key),
      from.mod,
      upTo,
      bounds.limit + 1,
    );
    return this.#bounded(rows, bounds, (row) => {
      const key = byteString(bytesIn(row, "key"));
      const found = keyRow(row);
      return { key, ...found, value: found.version === 0 ? null : this.#valueOf(key, row) };
    });
  }

  #bounded<Row>(rows: readonly SqlRow[], bounds: PageBounds, read: (row: SqlRow) => Row): Rows<Row> {
    const taken: Row[] = [];
    let bytes = 0;
    for (const row of rows) {
      bytes += bytesIn(row, "key").length + sizeIn(row);
      if (taken.length > 0 && (taken.length === bounds.limit || bytes > bounds.maxBytes)) break;
      taken.push(read(row));
    }
    return { rows: taken, more: taken.length < rows.length };
  }

  #valueOf(key: ByteString, row: SqlRow): Uint8Array {
    const size = sizeIn(row);
    if (size === 0) return noBytes;
    return size <= inlineBytes ? bytesIn(row, "small") : this.value(key, revision(numberIn(row, "mod")));
  }
}

/** Some drivers bind empty bytes as NULL, so NULL and empty mean the same; `version` alone tells a deletion. */
const sizeIn = (row: SqlRow): number => (row["size"] === null ? 0 : numberIn(row, "size"));

/** Null for a deletion. */
const valueIn = (row: SqlRow): Uint8Array | null =>
  row["version"] === 0 ? null : row["value"] === null ? noBytes : bytesIn(row, "value");

const entryOf = (key: ByteString, row: KeyRow, value: Uint8Array | null): Entry | null =>
  value === null ? null : { key, ...row, value };

function spanBindings(span: Span): Uint8Array[] {
  const from = bytesOf(span.from);
  if (span.until === null) return [from];
  const until = bytesOf(span.until);
  return [from, until, until];
}

function keyRow(row: SqlRow): KeyRow {
  const lease = row["lease"];
  return {
    modRevision: revision(numberIn(row, "mod")),
    createRevision: revision(numberIn(row, "create_revision")),
    version: numberIn(row, "version"),
    lease: typeof lease === "string" ? leaseId(lease) : null,
  };
}
