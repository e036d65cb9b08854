/** The three judgements everything else in the store rests on, apart from the rows they judge. Pure. */
import { assertNever } from "../support/assert.ts";
import type { LogTime, Revision } from "../support/brand.ts";
import type { Condition } from "./command.ts";
import type { Lease } from "./leases.ts";

/** X3: a later command of a session must not overtake an earlier one that was lost. */
export const isNext = (expected: number, sequence: number): boolean => sequence === expected;

/** E1: without both tests a lease renewed in time would end under its holder. */
export const mayEnd = (lease: Lease, renewal: number, now: LogTime): boolean =>
  lease.renewal === renewal && now >= lease.renewedAt + lease.ttlMs;

/** @param modRevision the key's, null when it does not exist. */
export function conditionHolds(condition: Condition, modRevision: Revision | null): boolean {
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
}
