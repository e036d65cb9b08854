/** What the client clock needs of the machine it runs on: injected, so that it can be simulated, and wherever it runs. */
import type { Random } from "../support/random.ts";

export interface ClockPlatform {
  /** A clock that never goes back and that nobody sets, ms from anywhere. Best one that goes on during sleep. */
  readonly base: () => number;
  /** The step by which it moves. */
  readonly baseTickMs: number;
  /** The machine's own clock, ms since 1970. Only compared with the base, to notice that one of them jumped. */
  readonly wall: () => number;
  /** Calls once, after so many ms or a little later. @returns what to call to forget it. */
  readonly after: (ms: number, run: () => void) => () => void;
  readonly random: Random;
}

/** The longest wait that timers everywhere can be given at once. */
const longestTimerMs = 2 ** 31 - 1;

/** `performance.now()`, `Date.now()` and `setTimeout`, as Node, browsers and Workers have them. */
export function usualPlatform(baseTickMs = 1): ClockPlatform {
  return {
    base: () => performance.now(),
    baseTickMs,
    wall: () => Date.now(),
    after: (ms, run) => {
      const timer = setTimeout(run, Math.min(Math.max(0, ms), longestTimerMs));
      return () => clearTimeout(timer);
    },
    random: { next: () => Math.random() },
  };
}
