/**
 * Which key rows a batch turned into history, as the batch's row carries them: packed into text of bounded size, because
 * a row has a largest size (2 MB on the platform) and a lease may end with very many keys. Used by `history.ts`.
 */
import { revision } from "../support/brand.ts";
import type { ByteString, Revision } from "../support/brand.ts";
import { isStoredKey } from "./command-codec.ts";
import { isList, isTuple, isWhole, parseJson } from "./json-shape.ts";

/** A key row that is no longer needed once the batch itself is history: a former value, or a deletion. */
export type Superseded = readonly [key: ByteString, mod: Revision];

/** In characters. Beside a batch of 1 MiB and its outcomes, one part still fits the row. */
const partCharacters = 64 * 1024;

/** @returns parts in order; the first goes into the batch row itself. None for nothing. */
export function encodeSuperseded(rows: readonly Superseded[]): readonly string[] {
  const parts: string[] = [];
  let open: string[] = [];
  let length = 0;
  for (const row of rows) {
    const encoded = JSON.stringify(row);
    if (open.length > 0 && length + encoded.length > partCharacters) {
      parts.push(`[${open.join(",")}]`);
      [open, length] = [[], 0];
    }
    open.push(encoded);
    length += encoded.length + 1;
  }
  if (open.length > 0) parts.push(`[${open.join(",")}]`);
  return parts;
}

/** @returns null when `text` is not what `encodeSuperseded` writes. */
export function decodeSuperseded(text: string): readonly Superseded[] | null {
  const listed = parseJson(text);
  if (!isList(listed)) return null;
  const rows: Superseded[] = [];
  for (const item of listed) {
    if (!isTuple(item, 2)) return null;
    const [key, mod] = item;
    if (!isStoredKey(key) || !isWhole(mod, 1, Number.MAX_SAFE_INTEGER)) return null;
    rows.push([key, revision(mod)]);
  }
  return rows;
}
