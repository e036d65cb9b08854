/** Who tells the truth: worked numbers, and what no minority of liars can bring about. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cluster, combine } from "../../../src/time/combine.ts";
import { leapVote, select } from "../../../src/time/select.ts";
import { firstSecondPhase, intersectMidpoints, phaseLockedFrequency } from "../../time/rfc5905.ts";

const around = (offset: number, distance: number) => ({ low: offset - distance, high: offset + distance });
const four = [
  { offset: 10, distance: 50 },
  { offset: 14, distance: 30 },
  { offset: -4, distance: 40 },
  { offset: 500, distance: 60 },
];
const intervalsOf = (list: readonly { readonly offset: number; readonly distance: number }[]) =>
  list.map(({ offset, distance }) => around(offset, distance));

describe("selection by interval majority", () => {
  it("worked: three of four agree", () => {
    expect(select(intervalsOf(four))).toEqual({
      agreed: { low: -16, high: 36 },
      truechimers: [0, 1, 2],
      falsetickers: [3],
    });
  });

  it("worked: two against two is no majority", () => {
    const two = [around(0, 0.1), around(0, 0.1), around(1, 0.1), around(1, 0.1)];
    expect(select(two)).toEqual({ refusal: "no-majority" });
  });

  it("a wide honest source stays, though its middle is outside", () => {
    const selected = select([around(0, 0.5), around(0.4, 0.05), around(0.42, 0.05)]);
    expect(selected).toMatchObject({ truechimers: [0, 1, 2], falsetickers: [] });
  });

  it("ntpd-rs: three at 0 and two at 0.5 are enough for three, not for four", () => {
    const five = [
      ...Array.from({ length: 3 }, () => around(0, 0.1)),
      ...Array.from({ length: 2 }, () => around(0.5, 0.1)),
    ];
    expect(select(five, 5, 3)).toMatchObject({ truechimers: [0, 1, 2] });
    expect(select(five, 5, 4)).toEqual({ refusal: "no-majority" });
  });

  it("silence does not make a majority of the rest", () => {
    expect(select([around(0, 1), around(0, 1)], 5)).toEqual({ refusal: "too-few-answers" });
    expect(select([], 5)).toEqual({ refusal: "no-answers" });
  });

  it("promises the whole part that a majority holds, not the part on which most agree", () => {
    // Two liars agree with two of three honest ones on [4, 5]; the truth, 1, is where the three agree.
    const selected = select([
      { low: 0, high: 2 },
      { low: 1, high: 5 },
      { low: 1, high: 5 },
      { low: 4, high: 6 },
      { low: 4, high: 6 },
    ]);
    expect(selected).toMatchObject({ agreed: { low: 1, high: 5 } });
  });

  it("always holds the truth while more than half are honest, whatever the others say", () => {
    const number = fc.integer({ min: -1000, max: 1000 });
    const honest = fc.tuple(fc.nat(100), fc.nat(100));
    const liar = fc.tuple(number, fc.nat(500));
    const sources = fc
      .integer({ min: 0, max: 4 })
      .chain((liars) =>
        fc.tuple(
          number,
          fc.array(honest, { minLength: liars + 1, maxLength: liars + 4 }),
          fc.array(liar, { minLength: liars, maxLength: liars }),
        ),
      );
    fc.assert(
      fc.property(sources, ([truth, honest, liars]) => {
        const selected = select([
          ...liars.map(([low, width]) => ({ low, high: low + width })),
          ...honest.map(([below, above]) => ({ low: truth - below, high: truth + above })),
        ]);
        if ("refusal" in selected) throw new Error("a majority was refused");
        expect(selected.agreed.low).toBeLessThanOrEqual(truth);
        expect(selected.agreed.high).toBeGreaterThanOrEqual(truth);
      }),
    );
  });

  it("never agrees where no point is in more than half of all intervals", () => {
    const intervals = fc.array(fc.tuple(fc.nat(60), fc.nat(20)), { minLength: 1, maxLength: 7 });
    fc.assert(
      fc.property(intervals, fc.nat(6), (drawn, silent) => {
        const list = drawn.map(([low, width]) => ({ low, high: low + width }));
        const associations = list.length + silent;
        const deepest = Math.max(
          ...list.map(({ low: at }) => list.filter(({ low, high }) => low <= at && at <= high).length),
        );
        expect("agreed" in select(list, associations)).toBe(deepest > associations / 2);
      }),
    );
  });

  it("ntpd-rs: a leap second needs more than half of the votes", () => {
    expect(leapVote([1, 1, 0])).toBe(1);
    expect(leapVote([1, 0])).toBe(0);
    expect(leapVote([1, 1, 2, 2])).toBe(0);
    expect(leapVote([2, 2, 2, 0])).toBe(2);
  });
});

describe("RFC 5905's own selection and loop, as the others have them", () => {
  it("worked: the intersection of three of four", () => {
    expect(intersectMidpoints(four)).toEqual({
      interval: { low: -16, high: 36 },
      survivors: [0, 1, 2],
      falsetickers: 1,
    });
  });

  it("worked: two against two is no majority", () => {
    const at = (offset: number) => ({ offset, distance: 0.1 });
    expect(intersectMidpoints([at(0), at(0), at(1), at(1)])).toBeNull();
  });

  it("worked: a wide honest source loses by its middle", () => {
    const found = intersectMidpoints([
      { offset: 0, distance: 0.5 },
      { offset: 0.4, distance: 0.05 },
      { offset: 0.42, distance: 0.05 },
    ]);
    expect(found?.interval.low).toBeCloseTo(0.35, 12);
    expect(found?.interval.high).toBeCloseTo(0.47, 12);
    expect(found).toMatchObject({ survivors: [1, 2], falsetickers: 1 });
  });

  it("worked: 10 ms at poll 6 are 0.0381470 ppm and 9.765625 us in the first second", () => {
    expect(phaseLockedFrequency(0.01, 6, 64) * 1e6).toBeCloseTo(0.038147, 7);
    expect(firstSecondPhase(0.01, 6) * 1e6).toBeCloseTo(9.765625, 6);
  });
});

describe("cluster and combine", () => {
  const candidate = (offset: number, distance: number, jitter = 1) => ({ offset, distance, jitter });

  it("worked: the three survivors, the nearest first", () => {
    const combined = combine([candidate(14, 30), candidate(-4, 40), candidate(10, 50)]);
    expect(combined.offset).toBeCloseTo(7.234043, 6);
    expect(combined.selectionJitter).toBeCloseTo(10.367708, 6);
    expect(combined.jitter).toBeCloseTo(Math.hypot(10.367708, 1), 6);
  });

  it("ntpd-rs: two equal sources at 0 and 1 ms are one at 0.5 ms", () => {
    expect(combine([candidate(0, 1), candidate(1e-3, 1)]).offset).toBeCloseTo(0.5e-3, 12);
  });

  it("drops those that scatter more than the best one's jitter explains, down to three", () => {
    const four = [candidate(0, 1), candidate(1, 1), candidate(0.5, 1), candidate(40, 1)];
    expect(cluster(four).map(({ offset }) => offset)).toEqual([0, 1, 0.5]);
    const scattered = [0, 10, 20, 30, 40].map((offset) => candidate(offset, 1));
    expect(cluster(scattered)).toHaveLength(3);
  });

  it("leaves alone what its jitter explains", () => {
    const quiet = [0, 1, 2, 3, 4].map((offset) => candidate(offset, 1, 10));
    expect(cluster(quiet)).toHaveLength(5);
  });
});
