/**
 * A watch over a WebSocket: the gateway checks who asks and what for, and hands the connection to the nearest replica
 * that takes it. From then on the gateway has no part in it.
 */
import type { EventPlace } from "../../src/store/events.ts";
import { limits } from "../../src/support/limits.ts";
import { encodeClientRequest } from "../../src/wire/client-codec.ts";
import { upgradeHere } from "../adapters/upgrade.ts";
import type { Bindings } from "../bindings.ts";
import { subprotocol, subprotocolsIn } from "./auth.ts";
import { Problem } from "./problems.ts";
import type { Visit } from "./visit.ts";
import { fromNow } from "./watching.ts";
import type { Followed } from "./watching.ts";

export const wantsSocket = (headers: Headers): boolean => headers.get("upgrade")?.toLowerCase() === "websocket";

/** @throws {Problem} when no replica of this process or deployment takes it. */
export async function openWatch(
  visit: Visit,
  env: Bindings,
  request: Request,
  followed: Followed,
  start: EventPlace | null,
): Promise<Response> {
  refuseForeignPages(visit, request);
  const from = start ?? (await fromNow(visit, followed));
  const watch = { type: "watch", query: { ...followed, from }, maxBytes: limits.watchSocketBytes, waitMs: 0 } as const;
  const message = encodeClientRequest(watch);
  let full = false;
  for (const region of visit.regions) {
    const opened = await within(visit, upgradeHere(env, visit.address(region), message));
    if (opened?.webSocket !== null && opened?.webSocket !== undefined) return handOver(request, opened.webSocket);
    full ||= opened?.status === 503;
    await opened?.body?.cancel();
  }
  if (full) throw new Problem("too-many-watches", `a replica takes ${limits.watchSockets} WebSockets`);
  throw new Problem("no-quorum", "no replica near this gateway took the WebSocket; an event stream may find another");
}

function handOver(request: Request, webSocket: WebSocket): Response {
  const offered = subprotocolsIn(request.headers).includes(subprotocol);
  const headers = offered ? { "sec-websocket-protocol": subprotocol } : {};
  return new Response(null, { status: 101, webSocket, headers });
}

/**
 * Where no token is asked for, a page from anywhere could listen in through a browser on this machine: no browser keeps
 * WebSockets to their own origin. Pages that this machine itself serves may.
 */
function refuseForeignPages({ open }: Visit, { url, headers }: Request): void {
  const origin = headers.get("origin");
  if (!open || origin === null || origin === new URL(url).origin) return;
  if (/^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(origin)) return;
  throw new Problem("unauthorized", "without a token, no page of another origin may open a WebSocket");
}

/** Null when it failed or took too long; one that comes too late is closed. */
async function within(visit: Visit, opening: Promise<Response | null>): Promise<Response | null> {
  const { promise: late, resolve } = Promise.withResolvers<"late">();
  const cancel = visit.after(limits.hedgeMs, () => resolve("late"));
  const settled = opening.catch(() => null);
  const first = await Promise.race([settled, late]);
  cancel();
  if (first !== "late") return first;
  visit.afterwards(
    settled.then((response) => {
      response?.webSocket?.accept();
      response?.webSocket?.close(1013, "too late");
    }),
  );
  return null;
}
