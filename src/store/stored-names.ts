/** What keys, leases and ids may look like once they are stored: the predicates that all codecs of the store share. */
import type { ByteString } from "../support/brand.ts";
import { isByteString } from "../support/bytes.ts";
import { limits } from "../support/limits.ts";
import { isText, isWhole } from "./json-shape.ts";

/** Request ids, sessions and fingerprints, in characters. */
const nameCharacters = 256;
const leaseCharacters = 4096;

export const isStoredKey = (value: unknown): value is ByteString =>
  typeof value === "string" && value.length > 0 && value.length <= limits.storedKeyBytes && isByteString(value);
/** A range may end just after the longest key. */
export const isRangeEnd = (value: unknown): value is ByteString =>
  typeof value === "string" && value.length > 0 && value.length <= limits.storedKeyBytes + 1 && isByteString(value);
export const isLeaseName = (value: unknown): value is string => isText(value, leaseCharacters);
export const isName = (value: unknown): value is string => isText(value, nameCharacters);
export const isTtl = (value: unknown): value is number => isWhole(value, 1, limits.leaseSecondsMax * 1000);
