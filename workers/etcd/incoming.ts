/** The messages of a stream from the client: values one after another in a body that may stay open. */
import { limits } from "../../src/support/limits.ts";
import { EtcdError } from "./errors.ts";
import { parseExactly, Values } from "./json.ts";
import { Message } from "./message.ts";

/** @throws {EtcdError} when one is not understood. Whoever stops asking lets the rest of the body go. */
export async function* incoming(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Message, void> {
  if (body === null) return;
  const values = new Values(limits.etcdBodyBytes);
  for await (const bytes of body) {
    for (const text of values.take(bytes)) yield new Message(parseExactly(text));
  }
  const last = values.end();
  if (last !== null) yield new Message(parseExactly(last));
}

/** The same, as etcd's gateway answers a stream that begins wrong: not as the client's fault. */
export async function firstOf<T>(messages: AsyncGenerator<Message, void>, read: (message: Message) => T) {
  try {
    const first = await messages.next();
    return first.done === true ? null : read(first.value);
  } catch (error) {
    throw error instanceof EtcdError && error.code === 3 ? new EtcdError(2, error.message) : error;
  }
}
