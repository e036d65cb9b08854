/**
 * A gateway whose calls to replicas are answered by the test, and whose clock only the test moves. For what gathers
 * requests or shares questions: who waits for whom is then the test's to say.
 */
import type { ClientReply, ClientRequest } from "../../../src/replica/messages.ts";
import { decodeClientRequest, encodeClientReply } from "../../../src/wire/client-codec.ts";
import type { Visit } from "../../../workers/gateway/visit.ts";
import { visitWith } from "./visit.ts";

interface Call {
  readonly request: ClientRequest;
  /** Null: the call failed. */
  readonly end: (reply: string | null) => void;
}
interface Timer {
  readonly at: number;
  readonly ring: () => void;
}

export class Stage {
  readonly calls: Call[] = [];
  readonly visit: Visit;
  readonly #timers = new Set<Timer>();
  #now = 1_000;

  constructor() {
    const visit = visitWith(
      async (_port, _to, message) =>
        new Promise((end) => {
          const decoded = decodeClientRequest(message);
          if (!decoded.ok) throw new Error(JSON.stringify(decoded.why));
          this.calls.push({ request: decoded.body, end });
        }),
    );
    this.visit = {
      ...visit,
      now: () => this.#now,
      after: (ms, then) => {
        const timer = { at: this.#now + ms, ring: then };
        this.#timers.add(timer);
        return () => this.#timers.delete(timer);
      },
    };
  }

  call(at: number): Call {
    const call = this.calls[at];
    if (call === undefined) throw new Error(`there is no call ${at}`);
    return call;
  }

  async reply(at: number, reply: ClientReply): Promise<void> {
    this.call(at).end(encodeClientReply(reply));
    await settled();
  }

  async pass(ms: number): Promise<void> {
    this.#now += ms;
    for (const timer of [...this.#timers].filter(({ at }) => at <= this.#now)) {
      if (this.#timers.delete(timer)) timer.ring();
    }
    await settled();
  }

  /** Whoever set the last timer that is due in `ms` was cut off: it never rings. */
  cutOff(ms: number): void {
    const timer = [...this.#timers].findLast(({ at }) => at === this.#now + ms);
    if (timer === undefined) throw new Error(`no timer is due in ${ms} ms`);
    this.#timers.delete(timer);
  }
}

/** All that can go on has gone on. */
export const settled = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
