/** Nominal types for numbers and strings that must not be mixed up, with one constructor each that asserts the range. */
import { assert } from "./assert.ts";

declare const brand: unique symbol;
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** Position in a log, from 1. 0 stands for "before the first". */
export type Slot = Brand<number, "Slot">;
/** Count of changes to a store, from 1. 0 is the empty store. */
export type Revision = Brand<number, "Revision">;
/** Milliseconds since the Unix epoch, as a batch's stamp: the log's own clock, never going back. */
export type LogTime = Brand<number, "LogTime">;
/** Milliseconds since the Unix epoch as one machine's own clock shows them. */
export type Instant = Brand<number, "Instant">;
/** A region's name: one of the platform's location hints. */
export type RegionName = Brand<string, "RegionName">;
/** Identifies a client's command wherever it travels: the key of exactly-once. */
export type RequestId = Brand<string, "RequestId">;
/** Identifies a lease within a namespace. */
export type LeaseId = Brand<string, "LeaseId">;
/** A key as stored: one character per byte (0x00 to 0xff), so that order and equality are those of the bytes. */
export type ByteString = Brand<string, "ByteString">;

const isCount = (n: number): boolean => Number.isSafeInteger(n) && n >= 0;

export function slot(n: number): Slot {
  assert(isCount(n), `slot out of range: ${n}`);
  return n as Slot;
}
export const nextSlot = (s: Slot): Slot => slot(s + 1);
export function revision(n: number): Revision {
  assert(isCount(n), `revision out of range: ${n}`);
  return n as Revision;
}
export function logTime(ms: number): LogTime {
  assert(isCount(ms), `log time out of range: ${ms}`);
  return ms as LogTime;
}
export function instant(ms: number): Instant {
  assert(isCount(ms), `instant out of range: ${ms}`);
  return ms as Instant;
}
export function regionName(name: string): RegionName {
  assert(/^[a-z]+(-[a-z]+)?$/.test(name), `not a region name: ${name}`);
  return name as RegionName;
}
export function requestId(id: string): RequestId {
  assert(id.length > 0 && id.length <= 256, "request id must have 1 to 256 characters");
  return id as RequestId;
}
export function leaseId(id: string): LeaseId {
  assert(id.length > 0 && id.length <= 4096, "lease id must have 1 to 4096 characters");
  return id as LeaseId;
}
