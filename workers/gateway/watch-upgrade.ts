/**
 * A watch over a WebSocket: the gateway checks who asks and what for, and hands the connection to the nearest replica
 * that takes it. From then on the gateway has no part in it.
 */
import type { EventPlace } from "../../src/store/events.ts";
import { limits } from "../../src/support/limits.ts";
import { encodeClientRequest } from "../../src/wire/client-codec.ts";
import { upgradeHere } from "../adapters/upgrade.ts";
import type { Bindings } from "../bindings.ts";
import { Problem } from "./problems.ts";
import { acceptedProtocol, refuseForeignPages } from "./sockets.ts";
import type { Visit } from "./visit.ts";
import { fromNow } from "./watching.ts";
import type { Followed } from "./watching.ts";

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
    if (opened?.webSocket !== null && opened?.webSocket !== undefined) {
      return new Response(null, {
        status: 101,
        webSocket: opened.webSocket,
        headers: acceptedProtocol(request.headers),
      });
    }
    full ||= opened?.status === 503;
    await opened?.body?.cancel();
  }
  if (full) throw new Problem("too-many-watches", `a replica takes ${limits.watchSockets} WebSockets`);
  throw new Problem("no-quorum", "no replica near this gateway took the WebSocket; an event stream may find another");
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
