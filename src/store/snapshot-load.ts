/**
 * Loading a peer's snapshot into fresh tables, beside those that were set aside. Used by the store between `beginLoad` and `endLoad`. A page is foreign
 * input: it is refused as a whole before any of it is written. Whether the pages make one state is checked at the end (SPEC L7).
 */
import { assertNever } from "../support/assert.ts";
import { revision, slot } from "../support/brand.ts";
import type { ByteString, Revision } from "../support/brand.ts";
import type { Malformed } from "./json-shape.ts";
import { malformed } from "./json-shape.ts";
import type { StoredRow } from "./keys.ts";
import { decodeRows } from "./snapshot-rows.ts";
import type { SnapshotRow } from "./snapshot-rows.ts";
import type { StoreParts } from "./parts.ts";

export class SnapshotLoad {
  readonly #parts: StoreParts;
  /** The last row of a key that came: what it is tied to is settled once the next key's rows begin. */
  #last: StoredRow | null = null;
  #end: Extract<SnapshotRow, { type: "end" }>["row"] | null = null;

  constructor(parts: StoreParts) {
    this.#parts = parts;
  }

  take(page: string): Malformed | null {
    const rows = decodeRows(page);
    if (rows === null) return malformed("snapshot page");
    for (const row of rows) this.#write(row);
    return null;
  }

  finish(): Malformed | null {
    const end = this.#end;
    if (end === null) return malformed("the snapshot has no end");
    const { history, compaction, forgotten } = this.#parts;
    const remove = (key: ByteString, mod: Revision): void => this.#remove(key, mod);
    history.reload();
    if (history.newest?.slot !== end.slot) return malformed("the snapshot's batches stop elsewhere");
    // Rows were read while the source went on clearing: what it cleared meanwhile is incomplete here.
    history.clearBefore(end.firstBatch, remove);
    compaction.sweepTo(slot(Math.min(end.swept, end.slot)), history, remove);
    // The source may have compacted beyond the slot since. What is there at the slot can be read here all the same; only
    // how it came to be may be gone.
    const after = (history.newest?.revision ?? 0) + 1;
    compaction.raiseFloor(revision(Math.min(end.floor, after)));
    // What was deleted before the first revision that is told here left no trace.
    forgotten.noteAll(revision(Math.max(0, compaction.floor - 1, history.clearedRevision - 1)));
    forgotten.flush();
    if (history.oldest?.slot !== Math.min(end.firstBatch, end.slot))
      return malformed("the snapshot's batches begin late");
    return history.followsOn() ? null : malformed("the snapshot's batches do not follow each other");
  }

  #write(item: SnapshotRow): void {
    const { keys, leases, sessions, outcomes, history, compaction } = this.#parts;
    switch (item.type) {
      case "key":
        // Not so when a page comes again: then that key's rows are still to come.
        if (this.#last !== null && this.#last.key < item.row.key) this.#tie(this.#last);
        this.#last = item.row;
        return keys.append(item.row.key, item.row, item.row.value);
      case "lease":
        return leases.write(item.row);
      case "session":
        return sessions.write(item.row);
      case "outcome":
        return outcomes.write(item.row);
      case "batch":
        return history.insert(item.row);
      case "changes":
        return history.insertPart(item.row);
      case "compacted":
        return compaction.compact(item.row.revision);
      case "end":
        if (this.#last !== null) this.#tie(this.#last);
        this.#end = item.row;
        return;
      default:
        return assertNever(item, "snapshot row");
    }
  }

  /** A key that was deleted may have come without its deletion, and was taken for a living one: it is not. */
  #remove(key: ByteString, mod: Revision): void {
    const { keys, leases } = this.#parts;
    const lease = keys.row(key, mod)?.lease ?? null;
    keys.remove(key, mod);
    if (lease !== null && keys.newest(key)?.lease !== lease) leases.detach(lease, key);
  }

  /** Keys come in order, each with its newest row last. */
  #tie({ key, version, lease }: StoredRow): void {
    if (version > 0 && lease !== null) this.#parts.leases.attach(lease, key);
  }
}
