/** The etcd door as its clients see it, for tests in the runtime. */
import { exports } from "cloudflare:workers";
import { expect } from "vitest";
import { send } from "./api.ts";

type Json = Readonly<Record<string, unknown>>;

/** Text as etcd's JSON carries it. */
export const b64 = (text: string): string => btoa(text);

export const post = async (path: string, message: unknown = {}): Promise<Response> =>
  send("POST", path, { body: typeof message === "string" ? message : JSON.stringify(message) });

/** What a call answered, without who answered it. */
export async function etcd(path: string, message: unknown = {}): Promise<Json> {
  const response = await post(path, message);
  const said = await response.text();
  expect({ path, status: response.status, said }).toMatchObject({ status: 200 });
  return plain(JSON.parse(said) as Json) as Json;
}

const sides = ["cluster_id", "member_id", "raft_term"];

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !sides.includes(name))
      .map(([name, inner]) => [name, plain(inner)]),
  );
}

/** An error in etcd's shape, which says the same three times. */
export async function etcdError(response: Response): Promise<readonly [status: number, code: unknown, text: unknown]> {
  const said: Json = await response.json();
  expect(response.headers.get("content-type")).toBe("application/json");
  expect(said["message"]).toBe(said["error"]);
  return [response.status, said["code"], said["error"]];
}

/** A stream of lines of JSON, whose request may go on. */
export class Lines {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array> | null;
  #text = "";

  private constructor(response: Response, writer: WritableStreamDefaultWriter<Uint8Array> | null) {
    this.#reader = (response.body as ReadableStream<Uint8Array>).getReader();
    this.#writer = writer;
  }

  static async open(path: string, ...messages: readonly unknown[]): Promise<Lines> {
    const body = messages.map((one) => (typeof one === "string" ? one : JSON.stringify(one))).join("\n");
    const response = await post(path, body);
    expect(response.status).toBe(200);
    return new Lines(response, null);
  }

  /** With a body that stays open. */
  static async openBoth(path: string, first: unknown): Promise<Lines> {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const writing = writer.write(encoded(first));
    const response = await exports.default.fetch(`http://synod.test${path}`, { method: "POST", body: readable });
    await writing;
    return new Lines(response, writer);
  }

  async send(message: unknown): Promise<void> {
    await this.#writer?.write(encoded(message));
  }

  /** The next line, without who told it; null: the stream has ended. */
  async next(): Promise<Json | null> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return plain(JSON.parse(line)) as Json;
      }
      const { value, done } = await this.#reader.read();
      if (done) return null;
      this.#text += new TextDecoder().decode(value);
    }
  }

  async result(): Promise<Json> {
    const line = await this.next();
    expect(line).toHaveProperty("result");
    return line?.["result"] as Json;
  }

  async close(): Promise<void> {
    await this.#reader.cancel();
    await this.#writer?.close().catch(() => undefined);
  }
}

const encoded = (message: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(message));
