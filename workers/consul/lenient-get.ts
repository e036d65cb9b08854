/** Changes that python-consul asks for by GET, where Consul's own client sends PUT. */
import type { Handler } from "./call.ts";
import { ConsulError, plainText } from "./errors.ts";

/**
 * By either method. A page in a browser can make it send a GET to anywhere, without an `Origin`: such a request is told by
 * where it says that it comes from. A HEAD changes nothing.
 */
export const byPutOrGet = (handler: Handler): { readonly PUT: Handler; readonly GET: Handler } => ({
  PUT: handler,
  GET: (call) => {
    if (call.method !== "GET") return plainText(`method ${call.method} not allowed`, 405, { allow: "PUT,GET" });
    const from = call.request.headers.get("sec-fetch-site") ?? "none";
    if (from === "none" || from === "same-origin") return handler(call);
    throw new ConsulError(403, "Permission denied: pages of other origins change nothing by GET");
  },
});
