/**
 * Everything one connection sends in one direction, in order: each parcel leaves after the direction's delay, and none
 * leaves while the direction is cut. Many parcels may be on their way at once, so a delay does not limit throughput
 * until the buffer is full; then the sender is told to pause.
 */
import type { Direction } from "./direction.ts";

/** What travels: the opening of the connection, bytes, the end of what one side has to say, or a broken connection. */
export type Parcel =
  | { readonly type: "open" }
  | { readonly type: "bytes"; readonly bytes: Buffer }
  | { readonly type: "end" }
  | { readonly type: "broken" };

export interface PipeEnds {
  /** Hands a parcel over; false if no more should come before `resume()`. */
  readonly deliver: (parcel: Parcel) => boolean;
  /** Asks the sender to stop, or to go on. */
  readonly pauseSender: (pause: boolean) => void;
}

/** Bytes on their way in one pipe: 4 MiB keeps 100 ms of delay at 40 MB/s, and bounds what a cut link can hold. */
export const pipeLimitBytes = 4 * 1024 * 1024;

export class Pipe {
  readonly #direction: Direction;
  readonly #ends: PipeEnds;
  readonly #unwatch: () => void;
  #queue: { readonly parcel: Parcel; readonly dueAt: number }[] = [];
  #queuedBytes = 0;
  #senderPaused = false;
  #receiverFull = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(direction: Direction, ends: PipeEnds) {
    this.#direction = direction;
    this.#ends = ends;
    this.#unwatch = direction.watch(() => this.#pump());
  }

  push(parcel: Parcel): void {
    const now = performance.now();
    const lastDueAt = this.#queue.at(-1)?.dueAt ?? 0;
    // Never before the one ahead of it: a delay that shrinks must not turn bytes around.
    this.#queue.push({ parcel, dueAt: Math.max(now + this.#direction.conditions.delayMs, lastDueAt) });
    this.#queuedBytes += size(parcel);
    this.#pump();
  }

  /** The receiver can take more. */
  resume(): void {
    this.#receiverFull = false;
    this.#pump();
  }

  close(): void {
    this.#unwatch();
    clearTimeout(this.#timer);
    this.#queue = [];
    this.#receiverFull = true;
  }

  #pump(): void {
    clearTimeout(this.#timer);
    while (!this.#receiverFull && !this.#direction.conditions.cut) {
      const head = this.#queue[0];
      if (head === undefined) break;
      const waitMs = head.dueAt - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#pump(), waitMs);
        break;
      }
      this.#queue.shift();
      this.#queuedBytes -= size(head.parcel);
      this.#receiverFull = !this.#ends.deliver(head.parcel);
    }
    this.#pauseSenderIf(this.#queuedBytes >= pipeLimitBytes);
  }

  #pauseSenderIf(pause: boolean): void {
    if (pause === this.#senderPaused) return;
    this.#senderPaused = pause;
    this.#ends.pauseSender(pause);
  }
}

const size = (parcel: Parcel): number => (parcel.type === "bytes" ? parcel.bytes.length : 0);
