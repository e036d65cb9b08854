/**
 * The internal door between the processes of a self-hosted cluster: whoever knows the secret may call the objects that
 * live in this process. Listens on a socket of its own; a deployment without the secret has no such door at all.
 */
import { WorkerEntrypoint } from "cloudflare:workers";
import { textOf } from "../../src/support/bytes.ts";
import { limits } from "../../src/support/limits.ts";
import { callHere, isPort } from "../adapters/transport.ts";
import { configOf, isLocationHint } from "../config.ts";
import type { Bindings } from "../bindings.ts";
import { bytesWithin } from "./bodies.ts";
import { isNamespace } from "./paths.ts";
import { sameSecret } from "./secrets.ts";

export class Door extends WorkerEntrypoint<Bindings> {
  override async fetch(request: Request): Promise<Response> {
    return answerAtDoor(request, this.env);
  }
}

const answer = (status: number, text: string, headers: HeadersInit = {}): Response =>
  new Response(text, { status, headers });

export async function answerAtDoor(request: Request, env: Bindings): Promise<Response> {
  const secret = env.SYNOD_SECRET;
  if (secret === undefined || secret === "") return answer(404, "there is no door here");
  if (!sameSecret(request.headers.get("synod-secret") ?? "", secret)) return answer(403, "wrong secret");
  const [, port = "", namespace = "", region = "", ...more] = new URL(request.url).pathname.split("/");
  const known = isPort(port) && isNamespace(namespace) && isLocationHint(region) && more.length === 0;
  if (!known || !isHeldHere(env, region)) return answer(404, "no such port");
  if (request.method !== "POST") return answer(405, "POST only", { allow: "POST" });
  const bytes = await bytesWithin(request, limits.messageBytes);
  if (bytes === null) return answer(413, "the message is too large");
  const payload = textOf(bytes);
  if (payload === null) return answer(400, "the message is not UTF-8");
  try {
    return answer(200, await callHere(env, port, { namespace, region }, payload));
  } catch (error) {
    console.error(JSON.stringify({ message: "a call through the door failed", port, region, error: String(error) }));
    return answer(502, "the object could not be called");
  }
}

/** A misdirected call must not wake a second object of a region that another process holds. */
const isHeldHere = (env: Bindings, region: string): boolean => region === (configOf(env).home ?? region);
