/**
 * The clock of a region as a Durable Object: answers an exchange with its own stamps. It never writes, so nothing on it
 * queues behind storage. Deployed, the platform freezes the clock between I/O: t2 and t3 are then equal.
 */
import { DurableObject } from "cloudflare:workers";
import { dataCentre } from "../adapters/data-centre.ts";
import type { ObjectAddress } from "../adapters/port.ts";
import type { Bindings } from "../bindings.ts";

export class Clock extends DurableObject<Bindings> {
  #place: string | null = null;

  async read({ region }: ObjectAddress): Promise<string> {
    const t2 = Date.now();
    // Only the very first exchange waits for this, and its stamps show it.
    this.#place ??= await dataCentre(this.env.SYNOD_TRACE_URL);
    return JSON.stringify({ region, dataCentre: this.#place, t2, t3: Date.now() });
  }
}
