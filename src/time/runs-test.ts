/**
 * The runs test: do residuals scatter around a line like coins, or do they stay on one side for too long? Too few changes
 * of sign mean that the line does not fit. Pure.
 */

/** With fewer there is nothing to tell. */
const fewestResiduals = 8;
const significance = 0.05;

export function runsIn(residuals: readonly number[]): number {
  let runs = 0;
  let last: boolean | null = null;
  for (const residual of residuals) {
    const above = residual >= 0;
    if (above !== last) runs += 1;
    last = above;
  }
  return runs;
}

/** The largest number of runs that fewer than one fair series of `n` in twenty stays at or below. */
function computedCriticalRuns(n: number): number {
  if (n < fewestResiduals) return 0;
  // Each of the n - 1 neighbours differs with one half: runs - 1 is binomial.
  let term = 2 ** -(n - 1);
  let sum = term;
  let runs = 0;
  while (sum <= significance) {
    runs += 1;
    term *= (n - runs) / runs;
    sum += term;
  }
  return runs;
}

/** Sources keep at most so many samples. */
const tabulated = 64;
const table = Array.from({ length: tabulated + 1 }, (_, n) => computedCriticalRuns(n));

export const looksRandom = (residuals: readonly number[]): boolean =>
  runsIn(residuals) > (table[residuals.length] ?? computedCriticalRuns(residuals.length));
