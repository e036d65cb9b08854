/**
 * One row per applied batch: how far the store has applied, what peers catch up from, and which key rows the batch made
 * history. Oldest batches are cleared with later ones, a few at a time, and their superseded rows with them. Used by the
 * store. Never clears the newest row: it is what says how far the store has come.
 */
import { assert } from "../support/assert.ts";
import { logTime, revision, slot } from "../support/brand.ts";
import type { LogTime, Revision, Slot } from "../support/brand.ts";
import { utf8 } from "../support/bytes.ts";
import { numberIn, textIn } from "../support/sql.ts";
import type { Sql, SqlRow } from "../support/sql.ts";
import type { BriefOutcome } from "./outcomes.ts";
import { decodeBrief } from "./outcomes.ts";
import { decodeChanges, eachSuperseded } from "./changes.ts";
import type { RemoveRow } from "./changes.ts";
import type { Change } from "./changes.ts";
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
  readonly changes: string | null;
}

/** Further changes of a batch: what did not fit its own row. */
export interface ChangesPart {
  readonly slot: Slot;
  readonly part: number;
  readonly rows: string;
}

export interface KeptBatch {
  readonly slot: Slot;
  readonly value: string;
}

/** How far a sweep has come. */
export interface Swept {
  readonly last: Slot;
  readonly more: boolean;
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

  /** The first revision whose events can be told, as far as clearing goes; 0 as long as all is there. */
  get clearedRevision(): Revision {
    // The oldest batch left says so: no row of its own.
    return revision(this.#oldest === null || this.#oldest.slot === 1 ? 0 : this.#oldest.before + 1);
  }

  /** @param changes the first part of them; the others were inserted before. */
  append(milestone: Milestone, outcomes: string | null, changes: string | null, value: string): void {
    this.#insert(milestone, outcomes, changes, value);
    this.#oldest ??= milestone;
    this.#newest = milestone;
  }

  /** A row from a snapshot: without the batch, and its outcomes come in rows of their own. */
  insert(row: BatchRow): void {
    this.#insert(row, null, row.changes, null);
  }

  #insert(at: Milestone, outcomes: string | null, changes: string | null, value: string | null): void {
    this.#sql.all(
      `INSERT OR REPLACE INTO batches (slot, stamp, before, revision, outcomes, changes, value)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      at.slot,
      at.stamp,
      at.before,
      at.revision,
      outcomes,
      changes,
      value,
    );
  }

  insertPart({ slot: at, part, rows }: ChangesPart): void {
    this.#sql.all("INSERT OR REPLACE INTO changes (slot, part, rows) VALUES (?, ?, ?)", at, part, rows);
  }

  /** Clears what nobody can ask for any more. Depends on the applied log only, so replicas clear alike (SPEC L3). */
  clear(removeRow: RemoveRow): void {
    for (let cleared = 0; cleared < this.#limits.clearedBatchesPerApply; cleared += 1) {
      if (!this.#mayClearOldest()) return;
      this.#clearOldest(removeRow);
    }
  }

  /**
   * Clears all batches before `first`, as the source of a snapshot had done by the time it was read. Some of them it may
   * have cleared before they were read: there may be gaps.
   */
  clearBefore(first: Slot, removeRow: RemoveRow): void {
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
        `SELECT slot, stamp, before, revision, changes FROM batches WHERE slot >= ? AND slot <= ?
         ORDER BY slot LIMIT ?`,
        from,
        upTo,
        limit,
      )
      .map((row) => ({
        ...milestoneIn(row),
        changes: row["changes"] === null ? null : textIn(row, "changes"),
      }));
  }

  /** The same of what did not fit those rows, from one part of one slot on. */
  parts(from: { readonly slot: number; readonly part: number }, upTo: Slot, limit: number): readonly ChangesPart[] {
    return this.#sql
      .all(
        `SELECT slot, part, rows FROM changes WHERE (slot, part) >= (?, ?) AND slot <= ?
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

  #clearOldest(removeRow: RemoveRow): void {
    const oldest = this.#oldest;
    assert(oldest !== null, "there is a batch to clear");
    this.#forgetChanges(oldest.slot, removeRow);
    this.#sql.all("DELETE FROM batches WHERE slot = ?", oldest.slot);
    this.#oldest = this.#milestone(`${milestones} WHERE slot > ? ORDER BY slot LIMIT 1`, oldest.slot);
    if (this.#firstKept <= oldest.slot) this.#firstKept = slot(oldest.slot + 1);
  }

  /**
   * Removes what batches made history, at most so many of them after `from`; the batches stay.
   * @param until ends before the first batch that reaches up to this revision.
   * @returns the last slot that is done, and whether there is more to do.
   */
  sweep(
    from: Slot,
    until: { readonly revision: Revision } | { readonly slot: Slot },
    atMost: number,
    removeRow: RemoveRow,
  ): Swept {
    // No condition on the revision: it has no index, so that looking for one more would read all batches there are.
    const rows = this.#sql.all(
      "SELECT slot, revision, changes FROM batches WHERE slot > ? ORDER BY slot LIMIT ?",
      from,
      atMost,
    );
    let last = from;
    for (const row of rows) {
      const at = slot(numberIn(row, "slot"));
      const isBeyond = "slot" in until ? at > until.slot : numberIn(row, "revision") >= until.revision;
      if (isBeyond) return { last, more: false };
      last = at;
      if (row["changes"] === null) continue;
      this.#forgetChanges(last, removeRow);
      this.#sql.all("UPDATE batches SET changes = NULL WHERE slot = ?", last);
    }
    return { last, more: rows.length === atMost };
  }

  /** What one batch changed, in order; one part of it in memory at a time. */
  *changesOf(at: Slot): Generator<Change, void> {
    let [row] = this.#sql.all("SELECT changes AS rows FROM batches WHERE slot = ?", at);
    for (let part = 0; row !== undefined && row["rows"] !== null; part += 1) {
      const changes = decodeChanges(textIn(row, "rows"));
      assert(changes !== null, "a batch's changes must be readable");
      yield* changes;
      [row] = this.#sql.all("SELECT rows FROM changes WHERE slot = ? AND part = ?", at, part);
    }
  }

  /**
   * The first batch, from one slot on, that made this revision or a later one; null when none did. Slots and revisions rise
   * together, so that batches which changed nothing, however many, are stepped over.
   */
  batchOf(at: Revision, from: Slot = slot(0)): Pick<Milestone, "slot" | "revision"> | null {
    const [oldest, newest] = [this.#oldest, this.#newest];
    if (oldest === null || newest === null || newest.revision < at) return null;
    let [low, high] = [Math.max(oldest.slot, from), newest.slot as number];
    // Most often it is the very next one.
    for (let middle = low; low < high; middle = Math.floor((low + high) / 2)) {
      if (this.#revisionAfter(middle) >= at) high = middle;
      else low = middle + 1;
    }
    return { slot: slot(low), revision: this.#revisionAfter(low) };
  }

  #revisionAfter(batch: number): Revision {
    const [row] = this.#sql.all("SELECT revision FROM batches WHERE slot = ?", batch);
    assert(row !== undefined, "L1 batch rows are contiguous");
    return revision(numberIn(row, "revision"));
  }

  #forgetChanges(at: Slot, removeRow: RemoveRow): void {
    eachSuperseded(this.changesOf(at), removeRow);
    this.#sql.all("DELETE FROM changes WHERE slot = ?", at);
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
