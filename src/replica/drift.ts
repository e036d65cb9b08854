/**
 * Drift: a leader counts where its commands come from, and names the region that sends most of them as its heir, so that
 * leadership goes where the writers are (docs/decisions/0014). Asked by `leadership.ts` while it leads. Liveness only: the
 * heir takes over by phase 1 like anybody else, so this can cost time and never safety.
 */
import type { Instant } from "../support/brand.ts";
import { limits } from "../support/limits.ts";

/** When a leader names an heir. */
export interface DriftRule {
  /** Commands are counted for so long, in ms, then anew. */
  readonly windowMs: number;
  /** Of fewer than so many in a window nothing is concluded. */
  readonly commands: number;
  /** The share of them that the heir must have sent. */
  readonly share: number;
  /** No heir is named so soon after leadership has moved, in ms: two regions that write in turn must not pass it to and fro. */
  readonly restMs: number;
}

export const usualDrift: DriftRule = {
  windowMs: limits.driftWindowMs,
  commands: limits.driftCommands,
  share: limits.driftShare,
  restMs: limits.driftRestMs,
};

export class Drift {
  readonly #rule: DriftRule | null;
  readonly #own: string;
  #counts = new Map<string, number>();
  #since = 0;
  #restsUntil = 0;
  #heir: string | null = null;

  /** @param rule null: leadership stays where it is. */
  constructor(rule: DriftRule | null, own: string) {
    this.#rule = rule;
    this.#own = own;
  }

  get enabled(): boolean {
    return this.#rule !== null;
  }
  /** Where leadership should go, or null: nowhere. */
  get heir(): string | null {
    return this.#heir;
  }

  /** This replica has just begun to lead. */
  begin(now: Instant): void {
    this.#counts = new Map();
    this.#since = now;
    this.#restsUntil = now + (this.#rule?.restMs ?? 0);
    this.#heir = null;
  }

  /** Commands have arrived, from clients here or from another region's replica. */
  came(region: string, commands: number, now: Instant): void {
    if (this.#rule === null) return;
    if (now - this.#since >= this.#rule.windowMs) {
      this.#heir = now < this.#restsUntil ? null : this.#majorSender(this.#rule);
      this.#counts = new Map();
      this.#since = now;
    }
    this.#counts.set(region, (this.#counts.get(region) ?? 0) + commands);
  }

  #majorSender({ commands, share }: DriftRule): string | null {
    const total = [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
    const [region, most] = [...this.#counts].reduce((a, b) => (b[1] > a[1] ? b : a), [this.#own, 0]);
    return total >= commands && most >= share * total && region !== this.#own ? region : null;
  }
}
