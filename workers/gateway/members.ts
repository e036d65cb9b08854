/**
 * Members of JSON bodies that stand for bytes, leases and durations. Bytes are read exactly as answers show them: text, or
 * base64 where a second member says so. Pure.
 */
import * as v from "valibot";
import type { LeaseId } from "../../src/support/brand.ts";
import { bytesOfBase64, utf8 } from "../../src/support/bytes.ts";
import { limits } from "../../src/support/limits.ts";
import { userKey } from "../../src/store/key-space.ts";
import { checkKeySize, leaseIdOf } from "./names.ts";
import type { NamedKey } from "./names.ts";
import { Problem } from "./problems.ts";

export const encodingSchema = v.optional(v.literal("base64", `an encoding is "base64", or not there`));
type Encoding = v.InferOutput<typeof encodingSchema>;

/** A whole number that JSON can carry without rounding it. */
export const wholeSchema = (low: number, high: number = Number.MAX_SAFE_INTEGER) => {
  const message = `must be a whole number from ${low} to ${high}`;
  return v.pipe(v.number(message), v.safeInteger(message), v.minValue(low, message), v.maxValue(high, message));
};

/** Seconds that a lease lives without being renewed. */
export const ttlSchema = wholeSchema(limits.leaseSecondsMin, limits.leaseSecondsMax);

export const invalid = (at: string, detail: string): Problem => new Problem("invalid-body", `${at}: ${detail}`);

/** @param at the member's place in the body. @throws {Problem} when no bytes are meant by it. */
export function bytesFrom(text: string, encoding: Encoding, at: string): Uint8Array<ArrayBuffer> {
  const bytes = encoding === undefined ? wellFormed(text) : bytesOfBase64(text);
  if (bytes !== null) return bytes;
  throw invalid(at, encoding === undefined ? "is not text: it holds half a character" : "is not canonical base64");
}

const wellFormed = (text: string) => (text.isWellFormed() ? Uint8Array.from(utf8(text)) : null);

/** @throws {Problem} unless it is a key of 1 to so many bytes. */
export function keyFrom(text: string, encoding: Encoding, at: string): NamedKey {
  const bytes = bytesFrom(text, encoding, at);
  if (bytes.length === 0) throw new Problem("invalid-key", `${at}: a key has at least one byte`);
  checkKeySize(bytes, `${at}: a key`);
  return { bytes, stored: userKey(bytes) };
}

/** @throws {Problem} when the value is larger than any may be. */
export function valueFrom(text: string, encoding: Encoding, at: string): Uint8Array<ArrayBuffer> {
  const bytes = bytesFrom(text, encoding, at);
  if (bytes.length <= limits.valueBytes) return bytes;
  throw new Problem("body-too-large", `${at}: a value has at most ${limits.valueBytes} bytes, not ${bytes.length}`);
}

export function leaseFrom(text: string, at: string): LeaseId {
  const lease = leaseIdOf(text);
  if (lease !== null) return lease;
  throw invalid(at, "a lease's id is a decimal number from 1 to 9223372036854775807, as text");
}
