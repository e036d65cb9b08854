/**
 * Strict reading of JSON from elsewhere: small predicates that the codecs are built of. They never throw, because what
 * they look at is foreign input; a wrong shape becomes a `Malformed` value.
 */

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
