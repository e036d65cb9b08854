/**
 * Applying: moves chosen values from the log into the store, in order, and keeps count of how current the store is known
 * to be. Stops for good at a value it cannot apply. Upholds L1, L4 and R4.
 */
import { instant } from "../support/brand.ts";
import type { Instant } from "../support/brand.ts";
import { decodeBatch } from "../store/batch-codec.ts";
import { SEMANTICS } from "../store/command.ts";
import type { Command, Outcome } from "../store/command.ts";
import type { Store } from "../store/store.ts";
import type { Log } from "./log.ts";

/** Told what came of each command, as it is applied. */
export type OnOutcome = (command: Command, outcome: Outcome) => void;

export class Applier {
  readonly #store: Store;
  readonly #log: Log;
  #halted: string | null = null;
  /** Start of the last completed confirmation that this state is current (R4). */
  #confirmedAt: Instant | null = null;
  /** Confirmations that began before this do not count. */
  #since = instant(0);

  constructor(store: Store, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /** Why this replica applies nothing any more (L4), or null. */
  get halted(): string | null {
    return this.#halted;
  }

  /** L1: applies the contiguous prefix of what is chosen. @returns true when anything was applied. */
  apply(onOutcome: OnOutcome): boolean {
    const before = this.#store.appliedSlot;
    while (this.#halted === null && !this.#store.loading && this.#applyNext(onOutcome));
    return this.#store.appliedSlot > before;
  }

  #applyNext(onOutcome: OnOutcome): boolean {
    const next = this.#log.nextChosen(this.#store.appliedSlot);
    if (next === null) return false;
    const batch = decodeBatch(next.value);
    if ("type" in batch) {
      const why =
        batch.type === "malformed" ? batch.reason : `semantics ${batch.semantics}, this replica knows ${SEMANTICS}`;
      this.#halted = `slot ${next.slot} cannot be applied: ${why}`;
      return false;
    }
    const outcomes = this.#store.apply(next.slot, next.value, batch);
    const sentAt = this.#log.applied(next.slot);
    if (sentAt !== null) this.confirm(sentAt);
    batch.commands.forEach((command, i) => {
      const outcome = outcomes[i];
      if (outcome !== undefined) onOutcome(command, outcome);
    });
    return true;
  }

  /** R4: the clock was set back. How long ago something before it was, cannot be told any more. */
  forgetBefore(setBackAt: Instant): void {
    if (setBackAt === this.#since) return;
    this.#since = setBackAt;
    this.#confirmedAt = null;
  }

  /** R4: this state was seen to be current as of `startedAt`. */
  confirm(startedAt: Instant): void {
    if (startedAt < this.#since) return;
    this.#confirmedAt = instant(Math.max(this.#confirmedAt ?? 0, startedAt));
  }

  /** @returns ms since the start of the last completed confirmation, or null when there was none since this start. */
  ageAt(now: Instant): number | null {
    return this.#confirmedAt === null ? null : Math.max(0, now - this.#confirmedAt);
  }
}
