/**
 * Strict reading of JSON from elsewhere: small predicates that the codecs are built of. They never throw, because what
 * they look at is foreign input; a wrong shape becomes a `Malformed` value.
 */
import { base64Of, packBytes } from "../support/bytes.ts";

/** Foreign input that is not what it should be. `reason` is for operators, not for programs. */
export interface Malformed {
  readonly type: "malformed";
  readonly reason: string;
}

export const malformed = (reason: string): Malformed => ({ type: "malformed", reason });

/** @returns undefined when `text` is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * A value inside JSON: as text where that is short, else as base64. Escapes make six characters of one control byte, so
 * without the second look a value of zero bytes would outgrow a batch.
 */
export function packValue(value: Uint8Array): string {
  const packed = packBytes(value);
  if (!packed.startsWith("t") || !/["\\\u0000-\u001f]/.test(packed)) return packed;
  const asBase64 = Math.ceil(value.length / 3) * 4 + 1;
  return JSON.stringify(packed).length - 2 <= asBase64 ? packed : `b${base64Of(value)}`;
}

export const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);

export const isTuple = (value: unknown, length: number): value is readonly unknown[] =>
  Array.isArray(value) && value.length === length;

export const isWhole = (value: unknown, low: number, high: number): value is number =>
  Number.isSafeInteger(value) && Number(value) >= low && Number(value) <= high;

/** Text without lone surrogates: only such text is the same again after a trip through UTF-8. */
export const isText = (value: unknown, maxCharacters: number): value is string =>
  typeof value === "string" && value.length > 0 && value.length <= maxCharacters && value.isWellFormed();

/** The latest time a date can show; sums with any of our durations stay below 2^53. */
export const latestTime = 8_640_000_000_000_000;

export const isTime = (value: unknown): value is number => isWhole(value, 0, latestTime);
