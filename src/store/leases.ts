/**
 * Leases and the keys tied to them. One that was granted ends by a command; one that came with a put, or with a place in a
 * queue, also goes with its last key;
 * no clock of this machine ever ends one (SPEC E1). Used by the store. Renewals of one batch cost one row together.
 */
import { leaseId } from "../support/brand.ts";
import type { ByteString, Instant, LeaseId, LogTime, Slot } from "../support/brand.ts";
import { byteString, bytesOf } from "../support/bytes.ts";
import { bytesIn, numberIn, textIn } from "../support/sql.ts";
import type { Sql, SqlRow } from "../support/sql.ts";
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
}

export interface Tie {
  /** A lease's id, or "" for before all of them. */
  readonly lease: string;
  readonly key: ByteString;
}

const select = "SELECT id, ttl_ms, renewal, renewed_at, granted FROM leases";

export class Leases {
  readonly #sql: Sql;
  readonly #maxSkewMs: number;
  /** Changes of the batch being applied, not yet in the table; null for a lease that is gone. */
  readonly #touched = new Map<LeaseId, Lease | null>();
  /** No lease is due before this; null when there is none, undefined when nobody has looked yet. */
  #notBefore: number | null | undefined;

  constructor(sql: Sql, maxSkewMs: number) {
    this.#sql = sql;
    this.#maxSkewMs = maxSkewMs;
  }

  get(id: LeaseId): Lease | null {
    const touched = this.#touched.get(id);
    if (touched !== undefined) return touched;
    const [row] = this.#sql.all(`${select} WHERE id = ?`, id);
    return row === undefined ? null : leaseIn(row);
  }

  /** Grants the lease, or renews it. @param granted for a lease that lives on without keys. */
  renew(
    id: LeaseId,
    ttlMs: number,
    { slot, now }: { readonly slot: Slot; readonly now: LogTime },
    granted = this.get(id)?.granted ?? false,
  ): void {
    this.#touched.set(id, { id, ttlMs, renewal: slot, renewedAt: now, granted });
    const due = now + ttlMs + this.#maxSkewMs;
    if (this.#notBefore !== undefined) this.#notBefore = Math.min(this.#notBefore ?? due, due);
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
    if (left.length === 0) this.#touched.set(id, null);
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

  end(id: LeaseId): void {
    this.#sql.all("DELETE FROM lease_keys WHERE lease = ?", id);
    this.#touched.set(id, null);
  }

  /** Ends every batch: one row per lease it touched. */
  flush(): void {
    for (const [id, lease] of this.#touched) {
      if (lease === null) this.#sql.all("DELETE FROM leases WHERE id = ?", id);
      else this.write(lease);
    }
    this.#touched.clear();
  }

  write(lease: Lease): void {
    this.#sql.all(
      "INSERT OR REPLACE INTO leases (id, ttl_ms, renewal, renewed_at, granted) VALUES (?, ?, ?, ?, ?)",
      lease.id,
      lease.ttlMs,
      lease.renewal,
      lease.renewedAt,
      lease.granted ? 1 : 0,
    );
  }

  /** A lower bound of when the next lease is due, on an honest machine's clock; null when there is no lease. */
  nextDue(): number | null {
    this.#notBefore ??= this.#earliest();
    return this.#notBefore;
  }

  /** Leases past due by more than the clocks may differ, the longest overdue first. */
  due(now: Instant, limit: number): readonly Lease[] {
    const bound = this.nextDue();
    if (bound === null || bound > now) return [];
    this.#notBefore = this.#earliest();
    const rows = this.#sql.all(
      `${select} WHERE renewed_at + ttl_ms <= ?
       ORDER BY renewed_at + ttl_ms, id LIMIT ?`,
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
    const [row] = this.#sql.all("SELECT min(renewed_at + ttl_ms) AS due FROM leases");
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
  };
}
