/** Our estimator and others on the same answers: root mean square error, and how often the truth was outside the bound. */
import { exponential } from "./clocks.ts";
import { Averaging, LeastDelay, Rfc5905 } from "./rivals.ts";
import type { Guess, Rival } from "./rivals.ts";
import { runScenario } from "./run.ts";
import type { Scenario, SourceSpec } from "./scenario.ts";
import { scenario, sources } from "./scenarios.ts";

export interface Row {
  readonly world: string;
  readonly estimator: string;
  readonly rmsMs: number;
  readonly maxMs: number;
  /** Share of the seconds in which the truth was outside. */
  readonly outside: number;
  readonly meanBoundMs: number;
}

/** Before this, nobody is judged, s. */
const settledS = 300;

class Tally {
  readonly estimator: string;
  #squares = 0;
  #most = 0;
  #bounds = 0;
  #outside = 0;
  #count = 0;

  constructor(estimator: string) {
    this.estimator = estimator;
  }

  add(error: number, bound: number, outside: boolean): void {
    this.#squares += error ** 2;
    this.#most = Math.max(this.#most, Math.abs(error));
    this.#bounds += bound;
    this.#outside += outside ? 1 : 0;
    this.#count += 1;
  }

  row(world: string): Row {
    const n = this.#count;
    const [rmsMs, maxMs] = [Math.sqrt(this.#squares / n), this.#most];
    return {
      world,
      estimator: this.estimator,
      rmsMs,
      maxMs,
      outside: this.#outside / n,
      meanBoundMs: this.#bounds / n,
    };
  }
}

const ways = (out: number, back: number, jitter: number): Partial<SourceSpec> => ({
  out: (random) => out + exponential(random, jitter),
  back: (random) => back + exponential(random, jitter),
});

const world = (name: string, specs: readonly SourceSpec[], ppm = 0): Scenario =>
  scenario(name, "", {
    sources: specs,
    base: { ppm, wander: 1e-9 },
    // The others have no model of drift, so long pauses would be all that is seen of them.
    settings: { pollMin: 6, pollMax: 6, burst: 8 },
    limits: null,
  });

export const worlds: readonly Scenario[] = [
  world(
    "5 ms ways, 1 ms jitter",
    sources(5, () => ways(5, 5, 1)),
  ),
  world(
    "40 ms ways, 5 ms jitter",
    sources(5, () => ways(40, 40, 5)),
  ),
  world(
    "5 ms ways, 3 ms tick",
    sources(5, () => ({ ...ways(5, 5, 1), tickMs: 3 })),
  ),
  world(
    "6 ms out, 4 ms back",
    sources(5, () => ways(6, 4, 1)),
  ),
  world(
    "4 ms out, 6 ms back",
    sources(5, () => ways(4, 6, 1)),
  ),
  world(
    "base off by 100 ppm",
    sources(5, () => ways(5, 5, 1)),
    100,
  ),
  world(
    "1 liar of 5, by 300 ms",
    sources(5, (position) => ({ ...ways(5, 5, 1), error: () => (position === 0 ? 300 : 0) })),
  ),
  world(
    "2 liars of 5, nearest",
    sources(5, (position) => ({
      ...(position < 2 ? ways(1, 1, 0.2) : ways(5, 5, 1)),
      error: () => (position < 2 ? 300 * (position + 1) : 0),
    })),
  ),
];

export function compare(of: Scenario, seeds: number): readonly Row[] {
  const ours = new Tally("Synod");
  const rivalTallies = [new Averaging(), new LeastDelay(), new Rfc5905()].map(({ name }) => new Tally(name));
  for (let seed = 1; seed <= seeds; seed += 1) {
    const rivals: readonly Rival[] = [new Averaging(), new LeastDelay(), new Rfc5905()];
    const guesses: (Guess | null)[] = rivals.map(() => null);
    runScenario(
      { ...of, seed },
      {
        answered: (source, answer) => rivals.forEach((rival) => rival.answered(source, answer)),
        concluded: (now) => {
          for (const [i, rival] of rivals.entries()) guesses[i] = rival.concluded(now) ?? guesses[i] ?? null;
        },
        watched: (now, truth, { estimate, earliest, latest }) => {
          if (truth < of.startUnixMs + settledS * 1000) return;
          if (estimate !== null)
            ours.add(estimate - truth, (latest - earliest) / 2, truth < earliest || truth > latest);
          for (const [i, guess] of guesses.entries()) {
            if (guess === null) continue;
            const error = now + guess.offset - truth;
            rivalTallies[i]?.add(error, guess.bound, Math.abs(error) > guess.bound);
          }
        },
      },
    );
  }
  return [ours, ...rivalTallies].map((tally) => tally.row(of.name));
}
