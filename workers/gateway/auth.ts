/** Who may come in: the bearer of the deployment's token, or everybody where a launcher listens on loopback only. */
import type { Bindings } from "../bindings.ts";
import { Problem } from "./problems.ts";
import { sameSecret } from "./secrets.ts";

/** What this API is called among the subprotocols of a WebSocket. */
export const subprotocol = "synod";

export const subprotocolsIn = (headers: Headers): readonly string[] =>
  (headers.get("sec-websocket-protocol") ?? "").split(",").map((one) => one.trim());

const challenge = { "www-authenticate": 'Bearer realm="synod"' };

/** @param carried a token that came in another way, where the door has one. @throws {Problem} for whoever may not. */
export function authenticate(headers: Headers, env: Bindings, carried: string | null = null): void {
  if (env.SYNOD_OPEN === "true") return;
  const token = env.SYNOD_TOKEN;
  if (token === undefined || token === "") {
    throw new Problem(
      "token-not-set",
      "nobody can be let in yet: set a token with `npx wrangler secret put SYNOD_TOKEN`",
    );
  }
  const given =
    /^Bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "")?.[1] ?? carried ?? subprotocolToken(headers);
  if (given === undefined) {
    throw new Problem("unauthorized", "send the header Authorization: Bearer <token>", { headers: challenge });
  }
  if (!sameSecret(given, token)) {
    throw new Problem("unauthorized", "that is not the token of this deployment", { headers: challenge });
  }
}

/** A page can give its WebSocket no headers, only subprotocols: `new WebSocket(url, ["synod", "bearer.<token>"])`. */
function subprotocolToken(headers: Headers): string | undefined {
  if (headers.get("upgrade")?.toLowerCase() !== "websocket") return undefined;
  const [first, second, ...more] = subprotocolsIn(headers);
  return first === subprotocol && more.length === 0 ? /^bearer\.(\S+)$/.exec(second ?? "")?.[1] : undefined;
}
