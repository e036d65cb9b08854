/**
 * A store as it was at one slot, read page by page by a peer that is too far behind for batches, while the store goes on
 * applying. Batch rows never change, and keys are read from their history at one revision; what has no history (leases,
 * sessions, outcomes that still count) is captured when the snapshot is opened. Writes nothing, so forgetting one costs
 * nothing (SPEC L7).
 *
 * Rows go in this order: batches, what they changed beyond that, keys, what was captured, the end. A batch that the source clears
 * before its row is read is no loss, because the key rows it superseded are cleared with it, before any key is read. One
 * that is cleared later was read, and the end row tells the peer to clear it too. The same of a batch whose past a
 * compaction sweeps.
 */
import { assert, assertNever } from "../support/assert.ts";
import type { ByteString, Revision, Slot } from "../support/brand.ts";
import { isStoredKey } from "./stored-names.ts";
import type { Malformed } from "./json-shape.ts";
import { isTuple, isWhole, malformed, parseJson } from "./json-shape.ts";
import { SnapshotPageText } from "./snapshot-page.ts";
import { encodeRow } from "./snapshot-rows.ts";
import type { StoreParts } from "./parts.ts";

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

/** A row's place in the order of all: from here on, rows are still to be given. */
type Place =
  | { readonly type: "batch"; readonly slot: number }
  | { readonly type: "changes"; readonly slot: number; readonly part: number }
  | { readonly type: "key"; readonly key: ByteString; readonly mod: number }
  | { readonly type: "captured"; readonly index: number };

type Placed = readonly [place: Place, encoded: string];

const firstBatch = { type: "batch", slot: 1 } as const;
const firstPart = { type: "changes", slot: 1, part: 0 } as const;
/** No key is empty, so this is before every row. */
const firstKey = { type: "key", key: "\0" as ByteString, mod: 0 } as const;

/** Batch rows read at once: each may hold 64 Ki characters of changes. */
const batchesAtOnce = 16;
/** Key rows read at once, and their bytes: what does not fit the page is read again for the next one. */
const keysAtOnce = { limit: 128, maxBytes: 256 * 1024 };

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
    this.#captured = [...captured(parts)];
  }

  /** @param cursor a page's `next`, null for the first page. The same cursor may be asked for again. */
  page(cursor: string | null): SnapshotPage | SnapshotGone | Malformed {
    const at = cursor === null ? firstBatch : readCursor(cursor);
    if (at === null || (at.type === "captured" && at.index > this.#captured.length))
      return malformed("snapshot cursor");
    const { history, compaction } = this.#parts;
    const { oldest } = history;
    // Batches up to the slot may be cleared meanwhile; a later one has taken rows of ours along. The newest must be read.
    const needed = at.type === "batch" ? this.slot : this.slot + 1;
    // A compaction that reaches beyond the slot takes rows that were current at it. One that does not may take a deletion
    // whose key was read already, and is done again by the peer: otherwise that key would come back to life.
    const isSwept = at.type !== "captured" && compaction.swept > this.slot;
    if (oldest === null || oldest.slot > needed || isSwept || !this.#isCurrent()) return { type: "gone" };
    const page = new SnapshotPageText(this.#parts.limits);
    for (const [place, encoded] of this.#from(at, oldest.slot)) {
      if (!page.add(encoded)) return { type: "page", rows: page.toString(), next: writeCursor(place) };
    }
    return { type: "page", rows: page.toString(), next: null };
  }

  /** All rows from one place on, through the sections; read as far as they are asked for. */
  *#from(at: Place, oldest: Slot): Generator<Placed, void> {
    switch (at.type) {
      case "batch":
        yield* this.#batches(at.slot);
        return yield* this.#from(firstPart, oldest);
      case "changes":
        yield* this.#changes(at);
        return yield* this.#from(firstKey, oldest);
      case "key":
        yield* this.#keys(at);
        return yield* this.#from({ type: "captured", index: 0 }, oldest);
      case "captured":
        return yield* this.#rest(at.index, oldest);
      default:
        return assertNever(at, "place in a snapshot");
    }
  }

  *#batches(from: number): Generator<Placed, void> {
    for (let slot = from; ;) {
      const rows = this.#parts.history.rows(slot, this.slot, batchesAtOnce);
      for (const row of rows) {
        yield [{ type: "batch", slot: row.slot }, encodeRow({ type: "batch", row })];
        slot = row.slot + 1;
      }
      if (rows.length < batchesAtOnce) return;
    }
  }

  *#changes(from: { readonly slot: number; readonly part: number }): Generator<Placed, void> {
    for (let at = from; ;) {
      const rows = this.#parts.history.parts(at, this.slot, batchesAtOnce);
      for (const row of rows) {
        const { slot, part } = row;
        yield [{ type: "changes", slot, part }, encodeRow({ type: "changes", row })];
        at = { slot, part: part + 1 };
      }
      if (rows.length < batchesAtOnce) return;
    }
  }

  *#keys(from: { readonly key: ByteString; readonly mod: number }): Generator<Placed, void> {
    for (let at = from; ;) {
      const { rows, more } = this.#parts.keys.history(at, this.revision, keysAtOnce);
      for (const row of rows) {
        const { key, modRevision } = row;
        yield [{ type: "key", key, mod: modRevision }, encodeRow({ type: "key", row })];
        at = { key, mod: modRevision + 1 };
      }
      if (!more) return;
    }
  }

  *#rest(from: number, oldest: Slot): Generator<Placed, void> {
    for (let index = from; ; index += 1) {
      const encoded = this.#captured[index];
      if (encoded === undefined) break;
      yield [{ type: "captured", index }, encoded];
    }
    const { floor, swept } = this.#parts.compaction;
    const end = encodeRow({ type: "end", row: { slot: this.slot, firstBatch: oldest, floor, swept } });
    yield [{ type: "captured", index: this.#captured.length }, end];
  }
}

