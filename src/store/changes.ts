/**
 * What a batch changed, key by key, as its row carries it: what watches tell, and which key rows became history by it.
 * Packed into text of bounded size, because a row has a largest size (2 MB on the platform) and a lease may end with very
 * many keys. Used by `change-log.ts` and `history.ts`.
 */
import { revision } from "../support/brand.ts";
import type { ByteString, Revision } from "../support/brand.ts";
import { isList, isWhole, parseJson } from "./json-shape.ts";
import { isStoredKey } from "./stored-names.ts";

export interface Change {
  readonly key: ByteString;
  /** The revision of the change: the new row's. */
  readonly mod: Revision;
  /** The row before it, which is now history; null when the key did not exist. */
  readonly previous: Revision | null;
  /** The new row is a deletion: it is history from the start. */
  readonly deleted: boolean;
}

/** In characters. Beside a batch of 1 MiB and its outcomes, one part still fits the row. */
const partCharacters = 64 * 1024;

/** Gives parts away, in order, as they fill. The first goes into the batch row itself. */
export class PartWriter {
  readonly #give: (part: string) => void;
  #open: string[] = [];
  #characters = 0;

  constructor(give: (part: string) => void) {
    this.#give = give;
  }

  add({ key, mod, previous, deleted }: Change): void {
    const encoded = JSON.stringify(deleted ? [key, mod, previous ?? 0, 1] : [key, mod, previous ?? 0]);
    if (this.#open.length > 0 && this.#characters + encoded.length > partCharacters) this.flush();
    this.#open.push(encoded);
    this.#characters += encoded.length + 1;
  }

  /** Gives away what has not filled a part. Nothing for nothing. */
  flush(): void {
    if (this.#open.length === 0) return;
    this.#give(`[${this.#open.join(",")}]`);
    this.#open = [];
    this.#characters = 0;
  }
}

/** @returns null when `text` is not a part as `PartWriter` writes it. */
export function decodeChanges(text: string): readonly Change[] | null {
  const listed = parseJson(text);
  if (!isList(listed)) return null;
  const changes: Change[] = [];
  for (const item of listed) {
    if (!isList(item) || item.length < 3 || item.length > 4 || (item.length === 4 && item[3] !== 1)) return null;
    const [key, mod, previous] = item;
    if (!isStoredKey(key) || !isWhole(mod, 1, Number.MAX_SAFE_INTEGER)) return null;
    if (!isWhole(previous, 0, mod - 1)) return null;
    changes.push({
      key,
      mod: revision(mod),
      previous: previous === 0 ? null : revision(previous),
      deleted: item.length === 4,
    });
  }
  return changes;
}

/** Takes one row of a key away. `deletion`: the row said that the key is gone. */
export type RemoveRow = (key: ByteString, mod: Revision, deletion: boolean) => void;

/** Calls `remove` for each key row that nobody can read any more once the changes themselves are forgotten. */
export function eachSuperseded(changes: Iterable<Change>, remove: RemoveRow): void {
  for (const { key, mod, previous, deleted } of changes) {
    if (previous !== null) remove(key, previous, false);
    if (deleted) remove(key, mod, true);
  }
}
