/**
 * An answer that hands something over to a client that has waited long for it, and may be gone. A client that closes its
 * connection in the usual way is not noticed while nothing is written to it. So the answer begins with an empty line, which
 * no reader of JSON minds, and goes on a moment later: whoever is gone has refused the line by then, and what was meant for
 * it goes to the next.
 */
import { limits } from "../../src/support/limits.ts";
import type { Visit } from "./visit.ts";
import { pause } from "./visit.ts";

const encoder = new TextEncoder();

/** @param refused called at most once: nobody was there to take it. */
export function handedOver(
  visit: Visit,
  signal: AbortSignal,
  body: object,
  headers: Readonly<Record<string, string>>,
  refused: () => Promise<unknown>,
): Response {
  let settled = false;
  const gone = (): void => {
    if (settled) return;
    settled = true;
    visit.afterwards(refused().catch(() => undefined));
  };
  signal.addEventListener("abort", gone, { once: true });
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode("\n"));
    },
    async pull(controller) {
      await pause(visit, limits.handoverMs);
      if (settled) return;
      settled = true;
      controller.enqueue(encoder.encode(JSON.stringify(body)));
      controller.close();
    },
    cancel: gone,
  });
  return new Response(stream, { status: 201, headers: { ...headers, "content-type": "application/json" } });
}
