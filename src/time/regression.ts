/**
 * Offset and frequency from many samples: weighted linear regression of offset on time, after chrony's idea. The window
 * adapts itself: while the residuals do not look random, the oldest samples go; what is left is as much of the past as a
 * straight line explains. Pure.
 */
import { looksRandom } from "./runs-test.ts";

export const mostSamples = 64;
/** A line through two points has no residuals to judge it by. */
const fewestSamples = 3;

export interface Point {
  readonly at: number;
  readonly offset: number;
  /** Greater than zero: how many times the standard deviation of the best sample. */
  readonly spread: number;
}

export interface Line {
  /** The offset now. */
  readonly intercept: number;
  /** Its change per unit of time. */
  readonly slope: number;
  readonly interceptDeviation: number;
  readonly slopeDeviation: number;
  /** The residuals' weighted standard deviation. */
  readonly deviation: number;
  /** The newest samples of which it is made. */
  readonly samples: number;
}

interface Fit extends Line {
  readonly residuals: readonly number[];
}

/** @returns null when all samples were taken at one instant. */
function fit(points: readonly Point[], now: number): Fit | null {
  const reference = points.at(-1)?.offset ?? 0;
  let weights = 0;
  let sumX = 0;
  let sumY = 0;
  for (const { at, offset, spread } of points) {
    const weight = spread ** -2;
    weights += weight;
    sumX += weight * (at - now);
    sumY += weight * (offset - reference);
  }
  const meanX = sumX / weights;
  const meanY = sumY / weights;
  let squaresX = 0;
  let products = 0;
  for (const { at, offset, spread } of points) {
    const weight = spread ** -2;
    squaresX += weight * (at - now - meanX) ** 2;
    products += weight * (at - now - meanX) * (offset - reference - meanY);
  }
  if (!(squaresX > 0)) return null;
  const slope = products / squaresX;
  const atNow = meanY - slope * meanX;
  const residuals = points.map(({ at, offset }) => offset - reference - (atNow + slope * (at - now)));
  const squares = points.reduce((sum, { spread }, i) => sum + ((residuals[i] ?? 0) / spread) ** 2, 0);
  const variance = points.length > 2 ? squares / (points.length - 2) : 0;
  return {
    intercept: reference + atNow,
    slope,
    interceptDeviation: Math.sqrt(variance * (1 / weights + meanX ** 2 / squaresX)),
    slopeDeviation: Math.sqrt(variance / squaresX),
    deviation: Math.sqrt(variance),
    samples: points.length,
    residuals,
  };
}

/** @param points oldest first. @returns null when there are too few, or they were all taken at once. */
export function regress(points: readonly Point[], now: number): Line | null {
  let window = points.slice(-mostSamples);
  let line = window.length < fewestSamples ? null : fit(window, now);
  while (line !== null && window.length > fewestSamples && !looksRandom(line.residuals)) {
    window = window.slice(1);
    line = fit(window, now);
  }
  if (line === null) return null;
  const { residuals: _, ...rest } = line;
  return rest;
}
