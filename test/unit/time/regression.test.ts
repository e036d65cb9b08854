/** Regression and runs test: random lines are found again, and the window ends where the line bends. */
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../src/support/random.ts";
import { mostSamples, regress } from "../../../src/time/regression.ts";
import { looksRandom, runsIn } from "../../../src/time/runs-test.ts";
import { normal } from "../../time/clocks.ts";

describe("regression", () => {
  it("chrony's own test: random lines through 3 to 64 noisy points", () => {
    const random = seededRandom(1);
    const between = (low: number, high: number): number => low + (high - low) * random.next();
    for (let n = 3; n <= mostSamples; n += 1) {
      for (let run = 0; run < 20; run += 1) {
        const [slope, intercept, noise] = [between(-0.1, 0.1), between(-1, 1), Math.exp(between(-20, 0))];
        const points = Array.from({ length: n }, (_, i) => {
          const at = i - n + 1;
          return { at, offset: intercept + slope * at + noise * between(-0.6, 0.6), spread: 1 };
        });
        const line = regress(points, 0);
        // Where the window was cut, fewer points speak.
        const few = Math.sqrt(n / (line?.samples ?? 1));
        expect(Math.abs((line?.intercept ?? NaN) - intercept)).toBeLessThan(2 * noise * few + 1e-3);
        expect(Math.abs((line?.slope ?? NaN) - slope)).toBeLessThan(2 * noise * few);
      }
    }
  });

  it("finds an exact line exactly", () => {
    const points = [0, 1, 2, 3].map((at) => ({ at, offset: 5 + 2 * at, spread: 1 }));
    const line = regress(points, 4);
    expect(line?.intercept).toBeCloseTo(13, 9);
    expect(line?.slope).toBeCloseTo(2, 9);
    expect(line?.slopeDeviation).toBeCloseTo(0, 9);
  });

  it("forgets what lies before a bend", () => {
    const random = seededRandom(2);
    const points = Array.from({ length: 64 }, (_, at) => ({
      at,
      offset: (at < 40 ? 0 : (at - 40) * 0.5) + 0.05 * normal(random),
      spread: 1,
    }));
    const line = regress(points, 63);
    expect(line?.samples).toBeLessThan(32);
    expect(line?.slope).toBeGreaterThan(0.45);
  });

  it("keeps what a line explains", () => {
    const random = seededRandom(3);
    const points = Array.from({ length: 64 }, (_, at) => ({ at, offset: at * 0.1 + normal(random), spread: 1 }));
    expect(regress(points, 63)?.samples).toBeGreaterThan(40);
  });

  it("listens less to those that may be further off", () => {
    const sure = Array.from({ length: 8 }, (_, at) => ({ at, offset: at % 2 === 0 ? 0.1 : -0.1, spread: 1 }));
    const line = regress([...sure, { at: 8, offset: 100, spread: 1000 }], 8);
    expect(Math.abs(line?.intercept ?? NaN)).toBeLessThan(0.5);
  });

  it("says nothing of two points, or of points of one instant", () => {
    const point = { at: 1, offset: 1, spread: 1 };
    expect(regress([point, { ...point, at: 2 }], 2)).toBeNull();
    expect(regress([point, point, point, point], 2)).toBeNull();
  });
});

describe("the runs test", () => {
  it("counts runs of one sign", () => {
    expect(runsIn([])).toBe(0);
    expect(runsIn([1, 2, -1, -1, 3])).toBe(3);
  });

  it("refuses fewer than one in twenty of fair series, and all that stay on one side", () => {
    const random = seededRandom(4);
    for (const n of [8, 16, 32, 64, 100]) {
      let refused = 0;
      for (let run = 0; run < 2000; run += 1)
        if (!looksRandom(Array.from({ length: n }, () => random.next() - 0.5))) refused += 1;
      expect(refused / 2000).toBeLessThan(0.065);
      expect(looksRandom(Array.from({ length: n }, () => 1))).toBe(false);
    }
  });

  it("does not judge fewer than eight", () => {
    expect(looksRandom([1, 1, 1, 1, 1, 1, 1])).toBe(true);
  });
});
