/**
 * The newest deletions whose rows are cleared: without it the index of a range would fall back to what it was before them,
 * and whoever was away for longer than history is kept would be told that nothing has happened (SPEC S5). Kept roughly: by
 * the first byte of the key, and by which of a few parts all that begins with the same name falls into; so a range may be
 * told of another name's deletion, and never misses its own. Used by the store. One row, written when deletions are cleared.
 */
import { revision } from "../support/brand.ts";
import type { ByteString, Revision } from "../support/brand.ts";
import { prefixEnd } from "../support/bytes.ts";
import { textIn } from "../support/sql.ts";
import type { Sql } from "../support/sql.ts";
import type { KeyRange } from "./transaction.ts";

/** Parts of what begins with the same byte. */
const parts = 64;
/** Whatever a snapshot's source had cleared may have been in any part. */
const all = "";

export class Forgotten {
  readonly #sql: Sql;
  readonly #marks: Map<string, number>;
  #isChanged = false;

  constructor(sql: Sql, exists: boolean) {
    this.#sql = sql;
    const [row] = exists ? sql.all("SELECT value FROM store_meta WHERE name = 'forgotten'") : [];
    this.#marks = new Map(row === undefined ? [] : marksIn(textIn(row, "value")));
  }

  /** A deletion's row is cleared. */
  note(key: ByteString, mod: Revision): void {
    this.#raise(partOf(nameOf(key)), mod);
  }

  /** What was deleted up to there may have been cleared before it came here. */
  noteAll(upTo: Revision): void {
    this.#raise(all, upTo);
  }

  #raise(part: string, to: Revision): void {
    if ((this.#marks.get(part) ?? 0) >= to) return;
    this.#marks.set(part, to);
    this.#isChanged = true;
  }

  /** Keeps what was noted since the last time. */
  flush(): void {
    if (!this.#isChanged) return;
    this.#isChanged = false;
    const value = JSON.stringify([...this.#marks]);
    this.#sql.all("INSERT OR REPLACE INTO store_meta (name, value) VALUES ('forgotten', ?)", value);
  }

  /** Not below the newest deletion in the range that is cleared; 0 when there is none. */
  lastDeletion(range: KeyRange): Revision {
    if (range.end !== null && range.end <= range.key) return revision(0);
    const name = nameOf(range.key);
    const isOfName = range.end === null || (name.endsWith("\0") && range.end <= (prefixEnd(name) ?? ""));
    if (isOfName) return revision(Math.max(this.#marks.get(partOf(name)) ?? 0, this.#marks.get(all) ?? 0));
    const space = range.key.slice(0, 1);
    const isOfSpace = space !== "" && range.end !== null && range.end <= (prefixEnd(space as ByteString) ?? "");
    const marks = [...this.#marks].filter(([part]) => !isOfSpace || part === all || part.startsWith(space));
    return revision(Math.max(0, ...marks.map(([, mark]) => mark)));
  }
}

/** Up to the first zero byte, which ends a name; all of a key without one. */
function nameOf(key: ByteString): ByteString {
  const end = key.indexOf("\0", 1);
  return (end < 0 ? key : key.slice(0, end + 1)) as ByteString;
}

function partOf(name: ByteString): string {
  let hash = 0;
  for (let i = 0; i < name.length; i += 1) hash = (Math.imul(hash, 31) + name.charCodeAt(i)) | 0;
  return `${name.slice(0, 1)}${(hash >>> 0) % parts}`;
}

function marksIn(text: string): readonly (readonly [string, number])[] {
  const found: unknown = JSON.parse(text);
  return Array.isArray(found) ? found.filter(isMark) : [];
}

const isMark = (one: unknown): one is readonly [string, number] =>
  Array.isArray(one) && one.length === 2 && typeof one[0] === "string" && Number.isSafeInteger(one[1]);
