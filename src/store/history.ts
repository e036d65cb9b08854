/**
 * One row per applied batch: how far the store has applied, what peers catch up from, and which key rows the batch made
 * history. Oldest batches are cleared with later ones, a few at a time, and their superseded rows with them. Used by the
 * store. Never clears the newest row: it is what says how far the store has come.
 */
import { assert } from "../support/assert.ts";
import { logTime, revision, slot } from "../support/brand.ts";
import type { ByteString, LogTime, Revision, Slot } from "../support/brand.ts";
import { utf8 } from "../support/bytes.ts";
import { numberIn, textIn } from "../support/sql.ts";
import type { Sql, SqlRow } from "../support/sql.ts";
import type { BriefOutcome } from "./outcomes.ts";
import { decodeBrief } from "./outcomes.ts";
import { decodeSuperseded, encodeSuperseded } from "./superseded.ts";
import type { Superseded } from "./superseded.ts";
import { briefMs } from "./store-limits.ts";
import type { StoreLimits } from "./store-limits.ts";

/** Where a store stands, and where it stood before. */
export interface Milestone {
  readonly slot: Slot;
  /** Log time after the batch. */
  readonly stamp: LogTime;
  readonly before: Revision;
  readonly revision: Revision;
}

/** A batch row as snapshots carry it: what outlives the batch itself. */
export interface BatchRow extends Milestone {
  readonly superseded: string | null;
}

/** Further rows that a batch superseded: what did not fit its own row. */
export interface SupersededPart {
  readonly slot: Slot;
  readonly part: number;
  readonly rows: string;
}

export interface KeptBatch {
  readonly slot: Slot;
  readonly value: string;
}

const milestones = "SELECT slot, stamp, before, revision FROM batches";

export class History {
  readonly #sql: Sql;
  readonly #limits: StoreLimits;
  #oldest: Milestone | null = null;
  #newest: Milestone | null = null;
  #firstKept = slot(1);

  constructor(sql: Sql, limits: StoreLimits, exists: boolean) {
    this.#sql = sql;
    this.#limits = limits;
    if (exists) this.reload();
  }

  /** Reads what the fields hold from the table: at start, and after a snapshot. */
  reload(): void {
    this.#oldest = this.#milestone(`${milestones} ORDER BY slot LIMIT 1`);
    this.#newest = this.#milestone(`${milestones} ORDER BY slot DESC LIMIT 1`);
    const [kept] = this.#sql.all("SELECT slot FROM batches WHERE value IS NOT NULL ORDER BY slot LIMIT 1");
    this.#firstKept = slot(kept === undefined ? (this.#newest?.slot ?? 0) + 1 : numberIn(kept, "slot"));
  }

  get newest(): Milestone | null {
    return this.#newest;
  }

  /** The oldest batch that still has a row; null when there is none. */
  get oldest(): Milestone | null {
    return this.#oldest;
  }

  /** The first slot that a peer can have from here; one past the newest when there is none. */
  get firstKeptSlot(): Slot {
    return this.#firstKept;
  }

  /** Below this revision rows are gone. The oldest batch left says so: no row of its own. */
  get compactedRevision(): Revision {
    return this.#oldest?.before ?? revision(0);
  }

  append(milestone: Milestone, outcomes: string | null, superseded: readonly Superseded[], value: string): void {
    const [first, ...others] = encodeSuperseded(superseded);
    this.#insert(milestone, outcomes, first ?? null, value);
    others.forEach((rows, part) => this.insertPart({ slot: milestone.slot, part, rows }));
    this.#oldest ??= milestone;
    this.#newest = milestone;
  }

  /** A row from a snapshot: without the batch, and its outcomes come in rows of their own. */
  insert(row: BatchRow): void {
    this.#insert(row, null, row.superseded, null);
  }

