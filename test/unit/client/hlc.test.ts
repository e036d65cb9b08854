/** The hybrid logical clock: stamps follow cause and effect, whatever the clocks do; wild ones are refused. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareStamps, HybridClock } from "../../../src/client/hlc.ts";
import type { HybridStamp } from "../../../src/client/hlc.ts";

describe("the hybrid logical clock", () => {
  it("is the time, and counts where the time stands still or goes back", () => {
    let time = 1000;
    const clock = new HybridClock({ physical: () => time });
    expect(clock.now()).toEqual({ wall: 1000, logical: 0 });
    expect(clock.now()).toEqual({ wall: 1000, logical: 1 });
    time = 900;
    expect(clock.now()).toEqual({ wall: 1000, logical: 2 });
    time = 1001.7;
    expect(clock.now()).toEqual({ wall: 1001, logical: 0 });
  });

  it("comes after what it hears", () => {
    const clock = new HybridClock({ physical: () => 1000 });
    expect(clock.update({ wall: 1200, logical: 7 })).toEqual({ wall: 1200, logical: 8 });
    expect(clock.now()).toEqual({ wall: 1200, logical: 9 });
    expect(clock.update({ wall: 10, logical: 0 })).toEqual({ wall: 1200, logical: 10 });
  });

  it("refuses what is too far ahead, and is not moved by it", () => {
    const clock = new HybridClock({ physical: () => 1000 });
    expect(clock.update({ wall: 1501, logical: 0 })).toEqual({ refusal: "too-far-ahead", aheadMs: 501 });
    expect(clock.now()).toEqual({ wall: 1000, logical: 0 });
    expect(clock.update({ wall: 1500, logical: 0 })).toEqual({ wall: 1500, logical: 1 });
  });

  it("begins above what was kept over a restart", () => {
    const clock = new HybridClock({ physical: () => 1000, above: 5000 });
    expect(compareStamps(clock.now(), { wall: 5000, logical: 0 })).toBeGreaterThan(0);
  });

  it("orders cause before effect among machines whose clocks are off and go back", () => {
    const event = fc.record({ from: fc.nat(2), to: fc.nat(2), shift: fc.integer({ min: -200, max: 200 }) });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const times = [1000, 1100, 900];
        const clocks = times.map((_, i) => new HybridClock({ physical: () => times[i] ?? 0, maxOffsetMs: 1e9 }));
        const last: (HybridStamp | undefined)[] = [];
        const follows = (machine: number, stamp: HybridStamp, cause?: HybridStamp): void => {
          const before = last[machine];
          if (before !== undefined) expect(compareStamps(stamp, before)).toBeGreaterThan(0);
          if (cause !== undefined) expect(compareStamps(stamp, cause)).toBeGreaterThan(0);
          last[machine] = stamp;
        };
        for (const { from, to, shift } of events) {
          times[from] = (times[from] ?? 0) + shift;
          const sent = clocks[from]?.now();
          if (sent === undefined) continue;
          follows(from, sent);
          const heard = clocks[to]?.update(sent);
          if (heard !== undefined && !("refusal" in heard)) follows(to, heard, sent);
        }
      }),
    );
  });
});
