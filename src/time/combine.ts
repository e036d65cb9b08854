/**
 * From several honest sources to one offset (RFC 5905, sections 11.2.2 and 11.2.3): the cluster algorithm drops those that
 * scatter more than the best one's own jitter explains, and what is left is averaged, the closest counting most. Only a
 * guess comes out of it: the promise is the majority's interval, into which the guess is clamped. Pure.
 */

export interface Candidate {
  readonly offset: number;
  readonly jitter: number;
  /** LAMBDA: how wrong it may be at most. Above zero. */
  readonly distance: number;
}

/** Fewer than this are left alone: scatter of two says nothing about which one is off. */
const fewest = 3;

const meanSquare = (values: readonly number[], divisor: number): number =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / divisor);

/** Psi_s: how far the others are from this one. */
function scatterAround<T extends Candidate>(one: T, all: readonly T[]): number {
  const differences = all.map(({ offset }) => one.offset - offset);
  return meanSquare(differences, all.length - 1);
}

/** @param candidates the one to be trusted most first. */
export function cluster<T extends Candidate>(candidates: readonly T[]): readonly T[] {
  let left = candidates;
  while (left.length > fewest) {
    const all = left;
    const scatters = all.map((one) => scatterAround(one, all));
    const largest = Math.max(...scatters);
    if (largest < Math.min(...all.map(({ jitter }) => jitter))) break;
    const worst = scatters.lastIndexOf(largest);
    left = all.filter((_, position) => position !== worst);
  }
  return left;
}

export interface Combined {
  /** THETA. */
  readonly offset: number;
  /** Psi_sel: how far the sources are apart. */
  readonly selectionJitter: number;
  /** PSI: that, and the best source's own. */
  readonly jitter: number;
}

/** @param survivors at least one; the one to be trusted most first. */
export function combine(survivors: readonly [Candidate, ...Candidate[]]): Combined {
  const [best] = survivors;
  let weights = 0;
  let sum = 0;
  let squares = 0;
  for (const { offset, distance } of survivors) {
    // Against the best one's offset: on a base that counts from 1970 the sum itself would lose digits.
    const apart = offset - best.offset;
    weights += 1 / distance;
    sum += apart / distance;
    squares += apart ** 2 / distance;
  }
  const selectionJitter = Math.sqrt(squares / weights);
  return {
    offset: best.offset + sum / weights,
    selectionJitter,
    jitter: Math.hypot(selectionJitter, best.jitter),
  };
}
