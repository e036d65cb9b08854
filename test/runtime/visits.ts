/** A request's surroundings with a transport that the test holds in its hand. */
import { env } from "cloudflare:workers";
import { Memory } from "../../workers/gateway/memory.ts";
import { visitOf } from "../../workers/gateway/arrival.ts";
import type { Visit } from "../../workers/gateway/visit.ts";
import type { Transport } from "../../workers/adapters/port.ts";
import { freshNamespace } from "./api.ts";

/** @param wrap given the transport to the real objects. */
export function visitWith(wrap: (real: Transport) => Transport, namespace: string = freshNamespace()): Visit {
  const request = new Request(`http://synod.test${namespace}/`);
  const visit = visitOf(request, env, { waitUntil: () => undefined });
  return { ...visit, transport: wrap(visit.transport), memory: new Memory() };
}
