/** The limits the store lives by, as a value, so that tests can shrink hours to milliseconds. */
import { limits } from "../support/limits.ts";

export interface StoreLimits {
  readonly commandLifeMs: number;
  readonly stampAheadMs: number;
  readonly deadlineAheadMs: number;
  readonly sessionLifeMs: number;
  readonly historyMs: number;
  readonly historyRevisions: number;
  readonly keptSlots: number;
  readonly clearedBatchesPerApply: number;
  readonly clearedOutcomesPerApply: number;
  readonly snapshotPageRows: number;
  readonly snapshotPageBytes: number;
  readonly maxSkewMs: number;
}

export const storeLimits: StoreLimits = limits;

/**
 * A deadline within this of log time is met by the brief memory, which rests on recent batch rows; any later one, from
 * a clock far ahead, costs a row of its own. A leader's own commands are always within.
 */
export const briefMs = (given: StoreLimits): number => given.commandLifeMs + given.stampAheadMs;
