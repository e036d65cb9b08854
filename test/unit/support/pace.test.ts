/** Spacing: who was just answered is waited for, near by there is one call at a time, and what is busy is not taken for far. */
import { describe, expect, test } from "vitest";
import { Pace } from "../../../src/support/pace.ts";

/** Calls have taken so long, the last of them until 1,000 ms; each carried one. */
function paced(...tookMs: readonly number[]): Pace {
  const pace = new Pace(10);
  for (const ms of tookMs) {
    pace.left(1_000 - ms, 1);
    pace.ended(1_000, ms, 0);
  }
  return pace;
}

/** A call for so many has just ended, at 2,000 ms, and so many had come in the meantime. */
function after(carried: number, waiting: number): Pace {
  const pace = paced(4);
  pace.left(1_996, carried);
  pace.ended(2_000, 4, waiting);
  return pace;
}

/** Each of these many rounds is for three, who come again so many ms after their answer. @returns when the last ended. */
function rounds(pace: Pace, count: number, returnMs: number): number {
  let now = 10_000;
  for (let round = 0; round < count; round += 1) {
    pace.left(now, 3);
    pace.ended(now + 4, 4, 0);
    now += 4 + returnMs;
    pace.came(now, 3);
  }
  pace.left(now, 3);
  pace.ended(now + 4, 4, 0);
  return now + 4;
}

test("what a single client sends is never held up", () => {
  expect(new Pace(10).nextAt(0, 1)).toBe(-Infinity);
  expect(paced(80).nextAt(0, 1)).toBe(-Infinity);
});

describe("with nothing under way", () => {
  test("the next call leaves as soon as all are there who were, or wait already", () => {
    const pace = after(2, 1);
    expect(pace.nextAt(0, 2)).toBeGreaterThan(2_000);
    expect(pace.nextAt(0, 3)).toBe(-Infinity);
  });

  test("and without them after its gap", () => {
    const at = after(2, 0).nextAt(0, 1);
    expect(at).toBeGreaterThanOrEqual(2_006);
    expect(at).toBeLessThanOrEqual(2_010);
  });

  test("they are waited for as long as they have been taking, and no longer than a gap", () => {
    const quick = paced(4);
    const quickEnd = rounds(quick, 30, 7);
    expect(quick.nextAt(0, 1)).toBeGreaterThan(quickEnd + 7);
    expect(quick.nextAt(0, 1)).toBeLessThanOrEqual(quickEnd + 10);
    const slow = paced(4);
    const slowEnd = rounds(slow, 30, 9.9);
    expect(slow.nextAt(0, 1)).toBe(slowEnd + 10);
  });

  test("and not at all, once they have been staying away", () => {
    const pace = paced(4);
    const ended = rounds(pace, 30, 500);
    expect(pace.nextAt(0, 1)).toBe(ended - 4 + 10);
  });

  test("who does not come again within a whole round counts as staying away", () => {
    const pace = paced(4);
    for (let now = 10_000; now < 13_000; now += 100) {
      pace.left(now, 3);
      pace.ended(now + 4, 4, 0);
    }
    expect(pace.nextAt(0, 1)).toBe(12_900 + 10);
  });
});

describe("when a crowd has left", () => {
  test("whoever stays is held up once, and then no more than if nobody else had been there", () => {
    const pace = after(5, 0);
    const first = pace.nextAt(0, 1);
    expect(first).toBeLessThanOrEqual(2_010);
    pace.left(2_010, 1);
    pace.ended(2_014, 4, 0);
    expect(pace.nextAt(0, 1)).toBe(-Infinity);
  });

  test("those who are left are waited for, and nobody else", () => {
    const pace = after(5, 0);
    for (let now = 2_010; now < 2_100; now += 20) {
      pace.came(now, 2);
      pace.left(now, 2);
      pace.ended(now + 4, 4, 0);
    }
    expect(pace.nextAt(0, 1)).toBeGreaterThan(2_094);
    expect(pace.nextAt(0, 2)).toBe(-Infinity);
  });
});

describe("with some under way", () => {
  test("far away, one after the other leaves a gap apart, as many as the distance takes", () => {
    const pace = paced(25);
    pace.left(1_000, 1);
    expect(pace.nextAt(1, 1)).toBe(1_010);
    expect(pace.nextAt(2, 1)).toBe(1_010);
    expect(pace.nextAt(3, 1)).toBe(Infinity);
  });

  test("near by there is one at a time, however slow it has become since", () => {
    expect(paced(4, 60, 90).nextAt(1, 5)).toBe(Infinity);
  });

  test("what was quick is forgotten in the end: the way may have become longer", () => {
    const pace = paced(4);
    pace.ended(40_000, 80, 0);
    expect(pace.nextAt(1, 1)).toBe(Infinity);
    pace.ended(80_000, 80, 0);
    expect(pace.nextAt(1, 1)).toBeLessThan(Infinity);
  });

  test("as long as nothing is known, several may be", () => {
    const pace = new Pace(10);
    pace.left(5, 1);
    expect(pace.nextAt(7, 1)).toBe(15);
  });
});
