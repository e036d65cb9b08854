/**
 * How keys are laid out in the one ordered space of bytes: the first byte says whose they are. Used by the doors and the
 * registry; the store itself takes every key as opaque bytes.
 */
import type { ByteString } from "../support/brand.ts";
import { byteString, bytesOf } from "../support/bytes.ts";

/** First byte of keys that clients write under `/kv`. */
const userSpace = "k" as ByteString;
/** First byte of the registry's keys. */
export const serviceSpace = "s" as ByteString;

/** First byte of what Consul's door keeps beside clients' keys: flags, locks, sessions, events. */
export const consulSpace = "c" as ByteString;

/** First byte of the places in locks' queues, and in elections'. */
export const lockSpace = "l" as ByteString;
const electionSpace = "e" as ByteString;

/** What all places of one lock begin with: its name, and a zero byte that no name holds. */
export const lockQueue = (name: Uint8Array): ByteString => `${lockSpace}${byteString(name)}\0` as ByteString;
export const electionQueue = (name: Uint8Array): ByteString => `${electionSpace}${byteString(name)}\0` as ByteString;

/** All that clients may write under `/kv`, as a range. */
export const userRange = { key: userSpace, end: "l" as ByteString };

export const userKey = (bytes: Uint8Array): ByteString => `${userSpace}${byteString(bytes)}` as ByteString;

/** @returns null when `key` is not a client's. */
export const userKeyBytes = (key: ByteString): Uint8Array<ArrayBuffer> | null =>
  key.startsWith(userSpace) ? bytesOf(key.slice(1)) : null;
