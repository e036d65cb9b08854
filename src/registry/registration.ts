/**
 * What an instance says of itself, and its stored form. Made from a client's body by the doors, written by
 * `register.ts`, read by `lookup.ts`. The stored form of equal registrations is equal byte for byte, because a renewal
 * is told from a change by comparing bytes.
 */
import { regionName } from "../support/brand.ts";
import type { RegionName } from "../support/brand.ts";
import { textOf, utf8 } from "../support/bytes.ts";
import { limits } from "../support/limits.ts";
import { isList, isText, isWhole, parseJson } from "../store/json-shape.ts";

export interface Registration {
  /** An IP address or a host name. */
  readonly address: string;
  /** 0 when the service has none. */
  readonly port: number;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  /** How long the instance lives without renewing. */
  readonly ttlMs: number;
  /** Where it was registered. */
  readonly region: RegionName;
}

/** The parts as a client sent them, not yet looked at. */
export type RegistrationInput = { readonly [Part in keyof Registration]: unknown };

export interface Rejected {
  readonly type: "rejected";
  /** Names the part and what it may be; meant for the client. */
  readonly reason: string;
}

const rejected = (reason: string): Rejected => ({ type: "rejected", reason });
const ttlMsMin = limits.ttlSecondsMin * 1000;
const ttlMsMax = limits.ttlSecondsMax * 1000;

/** @returns a registration whose every part is within its limits. Equal input in any order of meta gives equal parts. */
export function registration(input: RegistrationInput): Registration | Rejected {
  const { address, port, tags, meta, ttlMs, region } = input;
  if (typeof address !== "string" || !/^[\u0021-\u007e]{1,255}$/.test(address)) {
    return rejected("address must have 1 to 255 visible ASCII characters");
  }
  if (!isWhole(port, 0, 65_535)) return rejected("port must be a whole number from 0 to 65535");
  if (!isTags(tags)) {
    return rejected(`tags must be at most ${limits.tags} texts of 1 to ${limits.tagCharacters} characters`);
  }
  const pairs = metaPairs(meta);
  if (pairs === null)
    return rejected(`meta must be at most ${limits.metaEntries} texts under names, within their sizes`);
  if (!isWhole(ttlMs, ttlMsMin, ttlMsMax)) {
    return rejected(`ttl must be from ${limits.ttlSecondsMin} to ${limits.ttlSecondsMax} seconds`);
  }
  if (typeof region !== "string" || !/^[a-z]+(-[a-z]+)?$/.test(region))
    return rejected("region is not a region's name");
  return { address, port, tags, meta: Object.fromEntries(pairs), ttlMs, region: regionName(region) };
}

export function encodeRegistration({ address, port, tags, meta, ttlMs, region }: Registration): Uint8Array {
  return utf8(JSON.stringify({ address, port, tags, meta: Object.fromEntries(inOrder(meta)), ttlMs, region }));
}

/** @returns null when `bytes` are not what `encodeRegistration` writes. */
export function decodeRegistration(bytes: Uint8Array): Registration | null {
  const text = textOf(bytes);
  const value = text === null ? undefined : parseJson(text);
  if (!isRecord(value)) return null;
  const { address, port, tags, meta, ttlMs, region, ...others } = value;
  if (Object.keys(others).length > 0) return null;
  const read = registration({ address, port, tags, meta, ttlMs, region });
  return "type" in read ? null : read;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !isList(value);

const isTags = (value: unknown): value is readonly string[] =>
  isList(value) && value.length <= limits.tags && value.every((tag) => isText(tag, limits.tagCharacters));

/** Pairs in the order of their names, or null when they are not what they should be. */
function metaPairs(value: unknown): readonly (readonly [string, string])[] | null {
  if (!isRecord(value)) return null;
  const pairs: (readonly [string, string])[] = [];
  for (const [name, text] of Object.entries(value)) {
    if (!isText(name, limits.metaKeyCharacters)) return null;
    if (text !== "" && !isText(text, limits.metaValueCharacters)) return null;
    pairs.push([name, text]);
  }
  return pairs.length > limits.metaEntries ? null : inOrder(Object.fromEntries(pairs));
}

const inOrder = (meta: Readonly<Record<string, string>>): readonly (readonly [string, string])[] =>
  Object.entries(meta).toSorted(([a], [b]) => (a < b ? -1 : 1));
