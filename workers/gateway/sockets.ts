/** What opening a WebSocket takes, whatever it is for: that one is wanted, from where, and the subprotocol. Pure. */
import { subprotocol, subprotocolsIn } from "./auth.ts";
import { Problem } from "./problems.ts";
import type { Visit } from "./visit.ts";

export const wantsSocket = (headers: Headers): boolean => headers.get("upgrade")?.toLowerCase() === "websocket";

/** The header that accepts the subprotocol, where it was offered. */
export const acceptedProtocol = (headers: Headers): Readonly<Record<string, string>> =>
  subprotocolsIn(headers).includes(subprotocol) ? { "sec-websocket-protocol": subprotocol } : {};

/**
 * Where no token is asked for, a page from anywhere could come in through a browser on this machine: no browser keeps
 * WebSockets to their own origin. Pages that this machine itself serves may.
 */
export function refuseForeignPages({ open }: Visit, { url, headers }: Request): void {
  const origin = headers.get("origin");
  if (!open || origin === null || origin === new URL(url).origin) return;
  if (/^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(origin)) return;
  throw new Problem("unauthorized", "without a token, no page of another origin may open a WebSocket");
}
