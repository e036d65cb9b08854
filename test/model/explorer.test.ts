/** The explorer itself, on puzzles small enough to count by hand: a checker that cannot fail checks nothing. */
import { expect, test } from "vitest";
import { explore } from "./explorer.ts";
import type { Model } from "./explorer.ts";

interface Jugs {
  readonly three: number;
  readonly five: number;
}

/** Two jugs, a tap and a drain. */
function jugs(invariants: Model<Jugs>["invariants"] = {}): Model<Jugs> {
  return {
    initial: { three: 0, five: 0 },
    *successors({ three, five }) {
      yield { event: "fill three", state: { three: 3, five } };
      yield { event: "fill five", state: { three, five: 5 } };
      yield { event: "empty three", state: { three: 0, five } };
      yield { event: "empty five", state: { three, five: 0 } };
      const over = Math.min(three, 5 - five);
      yield { event: "three into five", state: { three: three - over, five: five + over } };
      const back = Math.min(five, 3 - three);
      yield { event: "five into three", state: { three: three + back, five: five - back } };
    },
    canonical: ({ three, five }) => `${three},${five}`,
    invariants,
    landmarks: { "four litres": ({ five }) => five === 4, "six litres": ({ five }) => five === 6 },
  };
}

test("every reachable state is visited once", () => {
  expect(explore(jugs())).toEqual({
    states: 16,
    transitions: 96,
    depth: 7,
    landmarks: { "four litres": 2, "six litres": 0 },
    violation: null,
  });
});

test("the first violation found is one of the nearest, and its trace leads there", () => {
  const { violation } = explore(jugs({ "never four litres": ({ five }) => five !== 4 }));
  expect(violation).toEqual({
    invariant: "never four litres",
    detail: "five into three",
    trace: ["fill five", "five into three", "empty three", "five into three", "fill five", "five into three"],
  });
});

test("the initial state is judged too", () => {
  const { violation, states } = explore(jugs({ "never empty": ({ five }) => five > 0 }));
  expect(violation?.invariant).toBe("never empty");
  expect(states).toBe(1);
});

test("a throw in the code under test is a violation with its trace", () => {
  const model = jugs();
  const { violation } = explore({
    ...model,
    *successors(state) {
      if (state.three === 3 && state.five === 5) throw new Error("spilled");
      yield* model.successors(state);
    },
  });
  expect(violation).toEqual({
    invariant: "assertion",
    detail: "Error: spilled",
    trace: ["fill three", "fill five"],
  });
});

test("a model beyond its limit is an error and not a shorter answer", () => {
  expect(() => explore(jugs(), 15)).toThrow(RangeError);
});
