/**
 * Leases and the keys tied to them. One that was granted ends by a command; one that came with a put, or with a place in a
 * queue, also goes with its last key;
 * no clock of this machine ever ends one (SPEC E1). One whose herd is missing with it is held for a while (SPEC H1). Used by the store. Renewals of one batch cost one row together.
 */
import { leaseId } from "../support/brand.ts";
import type { ByteString, Instant, LeaseId, LogTime, Slot } from "../support/brand.ts";
import { byteString, bytesOf } from "../support/bytes.ts";
import { bytesIn, numberIn, textIn } from "../support/sql.ts";
import type { Sql, SqlRow } from "../support/sql.ts";
import { Herds } from "./herds.ts";
import type { Herd } from "./herds.ts";
import type { KeyRange } from "./transaction.ts";

export interface Lease {
  readonly id: LeaseId;
  readonly ttlMs: number;
  /**
   * The slot that granted or last renewed it: what an `expire` command is conditional on. A count from 1 would come again
   * in the next life of a lease, and a late command that saw the first life would end the second. Slots only grow, and
   * what a batch does to a lease before its last renewal nobody ever saw.
   */
  readonly renewal: number;
  /** Log time of the last renewal. */
  readonly renewedAt: number;
  /** Lives on without keys. */
  readonly granted: boolean;
  /** Whose renewals are judged together (SPEC H1); null: judged by nobody. */
  readonly herd: string | null;
  /** A suspect is held until then, in log time; null: nobody suspects it. */
  readonly heldUntil: number | null;
}

/** What a renewal says of a lease; what it does not say stays as it was. */
export type Renewal = Partial<Pick<Lease, "ttlMs" | "granted" | "herd">>;

const newLease = { ttlMs: 1, granted: false, herd: null };

export interface Tie {
  /** A lease's id, or "" for before all of them. */
  readonly lease: string;
  readonly key: ByteString;
}

const select = "SELECT id, ttl_ms, renewal, renewed_at, granted, herd, held_until FROM leases";
/** As `endOf` in `rules.ts`. */
const end = "max(renewed_at + ttl_ms, coalesce(held_until, 0))";

export class Leases {
  readonly #sql: Sql;
  readonly #maxSkewMs: number;
  /** Changes of the batch being applied, not yet in the table; null for a lease that is gone. */
  readonly #touched = new Map<LeaseId, Lease | null>();
  /** Counted for the batch being applied, if it asked. */
  #herds: Herds | null = null;
  /** No lease is due before this; null when there is none, undefined when nobody has looked yet. */
  #notBefore: number | null | undefined;

  constructor(sql: Sql, maxSkewMs: number) {
    this.#sql = sql;
    this.#maxSkewMs = maxSkewMs;
  }

  get(id: LeaseId): Lease | null {
    const touched = this.#touched.get(id);
    return touched === undefined ? this.#stored(id) : touched;
  }

