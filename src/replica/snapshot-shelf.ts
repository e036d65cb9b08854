/**
 * The snapshots a replica is giving to peers: at most one at a time, kept in memory only. A peer whose snapshot is gone
 * begins again. Upholds L7.
 */
import type { Instant } from "../support/brand.ts";
import { limits } from "../support/limits.ts";
import { randomIdentity } from "../support/random.ts";
import type { Random } from "../support/random.ts";
import type { Snapshot } from "../store/snapshot.ts";
import type { Store } from "../store/store.ts";
import type { PeerReply } from "./messages.ts";

/** How long an open snapshot is also given to the next peer that needs one, in ms. */
const shareMs = 60_000;

export class SnapshotShelf {
  readonly #store: Store;
  #open: { readonly id: string; readonly snapshot: Snapshot; readonly openedAt: Instant } | null = null;

  constructor(store: Store) {
    this.#store = store;
  }

  /** @param id null: open a new one, or share a recent one. */
  page(id: string | null, cursor: string | null, now: Instant, random: Random): PeerReply {
    if (this.#open !== null && now - this.#open.openedAt > limits.snapshotLifeMs) this.#open = null;
    if (id === null) {
      if (this.#store.appliedSlot === 0 || this.#store.loading) return { type: "no-snapshot" };
      if (this.#open === null || now - this.#open.openedAt > shareMs) {
        this.#open = { id: randomIdentity(random), snapshot: this.#store.openSnapshot(), openedAt: now };
      }
    } else if (id !== this.#open?.id) return { type: "no-snapshot" };
    if (this.#open === null) return { type: "no-snapshot" };
    const page = this.#open.snapshot.page(cursor);
    if (page.type !== "page") {
      this.#open = null;
      return { type: "no-snapshot" };
    }
    return {
      type: "snapshot-page",
      id: this.#open.id,
      slot: this.#open.snapshot.slot,
      rows: page.rows,
      next: page.next,
    };
  }
}
