/**
 * A hash over a store's logical rows: equal on any two replicas that applied the same slots, whatever they have cleared
 * or lost from memory meanwhile (SPEC L2). Rows are taken in the order of their keys. History is left out: a replica
 * that came by a snapshot may hold less of it.
 */
import { byteString } from "../support/bytes.ts";
import type { ByteString } from "../support/brand.ts";
import type { Span } from "./keys.ts";
import type { Tie } from "./leases.ts";
import { encodeOutcome } from "./outcome-codec.ts";
import type { StoreParts } from "./parts.ts";

const pageBounds = { limit: 1000, maxBytes: 1024 * 1024 };

/** @returns 64 bits as 16 hexadecimal digits. */
export function digestOf(parts: StoreParts): string {
  const { history, sessions, outcomes, compaction } = parts;
  const hash = new Hash();
  const newest = history.newest;
  if (newest === null) return hash.hex();
  hash.add("store", newest.slot, newest.revision, newest.stamp);
  if (compaction.compacted > 0) hash.add("compacted", compaction.compacted);
  addKeys(hash, parts);
  addLeases(hash, parts);
  for (const { id, next, expires } of sessions.all(newest.stamp)) hash.add("session", id, next, expires);
  for (const { id, deadline, fingerprint, outcome } of outcomes.all(newest.stamp)) {
    hash.add("outcome", id, deadline, fingerprint ?? 0, encodeOutcome(outcome));
  }
  return hash.hex();
}

function addKeys(hash: Hash, { keys, history }: StoreParts): void {
  const at = history.newest?.revision;
  if (at === undefined) return;
  let span: Span | null = { from: "\0" as ByteString, exclusive: false, until: null };
  while (span !== null) {
    const { rows, more } = keys.page(span, at, pageBounds);
    for (const row of rows) {
      hash.add("key", row.key, row.modRevision, row.createRevision, row.version, row.lease ?? 0, byteString(row.value));
    }
    const last = rows.at(-1);
    span = more && last !== undefined ? { from: last.key, exclusive: true, until: null } : null;
  }
}

function addLeases(hash: Hash, { leases }: StoreParts): void {
  for (let rows = leases.after("", pageBounds.limit); rows.length > 0;) {
    for (const { id, ttlMs, renewal, renewedAt, granted, herd, heldUntil } of rows) {
      hash.add("lease", id, ttlMs, renewal, renewedAt, granted ? 1 : 0, herd ?? 0, heldUntil ?? 0);
    }
    rows = leases.after(rows.at(-1)?.id ?? "", pageBounds.limit);
  }
  let at: Tie | undefined = { lease: "", key: "\0" as ByteString };
  while (at !== undefined) {
    const ties = leases.tiesAfter(at, pageBounds.limit);
    for (const { lease, key } of ties) hash.add("lease key", lease, key);
    at = ties.at(-1);
  }
}

/** Two multiplicative 32-bit hashes side by side. Against accidents, not against an adversary. */
class Hash {
  #low = 0x811c9dc5;
  #high = 0x41c6ce57;

  /** Lengths and kinds go in too, so that no two lists of parts read alike. */
  add(...parts: readonly (string | number)[]): void {
    this.#word(parts.length);
    for (const part of parts) {
      const text = String(part);
      this.#word(typeof part === "string" ? text.length : -text.length);
      for (let at = 0; at < text.length; at += 1) this.#word(text.charCodeAt(at));
    }
  }

  hex(): string {
    const mixed = [this.#low ^ (this.#high >>> 15), this.#high ^ (this.#low >>> 13)];
    return mixed.map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
  }

  #word(word: number): void {
    this.#low = Math.imul(this.#low ^ word, 0x01000193);
    this.#high = Math.imul(this.#high ^ word, 0x5f356495) ^ (this.#high >>> 16);
  }
}
