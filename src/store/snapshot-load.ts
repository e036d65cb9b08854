/**
 * Loading a peer's snapshot into emptied tables. Used by the store between `beginLoad` and `endLoad`. A page is foreign
 * input: it is refused as a whole before any of it is written. Whether the pages make one state is checked at the end (SPEC L7).
 */
import { assertNever } from "../support/assert.ts";
import { slot } from "../support/brand.ts";
import type { LogTime, Slot } from "../support/brand.ts";
import type { Malformed } from "./json-shape.ts";
import { malformed } from "./json-shape.ts";
import { decodeRows } from "./snapshot-rows.ts";
import { decodeBrief } from "./outcomes.ts";
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
    const { history, keys, sql } = this.#parts;
    history.reload();
    const { oldest, newest } = history;
    if (oldest === null || newest?.slot !== end.slot) return malformed("the snapshot's batches stop elsewhere");
    const broken = sql.all(
      `SELECT 1 AS one FROM batches AS a LEFT JOIN batches AS b ON b.slot = a.slot + 1
       WHERE a.slot < ? AND (b.slot IS NULL OR b.before <> a.revision OR b.stamp < a.stamp) LIMIT 1`,
      newest.slot,
    );
    if (broken.length > 0) return malformed("the snapshot's batches do not follow each other");
    // Key rows were read while the source went on clearing: what it cleared meanwhile is incomplete here.
    this.#keepOutcomes(slot(Math.min(end.firstBatch, newest.slot)), newest.stamp);
    history.clearBefore(end.firstBatch, (key, mod) => keys.remove(key, mod));
    return null;
  }

  /**
   * The source cleared batches at a later log time than ours, when their outcomes were past remembering. Here some are
   * not yet: without rows of their own a retry in the next slot would be carried out again (SPEC X1).
   */
  #keepOutcomes(before: Slot, now: LogTime): void {
    const { history, outcomes } = this.#parts;
    for (const row of history.rows()) {
      if (row.slot >= before) return;
      for (const one of (row.outcomes === null ? null : decodeBrief(row.outcomes)) ?? []) {
        if (one.deadline >= now) outcomes.write({ ...one, fingerprint: null });
      }
    }
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
        return history.insertPart(item.row.slot, item.row.part, item.row.rows);
      case "end":
        this.#end = item.row;
        return;
      default:
        return assertNever(item, "snapshot row");
    }
  }
}