/**
 * What a store has no history of. Which keys a lease has is not among it: their own rows say so, and there may be very many.
 * Outcomes of the brief memory are among it, each as a row of its own: the batch rows that
 * hold them here may be cleared before they are read, and hold many more that nobody can ask for any longer (SPEC X1).
 */
function* captured({ history, leases, sessions, outcomes, compaction }: StoreParts): Generator<string> {
  const now = history.newest?.stamp;
  if (now === undefined) return;
  if (compaction.compacted > 0) yield encodeRow({ type: "compacted", row: { revision: compaction.compacted } });
  for (const row of leases.all()) yield encodeRow({ type: "lease", row });
  for (const row of sessions.all(now)) yield encodeRow({ type: "session", row });
  for (const row of outcomes.all(now)) yield encodeRow({ type: "outcome", row });
}

function writeCursor(place: Place): string {
  switch (place.type) {
    case "batch":
      return JSON.stringify(["b", place.slot]);
    case "changes":
      return JSON.stringify(["h", place.slot, place.part]);
    case "key":
      return JSON.stringify(["k", place.key, place.mod]);
    case "captured":
      return JSON.stringify(["c", place.index]);
    default:
      return assertNever(place, "place in a snapshot");
  }
}

const whole = (value: unknown): value is number => isWhole(value, 0, Number.MAX_SAFE_INTEGER);

function readCursor(text: string): Place | null {
  const parts = parseJson(text);
  if (isTuple(parts, 2)) {
    const [kind, at] = parts;
    if (!whole(at)) return null;
    if (kind === "b") return { type: "batch", slot: at };
    return kind === "c" ? { type: "captured", index: at } : null;
  }
  if (!isTuple(parts, 3)) return null;
  const [kind, first, second] = parts;
  if (!whole(second)) return null;
  if (kind === "h") return whole(first) ? { type: "changes", slot: first, part: second } : null;
  return kind === "k" && isStoredKey(first) ? { type: "key", key: first, mod: second } : null;
}
