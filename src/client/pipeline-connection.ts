/**
 * One WebSocket of a pipeline, from its opening to its end, and the calls that are unanswered over it: puts them into
 * frames that the gateway takes, and hands out what it answers. Opened by `pipeline.ts`, which decides what is sent and
 * what becomes of the calls when the socket is lost.
 */
import { limits } from "../support/limits.ts";
import { settle } from "./pipeline-calls.ts";
import type { Call, PipelineAnswer, Problem } from "./pipeline-calls.ts";

/** The parts of a `WebSocket` that are used. */
export interface PipelineSocket {
  send(text: string): void;
  close(code?: number): void;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
}

/** Whoever is told what happens to a connection. */
interface Owner {
  readonly opened: (connection: Connection) => void;
  /** Answers came, and were handed out. */
  readonly told: (connection: Connection) => void;
  readonly lost: (connection: Connection) => void;
}

// A frame is its head, each call behind its own, separated by commas, and its tail.
const head = '{"requests":[';
const callHead = '{"id":';
const tail = "]}";
const frameCharacters = limits.operationsBodyBytes - head.length - tail.length;
/** A call's text has at most so many characters: then it fits a frame of its own. */
export const callCharacters = frameCharacters - callHead.length;

export class Connection {
  readonly #socket: PipelineSocket;
  readonly #unanswered = new Map<number, Call>();
  #isOpen = false;
  #isLast = false;

  constructor(socket: PipelineSocket, { opened, told, lost }: Owner) {
    this.#socket = socket;
    socket.onopen = () => {
      this.#isOpen = true;
      opened(this);
    };
    socket.onmessage = ({ data }) => {
      this.#take(data);
      told(this);
    };
    // A close always follows.
    socket.onerror = () => undefined;
    socket.onclose = () => lost(this);
  }

  get unanswered(): number {
    return this.#unanswered.size;
  }

  /** The gateway wants no more over this one. */
  get isLast(): boolean {
    return this.#isLast;
  }

  /** Sends as many of those who wait as there is room for, first come first. @param waiting what is sent is taken out. */
  send(waiting: Call[], window: number): void {
    while (this.#isOpen && waiting.length > 0) {
      const room = Math.min(limits.batchOperations, window - this.#unanswered.size, waiting.length);
      const calls = waiting.splice(0, frameful(waiting, room));
      if (calls.length === 0) return;
      for (const call of calls) {
        call.sent = true;
        this.#unanswered.set(call.id, call);
      }
      this.#socket.send(`${head}${callHead}${calls.map(({ text }) => text).join(`,${callHead}`)}${tail}`);
    }
  }

  #take(data: unknown): void {
    const { results, last } = JSON.parse(String(data)) as {
      readonly results: readonly (PipelineAnswer & { readonly id: number; readonly problem?: Problem })[];
      readonly last?: boolean;
    };
    for (const result of results) {
      const { id, problem, ...answer } = result;
      const call = this.#unanswered.get(id);
      this.#unanswered.delete(id);
      // It may have been given up.
      if (call !== undefined) settle(call, answer as PipelineAnswer, problem);
    }
    this.#isLast ||= last === true;
  }

  /** Takes out those unanswered that are to be given up. */
  giveUp(isOver: (call: Call) => boolean): readonly Call[] {
    const over = [...this.#unanswered.values()].filter(isOver);
    for (const { id } of over) this.#unanswered.delete(id);
    return over;
  }

  close(): void {
    this.#socket.close(1000);
  }
}

/** How many of the first `most` one frame carries. */
function frameful(waiting: readonly Call[], most: number): number {
  // The first has no comma before it.
  let size = -1;
  for (let count = 0; count < most; count += 1) {
    size += 1 + callHead.length + (waiting[count]?.text.length ?? 0);
    if (size > frameCharacters) return count;
  }
  return Math.max(0, most);
}
