/** Bytes, text and the two forms in which they travel inside JSON. Pure. */
import type { ByteString } from "./brand.ts";

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export const utf8 = (text: string): Uint8Array => encoder.encode(text);

/** The text whose UTF-8 form is exactly `bytes`, or null when there is none. */
export function textOf(bytes: Uint8Array): string | null {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return null;
  }
}

export function byteString(bytes: Uint8Array): ByteString {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 8192) parts.push(String.fromCharCode(...bytes.subarray(at, at + 8192)));
  return parts.join("") as ByteString;
}

export function bytesOf(binary: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i += 1) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** True when every character stands for one byte. */
export const isByteString = (text: string): text is ByteString => !/[^\u0000-\u00ff]/.test(text);

export const base64Of = (bytes: Uint8Array): string => btoa(byteString(bytes));

/** @returns null when `text` is not canonical base64. */
export function bytesOfBase64(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    const binary = atob(text);
    return btoa(binary) === text ? bytesOf(binary) : null;
  } catch {
    return null;
  }
}

/** Characters that JSON writes as two (`"`, `\\`) or six (the control characters). */
function escapedCharacters(bytes: Uint8Array): number {
  let extra = 0;
  for (const byte of bytes)
    if (byte < 0x20) extra += 5;
    else if (byte === 0x22 || byte === 0x5c) extra += 1;
  return extra;
}

/**
 * Bytes inside JSON: `t` and the text itself where it is UTF-8 (short, readable), else `b` and base64. Text that JSON
 * would have to escape a lot goes as base64 too, so that the packed form never exceeds 4/3 of the bytes and a little.
 */
export function packBytes(bytes: Uint8Array): string {
  const text = escapedCharacters(bytes) > bytes.length / 3 ? null : textOf(bytes);
  return text === null ? `b${base64Of(bytes)}` : `t${text}`;
}

/** @returns null when `packed` is not what `packBytes` writes. */
export function unpackBytes(packed: string): Uint8Array | null {
  if (packed.startsWith("t")) return packed.isWellFormed() ? utf8(packed.slice(1)) : null;
  return packed.startsWith("b") ? bytesOfBase64(packed.slice(1)) : null;
}

/** The first key after every key that starts with `prefix`, or null when there is none. */
export function prefixEnd(prefix: ByteString): ByteString | null {
  let end = prefix.length;
  while (end > 0 && prefix.charCodeAt(end - 1) === 0xff) end -= 1;
  if (end === 0) return null;
  return (prefix.slice(0, end - 1) + String.fromCharCode(prefix.charCodeAt(end - 1) + 1)) as ByteString;
}
