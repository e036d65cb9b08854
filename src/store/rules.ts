/** The judgements everything else in the store rests on, apart from the rows they judge. Pure. */
import { assertNever } from "../support/assert.ts";
import type { LogTime, Revision } from "../support/brand.ts";
import type { Condition, ExpiryGuard } from "./command.ts";
import type { Herd } from "./herds.ts";
import { latestTime } from "./json-shape.ts";
import type { Lease } from "./leases.ts";

/** X3: a later command of a session must not overtake an earlier one that was lost. */
export const isNext = (expected: number, sequence: number): boolean => sequence === expected;

/** The first log time at which a lease may end, if it is not renewed before. */
export const endOf = ({ renewedAt, ttlMs, heldUntil }: Omit<Lease, "id">): number =>
  Math.max(renewedAt + ttlMs, heldUntil ?? 0);

/** E1: without both tests a lease renewed in time would end under its holder. */
export const mayEnd = (lease: Lease, renewal: number, now: LogTime): boolean =>
  lease.renewal === renewal && now >= endOf(lease);

/** H1: who renews in time does so within half the time to live; `leases.ts` asks the table the same. */
export const isMissing = ({ heldUntil, renewedAt, ttlMs }: Lease, now: LogTime): boolean =>
  heldUntil !== null || 2 * (now - renewedAt) >= ttlMs;

/** H1: so many do not die at once; more likely it is us whom they cannot reach. */
export const isMassExpiry = ({ leases, missing }: Herd, { percent, atLeast }: ExpiryGuard): boolean =>
  leases >= atLeast && 100 * missing > percent * leases;

/** H1: when a lease that is now suspected ends, unless it is renewed. */
export const holdEnd = ({ ttlMs }: Lease, { holdTtls }: ExpiryGuard, now: LogTime): number =>
  Math.min(now + holdTtls * ttlMs, latestTime);

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
