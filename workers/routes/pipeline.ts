/** The door to pipelines: `GET /pipeline`, a WebSocket for the many small requests of one client. */
import type { Context } from "hono";
import { limits } from "../../src/support/limits.ts";
import type { GatewayEnv } from "../gateway/arrival.ts";
import { resource } from "../gateway/methods.ts";
import type { App } from "../gateway/methods.ts";
import { Pipeline } from "../gateway/pipeline.ts";
import { Problem } from "../gateway/problems.ts";
import { Query } from "../gateway/query.ts";
import { acceptedProtocol, refuseForeignPages, wantsSocket } from "../gateway/sockets.ts";

export function addPipelineRoutes(app: App): void {
  resource(app, "/pipeline", { GET: open });
}

function open(context: Context<GatewayEnv>): Response {
  const { req, var: doors } = context;
  const { visit } = doors;
  new Query(req.url, []);
  const { headers } = req.raw;
  if (!wantsSocket(headers)) {
    const detail = "this path is a WebSocket: send Connection: Upgrade and Upgrade: websocket";
    throw new Problem("upgrade-required", detail, { headers: { upgrade: "websocket", connection: "Upgrade" } });
  }
  refuseForeignPages(visit, req.raw);
  const { pipelines } = visit.memory;
  if (pipelines.open >= limits.pipelines) {
    throw new Problem("overloaded", `this gateway holds ${limits.pipelines} pipelines`);
  }
  const [client, server] = Object.values(new WebSocketPair());
  if (client === undefined || server === undefined) throw new Error("a pair of sockets has two");
  const pipeline = new Pipeline(visit, {
    send: (text) => server.send(text),
    close: (code, reason) => server.close(code, reason),
  });
  let counted = true;
  pipelines.open += 1;
  const end = (): void => {
    pipeline.end();
    if (counted) pipelines.open -= 1;
    counted = false;
  };
  server.addEventListener("message", ({ data }) => pipeline.take(data));
  // The runtime answers a close by itself.
  server.addEventListener("close", end);
  server.addEventListener("error", end);
  server.accept();
  return new Response(null, { status: 101, webSocket: client, headers: acceptedProtocol(headers) });
}
