/** Waits between attempts: twice as long each time, never longer than the longest, never the same for all. */
import { describe, expect, it } from "vitest";
import { backOffMs } from "../../../src/support/back-off.ts";
import { seededRandom } from "../../../src/support/random.ts";

const drawing = (value: number) => ({ next: () => value });

describe("a back-off", () => {
  it("doubles with every failure, up to the maximum", () => {
    const waits = [0, 1, 2, 3, 10, 100, 5_000].map((failures) => backOffMs(failures, 50, 350, drawing(1)));
    expect(waits).toEqual([50, 100, 200, 350, 350, 350, 350]);
  });

  it("is half of that at least", () => {
    expect([0, 1, 9].map((failures) => backOffMs(failures, 50, 350, drawing(0)))).toEqual([25, 50, 175]);
  });

  it("differs for those who failed together", () => {
    const random = seededRandom(1);
    const waits = Array.from({ length: 100 }, () => backOffMs(3, 50, 5_000, random));
    expect(new Set(waits).size).toBe(100);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(200);
    expect(Math.max(...waits)).toBeLessThan(400);
  });
});
