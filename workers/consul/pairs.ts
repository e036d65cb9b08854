/**
 * Keys as Consul's clients see them, put together from what the store holds: the key itself and what stands beside it. A
 * key that was deleted and made again by another door has none of what stood beside the old one. Pure.
 */
import type { ByteString, LeaseId } from "../../src/support/brand.ts";
import { base64Of, bytesOf, textOf, utf8 } from "../../src/support/bytes.ts";
import type { Entry } from "../../src/store/command.ts";
import { parseJson } from "../../src/store/json-shape.ts";
import { exactly } from "./json.ts";

/** A key as Consul has it. */
export interface Pair {
  /** Without the byte of its space. */
  readonly key: ByteString;
  readonly value: Uint8Array;
  /** An uint64 in decimal. */
  readonly flags: string;
  /** How often it was acquired since it was last written without a session. */
  readonly lockIndex: number;
  /** Who holds it. */
  readonly session: string | null;
  /** It goes with this lease. */
  readonly lease: LeaseId | null;
  readonly createIndex: number;
  readonly modifyIndex: number;
}

/** What stands beside a key as `m`. */
export interface Meta {
  readonly flags: string;
  readonly lockIndex: number;
  /** It was held when this was written: should its holder be gone, it was released since. */
  readonly held: boolean;
}

const noMeta: Meta = { flags: "0", lockIndex: 0, held: false };

export const isDefault = ({ flags, lockIndex, held }: Meta): boolean => flags === "0" && lockIndex === 0 && !held;

export const encodeMeta = ({ flags, lockIndex, held }: Meta): Uint8Array =>
  utf8(JSON.stringify([flags, lockIndex, held]));

function decodeMeta(bytes: Uint8Array): Meta {
  const read = parseJson(textOf(bytes) ?? "");
  if (!Array.isArray(read)) return noMeta;
  const [flags, lockIndex, held] = read as readonly unknown[];
  const known = typeof flags === "string" && isUint64(flags) && typeof lockIndex === "number";
  return known ? { flags, lockIndex, held: held === true } : noMeta;
}

const largest = 2n ** 64n - 1n;
export const isUint64 = (digits: string): boolean => /^[0-9]{1,20}$/.test(digits) && BigInt(digits) <= largest;

/** The rows of one key; null where there is none. */
export interface Rows {
  readonly pair: Entry | null;
  readonly meta: Entry | null;
  readonly holder: Entry | null;
}

/** What was written for an earlier life of the key counts no more. */
const ofThisLife = (pair: Entry, beside: Entry | null): Entry | null =>
  beside !== null && beside.modRevision >= pair.createRevision ? beside : null;

const metaOf = (pair: Entry, meta: Entry | null): Meta => {
  const own = ofThisLife(pair, meta);
  return own === null ? noMeta : decodeMeta(own.value);
};

/** Whether the key was held when it was last written, and is no more: then its release is a change of its own. */
export const wasReleased = ({ pair, meta, holder }: Rows): boolean =>
  pair !== null && ofThisLife(pair, holder) === null && metaOf(pair, meta).held;

/** @param released when its holder went, as far as is known; 0 otherwise. */
export function pairOf(key: ByteString, { pair, meta, holder }: Rows, released = 0): Pair | null {
  if (pair === null) return null;
  const { flags, lockIndex } = metaOf(pair, meta);
  const held = ofThisLife(pair, holder);
  return {
    key,
    value: pair.value,
    flags,
    lockIndex,
    session: held === null ? null : textOf(held.value),
    lease: pair.lease,
    createIndex: pair.createRevision,
    modifyIndex: Math.max(pair.modRevision, released),
  };
}

const decoder = new TextDecoder();
/** A key as text: bytes that are none are shown as Go shows them. */
export const shownKey = (key: ByteString): string => decoder.decode(bytesOf(key));

/** @param withValue false: as a transaction answers its writes. */
export function shownPair(pair: Pair, withValue = true): object {
  const { key, value, flags, lockIndex, session, createIndex, modifyIndex } = pair;
  return {
    LockIndex: lockIndex,
    Key: shownKey(key),
    Flags: exactly(flags),
    Value: withValue && value.length > 0 ? base64Of(value) : null,
    ...(session === null ? {} : { Session: session }),
    CreateIndex: createIndex,
    ModifyIndex: modifyIndex,
  };
}
