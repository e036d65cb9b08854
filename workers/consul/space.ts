/**
 * Where Consul's door keeps what. Its keys are those of `/kv`; what only Consul knows of a key stands beside it, in a space
 * of its own: flags and the count of its locks, who holds it (tied to the session's lease), and the marker of its
 * lock-delay (tied to a lease that outlives the session's). Used by all of this door. Pure.
 */
import { leaseId } from "../../src/support/brand.ts";
import type { ByteString, LeaseId } from "../../src/support/brand.ts";
import { byteString, bytesOf } from "../../src/support/bytes.ts";
import { consulSpace, userKey, userKeyBytes, userRange } from "../../src/store/key-space.ts";
import { prefixRange } from "../../src/store/transaction.ts";
import type { KeyRange } from "../../src/store/transaction.ts";

/** What stands beside a key: meta, holder, delay. */
export type Beside = "m" | "h" | "d";

const stored = (text: string): ByteString => text as ByteString;
export const alone = (key: ByteString): KeyRange => ({ key, end: null });

/** @param key a client's key, as bytes without the space. */
export const pairKey = (key: ByteString): ByteString => userKey(bytesOf(key));
export const besideKey = (part: Beside, key: ByteString): ByteString => stored(`${consulSpace}${part}${key}`);

/** All keys that begin with these bytes; all there are for none. */
export const pairRange = (prefix: ByteString): KeyRange => (prefix === "" ? userRange : prefixRange(pairKey(prefix)));
export const besideRange = (part: Beside, prefix: ByteString): KeyRange => prefixRange(besideKey(part, prefix));

/** The client's key of a stored one. */
export function keyOfPair(key: ByteString): ByteString {
  return byteString(userKeyBytes(key) ?? new Uint8Array(0));
}
export const keyOfBeside = (key: ByteString): ByteString => stored(key.slice(2));

// --- sessions and events ---

export const sessionKey = (id: string): ByteString => stored(`${consulSpace}s${id}`);
export const sessionsRange: KeyRange = prefixRange(stored(`${consulSpace}s`));
export const sessionLease = (id: string): LeaseId => leaseId(`session/${id}`);
/** Exists so that the lease of the lock-delays does. */
export const delayKey = (id: string): ByteString => stored(`${consulSpace}x${id}`);
export const delayLease = (id: string): LeaseId => leaseId(`session-delay/${id}`);

export const eventKey = (id: string): ByteString => stored(`${consulSpace}e${id}`);
export const eventsRange: KeyRange = prefixRange(stored(`${consulSpace}e`));
export const eventLease = (id: string): LeaseId => leaseId(`event/${id}`);
