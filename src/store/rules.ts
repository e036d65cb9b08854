/**
 * The three judgements everything else in the store rests on, apart from the rows they judge: pure, and handed to the
 * store, so that tests can put a wrong one in its place and watch a check fail.
 */
import { assertNever } from "../support/assert.ts";
import type { LogTime, Revision } from "../support/brand.ts";
import type { Condition } from "./command.ts";
import type { Lease } from "./leases.ts";

export interface StoreRules {
  /** X3: a later command of a session must not overtake an earlier one that was lost. */
  isNext(expected: number, sequence: number): boolean;
  /** E1: without both tests a lease renewed in time would end under its holder. */
  mayEnd(lease: Lease, renewal: number, now: LogTime): boolean;
  /** @param modRevision the key's, null when it does not exist. */
  conditionHolds(condition: Condition, modRevision: Revision | null): boolean;
}

export const storeRules: StoreRules = {
  isNext: (expected, sequence) => sequence === expected,
  mayEnd: (lease, renewal, now) => lease.renewal === renewal && now >= lease.renewedAt + lease.ttlMs,
  conditionHolds(condition, modRevision) {
    switch (condition.type) {
      case "always":
        return true;
      case "absent":
        return modRevision === null;
      case "present":
        return modRevision !== null;
      case "unchanged-since":
        return modRevision === condition.modRevision;
      default:
        return assertNever(condition, "condition");
    }
  },
};
