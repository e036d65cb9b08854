/**
 * Cursors: where a listing goes on, opaque to clients. Base64url of the revision the first page was read at and the last
 * key it gave. Not secret and not signed: a made-up one only reads what its maker may read anyway. Pure.
 */
import { revision } from "../../src/support/brand.ts";
import type { ByteString, Revision } from "../../src/support/brand.ts";
import { base64Of, byteString, bytesOf, bytesOfBase64 } from "../../src/support/bytes.ts";
import { limits } from "../../src/support/limits.ts";
import { Problem } from "./problems.ts";

export interface Cursor {
  readonly revision: Revision;
  readonly after: ByteString;
}

export function encodeCursor({ revision, after }: Cursor): string {
  const base64 = base64Of(bytesOf(`${revision}:${after}`));
  return base64.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** @throws {Problem} when `text` is not what `encodeCursor` writes. */
export function decodeCursor(text: string): Cursor {
  const base64 = text.replaceAll("-", "+").replaceAll("_", "/");
  const bytes = /[+/=]/.test(text) ? null : bytesOfBase64(base64.padEnd(Math.ceil(base64.length / 4) * 4, "="));
  const [, digits = "", after = ""] =
    /^(0|[1-9][0-9]{0,15}):(.+)$/s.exec(bytes === null ? "" : byteString(bytes)) ?? [];
  const at = Number(digits);
  if (digits === "" || !Number.isSafeInteger(at) || after.length > limits.keyBytes + 1) {
    throw new Problem("invalid-cursor", "a cursor is what a page before answered, unchanged");
  }
  return { revision: revision(at), after: after as ByteString };
}
