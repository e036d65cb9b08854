/**
 * Compaction on demand: below a revision that a command named, history may go, and reading is refused at once. The rows go
 * a few batches at a time with later writes, as those do whose time is up (`history.ts`). Used by the store.
 *
 * Two lines are kept. `compacted` is what commands were told: it follows from the log alone, so that every replica gives
 * the next command the same answer (SPEC L3). `floor` is where reading begins here: a replica that came by a snapshot has
 * none of the rows that its source had swept while the snapshot was read.
 */
import { revision, slot } from "../support/brand.ts";
import type { Revision, Slot } from "../support/brand.ts";
import { textIn } from "../support/sql.ts";
import type { Sql } from "../support/sql.ts";
import type { RemoveRow } from "./changes.ts";
import type { History } from "./history.ts";

type Line = "compacted" | "floor" | "swept";

export class Compaction {
  readonly #sql: Sql;
  readonly #batchesPerApply: number;
  #compacted: Revision;
  #floor: Revision;
  #swept: Slot;
  /** False once there is nothing left that the last compaction freed. */
  #isSweeping: boolean;

  constructor(sql: Sql, exists: boolean, batchesPerApply: number) {
    this.#sql = sql;
    this.#batchesPerApply = batchesPerApply;
    this.#compacted = revision(exists ? this.#read("compacted") : 0);
    this.#floor = revision(exists ? this.#read("floor") : 0);
    this.#swept = slot(exists ? this.#read("swept") : 0);
    this.#isSweeping = this.#compacted > 0;
  }

  /** The highest revision that a command named; 0 when none did. */
  get compacted(): Revision {
    return this.#compacted;
  }

  /** Reading begins here, as far as commands and snapshots go. */
  get floor(): Revision {
    return revision(Math.max(this.#compacted, this.#floor));
  }

  /** What the batches up to this one made history is gone. */
  get swept(): Slot {
    return this.#swept;
  }

  compact(to: Revision): void {
    this.#compacted = to;
    this.#isSweeping = true;
    this.#write("compacted", to);
  }

  /** A snapshot's rows begin there. */
  raiseFloor(to: Revision): void {
    this.#floor = to;
    this.#write("floor", to);
  }

  /** Removes the rows that only reading below `compacted` needed. Batches that reach up to it keep theirs, for watches. */
  sweep(history: History, removeRow: RemoveRow): void {
    if (!this.#isSweeping) return;
    const until = { revision: this.#compacted };
    const { last, more } = history.sweep(this.#swept, until, this.#batchesPerApply, removeRow);
    this.#isSweeping = more;
    if (last !== this.#swept) this.#moveTo(last);
  }

  /** Does what the source of a snapshot did while it was read: some of those rows came, others did not. */
  sweepTo(to: Slot, history: History, removeRow: RemoveRow): void {
    for (let more = true; more;) {
      const swept = history.sweep(this.#swept, { slot: to }, this.#batchesPerApply, removeRow);
      this.#moveTo(swept.last);
      ({ more } = swept);
    }
  }

  #moveTo(swept: Slot): void {
    this.#swept = swept;
    this.#write("swept", swept);
  }

  #read(line: Line): number {
    const [row] = this.#sql.all("SELECT value FROM store_meta WHERE name = ?", line);
    return row === undefined ? 0 : Number(textIn(row, "value"));
  }

  #write(line: Line, value: number): void {
    this.#sql.all("INSERT OR REPLACE INTO store_meta (name, value) VALUES (?, ?)", line, String(value));
  }
}
