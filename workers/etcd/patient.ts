/**
 * An answer that may be long in coming. Once a client has waited for a while it is sent a blank now and then, which JSON
 * does not mind: the only way to notice everywhere that it has hung up. The price is the status, which has left by then.
 */
import { limits } from "../../src/support/limits.ts";
import { pause } from "../gateway/visit.ts";
import type { Visit } from "../gateway/visit.ts";
import type { Call } from "./calls.ts";
import { errorDocument } from "./errors.ts";

const encoder = new TextEncoder();
const headers = { "content-type": "application/json", "cache-control": "no-store" };

type Answering = (call: Call) => Promise<object>;

/** @throws {EtcdError} what `answering` throws, if it does so soon. */
export async function patiently(call: Call, answering: Answering): Promise<Response> {
  const hungUp = new AbortController();
  const answer = answering({ ...call, signal: AbortSignal.any([call.signal, hungUp.signal]) });
  const soon = await Promise.race([answer, pause(call.visit, limits.etcdBlankMs).then(() => null)]);
  return soon === null ? breathing(call.visit, answer, hungUp) : Response.json(soon, { headers });
}

function breathing(visit: Visit, answer: Promise<object>, hungUp: AbortController): Response {
  const last = answer.catch(errorDocument).then((document) => JSON.stringify(document));
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await Promise.race([last, pause(visit, limits.etcdBlankMs).then(() => null)]);
        controller.enqueue(encoder.encode(next ?? " "));
        if (next !== null) controller.close();
      },
      cancel() {
        hungUp.abort();
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { headers });
}