  #stored(id: LeaseId): Lease | null {
    const [row] = this.#sql.all(`${select} WHERE id = ?`, id);
    return row === undefined ? null : leaseIn(row);
  }

  /** Grants the lease, or renews it. @returns true when it was suspected until now. */
  renew(id: LeaseId, said: Renewal, { slot, now }: { readonly slot: Slot; readonly now: LogTime }): boolean {
    const before = this.get(id);
    const { ttlMs, granted, herd } = { ...newLease, ...before, ...said };
    this.#set(id, { id, ttlMs, renewal: slot, renewedAt: now, granted, herd, heldUntil: null });
    const due = now + ttlMs + this.#maxSkewMs;
    if (this.#notBefore !== undefined) this.#notBefore = Math.min(this.#notBefore ?? due, due);
    return before !== null && before.heldUntil !== null;
  }

  /** H1: it is held instead of ended. */
  suspect(lease: Lease, heldUntil: number): void {
    this.#set(lease.id, { ...lease, heldUntil });
  }

  /** The herd as it is now, in the middle of a batch. */
  herd(name: string, now: LogTime): Herd {
    this.#herds ??= this.#countHerds(now);
    return this.#herds.of(name);
  }

  #set(id: LeaseId, lease: Lease | null): void {
    this.#herds?.changed(this.get(id), lease);
    this.#touched.set(id, lease);
  }

  #countHerds(now: LogTime): Herds {
    const rows = this.#sql.all(
      `SELECT herd, count(*) AS leases, sum(held_until IS NOT NULL OR 2 * (? - renewed_at) >= ttl_ms) AS missing
       FROM leases WHERE herd IS NOT NULL GROUP BY herd`,
      now,
    );
    const counted = rows.map((row): readonly [string, Herd] => [
      textIn(row, "herd"),
      { leases: numberIn(row, "leases"), missing: numberIn(row, "missing") },
    ]);
    const herds = new Herds(now, counted);
    // What this batch has done before it asked.
    for (const [id, lease] of this.#touched) herds.changed(this.#stored(id), lease);
    return herds;
  }

  attach(id: LeaseId, key: ByteString): void {
    this.#sql.all("INSERT OR REPLACE INTO lease_keys (lease, key) VALUES (?, ?)", id, bytesOf(key));
  }

  detach(id: LeaseId, key: ByteString): void {
    this.#sql.all("DELETE FROM lease_keys WHERE lease = ? AND key = ?", id, bytesOf(key));
  }

  /** A lease left without keys is gone, unless it was granted. */
  endIfUnused(id: LeaseId): void {
    if (this.get(id)?.granted === true) return;
    const left = this.#sql.all("SELECT 1 AS one FROM lease_keys WHERE lease = ? LIMIT 1", id);
    if (left.length === 0) this.#set(id, null);
  }

  /** Keys of a lease in order, after one of them: a lease may have very many. */
  keysOf(id: LeaseId, limit: number, after: ByteString | null = null): readonly ByteString[] {
    const rows =
      after === null
        ? this.#sql.all("SELECT key FROM lease_keys WHERE lease = ? ORDER BY key LIMIT ?", id, limit)
        : this.#sql.all(
            "SELECT key FROM lease_keys WHERE lease = ? AND key > ? ORDER BY key LIMIT ?",
            id,
            bytesOf(after),
            limit,
          );
    return rows.map((row) => byteString(bytesIn(row, "key")));
  }

  /** Those of its keys that lie in a range with an end. */
  keysWithin(id: LeaseId, { key, end }: KeyRange): readonly ByteString[] {
    if (end === null) return [];
    const statement = "SELECT key FROM lease_keys WHERE lease = ? AND key >= ? AND key < ? ORDER BY key";
    return this.#sql.all(statement, id, bytesOf(key), bytesOf(end)).map((row) => byteString(bytesIn(row, "key")));
  }

  /** Whether each of its keys begins with one of these. */
  isWithin(id: LeaseId, prefixes: readonly ByteString[]): boolean {
    const begins = prefixes.map(() => "substr(key, 1, ?) = ?").join(" OR ");
    const outside = `SELECT 1 AS one FROM lease_keys WHERE lease = ? AND NOT (${begins}) LIMIT 1`;
    const bindings = prefixes.flatMap((prefix) => [prefix.length, bytesOf(prefix)]);
    return this.#sql.all(outside, id, ...bindings).length === 0;
  }

  end(id: LeaseId): void {
    this.#sql.all("DELETE FROM lease_keys WHERE lease = ?", id);
    this.#set(id, null);
  }

  /** Ends every batch: one row per lease it touched. */
  flush(): void {
    for (const [id, lease] of this.#touched) {
      if (lease === null) this.#sql.all("DELETE FROM leases WHERE id = ?", id);
      else this.write(lease);
    }
    this.#touched.clear();
    this.#herds = null;
  }

  write(lease: Lease): void {
    this.#sql.all(
      `INSERT OR REPLACE INTO leases (id, ttl_ms, renewal, renewed_at, granted, herd, held_until)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      lease.id,
      lease.ttlMs,
      lease.renewal,
      lease.renewedAt,
      lease.granted ? 1 : 0,
      lease.herd,
      lease.heldUntil,
    );
  }

  /** A lower bound of when the next lease is due, on an honest machine's clock; null when there is no lease. */
  nextDue(): number | null {
    if (this.#notBefore === undefined) this.#notBefore = this.#earliest();
    return this.#notBefore;
  }

  /** Leases past due by more than the clocks may differ, the longest overdue first. */
  due(now: Instant, limit: number): readonly Lease[] {
    const bound = this.nextDue();
    if (bound === null || bound > now) return [];
    this.#notBefore = this.#earliest();
    const rows = this.#sql.all(
      `${select} WHERE ${end} <= ?
       ORDER BY ${end}, id LIMIT ?`,
      now - this.#maxSkewMs,
      limit,
    );
    return rows.map(leaseIn);
  }

  /** Leases after one, in the order of their names. */
  after(id: string, limit: number): readonly Lease[] {
    return this.#sql.all(`${select} WHERE id > ? ORDER BY id LIMIT ?`, id, limit).map(leaseIn);
  }

  all(): readonly Lease[] {
    return this.#sql.all(`${select} ORDER BY id`).map(leaseIn);
  }

  /** Which keys are tied to which lease, in the order of both, after one of them. */
  tiesAfter({ lease, key }: Tie, limit: number): readonly Tie[] {
    return this.#sql
      .all(
        "SELECT lease, key FROM lease_keys WHERE (lease, key) > (?, ?) ORDER BY lease, key LIMIT ?",
        lease,
        bytesOf(key),
        limit,
      )
      .map((row) => ({ lease: textIn(row, "lease"), key: byteString(bytesIn(row, "key")) }));
  }

  #earliest(): number | null {
    const [row] = this.#sql.all(`SELECT min(${end}) AS due FROM leases`);
    return row === undefined || row["due"] === null ? null : numberIn(row, "due") + this.#maxSkewMs;
  }
}

function leaseIn(row: SqlRow): Lease {
  return {
    id: leaseId(textIn(row, "id")),
    ttlMs: numberIn(row, "ttl_ms"),
    renewal: numberIn(row, "renewal"),
    renewedAt: numberIn(row, "renewed_at"),
    granted: numberIn(row, "granted") === 1,
    herd: row["herd"] === null ? null : textIn(row, "herd"),
    heldUntil: row["held_until"] === null ? null : numberIn(row, "held_until"),
  };
}
