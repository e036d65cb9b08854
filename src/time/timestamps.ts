/**
 * NTP's own numbers (RFC 5905, section 6): 64-bit stamps, seconds since 1900 and a fraction of 2^-32 s, which start again
 * every 136 years (an era; era 1 begins on 2036-02-07), and the 32-bit short format of delays and dispersions. Pure.
 *
 * Two stamps may only be compared by their difference modulo 2^64, read as signed: right while the two clocks are within
 * 68 years of each other, in whatever eras they are.
 */

/** From 1900-01-01 to 1970-01-01, in seconds: 17 leap years. */
const unixEpoch = 2_208_988_800n;
const fractionBits = 32n;
const fractionsPerSecond = 2 ** 32;

/** A stamp that says "unknown" (RFC 5905, section 6). */
export const unknownTimestamp = 0n;

/**
 * The middle of the years 1970 to 2106: with this pivot no stamp is read as older than Unix time itself, as clients in Go
 * do it.
 */
export const unixPivotMs = 2 ** 31 * 1000;

/** All of its bits, era included. */
function unwrapped(unixMs: number): bigint {
  const seconds = Math.floor(unixMs / 1000);
  const fraction = Math.round(((unixMs - seconds * 1000) / 1000) * fractionsPerSecond);
  return ((BigInt(seconds) + unixEpoch) << fractionBits) + BigInt(fraction);
}

/** The one instant of each era that would read as "unknown" is given 0.23 ns later. */
export function fromUnixMs(unixMs: number): bigint {
  const timestamp = BigInt.asUintN(64, unwrapped(unixMs));
  return timestamp === unknownTimestamp ? 1n : timestamp;
}

/** The instant nearest to the pivot among all those, one in each era, that this stamp can mean. */
export function toUnixMs(timestamp: bigint, pivotUnixMs: number): number {
  const pivot = unwrapped(pivotUnixMs);
  const full = pivot + BigInt.asIntN(64, timestamp - pivot);
  const seconds = Number((full >> fractionBits) - unixEpoch);
  const fraction = Number(BigInt.asUintN(32, full));
  return seconds * 1000 + (fraction * 1000) / fractionsPerSecond;
}

/** `a` minus `b`. Taken before anything is made a float, so that nothing is lost. */
export const differenceSeconds = (a: bigint, b: bigint): number =>
  Number(BigInt.asIntN(64, a - b)) / fractionsPerSecond;

/** 16 bits of seconds and 16 of fraction. Rounded up, as chrony does: a doubt must not shrink on its way. */
export function shortFromSeconds(seconds: number): number {
  if (!(seconds > 0)) return 0;
  return Math.min(Math.ceil(seconds * 2 ** 16), 0xffff_ffff);
}

export const secondsFromShort = (short: number): number => short / 2 ** 16;
