/**
 * Loading a peer's snapshot into fresh tables, beside those that were set aside. Used by the store between `beginLoad` and `endLoad`. A page is foreign
 * input: it is refused as a whole before any of it is written. Whether the pages make one state is checked at the end (SPEC L7).
 */
import { assertNever } from "../support/assert.ts";
import type { Malformed } from "./json-shape.ts";
import { malformed } from "./json-shape.ts";
import { decodeRows } from "./snapshot-rows.ts";
import type { SnapshotRow } from "./snapshot-rows.ts";
import type { StoreParts } from "./parts.ts";

export class SnapshotLoad {
  readonly #parts: StoreParts;
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
    const { history, keys } = this.#parts;
    history.reload();
    if (history.newest?.slot !== end.slot) return malformed("the snapshot's batches stop elsewhere");
    // Rows were read while the source went on clearing: what it cleared meanwhile is incomplete here.
    history.clearBefore(end.firstBatch, (key, mod) => keys.remove(key, mod));
    if (history.oldest?.slot !== Math.min(end.firstBatch, end.slot))
      return malformed("the snapshot's batches begin late");
    return history.followsOn() ? null : malformed("the snapshot's batches do not follow each other");
  }

  #write(item: SnapshotRow): void {
    const { keys, leases, sessions, outcomes, history } = this.#parts;
    switch (item.type) {
      case "key":
        return keys.append(item.row.key, item.row, item.row.value);
      case "lease":
        return leases.write(item.row);
      case "lease-key":
        return leases.attach(item.row.lease, item.row.key);
      case "session":
        return sessions.write(item.row);
      case "outcome":
        return outcomes.write(item.row);
      case "batch":
        return history.insert(item.row);
      case "superseded":
        return history.insertPart(item.row);
      case "end":
        this.#end = item.row;
        return;
      default:
        return assertNever(item, "snapshot row");
    }
  }
}
