/** How far a source can be from the truth by its own account and our measurement (RFC 5905, section 11.2). Pure. */
import { frequencyTolerance } from "./exchange.ts";

export interface Root {
  /** From the source to its own reference, and back. */
  readonly rootDelay: number;
  readonly rootDispersion: number;
}

interface Measured {
  readonly delay: number;
  readonly dispersion: number;
  readonly jitter: number;
  readonly at: number;
}

/** MINDISP in seconds: no round trip counts as shorter. */
const leastDelay = 0.005;

/** LAMBDA. @param second how many of the caller's units it has. */
export function rootDistance({ rootDelay, rootDispersion }: Root, measured: Measured, now: number, second = 1): number {
  const { delay, dispersion, jitter, at } = measured;
  const roundTrip = Math.max(leastDelay * second, rootDelay + delay);
  return roundTrip / 2 + rootDispersion + dispersion + frequencyTolerance * (now - at) + jitter;
}
