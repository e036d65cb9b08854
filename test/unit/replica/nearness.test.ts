/** Whom a question that a majority can settle is asked first. */
import { beforeEach, expect, it } from "vitest";
import { instant } from "../../../src/support/brand.ts";
import { limits } from "../../../src/support/limits.ts";
import { membersOf } from "../../../src/paxos/membership.ts";
import { Nearness } from "../../../src/replica/nearness.ts";

const regions = ["apac", "enam", "sam", "weur", "wnam"];
const members = membersOf(regions.map((region) => ({ region, incarnation: `i-${region}` })));
let nearness: Nearness;
const nearest = (at: number): readonly string[] => nearness.nearest(members, instant(at));

beforeEach(() => {
  nearness = new Nearness("apac");
});

it("asks all as long as no majority was measured", () => {
  nearness.answered("wnam", 1);
  nearness.answered("enam", 1);
  expect(nearest(0)).toEqual(regions);
  expect(nearest(1)).toEqual(regions);
});

it("asks its own region, and those who answered soonest", () => {
  for (const [at, region] of regions.entries()) nearness.answered(region, 10 * (6 - at));
  nearest(0);
  expect(nearest(1)).toEqual(["apac", "wnam", "weur"]);
});

it("asks all again after a while", () => {
  for (const region of regions) nearness.answered(region, 1);
  expect(nearest(0)).toHaveLength(5);
  expect(nearest(limits.nearestMs - 1)).toHaveLength(3);
  expect(nearest(limits.nearestMs)).toHaveLength(5);
  expect(nearest(limits.nearestMs + 1)).toHaveLength(3);
});

it("does not ask who failed, until it has answered again", () => {
  for (const region of regions) nearness.answered(region, 1);
  nearest(0);
  nearness.failed("apac");
  expect(nearest(1)).toEqual(["enam", "sam", "weur"]);
  nearness.failed("sam");
  nearness.failed("enam");
  // Too few are left to be called the nearest.
  expect(nearest(2)).toEqual(regions);
  nearness.answered("apac", 200);
  expect(nearest(3)).toEqual(["apac", "weur", "wnam"]);
});

it("waits twice as long as the slowest of them usually takes, and a little", () => {
  nearness.answered("wnam", 100);
  nearness.answered("wnam", 200);
  nearness.answered("enam", 3);
  expect(nearness.patienceMs(["enam"])).toBe(limits.nearestPatienceMs + 6);
  expect(nearness.patienceMs(["wnam", "enam"])).toBe(limits.nearestPatienceMs + 250);
});
