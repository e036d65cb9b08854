/** Watchers for tests: an event stream read event by event, a WebSocket message by message, and writes of several keys. */
import { env, exports } from "cloudflare:workers";
import { expect } from "vitest";
import { requestId, revision } from "../../src/support/brand.ts";
import { utf8 } from "../../src/support/bytes.ts";
import type { Operation } from "../../src/store/command.ts";
import { userKey } from "../../src/store/key-space.ts";
import { askReplicas } from "../../workers/gateway/replicas.ts";
import { ClientEnd, upgrade } from "./sockets.ts";
import { visitWith } from "./visits.ts";

export interface Told {
  readonly event: string;
  readonly id: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}

export class Stream {
  readonly response: Response;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #text = "";
  /** As a browser keeps it, for the next time. */
  lastId: string | null = null;

  constructor(response: Response) {
    this.response = response;
    this.#reader = (response.body as ReadableStream<Uint8Array>).getReader();
  }

  /** @param query with its question mark; `lastId` as a browser that comes back sends it. */
  static async open(ns: string, query = "", lastId: string | null = null): Promise<Stream> {
    const headers: Record<string, string> = lastId === null ? {} : { "last-event-id": lastId };
    const response = await exports.default.fetch(`http://synod.test${ns}/watch${query}`, { headers });
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
    return new Stream(response);
  }

  /** The next event; comments are skipped. Null: the stream has ended. */
  async next(): Promise<Told | null> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end < 0) {
        const { value, done } = await this.#reader.read();
        if (done) return null;
        this.#text += new TextDecoder().decode(value);
        continue;
      }
      const lines = this.#text.slice(0, end).split("\n");
      this.#text = this.#text.slice(end + 2);
      const field = (name: string): string | null =>
        lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? null;
      const [event, id, data] = [field("event"), field("id"), field("data")];
      if (event === null || data === null) continue;
      this.lastId = id ?? this.lastId;
      return { event, id, data: JSON.parse(data) as Told["data"] };
    }
  }

  /** The next `changes`. */
  async changes(): Promise<Told> {
    for (;;) {
      const told = await this.next();
      if (told === null) throw new Error("the stream has ended");
      if (told.event === "changes") return told;
      expect(["ready", "progress"]).toContain(told.event);
    }
  }

  async close(): Promise<void> {
    await this.#reader.cancel();
  }
}

export type Message = Readonly<Record<string, unknown>>;

const isMessage = (data: unknown): boolean => typeof data === "string" && data.startsWith("{");

/** The client's end of a watch's WebSocket. */
export class Socket extends ClientEnd {
  static async open(ns: string, query = ""): Promise<Socket> {
    const socket = new Socket(await upgrade(`${ns}/watch${query}`));
    expect(await socket.next()).toMatchObject({ type: "ready" });
    return socket;
  }

  async next(): Promise<Message> {
    return JSON.parse(String(await this.first(isMessage))) as Message;
  }

  /** The next that is no message: an answer to a ping. */
  async nextText(): Promise<string> {
    return String(await this.first((data) => !isMessage(data)));
  }

  /** Messages that have come and were not asked for yet. */
  get pending(): number {
    return this.count(isMessage);
  }

  /** The next events, acknowledged. */
  async events(): Promise<Message & { readonly events: readonly Message[]; readonly next: string }> {
    const message = await this.next();
    expect(message).toMatchObject({ type: "events" });
    this.send({ type: "ack", next: message["next"] });
    return message as Message & { readonly events: readonly Message[]; readonly next: string };
  }

  /** Asks how far it was told, and waits for the answer; there must be nothing else to hear. */
  async progress(): Promise<Message> {
    this.send({ type: "progress" });
    return this.next();
  }
}

export const replicaOf = (ns: string, region = "wnam"): DurableObjectStub =>
  env.REPLICA.get(env.REPLICA.idFromName(`${ns.slice("/ns/".length)}/${region}`));

/** Has an operation carried out that has no door of its own here. */
async function carryOut(ns: string, operation: Operation): Promise<number> {
  const visit = visitWith((real) => real, ns);
  const { reply } = await askReplicas(visit, {
    type: "write",
    id: requestId(`test/${crypto.randomUUID()}`),
    operation,
  });
  if (reply.type !== "outcome") throw new Error(`not an outcome: ${JSON.stringify(reply)}`);
  return reply.revision;
}

/** Puts and deletes several keys at once. @returns the one revision. */
export async function transact(ns: string, puts: Readonly<Record<string, string>>, deletes: readonly string[] = []) {
  const keyOf = (key: string) => userKey(utf8(key));
  return carryOut(ns, {
    type: "txn",
    transaction: {
      compares: [],
      success: [
        ...Object.entries(puts).map(
          ([key, value]) =>
            ({ type: "put", key: keyOf(key), value: utf8(value), lease: null, previous: false }) as const,
        ),
        ...deletes.map((key) => ({ type: "delete", range: { key: keyOf(key), end: null }, previous: false }) as const),
      ],
      failure: [],
    },
  });
}

export const compact = async (ns: string, at: number): Promise<number> =>
  carryOut(ns, { type: "compact", revision: revision(at) });

/** Deletes all keys from one on, up to another, at once. @returns the one revision. */
export async function removeRange(ns: string, from: string, to: string): Promise<number> {
  const range = { key: userKey(utf8(from)), end: userKey(utf8(to)) };
  const success = [{ type: "delete", range, previous: false }] as const;
  return carryOut(ns, { type: "txn", transaction: { compares: [], success, failure: [] } });
}
