/** A path with its methods. Every other method is answered 405 with `Allow` (RFC 9110, section 15.5.6). */
import type { Context, Hono } from "hono";
import { Problem } from "./problems.ts";
import type { GatewayEnv } from "./arrival.ts";

export type App = Hono<GatewayEnv>;
type Handler = (context: Context<GatewayEnv>) => Promise<Response> | Response;
type Method = "GET" | "PUT" | "POST" | "DELETE";

/** @param methods GET includes HEAD: Hono answers it by GET without the body. */
export function resource(app: App, path: string, methods: Readonly<Partial<Record<Method, Handler>>>): void {
  for (const [method, handler] of Object.entries(methods)) app.on(method, path, handler);
  const allow = Object.keys(methods)
    .flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]))
    .join(", ");
  app.all(path, ({ req }) => {
    throw notAllowed(req.method, allow);
  });
}

/** @param allow the methods that are, separated by commas. */
export const notAllowed = (method: string, allow: string): Problem =>
  new Problem("method-not-allowed", `${method} is not for this path; ${allow} are`, { headers: { allow } });
