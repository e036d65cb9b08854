/**
 * The service `Watch`: one stream with many watches, created, cancelled and asked about their progress by messages in the
 * request's body, in etcd's order. The answer goes on after the body has ended, until the client closes.
 */
import { limits } from "../../src/support/limits.ts";
import { startOf } from "../../src/store/events.ts";
import { fromNow } from "../gateway/watching.ts";
import { header, message } from "./answers.ts";
import type { Call } from "./calls.ts";
import { firstOf, incoming } from "./incoming.ts";
import { Lines } from "./lines.ts";
import type { Enumeration, Message } from "./message.ts";
import { rangeIn } from "./ranges.ts";
import { Room } from "./room.ts";
import { placeOf, Watch } from "./watch.ts";

const filterTypes: Enumeration = {
  name: "etcdserverpb.WatchCreateRequest_FilterType",
  values: ["NOPUT", "NODELETE"],
};
const [noPut, noDelete] = [0, 1];

interface CreateRequest {
  readonly key: Uint8Array;
  readonly end: Uint8Array;
  readonly start: number;
  readonly id: bigint;
  readonly filters: readonly number[];
  readonly previous: boolean;
  readonly fragments: boolean;
  readonly progress: boolean;
}

type WatchRequest =
  | { readonly type: "create"; readonly request: CreateRequest }
  | { readonly type: "cancel"; readonly id: bigint }
  | { readonly type: "progress" }
  | { readonly type: "none" };

function readWatchRequest(from: Message): WatchRequest {
  const create = from.message("create_request");
  if (create !== null) return { type: "create", request: readCreateRequest(create) };
  const cancel = from.message("cancel_request");
  if (cancel !== null) return { type: "cancel", id: cancel.int64("watch_id") };
  return from.message("progress_request") === null ? { type: "none" } : { type: "progress" };
}

const readCreateRequest = (from: Message): CreateRequest => ({
  key: from.bytes("key"),
  end: from.bytes("range_end"),
  start: from.count("start_revision"),
  id: from.int64("watch_id"),
  filters: from.choices("filters", filterTypes),
  previous: from.flag("prev_kv"),
  fragments: from.flag("fragment"),
  progress: from.flag("progress_notify"),
});

/** @throws {EtcdError} when the first message is not understood. */
export async function watch(call: Call, body: ReadableStream<Uint8Array> | null): Promise<Response> {
  const messages = incoming(body);
  const first = await firstOf(messages, readWatchRequest);
  const stream = new WatchStream(call);
  if (first !== null) call.visit.afterwards(stream.serve(first, messages));
  return stream.response();
}

class WatchStream {
  readonly #call: Call;
  readonly #lines: Lines;
  readonly #room = new Room(limits.etcdPendingBytes);
  readonly #watches = new Map<bigint, Watch>();
  #nextId = 0n;

  constructor(call: Call) {
    this.#call = call;
    this.#lines = new Lines(call.visit, call.signal);
  }

  response(): Response {
    return this.#lines.response();
  }

  async serve(first: WatchRequest, messages: AsyncGenerator<Message, void>): Promise<void> {
    try {
      await this.#answer(first);
      // Not understood: as when the body ended there.
      for await (const next of orEnd(messages)) {
        if (this.#lines.gone.aborted) return;
        const request = understood(next);
        if (request === null) break;
        await this.#answer(request);
      }
    } catch (error) {
      await this.#lines.fail(error);
    }
  }

  async #answer(request: WatchRequest): Promise<void> {
    switch (request.type) {
      case "create":
        return this.#create(request.request);
      case "cancel":
        return this.#cancel(request.id);
      case "progress":
        return this.#progress();
      case "none":
        return;
    }
  }

  async #now(): Promise<number> {
    const anywhere = rangeIn(new Uint8Array([0]), new Uint8Array(0));
    return (await fromNow(this.#call.visit, { range: anywhere })).revision - 1;
  }

  async #tell(at: number, fields: Readonly<Record<string, unknown>>): Promise<void> {
    const { visit } = this.#call;
    const said = header(visit, visit.regions[0] ?? "", at);
    await this.#lines.write({ result: message({ header: said, ...fields }) });
  }

  async #create(request: CreateRequest): Promise<void> {
    const now = await this.#now();
    // The smallest key stands for none.
    const key = request.key.length === 0 ? new Uint8Array([0]) : request.key;
    const range = rangeIn(key, request.end);
    const refused = this.#refused(request, range.end !== null && range.end <= range.key);
    if (refused !== null) {
      return this.#tell(now, { watch_id: "-1", created: true, canceled: true, cancel_reason: refused });
    }
    const id = request.id === 0n ? this.#freeId() : request.id;
    const followed = {
      range,
      puts: !request.filters.includes(noPut),
      deletes: !request.filters.includes(noDelete),
      previous: request.previous,
    };
    const { fragments, progress, start } = request;
    const from = start === 0 ? startOf(now + 1) : placeOf(Math.max(0, start));
    const created = new Watch(this.#call.visit, this.#lines, this.#room, { id, followed, fragments, progress }, from);
    this.#watches.set(id, created);
    await this.#tell(now, { watch_id: String(id), created: true });
    this.#call.visit.afterwards(this.#run(id, created));
  }

  #refused({ id }: CreateRequest, empty: boolean): string | null {
    if (empty) return "mvcc: watcher range is empty";
    if (id !== 0n && this.#watches.has(id)) return "mvcc: duplicate watch ID provided on the WatchStream";
    const most = limits.etcdWatches;
    return this.#watches.size < most ? null : `etcdserver: one stream has at most ${most} watches`;
  }

  #freeId(): bigint {
    while (this.#watches.has(this.#nextId)) this.#nextId += 1n;
    this.#nextId += 1n;
    return this.#nextId - 1n;
  }

  async #run(id: bigint, running: Watch): Promise<void> {
    try {
      const end = await running.run();
      if (end !== null) await this.#lines.write({ result: end });
    } catch (error) {
      await this.#lines.fail(error);
    }
    if (this.#watches.get(id) === running) this.#watches.delete(id);
  }

  async #cancel(id: bigint): Promise<void> {
    const cancelled = this.#watches.get(id);
    if (cancelled === undefined) return;
    cancelled.cancel();
    this.#watches.delete(id);
    await this.#tell(await this.#now(), { watch_id: String(id), canceled: true });
  }

  /** Tells the highest revision up to which all watches were told everything, on behalf of all of them. */
  async #progress(): Promise<void> {
    let told = await this.#now();
    for (const one of this.#watches.values()) told = Math.min(told, await one.toldUpTo(told));
    await this.#tell(told, { watch_id: "-1" });
  }
}

/** A body that breaks off ends. */
async function* orEnd(messages: AsyncGenerator<Message, void>): AsyncGenerator<Message, void> {
  try {
    yield* messages;
  } catch {
    // As etcd's gateway does: what was understood before stands.
  }
}

function understood(next: Message): WatchRequest | null {
  try {
    return readWatchRequest(next);
  } catch {
    return null;
  }
}
