/**
 * The acceptor as a Durable Object: a thin shell around storage and clock. Each call is one synchronous turn; the
 * platform holds the answer back until what was written is durable (D1). Decides nothing about the protocol.
 */
import { DurableObject } from "cloudflare:workers";
import { randomIdentity } from "../../src/support/random.ts";
import type { AcceptorReply } from "../../src/paxos/messages.ts";
import { decodeAcceptorRequest, encodeAcceptorReply } from "../../src/wire/acceptor-codec.ts";
import { receive, statusOf } from "../adapters/acceptor-desk.ts";
import { AcceptorStorage } from "../adapters/acceptor-storage.ts";
import { dataCentre } from "../adapters/data-centre.ts";
import { platformRandom } from "../adapters/random.ts";
import { sqlOf } from "../adapters/sql.ts";
import type { ObjectAddress } from "../adapters/port.ts";
import type { Bindings } from "../bindings.ts";

export class Acceptor extends DurableObject<Bindings> {
  #storage: AcceptorStorage;

  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env);
    this.#storage = new AcceptorStorage(sqlOf(ctx.storage.sql));
  }

  /** One message of the protocol or of founding. @throws {Error} when it cannot be decoded; nothing has changed then. */
  receive(_address: ObjectAddress, message: string): string {
    const decoded = decodeAcceptorRequest(message);
    if (!decoded.ok) throw new Error(`not understood: ${JSON.stringify(decoded.why)}`);
    const reply = this.#turn((now) =>
      receive(
        { storage: this.#storage, object: this.ctx.id.toString(), now, fresh: randomIdentity(platformRandom) },
        decoded.body,
      ),
    );
    if (decoded.body.type === "founding" && decoded.body.body.type === "enrol") this.ctx.waitUntil(this.#recordPlace());
    return encodeAcceptorReply(reply);
  }

  /** Reading, comparing and writing in one transaction: a throw leaves nothing half done (D3). */
  #turn(step: (now: number) => AcceptorReply): AcceptorReply {
    try {
      return this.ctx.storage.transactionSync(() => step(Date.now()));
    } catch (error) {
      // What is in memory may be ahead of what was rolled back: read it again.
      this.#storage = new AcceptorStorage(sqlOf(this.ctx.storage.sql));
      throw error;
    }
  }

  async #recordPlace(): Promise<string> {
    const place = await dataCentre(this.env.SYNOD_TRACE_URL);
    if (place !== "unknown") this.#storage.recordDataCentre(place);
    return place;
  }

  async status({ region }: ObjectAddress): Promise<string> {
    const place = this.#storage.dataCentre ?? (await this.#recordPlace());
    return JSON.stringify(statusOf(this.#storage, region, place));
  }
}
