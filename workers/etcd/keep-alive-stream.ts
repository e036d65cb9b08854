/** The stream `LeaseKeepAlive`: each message in the body renews a lease; the answer ends with the body. */
import type { Call } from "./calls.ts";
import { EtcdError } from "./errors.ts";
import { firstOf, incoming } from "./incoming.ts";
import { keepAlive } from "./lease.ts";
import { Lines } from "./lines.ts";
import type { Message } from "./message.ts";

/** @throws {EtcdError} when the first message is not understood. */
export async function keepAliveStream(call: Call, body: ReadableStream<Uint8Array> | null): Promise<Response> {
  const messages = incoming(body);
  const first = await firstOf(messages, (message) => ({ message, id: message.int64("ID") }));
  const lines = new Lines(call.visit, call.signal);
  const renewing = first === null ? null : renew(call, lines, first.message, messages);
  if (renewing === null) lines.close();
  else call.visit.afterwards(renewing);
  return lines.response();
}

async function renew(call: Call, lines: Lines, first: Message, more: AsyncGenerator<Message, void>): Promise<void> {
  try {
    await lines.write({ result: await keepAlive(call, first) });
    for await (const message of more) {
      if (lines.gone.aborted) return;
      await lines.write({ result: await keepAlive(call, message) });
    }
    lines.close();
  } catch (error) {
    // What is not understood ends the stream, as its end does.
    if (error instanceof EtcdError && error.code === 3) lines.close();
    else await lines.fail(error);
  }
}
