/**
 * When leases are looked after: an alarm is set for the earliest due lease, and rings at the leader first, at the others a
 * little later as a fallback. A replica that does not lead first makes sure that it is up to date. With no lease there is
 * no alarm. Upholds E2, and H1 as far as it is asked for (both with the store, which knows what is due).
 */
import { logTime, requestId } from "../support/brand.ts";
import type { Instant } from "../support/brand.ts";
import { limits } from "../support/limits.ts";
import { randomIdentity } from "../support/random.ts";
import type { Random } from "../support/random.ts";
import type { Command, ExpiryGuard } from "../store/command.ts";
import type { Lease } from "../store/leases.ts";
import type { Store } from "../store/store.ts";
import type { Turn } from "./turn.ts";

/** Longest pause between two tries while no majority can be reached. */
const longestPauseMs = 60_000;

export class Expiry {
  #state: "quiet" | "rung" | "confirming" | "confirmed" = "quiet";
  #notBefore = 0;
  #pauseMs: number = limits.silenceMaxMs;
  readonly #guard: ExpiryGuard | null;

  constructor(guard: ExpiryGuard | null) {
    this.#guard = guard;
  }

  /** The alarm rang: leases may be due. */
  rang(): void {
    if (this.#state === "quiet") this.#state = "rung";
  }

  /** What to do next; "confirm" is said once. */
  next(leading: boolean): "nothing" | "confirm" | "propose" {
    if (this.#state === "confirmed" || (this.#state === "rung" && leading)) return "propose";
    if (this.#state !== "rung") return "nothing";
    this.#state = "confirming";
    return "confirm";
  }

  confirmed(): void {
    this.#state = "confirmed";
    this.#pauseMs = limits.silenceMaxMs;
  }

  /** No majority: try again later, ever more rarely. */
  postponed(now: Instant): void {
    this.#state = "quiet";
    this.#notBefore = now + this.#pauseMs;
    this.#pauseMs = Math.min(longestPauseMs, 2 * this.#pauseMs);
  }

  /**
   * Those that are proposed now, for one batch to end: the longest overdue of those that are due. Look again after they
   * had time to be applied; if there may be more, soon.
   */
  take(now: Instant, store: Pick<Store, "dueLeases" | "leaseKeys">, clock: Instant): readonly Lease[] {
    this.#state = "quiet";
    const due = store.dueLeases(clock, limits.expiriesPerBatch);
    const taken: Lease[] = [];
    let room: number = limits.expiredKeysPerBatch;
    for (const lease of due) {
      room -= store.leaseKeys(lease.id, room + 1).length;
      if (room < 0 && taken.length > 0) break;
      taken.push(lease);
      if (room <= 0) break;
    }
    if (due.length === 0) return taken;
    const all = taken.length === due.length && due.length < limits.expiriesPerBatch;
    this.#notBefore = now + (all ? limits.silenceMaxMs : limits.silenceMinMs);
    return taken;
  }

  /** The end of a lease, to be proposed. The guard's numbers travel with it: all replicas judge by the same (L3). */
  commandFor(
    { id, renewal, herd, heldUntil }: Lease,
    clock: Instant,
    { logTime: now }: Pick<Store, "logTime">,
    random: Random,
  ): Command {
    const guarded = this.#guard !== null && herd !== null && heldUntil === null ? { guard: this.#guard } : {};
    return {
      id: requestId(`expire/${randomIdentity(random)}`),
      deadline: logTime(Math.max(clock, now) + limits.commandLifeMs),
      operation: { type: "expire", lease: id, renewal, ...guarded },
    };
  }

  /** When the durable alarm should ring, by the machine's clock, in ms; null: there is no lease. */
  alarmAt(store: Store, leading: boolean, { now, clock }: Pick<Turn, "now" | "clock">): number | null {
    const due = store.nextDue();
    if (due === null) return null;
    // While it is being looked after, the alarm only guards against a restart in between.
    const guard = this.#state === "quiet" ? 0 : clock + limits.readMs;
    return Math.max(due + (leading ? 0 : limits.expiryFallbackMs), this.#notBefore - now + clock, guard);
  }
}
