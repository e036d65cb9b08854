/** Asks the regions in turn who leads: to aim at the leader, and to count how often it was another one. */
import { pause } from "./clients/pause.ts";

const everyMs = 400;
const patienceMs = 1_000;

export class LeaderWatch {
  /** Null until somebody is known to have led. */
  leader: string | null = null;
  /** Takeovers seen; two within one interval look like one, or none. */
  changes = 0;
  #ending = false;
  readonly #loop: Promise<void>;

  constructor(gateways: readonly string[]) {
    this.#loop = this.#watch(gateways);
  }

  async stop(): Promise<void> {
    this.#ending = true;
    await this.#loop;
  }

  async #watch(gateways: readonly string[]): Promise<void> {
    for (let turn = 0; !this.#ending; turn += 1) {
      const seen = await leaderSeenBy(gateways[turn % gateways.length] ?? "");
      if (seen !== null) {
        if (this.leader !== null && this.leader !== seen) this.changes += 1;
        this.leader = seen;
      }
      await pause(everyMs);
    }
  }
}

async function leaderSeenBy(gateway: string): Promise<string | null> {
  try {
    const response = await fetch(`${gateway}/status`, { signal: AbortSignal.timeout(patienceMs) });
    return ((await response.json()) as { readonly leader: string | null }).leader;
  } catch {
    return null;
  }
}
