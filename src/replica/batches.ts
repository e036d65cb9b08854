/** Requests that came in one message: each is carried out under a handle of its own, and answered with the others. */
import { limits } from "../support/limits.ts";
import type { Entry } from "../store/command.ts";
import type { BatchRequest, ClientReply, QueryResult, ReadRequest, WriteRequest } from "./messages.ts";
import type { Turn } from "./turn.ts";

interface Open {
  readonly handle: number;
  readonly replies: (ClientReply | null)[];
  missing: number;
  /** Bytes of what was read for it so far. */
  bytes: number;
}

export class Batches {
  /** By the handles of their requests, which are below zero: the shell's own are above. */
  readonly #open = new Map<number, { readonly batch: Open; readonly at: number }>();
  #next = -1;

  open(handle: number, { requests }: BatchRequest): readonly (readonly [number, WriteRequest | ReadRequest])[] {
    const batch: Open = { handle, replies: requests.map(() => null), missing: requests.length, bytes: 0 };
    return requests.map((request, at) => {
      const own = this.#next;
      this.#next -= 1;
      this.#open.set(own, { batch, at });
      return [own, request] as const;
    });
  }

  /** Puts the answers of this turn where they belong; a batch is answered once none is missing. */
  collect(turn: Turn): void {
    if (this.#open.size === 0) return;
    for (const { handle, body } of turn.takeReplies()) {
      const open = this.#open.get(handle);
      if (open === undefined) {
        turn.reply(handle, body);
        continue;
      }
      this.#open.delete(handle);
      const { batch, at } = open;
      batch.replies[at] = bounded(batch, body as ClientReply);
      batch.missing -= 1;
      if (batch.missing > 0) continue;
      turn.reply(batch.handle, { type: "batch", replies: batch.replies.filter((reply) => reply !== null) });
    }
  }
}

/** What is read must fit one message; writes are answered whatever was read. */
function bounded(batch: Open, reply: ClientReply): ClientReply {
  if (reply.type !== "result") return reply;
  const bytes = bytesRead(reply.result);
  if (batch.bytes + bytes > limits.batchResultBytes) {
    const detail = `what one batch reads has at most ${limits.batchResultBytes} bytes: ask in several`;
    return { type: "failed", failure: "too-large", outcome: "not-applied", detail };
  }
  batch.bytes += bytes;
  return reply;
}

function bytesRead(result: QueryResult): number {
  const sum = (entries: readonly Entry[]): number =>
    entries.reduce((bytes, { key, value }) => bytes + key.length + value.length, 0);
  switch (result.type) {
    case "entry":
      return result.entry === null ? 0 : sum([result.entry]);
    case "page":
      return sum(result.entries);
    case "range":
      return sum(result.range.entries);
    case "transaction":
      return limits.transactionResultBytes;
    default:
      return 0;
  }
}
