/** The door to what happens: `/watch`, as Server-Sent Events, or as a WebSocket where the client asks for one. */
import type { Context } from "hono";
import type { GatewayEnv } from "../gateway/arrival.ts";
import { eventStream } from "../gateway/event-stream.ts";
import { resource } from "../gateway/methods.ts";
import type { App } from "../gateway/methods.ts";
import { told } from "../gateway/watch-events.ts";
import { askedIn } from "../gateway/watch-query.ts";
import { wantsSocket } from "../gateway/sockets.ts";
import { openWatch } from "../gateway/watch-upgrade.ts";

export function addWatchRoutes(app: App): void {
  resource(app, "/watch", { GET: watch });
}

async function watch(context: Context<GatewayEnv>): Promise<Response> {
  const { req, env, var: doors } = context;
  const { followed, start } = askedIn(req.url, req.raw.headers);
  const { visit } = doors;
  if (wantsSocket(req.raw.headers)) return openWatch(visit, env, req.raw, followed, start);
  return eventStream(visit, req.raw.signal, told(visit, followed, start));
}
