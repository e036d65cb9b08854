/** Spacing: near to a majority one at a time, far from it many, and what is slow by its load is not taken for far. */
import { expect, test } from "vitest";
import { instant } from "../../../src/support/brand.ts";
import { Pace } from "../../../src/replica/pace.ts";
import { Turn } from "../../../src/replica/turn.ts";

const at = (ms: number): Turn => new Turn(instant(ms));
const wakeOf = (turn: Turn): number | null => turn.outcome(null).wakeAt;

/** Calls have taken so long, the last of them until 1,000 ms. */
function paced(...tookMs: readonly number[]): Pace {
  const pace = new Pace(10);
  for (const ms of tookMs) pace.took(ms, instant(1_000));
  pace.left(instant(1_000), 1);
  return pace;
}

test("what leaves after one that carried for several waits for its gap, even with nothing under way", () => {
  const pace = paced(4);
  pace.left(instant(2_000), 2);
  const early = at(2_004);
  expect(pace.allows(early, 0)).toBe(false);
  expect(wakeOf(early)).toBe(2_010);
  expect(pace.allows(at(2_010), 0)).toBe(true);
});

test("what a single client sends is never held up", () => {
  expect(paced(80).allows(at(1_000), 0)).toBe(true);
  expect(new Pace(10).allows(at(0), 0)).toBe(true);
});

test("far away, one after the other leaves a gap apart, as many as the distance takes", () => {
  const pace = paced(25);
  const early = at(1_009);
  expect(pace.allows(early, 1)).toBe(false);
  expect(wakeOf(early)).toBe(1_010);
  expect(pace.allows(at(1_010), 1)).toBe(true);
  expect(pace.allows(at(1_010), 2)).toBe(true);
  const enough = at(1_500);
  expect(pace.allows(enough, 3)).toBe(false);
  // It goes on when one of those under way ends: no timer is needed.
  expect(wakeOf(enough)).toBe(null);
});

test("near by there is one at a time, however slow it has become since", () => {
  const pace = paced(4, 60, 90);
  expect(pace.allows(at(1_500), 1)).toBe(false);
});

test("what was quick is forgotten in the end: the way may have become longer", () => {
  const pace = paced(4);
  pace.took(80, instant(40_000));
  expect(pace.allows(at(40_000), 1)).toBe(false);
  pace.took(80, instant(80_000));
  expect(pace.allows(at(80_000), 1)).toBe(true);
});

test("as long as nothing is known, several may be under way", () => {
  const pace = new Pace(10);
  pace.left(instant(5), 1);
  expect(pace.allows(at(14), 1)).toBe(false);
  expect(pace.allows(at(15), 7)).toBe(true);
});
