/** Exchanges of stamps: published numbers, and what may never come out. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exchange } from "../../../src/time/exchange.ts";

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
