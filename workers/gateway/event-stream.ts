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
type Controller = ReadableStreamDefaultController<Uint8Array>;

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

interface Framed {
  readonly bytes: Uint8Array;
  /** The last that has one. */
  readonly id: string | null;
}

/** A step that several streams tell is framed once. */
const frames = new WeakMap<readonly ServerEvent[], Framed>();

function framed(step: readonly ServerEvent[]): Framed {
  const known = frames.get(step);
  if (known !== undefined) return known;
  const id = step.findLast((event) => event.id !== undefined)?.id ?? null;
  const made = { bytes: encoder.encode(step.map(frame).join("")), id };
  frames.set(step, made);
  return made;
}

const beat = encoder.encode(": still here\n\n");

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
  /** The first step, which was taken before there was a stream. */
  #first: Step | null;
  #lastId: string | null = null;
  #ended = false;
  /** A step is awaited: the client has room. */
  #pulling = false;
  #toldAt = 0;
  #stopWatching = (): void => undefined;

  constructor(visit: Visit, source: EventSource, first: Step) {
    this.#visit = visit;
    this.#source = source;
    this.#first = first;
  }

  start(controller: Controller): void {
    const retryMs = integerBetween(this.#visit.random, limits.watchRetryMs, 3 * limits.watchRetryMs);
    this.#tell(controller, encoder.encode(`retry: ${retryMs}\n\n`));
    this.#watch(controller, limits.watchBeatMs);
  }

  /** The client has room: goes on until there is something for it. */
  async pull(controller: Controller): Promise<void> {
    this.#pulling = true;
    try {
      for (let told = false; !told;) {
        const step = this.#first ?? (await this.#source.next());
        this.#first = null;
        if (this.#ended) return;
        if (step.done === true) {
          this.end();
          return controller.close();
        }
        const { bytes, id } = framed(step.value);
        this.#lastId = id ?? this.#lastId;
        told = bytes.length > 0;
        if (told) this.#tell(controller, bytes);
      }
    } catch (error) {
      if (this.#ended) return;
      this.end();
      this.#endWith(controller, "error", problemDocument(problemOf(error), "GET"));
    } finally {
      this.#pulling = false;
    }
  }

  #tell(controller: Controller, bytes: Uint8Array): void {
    controller.enqueue(bytes);
    this.#toldAt = this.#visit.now();
  }

  /** Looks after silence and stalling now and then: a timer for each step would cost as much as the step. */
  #watch(controller: Controller, afterMs: number): void {
    this.#stopWatching = this.#visit.after(afterMs, () => {
      const silentMs = this.#visit.now() - this.#toldAt;
      // What was told is not read, or is still on its way.
      const stalls = !this.#pulling || (controller.desiredSize ?? 0) < 0;
      if (stalls && silentMs >= limits.watchStallMs) return this.#cut(controller);
      if (!stalls && silentMs >= limits.watchBeatMs) this.#tell(controller, beat);
      const leftMs = this.#toldAt + limits.watchBeatMs - this.#visit.now();
      this.#watch(controller, leftMs > 0 ? leftMs : limits.watchBeatMs);
    });
  }

  /** Whoever reads on later finds the end, and where it was. */
  #cut(controller: Controller): void {
    this.end();
    const detail = `nothing was read for ${limits.watchStallMs} ms`;
    this.#endWith(controller, "slow", { detail });
  }

  #endWith(controller: Controller, event: string, document: object): void {
    const data = { ...document, ...(this.#lastId === null ? {} : { next: this.#lastId }) };
    controller.enqueue(encoder.encode(frame({ event, data })));
    controller.close();
  }

  cancel(): void {
    this.end();
  }

  /** The client is gone, or there is no more to tell: the source takes no further step. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopWatching();
    this.#source.return().catch(() => undefined);
  }
}
