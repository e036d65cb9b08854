/** The clock filter, against numbers computed by hand from RFC 5905, section 10. Seconds. */
import { describe, expect, it } from "vitest";
import { ClockFilter } from "../../../src/time/clock-filter.ts";
import { rootDistance } from "../../../src/time/root-distance.ts";
import { printedJitters } from "../../time/rfc5905.ts";

const ms = 1e-3;
const worked = [
  { offset: 10 * ms, delay: 60 * ms, dispersion: 1 * ms, at: 0 },
  { offset: 4 * ms, delay: 40 * ms, dispersion: 1 * ms, at: 64 },
  { offset: 30 * ms, delay: 120 * ms, dispersion: 1 * ms, at: 128 },
  { offset: 6 * ms, delay: 50 * ms, dispersion: 1 * ms, at: 192 },
];

describe("the clock filter", () => {
  it("lets the least delay speak, and weighs the others' dispersion", () => {
    const filter = new ClockFilter(1e-9);
    for (const sample of worked) filter.add(sample);
    const filtered = filter.read(192);
    expect(filtered?.offset).toBeCloseTo(4 * ms, 12);
    expect(filtered?.delay).toBeCloseTo(40 * ms, 12);
    expect(filtered?.dispersion).toBeCloseTo(0.9398175, 9);
    expect(filtered?.jitter).toBeCloseTo(15.44884 * ms, 8);
  });

  it("is not one of the two jitters that are printed", () => {
    const { text, skeleton } = printedJitters([4 * ms, 6 * ms, 10 * ms, 30 * ms]);
    expect(text).toBeCloseTo(8.919392 * ms, 8);
    expect(skeleton).toBeCloseTo(26.758176 * ms, 8);
  });

  it("needs four samples to be nearer than a second", () => {
    const filter = new ClockFilter(1e-9);
    const seen = [15.9375, 7.9375, 3.9375, 1.9375, 0.9375, 0.4375, 0.1875, 0.0625, 0];
    for (const dispersion of seen.slice(1)) {
      filter.add({ offset: 0, delay: 0, dispersion: 0, at: 0 });
      // The last stage's dummies beyond the eighth weigh 16 / 2^8.
      expect(filter.read(0)?.dispersion).toBeCloseTo(dispersion, 9);
    }
  });

  it("never uses a sample twice", () => {
    const filter = new ClockFilter(1e-9);
    expect(filter.add({ offset: 1, delay: 1, dispersion: 0, at: 1 })?.offset).toBe(1);
    expect(filter.add({ offset: 2, delay: 2, dispersion: 0, at: 2 })).toBeNull();
    expect(filter.add({ offset: 3, delay: 0.5, dispersion: 0, at: 3 })?.offset).toBe(3);
  });

  it("forgets after eight polls that nobody answered", () => {
    const filter = new ClockFilter(1e-9);
    filter.add({ offset: 1, delay: 1, dispersion: 0, at: 1 });
    for (let i = 0; i < 7; i += 1) filter.miss();
    expect(filter.read(2)?.offset).toBe(1);
    filter.miss();
    expect(filter.read(2)).toBeNull();
  });

  it("takes a known drift for no jitter", () => {
    const filter = new ClockFilter(1e-9);
    for (let at = 0; at < 8; at += 1) filter.add({ offset: at * 1e-4, delay: 1, dispersion: 0, at });
    expect(filter.read(8, 1e-4)?.jitter).toBeLessThan(1e-8);
    expect(filter.read(8)?.jitter).toBeGreaterThan(1e-4);
  });
});

describe("the root distance", () => {
  it("worked: 43.96 ms", () => {
    const measured = { delay: 40 * ms, dispersion: 2 * ms, jitter: 1 * ms, at: 0 };
    expect(rootDistance({ rootDelay: 20 * ms, rootDispersion: 10 * ms }, measured, 64)).toBeCloseTo(43.96 * ms, 9);
  });

  it("beevik/ntp: a root delay of 16 s alone is a distance of 8 s", () => {
    const measured = { delay: 0, dispersion: 0, jitter: 0, at: 0 };
    expect(rootDistance({ rootDelay: 16, rootDispersion: 0 }, measured, 0)).toBe(8);
  });
});
