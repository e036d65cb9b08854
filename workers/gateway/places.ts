/**
 * What a place in a queue holds, as stored: how long it lives without being renewed, who took it, what it proclaims. Written
 * by the doors of locks and elections alone, so what cannot be read is shown as little as can be said of it. Pure.
 */
import * as v from "valibot";
import { packBytes, textOf, unpackBytes, utf8 } from "../../src/support/bytes.ts";
import { parseJson } from "../../src/store/json-shape.ts";

export interface PlaceValue {
  readonly ttlMs: number;
  /** Who took it, in its own words; null where it said nothing. */
  readonly owner: string | null;
  /** What a leader proclaims; null in a lock's queue. */
  readonly value: Uint8Array | null;
}

const schema = v.object({
  ttlMs: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  owner: v.nullable(v.string()),
  value: v.nullable(v.string()),
});

export const encodePlace = ({ ttlMs, owner, value }: PlaceValue): Uint8Array =>
  utf8(JSON.stringify({ ttlMs, owner, value: value === null ? null : packBytes(value) }));

export function decodePlace(bytes: Uint8Array): PlaceValue {
  const read = v.safeParse(schema, parseJson(textOf(bytes) ?? ""));
  if (!read.success) return { ttlMs: 1, owner: null, value: null };
  const { value, ...rest } = read.output;
  return { ...rest, value: value === null ? null : unpackBytes(value) };
}
