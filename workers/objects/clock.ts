/**
 * The clock of a region as a Durable Object: answers an exchange with its own stamps. It never writes, so nothing on it
 * queues behind storage, and an answer waits for nothing. Deployed, the platform freezes the clock between I/O: t2 and t3
 * are then equal.
 */
import { DurableObject } from "cloudflare:workers";
import { limits } from "../../src/support/limits.ts";
import { dataCentre } from "../adapters/data-centre.ts";
import type { ObjectAddress } from "../adapters/port.ts";
import type { Bindings } from "../bindings.ts";

export class Clock extends DurableObject<Bindings> {
  #place: string;
  #askedAt = -Infinity;

  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env);
    this.#place = (env.SYNOD_TRACE_URL ?? "") === "" ? "local" : "unknown";
  }

  read({ region }: ObjectAddress): string {
    const t2 = Date.now();
    if (this.#place === "unknown" && t2 - this.#askedAt > limits.placeAgainMs) this.#learnPlace(t2);
    return JSON.stringify({ region, dataCentre: this.#place, t2, t3: Date.now() });
  }

  /** Beside the answers, which say "unknown" until then. */
  #learnPlace(now: number): void {
    this.#askedAt = now;
    const learning = dataCentre(this.env.SYNOD_TRACE_URL).then((place) => {
      this.#place = place;
    });
    this.ctx.waitUntil(learning);
  }
}
