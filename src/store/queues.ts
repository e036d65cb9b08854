/**
 * Queues: keys that end in the revision that created them, so that their order is the order of arrival. A lock is held by
 * the first place of its queue, an election is led by it. The place's create revision is the fencing token: revisions
 * only grow, whatever becomes of the keys (SPEC K1). Used by the store.
 */
import { revision } from "../support/brand.ts";
import type { ByteString, Revision } from "../support/brand.ts";

/** Hexadecimal digits of a place: enough for every revision, and always as many, so that they sort like numbers. */
export const placeDigits = 16;

export const placeKey = (queue: ByteString, token: Revision): ByteString =>
  `${queue}${token.toString(16).padStart(placeDigits, "0")}` as ByteString;

/** @returns null when `key` is no place of that queue. */
export function tokenOf(queue: ByteString, key: ByteString): Revision | null {
  const digits = key.startsWith(queue) ? key.slice(queue.length) : "";
  if (digits.length !== placeDigits || !/^[0-9a-f]+$/.test(digits)) return null;
  const token = Number.parseInt(digits, 16);
  return Number.isSafeInteger(token) ? revision(token) : null;
}
