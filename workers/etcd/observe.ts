/** The stream `Election.Observe`: who leads and what it proclaims, now and whenever that changes. */
import type { Revision } from "../../src/support/brand.ts";
import type { Entry } from "../../src/store/command.ts";
import { startOf } from "../../src/store/events.ts";
import type { StoreEvent } from "../../src/store/events.ts";
import type { KeyRange } from "../../src/store/transaction.ts";
import { Problem } from "../gateway/problems.ts";
import { pause } from "../gateway/visit.ts";
import type { Visit } from "../gateway/visit.ts";
import { happenings } from "../gateway/watching.ts";
import { header, keyValue } from "./answers.ts";
import type { Call } from "./calls.ts";
import { firstPlace, queueOf } from "./concurrency.ts";
import type { Queue } from "./concurrency.ts";
import { Lines } from "./lines.ts";
import type { Message } from "./message.ts";

/** How long to wait when nobody could be asked. */
const pauseMs = 1_000;

export async function observe(call: Call, from: Message): Promise<Response> {
  const lines = new Lines(call.visit, call.signal);
  const observer = new Observer(call.visit, lines, queueOf(from.bytes("name")));
  call.visit.afterwards(observer.run().catch(async (error: unknown) => lines.fail(error)));
  return lines.response();
}

class Observer {
  readonly #visit: Visit;
  readonly #lines: Lines;
  readonly #queue: Queue;

  constructor(visit: Visit, lines: Lines, queue: Queue) {
    this.#visit = visit;
    this.#lines = lines;
    this.#queue = queue;
  }

  async run(): Promise<void> {
    while (!this.#lines.gone.aborted) {
      try {
        await this.#reign();
      } catch (error) {
        // History that is gone is no loss: who leads now is what is told.
        if (!(error instanceof Problem) || error.code === "internal") throw error;
        if (error.code !== "revision-compacted") await pause(this.#visit, pauseMs);
      }
    }
  }

  /** One leader, from its first word to the deletion of its place. */
  async #reign(): Promise<void> {
    const { result, revision: at } = await firstPlace(this.#visit, this.#queue);
    const [first] = result.entries;
    if (first === undefined) return this.#untilSomebody(at);
    await this.#tell(first, at);
    await this.#each({ key: first.key, end: null }, at, async ({ type, entry }) => {
      if (type === "put") await this.#tell(entry, entry.modRevision);
      return type === "put";
    });
  }

  async #untilSomebody(since: Revision): Promise<void> {
    await this.#each(this.#queue.range, since, async ({ type }) => type === "delete");
  }

  /** Every event after a revision, for as long as `step` wants more. */
  async #each(range: KeyRange, since: Revision, step: (event: StoreEvent) => Promise<boolean>): Promise<void> {
    const followed = { range, puts: true, deletes: true, previous: false };
    for (let from = startOf(since + 1); !this.#lines.gone.aborted;) {
      const { events, next } = await happenings(this.#visit, followed, from);
      if (events.length === 0 && this.#lines.tooSilent) await this.#lines.blank();
      for (const event of events) if (!(await step(event))) return;
      from = next;
    }
  }

  async #tell(entry: Entry, at: number): Promise<void> {
    const said = header(this.#visit, this.#visit.regions[0] ?? "", at);
    await this.#lines.write({ result: { header: said, kv: keyValue(entry) } });
  }
}
