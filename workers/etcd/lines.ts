/**
 * A long answer of lines of JSON, each handed over when the client has room for it: who writes waits until then, so a slow
 * client slows down those who tell it something, and nothing is kept for it beyond what they hold. Used by the streams.
 */
import { limits } from "../../src/support/limits.ts";
import type { Visit } from "../gateway/visit.ts";
import { streamError } from "./errors.ts";

const encoder = new TextEncoder();

interface Line {
  readonly bytes: Uint8Array;
  readonly written: () => void;
}

export class Lines {
  readonly #visit: Visit;
  readonly #gone = new AbortController();
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  #waiting: Line[] = [];
  /** Called when there is a line, or there will be no more. */
  #wake: (() => void) | null = null;
  #closing = false;
  #writtenAt: number;
  /** Stops the wait for a client that does not read. */
  #stopStalling: () => void = () => undefined;

  constructor(visit: Visit, signal: AbortSignal) {
    this.#visit = visit;
    this.#writtenAt = visit.now();
    if (signal.aborted) this.#gone.abort();
    signal.addEventListener("abort", () => this.#end(), { once: true });
  }

  /** Fires when the client is gone, or nothing more is told it. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  response(): Response {
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: async () => this.#pull(),
        cancel: () => this.#end(),
      },
      // Nothing is asked for ahead of the client.
      { highWaterMark: 0 },
    );
    return new Response(body, { headers: { "content-type": "application/json", "cache-control": "no-store" } });
  }

  /** Nothing was written for so long that a client that has gone would not have been noticed. */
  get tooSilent(): boolean {
    return this.#visit.now() - this.#writtenAt > limits.etcdSilenceMs;
  }

  /** Settles when the client took the line, or is gone. */
  async write(line: object): Promise<void> {
    return this.#send(`${JSON.stringify(line)}\n`);
  }

  /** What stands before the next line, and means nothing in JSON. */
  async blank(): Promise<void> {
    return this.#send(" ");
  }

  async #send(text: string): Promise<void> {
    if (this.#gone.signal.aborted || this.#closing) return;
    this.#writtenAt = this.#visit.now();
    const bytes = encoder.encode(text);
    await new Promise<void>((written) => {
      this.#waiting.push({ bytes, written });
      this.#wake?.();
    });
  }

  /** Ends the answer after the lines that wait. */
  close(): void {
    this.#closing = true;
    this.#wake?.();
  }

  /** Ends the answer by an error, as its last line. */
  async fail(error: unknown): Promise<void> {
    const told = this.write(streamError(error));
    this.close();
    await told;
  }

  async #pull(): Promise<void> {
    this.#stopStalling();
    const line = await this.#next();
    if (this.#gone.signal.aborted) return;
    if (line === null) {
      this.#controller?.close();
      return this.#end();
    }
    this.#controller?.enqueue(line.bytes);
    line.written();
    this.#stopStalling = this.#visit.after(limits.watchStallMs, () => this.#cut());
  }

  async #next(): Promise<Line | null> {
    while (this.#waiting.length === 0 && !this.#closing && !this.#gone.signal.aborted) {
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
    return this.#waiting.shift() ?? null;
  }

  /** Nothing was read for long. */
  #cut(): void {
    if (this.#gone.signal.aborted) return;
    this.#controller?.error(new Error("nothing was read for long"));
    this.#end();
  }

  #end(): void {
    if (this.#gone.signal.aborted) return;
    this.#stopStalling();
    this.#gone.abort();
    for (const { written } of this.#waiting) written();
    this.#waiting = [];
    this.#wake?.();
  }
}
