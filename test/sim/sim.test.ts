/** A first seeded simulation of whole clusters, and the broken twins that its checkers must catch. */
import { describe, expect, it } from "vitest";
import { run } from "./run.ts";
import type { RunOptions, RunResult } from "./run.ts";

const seeds = (from: number, count: number): readonly number[] => Array.from({ length: count }, (_, i) => from + i);

function runSeed(options: RunOptions): RunResult {
  try {
    return run(options);
  } catch (error) {
    throw new Error(`seed ${options.seed} (npm run sim -- --seed ${options.seed}): ${String(error)}`, { cause: error });
  }
}

describe("simulated clusters", () => {
  it(
    "[C2] [L2] [R1] [U1] [X1] [E2] hold under loss, cuts, crashes and wiped replicas, and all heals",
    { timeout: 120_000 },
    () => {
      const results = seeds(1, 30).map((seed) => runSeed({ seed }));
      const total = (kind: string): number => results.reduce((sum, r) => sum + (r.counts[kind] ?? 0), 0);
      // Not vacuous: values were chosen, and every kind of fault really happened.
      expect(results.reduce((sum, r) => sum + r.slots, 0)).toBeGreaterThan(5_000);
      for (const kind of [
        "lost",
        "duplicated",
        "blocked",
        "region-down",
        "replica-restart",
        "acceptor-restart",
        "replica-wiped",
        "snapshot-loaded",
        "trimmed",
        "client-retry",
        "alarm",
        "ordered-write",
        "instance-checked",
      ]) {
        expect(total(kind), kind).toBeGreaterThan(0);
      }
      expect(results.filter((r) => (r.counts["leaders"] ?? 0) > 1).length).toBeGreaterThan(10);
    },
  );

  it("the same seed gives the same run, to the last message", () => {
    expect(runSeed({ seed: 7 })).toEqual(runSeed({ seed: 7 }));
  });
});

describe("broken twins are caught within some seeds", () => {
  const caughtBy = (options: Omit<RunOptions, "seed">, most: number): string => {
    for (const seed of seeds(1, most)) {
      try {
        run({ seed, ...options });
      } catch (error) {
        return `${String(error)}`;
      }
    }
    return "nothing";
  };

  it.each([
    ["an acceptor that answers before persisting (D1)", { acceptorFlaw: "answers-before-persisting" }, /\[|C2|P4/],
    ["an acceptor that forgets its votes (D1)", { acceptorFlaw: "forgets-votes" }, /\[|C2|P4/],
    ["a client that asks again under a new id (X1)", { flaws: { freshIds: true } }, /\[X1\]/],
    ["a store that applies without the sequence test (X3)", { storeFlaw: { isNext: () => true } }, /\[X3\]/],
    ["a store that ends leases whatever their renewal (E1)", { storeFlaw: { mayEnd: () => true } }, /\[E2\]/],
    ["a read without a barrier (R1)", { flaws: { staleReads: true } }, /\[R1\]/],
    ["a refusal of what may still be chosen (U1)", { flaws: { boldRefusals: true } }, /\[U1\]/],
  ] as const)("%s", { timeout: 60_000 }, (_, options, rule) => {
    expect(caughtBy(options, 40)).toMatch(rule);
  });
});
