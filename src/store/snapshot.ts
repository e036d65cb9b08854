/**
 * A store as it was at one slot, read page by page by a peer that is too far behind for batches, while the store goes on
 * applying. Keys are read from their history at one revision; what has no history (leases, sessions, outcomes, batch
 * rows) is small and is captured when the snapshot is opened. Writes nothing, so forgetting one costs nothing (SPEC L7).
 */
import { assert } from "../support/assert.ts";
import type { ByteString, Revision, Slot } from "../support/brand.ts";
import { isStoredKey } from "./command-codec.ts";
import type { Malformed } from "./json-shape.ts";
import { isTuple, isWhole, malformed, parseJson } from "./json-shape.ts";
import { encodeRow } from "./snapshot-rows.ts";
import type { SnapshotRow } from "./snapshot-rows.ts";
import type { StoreParts } from "./parts.ts";
import type { StoreLimits } from "./store-limits.ts";

export interface SnapshotPage {
  readonly type: "page";
  /** For the loading store's `loadPage`. */
  readonly rows: string;
  /** Names the page after this one; null when this is the last. */
  readonly next: string | null;
}

/** The source has meanwhile cleared what this snapshot still needs: open another. */
export interface SnapshotGone {
  readonly type: "gone";
}

/** Where a page begins: in the keys after one row, or at one of the captured pages. */
type Cursor =
  | { readonly type: "keys"; readonly key: ByteString; readonly mod: number }
  | { readonly type: "captured"; readonly index: number };

/** No key is empty, so this is before every row. */
const start: Cursor = { type: "keys", key: "\0" as ByteString, mod: -1 };

export class Snapshot {
  /** The slot at which this is the store's state. */
  readonly slot: Slot;
  readonly revision: Revision;
  readonly #parts: StoreParts;
  readonly #isCurrent: () => boolean;
  readonly #captured: readonly string[];

  /** @param isCurrent false once the store has been wiped and `parts` are of the past. */
  constructor(parts: StoreParts, isCurrent: () => boolean) {
    const newest = parts.history.newest;
    assert(newest !== null, "a snapshot is of an applied slot");
    this.slot = newest.slot;
    this.revision = newest.revision;
    this.#parts = parts;
    this.#isCurrent = isCurrent;
    this.#captured = [...inPages(captured(parts), parts.limits)];
  }

  /** @param cursor a page's `next`, null for the first page. The same cursor may be asked for again. */
  page(cursor: string | null): SnapshotPage | SnapshotGone | Malformed {
    const at = cursor === null ? start : readCursor(cursor);
    if (at === null) return malformed("snapshot cursor");
    // Batches up to the slot may be cleared meanwhile, the last page says so; a later one has taken rows of ours along.
    const oldest = this.#parts.history.oldest;
    if (oldest === null || oldest.slot > this.slot + 1 || !this.#isCurrent()) return { type: "gone" };
    return at.type === "keys" ? this.#keys(at) : this.#rest(at.index, oldest.slot);
  }

  #keys(after: Extract<Cursor, { type: "keys" }>): SnapshotPage {
    const { keys, limits } = this.#parts;
    const bounds = { limit: limits.snapshotPageRows, maxBytes: limits.snapshotPageBytes };
    const { rows, more } = keys.history(after, this.revision, bounds);
    const last = rows.at(-1);
    const next = more && last !== undefined ? ["k", last.key, last.modRevision] : ["c", 0];
    return {
      type: "page",
      rows: joined(rows.map((row) => encodeRow({ type: "key", row }))),
      next: JSON.stringify(next),
    };
  }

  #rest(index: number, firstBatch: Slot): SnapshotPage | Malformed {
    const rows = this.#captured[index];
    if (rows !== undefined) return { type: "page", rows, next: JSON.stringify(["c", index + 1]) };
    if (index > this.#captured.length) return malformed("snapshot cursor");
    const end = encodeRow({ type: "end", row: { slot: this.slot, firstBatch } });
    return { type: "page", rows: joined([end]), next: null };
  }
}

const joined = (rows: readonly string[]): string => `[${rows.join(",")}]`;

function* captured({ history, leases, sessions, outcomes }: StoreParts): Generator<SnapshotRow> {
  const now = history.newest?.stamp;
  if (now === undefined) return;
  for (const row of leases.all()) yield { type: "lease", row };
  for (const row of leases.allKeys()) yield { type: "lease-key", row };
  for (const row of sessions.all(now)) yield { type: "session", row };
  for (const row of outcomes.durable(now)) yield { type: "outcome", row };
  for (const row of history.rows()) yield { type: "batch", row };
  for (const row of history.parts()) yield { type: "superseded", row };
}

function* inPages(rows: Iterable<SnapshotRow>, limits: StoreLimits): Generator<string> {
  let open: string[] = [];
  let characters = 0;
  for (const row of rows) {
    const encoded = encodeRow(row);
    const full = open.length === limits.snapshotPageRows || characters + encoded.length > limits.snapshotPageBytes;
    if (open.length > 0 && full) {
      yield joined(open);
      [open, characters] = [[], 0];
    }
    open.push(encoded);
    characters += encoded.length;
  }
  if (open.length > 0) yield joined(open);
}

function readCursor(text: string): Cursor | null {
  const parts = parseJson(text);
  if (isTuple(parts, 3) && parts[0] === "k" && isStoredKey(parts[1]) && isWhole(parts[2], 0, Number.MAX_SAFE_INTEGER)) {
    return { type: "keys", key: parts[1], mod: parts[2] };
  }
  if (isTuple(parts, 2) && parts[0] === "c" && isWhole(parts[1], 0, Number.MAX_SAFE_INTEGER)) {
    return { type: "captured", index: parts[1] };
  }
  return null;
}
