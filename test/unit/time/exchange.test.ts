/** Exchanges of stamps: published numbers, and what may never come out. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dispersionOf, exchange, exchangeOfTimestamps } from "../../../src/time/exchange.ts";
import { fromUnixMs } from "../../../src/time/timestamps.ts";

const stamps = (t1: number, t2: number, t3: number, t4: number) => ({ t1, t2, t3, t4 });

describe("exchange", () => {
  it.each([
    ["beevik/ntp: an offset of 18 s", stamps(0, 20, 21, 5), { offset: 18, delay: 4, errorBound: 2 }],
    ["beevik/ntp: half a second behind", stamps(101, 102, 103, 105), { offset: -0.5, delay: 3, errorBound: 1.5 }],
    [
      "beevik/ntp: a negative round trip counts as none",
      stamps(20, 10, 15, 22),
      { offset: -8.5, delay: 0, errorBound: 0 },
    ],
    ["ntpsec: equal ways, equal clocks", stamps(1, 2, 3, 4), { offset: 0, delay: 2, errorBound: 1 }],
    [
      "cardano-sl: a real packet, in microseconds",
      stamps(1517827791957355, 1517827792010210, 1517827792010290, 1517827792078725),
      { offset: -7790, delay: 121290, errorBound: 60645 },
    ],
  ])("%s", (_, given, expected) => {
    expect(exchange(given)).toEqual(expected);
  });

  it("adds the clocks' step to the bound", () => {
    expect(exchange(stamps(0, 10, 10, 20), 1)).toEqual({ offset: 0, delay: 20, errorBound: 11 });
  });

  it("bounds the error however unlike the two ways are", () => {
    const ms = fc.integer({ min: 0, max: 100_000 });
    fc.assert(
      fc.property(ms, ms, ms, fc.integer({ min: -1_000_000, max: 1_000_000 }), (there, inside, back, difference) => {
        const t1 = 1_800_000_000_000;
        const t2 = t1 + there + difference;
        const t3 = t2 + inside;
        const { offset, delay, errorBound } = exchange({ t1, t2, t3, t4: t1 + there + inside + back });
        expect(delay).toBe(there + back);
        expect(Math.abs(offset - difference)).toBeLessThanOrEqual(errorBound);
      }),
    );
  });
});

describe("exchange of 64-bit timestamps", () => {
  const second = (n: number): bigint => BigInt(n) << 32n;

  it.each([
    ["beevik/ntp: 18 s", [0, 20, 21, 5], { offset: 18, delay: 4, errorBound: 2 }],
    ["beevik/ntp: half a second behind", [101, 102, 103, 105], { offset: -0.5, delay: 3, errorBound: 1.5 }],
    ["beevik/ntp: a negative round trip", [20, 10, 15, 22], { offset: -8.5, delay: 0, errorBound: 0 }],
  ])("%s", (_, [t1 = 0, t2 = 0, t3 = 0, t4 = 0], expected) => {
    const stamps = { t1: second(t1), t2: second(t2), t3: second(t3), t4: second(t4) };
    expect(exchangeOfTimestamps(stamps)).toEqual(expected);
  });

  it("goes across eras: asked before 2036-02-07 06:28:16, answered after", () => {
    const crossing = Date.UTC(2036, 1, 7, 6, 28, 16);
    const at = (ms: number): bigint => fromUnixMs(crossing + ms);
    const { offset, delay } = exchangeOfTimestamps({ t1: at(-100), t2: at(150), t3: at(160), t4: at(-50) });
    expect(offset).toBeCloseTo(0.23, 8);
    expect(delay).toBeCloseTo(0.04, 8);
  });

  it("ntpsec: epsilon of a precision of 16 s and 3 s of waiting is 16.000045, and half of the delay on top 17.000045", () => {
    const { delay } = exchange(stamps(1, 2, 3, 4));
    expect(dispersionOf(0, 2 ** 4, 3)).toBeCloseTo(16.000045, 9);
    expect(dispersionOf(0, 2 ** 4, 3) + delay / 2).toBeCloseTo(17.000045, 9);
  });

  it("RFC 5905: 100 ppm over 64 s of waiting are 6.4 ms of delay", () => {
    // A clock 100 ppm slow counts 64 s less 6.4 ms, of which the other held 64 s.
    const { t1, t2, t3, t4 } = stamps(0, 0, 64, 64 - 0.0064);
    expect(t4 - t1 - (t3 - t2)).toBeCloseTo(-0.0064, 9);
    expect(exchange({ t1, t2, t3, t4 }).delay).toBe(0);
  });
});
