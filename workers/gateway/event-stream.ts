/**
 * Server-Sent Events (WHATWG HTML, section 9.2) over one long answer. The source is asked for more only when the client
 * has room for it, so who reads slowly slows down his own questions, and nothing is buffered for him. A stream that has
 * nothing to say breathes, so that nobody on the way takes it for dead. Used by every door that streams.
 */
import { integerBetween } from "../../src/support/random.ts";
import { limits } from "../../src/support/limits.ts";
import { problemDocument, problemOf } from "./problems.ts";
import type { Visit } from "./visit.ts";

export interface ServerEvent {
  readonly event: string;
  /** Becomes JSON. */
  readonly data: unknown;
  /** What the client sends as `Last-Event-ID` when it comes back: one line of text. */
  readonly id?: string;
}

/** What is told, a step at a time. A step may be empty. Ends when there is no more, or by a `Problem`. */
export type EventSource = AsyncGenerator<readonly ServerEvent[], void>;

type Step = IteratorResult<readonly ServerEvent[], void>;

const headers = {
  "content-type": "text/event-stream",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  // nginx and its like would hold events back until their buffers are full.
  "x-accel-buffering": "no",
};

const encoder = new TextEncoder();

const frame = ({ event, data, id }: ServerEvent): string =>
  `${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

/**
 * @param signal fires when the client is gone.
 * @throws {Problem} what the source threw at its first step: until then this is an answer like any other. Later ones
 * are told as an `error` event, which holds the problem and, as `next`, the last id; then the stream ends. One that is
 * not read for long ends with a `slow` event, which says the same.
 */
export async function eventStream(visit: Visit, signal: AbortSignal, source: EventSource): Promise<Response> {
  const stream = new EventStream(visit, source, await source.next());
  signal.addEventListener("abort", () => stream.end(), { once: true });
  // Nothing is asked for ahead of the client.
  const body = new ReadableStream<Uint8Array>(stream, { highWaterMark: 0 });
  return new Response(body, { headers });
}

class EventStream {
  readonly #visit: Visit;
  readonly #source: EventSource;
  /** The step that is under way, or was taken and not told. */
  #step: Promise<Step> | null;
  #lastId: string | null = null;
  #ended = false;
  /** Stops the wait for a client that does not read. */
  #stopWaiting = (): void => undefined;

  constructor(visit: Visit, source: EventSource, first: Step) {
    this.#visit = visit;
    this.#source = source;
    this.#step = Promise.resolve(first);
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    const retryMs = integerBetween(this.#visit.random, limits.watchRetryMs, 3 * limits.watchRetryMs);
    controller.enqueue(encoder.encode(`retry: ${retryMs}\n\n`));
  }

  /** The client has room: goes on until there is something for it. */
  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    this.#stopWaiting();
    try {
      for (let text = ""; text === "";) {
        const step = await this.#stepOrBeat();
        if (this.#ended) return;
        if (step?.done === true) {
          this.#ended = true;
          return controller.close();
        }
        text = step === null ? ": still here\n\n" : this.#told(step.value);
        if (text !== "") controller.enqueue(encoder.encode(text));
      }
      this.#stopWaiting = this.#visit.after(limits.watchStallMs, () => this.#cut(controller));
    } catch (error) {
      if (this.#ended) return;
      this.#ended = true;
      this.#endWith(controller, "error", problemDocument(problemOf(error), "GET"));
    }
  }

  /** Whoever reads on later finds the end, and where it was. */
  #cut(controller: ReadableStreamDefaultController<Uint8Array>): void {
    if (this.#ended) return;
    this.end();
    const detail = `nothing was read for ${limits.watchStallMs} ms`;
    this.#endWith(controller, "slow", { detail });
  }

  #endWith(controller: ReadableStreamDefaultController<Uint8Array>, event: string, document: object): void {
    const data = { ...document, ...(this.#lastId === null ? {} : { next: this.#lastId }) };
    controller.enqueue(encoder.encode(frame({ event, data })));
    controller.close();
  }

  cancel(): void {
    this.end();
  }

  /** The client is gone: the source takes no further step. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopWaiting();
    this.#source.return().catch(() => undefined);
  }

  #told(events: readonly ServerEvent[]): string {
    this.#lastId = events.findLast(({ id }) => id !== undefined)?.id ?? this.#lastId;
    return events.map(frame).join("");
  }

  /** The next step; null when it is time for a sign of life. */
  async #stepOrBeat(): Promise<Step | null> {
    const step = (this.#step ??= this.#source.next());
    const { promise: beat, resolve } = Promise.withResolvers<null>();
    const cancel = this.#visit.after(limits.watchBeatMs, () => resolve(null));
    try {
      const first = await Promise.race([step, beat]);
      if (first !== null) this.#step = null;
      return first;
    } finally {
      cancel();
    }
  }
}
