/**
 * One page of a snapshot while it is filled: as many rows as its bounds allow, and always one. Used by `snapshot.ts`.
 * Sizes are those on the wire, because the page travels as text inside a message of bounded size (SPEC L7).
 */
import type { StoreLimits } from "./store-limits.ts";

type PageLimits = Pick<StoreLimits, "snapshotPageRows" | "snapshotPageBytes">;

export class SnapshotPageText {
  readonly #limits: PageLimits;
  readonly #rows: string[] = [];
  /** The brackets around the rows. */
  #bytes = 2;

  constructor(limits: PageLimits) {
    this.#limits = limits;
  }

  /** @returns false when the row is left for the next page. */
  add(encoded: string): boolean {
    const bytes = this.#bytes + bytesInside(encoded) + 1;
    const { snapshotPageRows, snapshotPageBytes } = this.#limits;
    const full = this.#rows.length === snapshotPageRows || bytes > snapshotPageBytes;
    // The largest row there is, a value under a key and a lease of escaped bytes, takes little over half a page.
    if (full && this.#rows.length > 0) return false;
    this.#rows.push(encoded);
    this.#bytes = bytes;
    return true;
  }

  toString(): string {
    return `[${this.#rows.join(",")}]`;
  }
}

/** Bytes of an encoded row inside a message: escaped once more there, and then UTF-8. No control characters are left in it. */
function bytesInside(encoded: string): number {
  let bytes = 0;
  for (let at = 0; at < encoded.length; at += 1) {
    const code = encoded.charCodeAt(at);
    if (code < 0x80) bytes += code === 0x22 || code === 0x5c ? 2 : 1;
    // Each half of a surrogate pair is two of its four bytes.
    else bytes += code < 0x800 || (code >= 0xd800 && code <= 0xdfff) ? 2 : 3;
  }
  return bytes;
}
