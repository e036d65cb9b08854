/** Who may come in: the bearer of the deployment's token, or everybody where a launcher listens on loopback only. */
import type { Bindings } from "../bindings.ts";
import { Problem } from "./problems.ts";
import { sameSecret } from "./secrets.ts";

const challenge = { "www-authenticate": 'Bearer realm="synod"' };

/** @throws {Problem} for whoever may not. */
export async function authenticate(headers: Headers, env: Bindings): Promise<void> {
  if (env.SYNOD_OPEN === "true") return;
  const token = env.SYNOD_TOKEN;
  if (token === undefined || token === "") {
    throw new Problem(
      "token-not-set",
      "nobody can be let in yet: set a token with `npx wrangler secret put SYNOD_TOKEN`",
    );
  }
  const given = /^Bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "")?.[1];
  if (given === undefined) {
    throw new Problem("unauthorized", "send the header Authorization: Bearer <token>", { headers: challenge });
  }
  if (!(await sameSecret(given, token))) {
    throw new Problem("unauthorized", "that is not the token of this deployment", { headers: challenge });
  }
}