  #insert(at: Milestone, outcomes: string | null, superseded: string | null, value: string | null): void {
    this.#sql.all(
      `INSERT OR REPLACE INTO batches (slot, stamp, before, revision, outcomes, superseded, value)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      at.slot,
      at.stamp,
      at.before,
      at.revision,
      outcomes,
      superseded,
      value,
    );
  }

  insertPart({ slot: at, part, rows }: SupersededPart): void {
    this.#sql.all("INSERT OR REPLACE INTO superseded (slot, part, rows) VALUES (?, ?, ?)", at, part, rows);
  }

  /** Clears what nobody can ask for any more. Depends on the applied log only, so replicas clear alike (SPEC L3). */
  clear(removeRow: (key: ByteString, mod: Revision) => void): void {
    for (let cleared = 0; cleared < this.#limits.clearedBatchesPerApply; cleared += 1) {
      if (!this.#mayClearOldest()) return;
      this.#clearOldest(removeRow);
    }
  }

  /**
   * Clears all batches before `first`, as the source of a snapshot had done by the time it was read. Some of them it may
   * have cleared before they were read: there may be gaps.
   */
  clearBefore(first: Slot, removeRow: (key: ByteString, mod: Revision) => void): void {
    while (this.#oldest !== null && this.#oldest.slot < first && this.#oldest.slot !== this.#newest?.slot) {
      this.#clearOldest(removeRow);
    }
  }

  /** Values from `from` on. At least one when there is one, however large. */
  kept(from: Slot, maxBytes: number, maxRows: number): readonly KeptBatch[] {
    const taken: KeptBatch[] = [];
    let bytes = 0;
    for (let at = from; taken.length < maxRows && at <= (this.#newest?.slot ?? 0); at = slot(at + 1)) {
      const [row] = this.#sql.all("SELECT value FROM batches WHERE slot = ?", at);
      assert(row !== undefined, "L1 batch rows are contiguous");
      const value = textIn(row, "value");
      bytes += utf8(value).length;
      if (taken.length > 0 && bytes > maxBytes) break;
      taken.push({ slot: at, value });
    }
    return taken;
  }

  /** Outcomes of the brief memory, oldest first: what it must hold again after a restart. */
  recentOutcomes(now: LogTime): readonly BriefOutcome[] {
    const found: (readonly BriefOutcome[])[] = [];
    let below = (this.#newest?.slot ?? 0) + 1;
    while (below > 0) {
      const rows = this.#sql.all(
        "SELECT slot, stamp, outcomes FROM batches WHERE slot < ? ORDER BY slot DESC LIMIT 64",
        below,
      );
      below = 0;
      for (const row of rows) {
        if (numberIn(row, "stamp") + briefMs(this.#limits) < now) return found.reverse().flat();
        below = numberIn(row, "slot");
        const outcomes = row["outcomes"] === null ? [] : decodeBrief(textIn(row, "outcomes"));
        assert(outcomes !== null, "X1 a batch row's outcomes must be readable");
        found.push(outcomes);
      }
    }
    return found.reverse().flat();
  }

  /** The rows of these slots that are not cleared yet, in order: at most `limit`. */
  rows(from: number, upTo: Slot, limit: number): readonly BatchRow[] {
    return this.#sql
      .all(
        `SELECT slot, stamp, before, revision, superseded FROM batches WHERE slot >= ? AND slot <= ?
         ORDER BY slot LIMIT ?`,
        from,
        upTo,
        limit,
      )
      .map((row) => ({
        ...milestoneIn(row),
        superseded: row["superseded"] === null ? null : textIn(row, "superseded"),
      }));
  }

  /** The same of what did not fit those rows, from one part of one slot on. */
  parts(from: { readonly slot: number; readonly part: number }, upTo: Slot, limit: number): readonly SupersededPart[] {
    return this.#sql
      .all(
        `SELECT slot, part, rows FROM superseded WHERE (slot, part) >= (?, ?) AND slot <= ?
         ORDER BY slot, part LIMIT ?`,
        from.slot,
        from.part,
        upTo,
        limit,
      )
      .map((row) => ({
        slot: slot(numberIn(row, "slot")),
        part: numberIn(row, "part"),
        rows: textIn(row, "rows"),
      }));
  }

  /** True when each batch row left begins where the one before it ended. */
  followsOn(): boolean {
    const broken = this.#sql.all(
      `SELECT 1 AS one FROM batches AS a LEFT JOIN batches AS b ON b.slot = a.slot + 1
       WHERE a.slot < ? AND (b.slot IS NULL OR b.before <> a.revision OR b.stamp < a.stamp) LIMIT 1`,
      this.#newest?.slot ?? 0,
    );
    return broken.length === 0;
  }

  #mayClearOldest(): boolean {
    const [oldest, newest, limits] = [this.#oldest, this.#newest, this.#limits];
    if (oldest === null || newest === null || oldest.slot === newest.slot) return false;
    return (
      oldest.revision <= newest.revision - limits.historyRevisions &&
      oldest.stamp <= newest.stamp - limits.historyMs &&
      oldest.slot <= newest.slot - limits.keptSlots &&
      // The brief memory is rebuilt from this row until then.
      oldest.stamp + briefMs(limits) < newest.stamp
    );
  }

  #clearOldest(removeRow: (key: ByteString, mod: Revision) => void): void {
    const oldest = this.#oldest;
    assert(oldest !== null, "there is a batch to clear");
    const [row] = this.#sql.all("SELECT superseded FROM batches WHERE slot = ?", oldest.slot);
    const parts = this.#sql.all("SELECT rows FROM superseded WHERE slot = ?", oldest.slot);
    const packed = parts.map((part) => textIn(part, "rows"));
    if (row !== undefined && row["superseded"] !== null) packed.push(textIn(row, "superseded"));
    for (const text of packed) {
      const rows = decodeSuperseded(text);
      assert(rows !== null, "superseded rows must be readable");
      for (const [key, mod] of rows) removeRow(key, mod);
    }
    if (parts.length > 0) this.#sql.all("DELETE FROM superseded WHERE slot = ?", oldest.slot);
    this.#sql.all("DELETE FROM batches WHERE slot = ?", oldest.slot);
    this.#oldest = this.#milestone(`${milestones} WHERE slot > ? ORDER BY slot LIMIT 1`, oldest.slot);
    if (this.#firstKept <= oldest.slot) this.#firstKept = slot(oldest.slot + 1);
  }

  #milestone(statement: string, ...bindings: readonly number[]): Milestone | null {
    const [row] = this.#sql.all(statement, ...bindings);
    return row === undefined ? null : milestoneIn(row);
  }
}

const milestoneIn = (row: SqlRow): Milestone => ({
  slot: slot(numberIn(row, "slot")),
  stamp: logTime(numberIn(row, "stamp")),
  before: revision(numberIn(row, "before")),
  revision: revision(numberIn(row, "revision")),
});
