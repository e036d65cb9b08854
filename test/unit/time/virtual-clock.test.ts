/** The virtual clock: never back, slewed within its limits, stepped only forward and only when it may be. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defaultSettings } from "../../../src/time/settings.ts";
import { VirtualClock } from "../../../src/time/virtual-clock.ts";

const target = (offset: number, slope = 0, within = 1000) => ({ offset, slope, below: within, above: within });

/** Past the updates in which it may be stepped. */
function settled(): VirtualClock {
  const clock = new VirtualClock(defaultSettings);
  for (let now = 0; now < 4; now += 1) clock.follow(now, target(0), false);
  return clock;
}

describe("the virtual clock", () => {
  it("starts where it is told", () => {
    const clock = new VirtualClock(defaultSettings);
    expect(clock.follow(100, target(5000), false)).toBe("started");
    expect(clock.read(100)).toBe(5100);
    expect(clock.read(200)).toBe(5200);
  });

  it("slews a small error, at no more than 500 ppm, and then keeps the rate", () => {
    const clock = settled();
    expect(clock.follow(1000, target(10, 1e-5), false)).toBe("slewed");
    // 10 ms at 500 ppm take 20 s.
    expect(clock.read(11_000) - 11_000).toBeCloseTo(5.1, 6);
    expect(clock.read(21_000) - 21_000).toBeCloseTo(10.2, 6);
    expect(clock.read(121_000) - 121_000).toBeCloseTo(11.2, 6);
  });

  it("slews both ways, but steps forward only", () => {
    const ahead = settled();
    expect(ahead.follow(1000, target(200, 0, 1), false)).toBe("stepped");
    expect(ahead.read(1000)).toBe(1200);
    const behind = settled();
    expect(behind.follow(1000, target(-2000, 0, 1), false)).toBe("slewed");
    expect(behind.read(1000)).toBe(1000);
    // Known to be wrong: at a twelfth.
    expect(behind.read(2000)).toBeCloseTo(2000 - 1000 / 12, 2);
    expect(behind.read(30_000)).toBeCloseTo(28_000, 6);
  });

  it("believes nobody beyond the panic limit, unless its base may have slept", () => {
    const clock = settled();
    expect(clock.follow(1000, target(1_000_001), false)).toBe("panic");
    expect(clock.read(1000)).toBe(1000);
    expect(clock.follow(1000, target(1_000_001), true)).toBe("stepped");
    expect(clock.read(1000)).toBe(1_001_001);
  });

  it("never goes back and never stands still, whatever it is told to follow", () => {
    const update = fc.record({
      pause: fc.integer({ min: 1, max: 1_000_000 }),
      offset: fc.integer({ min: -2_000_000, max: 2_000_000 }),
      ppm: fc.integer({ min: -500, max: 500 }),
      within: fc.nat(2000),
      anyStep: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(update, { minLength: 1, maxLength: 20 }), (updates) => {
        const clock = new VirtualClock(defaultSettings);
        let now = 0;
        let last = -Infinity;
        const look = (at: number): void => {
          if (!clock.started) return;
          const time = clock.read(at);
          expect(time).toBeGreaterThan(last);
          last = time;
        };
        for (const { pause, offset, ppm, within, anyStep } of updates) {
          look(now + pause / 2);
          now += pause;
          clock.follow(now, target(offset, ppm * 1e-6, within), anyStep);
          look(now);
        }
        look(now + 1);
      }),
    );
  });
});
