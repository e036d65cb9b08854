/** NTP's numbers: published instants and differences, and what may never be lost on the way. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  differenceSeconds,
  fromUnixMs,
  secondsFromShort,
  shortFromSeconds,
  toUnixMs,
  unixPivotMs,
  unknownTimestamp,
} from "../../../src/time/timestamps.ts";

const seconds = (timestamp: bigint): number => Number(timestamp >> 32n);

describe("64-bit timestamps", () => {
  it.each([
    ["0", 0x0000_0000_0000_0000n, "2036-02-07T06:28:16Z"],
    ["0x10000000", 0x1000_0000_0000_0000n, "2044-08-10T03:52:32Z"],
    ["0x80000000", 0x8000_0000_0000_0000n, "2104-02-26T09:42:24Z"],
    ["0x83aa7e70", 0x83aa_7e70_0000_0000n, "2106-02-07T06:28:00Z"],
    ["0x83aa7e80", 0x83aa_7e80_0000_0000n, "1970-01-01T00:00:00Z"],
    ["0xe0000000", 0xe000_0000_0000_0000n, "2019-02-02T11:39:44Z"],
    ["0xffffffff", 0xffff_ffff_0000_0000n, "2036-02-07T06:28:15Z"],
  ])("beevik/ntp: %s, read with the pivot of clients in Go", (_, timestamp, instant) => {
    expect(toUnixMs(timestamp, unixPivotMs)).toBe(Date.parse(instant));
  });

  it("ntpsec: 0xFFFFFFFF00000000 is 2085978495", () => {
    expect(toUnixMs(0xffff_ffff_0000_0000n, unixPivotMs)).toBe(2_085_978_495_000);
  });

  it.each([
    ["1972-01-01", 0, 2_272_060_800],
    ["1999-12-31", 0, 3_155_587_200],
    ["2036-02-08", 1, 63_104],
  ])("RFC 5905, figure 4: %s in era %i is second %i", (date, era, second) => {
    const timestamp = fromUnixMs(Date.parse(`${date}T00:00:00Z`));
    expect(seconds(timestamp)).toBe(second);
    expect((Date.parse(`${date}T00:00:00Z`) / 1000 + 2_208_988_800 - second) / 2 ** 32).toBe(era);
  });

  it.each([
    ["1970 and 2024, both in era 0", "1970-01-01T00:00:00Z", "2024-03-01T12:00:00Z"],
    ["2024 and 2047, across eras", "2024-03-01T12:00:00Z", "2047-01-01T00:00:00Z"],
    ["2047-01 and 2047-02, both in era 1", "2047-01-01T00:00:00Z", "2047-02-01T00:00:00Z"],
    ["one second across the crossing", "2036-02-07T06:28:15Z", "2036-02-07T06:28:16.5Z"],
  ])("beevik/ntp: exact differences: %s", (_, from, to) => {
    const exact = (Date.parse(to) - Date.parse(from)) / 1000;
    const [a, b] = [fromUnixMs(Date.parse(to)), fromUnixMs(Date.parse(from))];
    expect(differenceSeconds(a, b)).toBeCloseTo(exact, 8);
    expect(differenceSeconds(b, a)).toBeCloseTo(-exact, 8);
  });

  it("chrony: -1.5 s between fractions on both sides of 1970", () => {
    const before = (0x83aa_7e7fn << 32n) + 0xffff_ffffn;
    const after = (0x83aa_7e81n << 32n) + 0x8000_0000n;
    expect(differenceSeconds(before, after)).toBeCloseTo(-1.5, 8);
  });

  it("never says 'unknown' of an instant", () => {
    expect(fromUnixMs(Date.UTC(2036, 1, 7, 6, 28, 16))).not.toBe(unknownTimestamp);
  });

  it("come back as they were, whatever the era, with any pivot within 68 years", () => {
    const instants = fc.integer({ min: Date.UTC(1902, 0, 1), max: Date.UTC(2370, 0, 1) });
    const years68 = 68 * 365 * 86_400_000;
    fc.assert(
      fc.property(instants, fc.integer({ min: -years68, max: years68 }), (unixMs, apart) => {
        // A timestamp's own step is 2.3e-7 ms.
        expect(Math.abs(toUnixMs(fromUnixMs(unixMs), unixMs + apart) - unixMs)).toBeLessThan(1e-6);
      }),
    );
  });
});

describe("the short format", () => {
  it.each([
    ["chrony: 1/65536 s", 1 / 65536, 1],
    ["chrony: a little more is rounded up", 1.000001 / 65536, 2],
    ["chrony: so is a little more than a second", 1.000001, 65537],
    ["chrony: what does not fit is the most", 1e6, 0xffff_ffff],
    ["chrony: nothing is negative", -1, 0],
    ["no number is nothing", NaN, 0],
  ])("%s", (_, given, short) => {
    expect(shortFromSeconds(given)).toBe(short);
  });

  it.each([
    [0x1, 15_259e-9],
    [0x8000, 0.5],
    [0xffff_0000, 65_535],
  ])("beevik/ntp: %i is %f s", (short, expected) => {
    expect(secondsFromShort(short)).toBeCloseTo(expected, 9);
  });
});
