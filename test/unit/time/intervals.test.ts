/** What an exchange proves: always the truth, whatever the ways, ticks and rates; and how it ages. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { refusalOf } from "../../../src/time/answer.ts";
import { causalityInterval, middle, widened } from "../../../src/time/causality.ts";
import { acrossLeap, leapAfter, leapDeleted, leapInserted } from "../../../src/time/leap.ts";
import { untilDaily } from "../../../src/time/plan.ts";
import { PollInterval } from "../../../src/time/poll.ts";
import { assumedRate, grown, rateInterval } from "../../../src/time/rate.ts";
import { seededRandom } from "../../../src/support/random.ts";
import { Source } from "../../../src/time/source.ts";

const floored = (ms: number, tick: number): number => (tick > 0 ? Math.floor(ms / tick) * tick : ms);
const assumptions = { driftPpm: 200, wanderPpm: 50, steadyMs: 7_200_000 };
const drift = assumedRate(assumptions);

describe("causality intervals", () => {
  it("hold the truth and are unbiased in the middle: a tick of 1 ms, frozen stamps", () => {
    const answered = { t1: 0, t2: 10, t3: 10, t4: 10 };
    const interval = causalityInterval(answered, { own: 0, theirs: 1 });
    expect(interval).toEqual({ low: 0, high: 11 });
    expect(middle(interval)).toBe(5.5);
  });

  it("hold the truth whatever the ways, the ticks and the clocks' difference", () => {
    const ms = fc.double({ min: 0, max: 1000, noNaN: true });
    const tick = fc.constantFrom(0, 0.1, 1, 3, 16);
    const difference = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(ms, ms, ms, difference, tick, tick, fc.boolean(), (out, held, back, lead, own, theirs, frozen) => {
        const [left, came, went, returned] = [500, 500 + out, 500 + out + held, 500 + out + held + back];
        const t2 = floored(came + lead, theirs);
        const stamps = {
          t1: floored(left, own),
          t2,
          t3: frozen ? t2 : floored(went + lead, theirs),
          t4: floored(returned, own),
        };
        const { low, high } = widened(causalityInterval(stamps, { own, theirs }), 1e-6);
        expect(lead).toBeGreaterThanOrEqual(low);
        expect(lead).toBeLessThanOrEqual(high);
      }),
    );
  });

  it("of one source, put together and aged, hold the truth while its rate keeps to assumption A", () => {
    const exchangeAt = fc.record({
      pause: fc.double({ min: 1, max: 100_000, noNaN: true }),
      out: fc.double({ min: 0, max: 300, noNaN: true }),
      back: fc.double({ min: 0, max: 300, noNaN: true }),
    });
    const ppm = fc.double({ min: -200, max: 200, noNaN: true });
    fc.assert(
      fc.property(fc.array(exchangeAt, { minLength: 1, maxLength: 40 }), ppm, (exchanges, ppm) => {
        const source = new Source("one", 1);
        source.begin(0);
        let now = 0;
        const truth = (base: number): number => base * (1 + ppm * 1e-6);
        for (const { pause, out, back } of exchanges) {
          const t1 = Math.floor((now += pause));
          const t2 = Math.floor(truth((now += out)));
          const t4 = Math.floor((now += back));
          const said = { tickMs: 1, leap: 0, stratum: 3, rootDelayMs: 0, rootDispersionMs: 0 };
          source.answer({ t1, t2, t3: t2, t4, ...said }, drift, drift);
        }
        const later = now + 5000;
        const interval = widened(source.interval(later, drift) ?? { low: NaN, high: NaN }, 0.001);
        expect(truth(later) - later).toBeGreaterThanOrEqual(interval.low);
        expect(truth(later) - later).toBeLessThanOrEqual(interval.high);
      }),
    );
  });
});

describe("rates", () => {
  it("grow an interval by all that may have happened", () => {
    expect(grown({ low: -1, high: 1, at: 1000 }, { low: -1e-4, high: 2e-4 }, 11_000)).toEqual({ low: -2, high: 3 });
  });

  it("are what is assumed until something is measured, and then the mean and its wander", () => {
    expect(rateInterval([], assumptions)).toEqual(drift);
    const measured = rateInterval(
      [
        { low: -1, high: 1, at: 0 },
        { low: 99, high: 101, at: 1_000_000 },
      ],
      assumptions,
    );
    expect(measured?.low).toBeCloseTo((98 - 50) * 1e-6, 12);
    expect(measured?.high).toBeCloseTo((102 + 50) * 1e-6, 12);
  });

  it("say so when no rate explains what was measured", () => {
    const jumped = [
      { low: -1, high: 1, at: 0 },
      { low: 999, high: 1001, at: 100_000 },
    ];
    expect(rateInterval(jumped, assumptions)).toBeNull();
  });
});

describe("answers that are not used", () => {
  const good = { t1: 0, t2: 5, t3: 5, t4: 10, tickMs: 1, leap: 0, stratum: 3, rootDelayMs: 0, rootDispersionMs: 27 };

  it.each([
    ["malformed", { t2: NaN }],
    ["malformed", { rootDispersionMs: -1 }],
    ["unsynchronised", { leap: 3 }],
    ["unsynchronised", { stratum: 0 }],
    ["unsynchronised", { stratum: 16 }],
    ["too-distant", { rootDelayMs: 32_000 }],
    ["backwards", { t3: 4 }],
    ["backwards", { t4: -1 }],
    ["held", { t3: 4006 }],
  ])("%s: %o", (reason, change) => {
    expect(refusalOf(good)).toBeNull();
    expect(refusalOf({ ...good, ...change })).toBe(reason);
  });
});

describe("leap seconds, plans and pauses", () => {
  it("come at the end of the day that announces them, and may be a second either way", () => {
    const at = leapAfter(Date.UTC(2026, 11, 31, 12));
    expect(at).toBe(Date.UTC(2027, 0, 1));
    expect(acrossLeap({ low: -5, high: 5 }, { kind: leapInserted, at })).toEqual({ low: -1005, high: 5 });
    expect(acrossLeap({ low: -5, high: 5 }, { kind: leapDeleted, at })).toEqual({ low: -5, high: 1005 });
  });

  it("daily: today if it is still to come, else tomorrow", () => {
    const noon = Date.UTC(2026, 10, 23, 12);
    expect(untilDaily(13 * 3_600_000, noon)).toBe(3_600_000);
    expect(untilDaily(12 * 3_600_000, noon)).toBe(86_400_000);
    expect(untilDaily(11 * 3_600_000, noon)).toBe(23 * 3_600_000);
  });

  it("lengthens the pause while a line explains much, shortens it twice as fast, and at once after a miss", () => {
    const poll = new PollInterval(4, 10, seededRandom(1));
    expect(poll.milliseconds).toBe(16_000);
    poll.learn(64, 0, 1);
    expect(poll.milliseconds).toBeCloseTo(16_000 * 2 ** 0.875, 6);
    for (let i = 0; i < 20; i += 1) poll.learn(64, 0, 1);
    expect(poll.milliseconds).toBe(1_024_000);
    poll.learn(4, 0, 1);
    expect(poll.milliseconds).toBeCloseTo(1_024_000 * 2 ** -0.125, 6);
    poll.learn(64, 8, 1);
    expect(poll.milliseconds).toBeCloseTo(128_000 * 2 ** -0.125, 6);
    poll.hurry();
    const draws = Array.from({ length: 100 }, () => poll.draw());
    expect(Math.min(...draws)).toBeGreaterThanOrEqual(16_000 * 0.98);
    expect(Math.max(...draws)).toBeLessThanOrEqual(16_000 * 1.02);
    expect(new Set(draws).size).toBeGreaterThan(90);
  });
});
