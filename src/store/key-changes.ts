/**
 * Writing keys: one row per change, the lease it is tied to, and the note of what changed. Every operation writes through
 * here, so that history, leases and watches cannot tell different stories. Used by `operations.ts`.
 */
import { revision } from "../support/brand.ts";
import type { ByteString, LeaseId, LogTime, Revision, Slot } from "../support/brand.ts";
import type { ChangeLog } from "./change-log.ts";
import type { KeyRow, Keys } from "./keys.ts";
import type { Leases } from "./leases.ts";

/** One batch while it is applied. */
export interface Turn {
  readonly slot: Slot;
  readonly now: LogTime;
  /** The store's revision so far. */
  revision: Revision;
  readonly changes: ChangeLog;
  /** Bytes that this batch's transactions answer so far. */
  resultBytes: number;
}

export class KeyChanges {
  readonly #keys: Keys;
  readonly #leases: Leases;
  /** Leases that lost a key in the operation under way. */
  readonly #untied = new Set<LeaseId>();

  constructor(keys: Keys, leases: Leases) {
    this.#keys = keys;
    this.#leases = leases;
  }

  /** @returns null when the key does not exist. */
  living(key: ByteString): KeyRow | null {
    const newest = this.#keys.newest(key);
    return newest === null || newest.version === 0 ? null : newest;
  }

  /** @param current the key as it is, from `living`. */
  put(
    key: ByteString,
    current: KeyRow | null,
    value: Uint8Array,
    lease: LeaseId | null,
    at: Revision,
    turn: Turn,
  ): KeyRow {
    const row: KeyRow = {
      modRevision: at,
      createRevision: current?.createRevision ?? at,
      version: (current?.version ?? 0) + 1,
      lease,
    };
    this.#keys.append(key, row, value);
    turn.changes.push({ key, mod: at, previous: current?.modRevision ?? null, deleted: false });
    this.#tie(key, current?.lease ?? null, lease);
    return row;
  }

  /** A deletion is a row too, so that older revisions stay readable; it is history from its own batch on. */
  bury(key: ByteString, current: Pick<KeyRow, "modRevision" | "lease">, at: Revision, turn: Turn): void {
    this.#keys.append(key, { modRevision: at, createRevision: revision(0), version: 0, lease: null }, null);
    turn.changes.push({ key, mod: at, previous: current.modRevision, deleted: true });
    this.#tie(key, current.lease, null);
  }

  /** Moves a key from one lease to another. */
  #tie(key: ByteString, before: LeaseId | null, after: LeaseId | null): void {
    if (before === after) return;
    if (after !== null) this.#leases.attach(after, key);
    if (before === null) return;
    this.#leases.detach(before, key);
    this.#untied.add(before);
  }

  /** Ends every operation: a lease may lose its last key by one step of it, and be given another by the next. */
  settle(): void {
    for (const lease of this.#untied) this.#leases.endIfUnused(lease);
    this.#untied.clear();
  }
}
