/** Who is let in at the Consul door: the deployment's token, in any of the ways Consul's clients send one. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import gateway from "../../workers/gateway.ts";
import { consulError } from "./consul.ts";

async function at(path: string, headers: Record<string, string> = {}): Promise<Response> {
  const context = createExecutionContext();
  const bindings = { ...env, SYNOD_OPEN: "", SYNOD_TOKEN: "right" };
  const response = await gateway.fetch(new Request(`http://synod.test${path}`, { headers }), bindings, context);
  await waitOnExecutionContext(context);
  return response;
}

it.each([
  ["", { "x-consul-token": "right" }],
  ["?token=right", {}],
  ["", { authorization: "Bearer right" }],
])("lets in who sends the token: %j %j", async (query, headers) => {
  expect((await at(`/v1/status/peers${query}`, headers)).status).toBe(200);
});

it.each([
  ["", {}],
  ["?token=wrong", {}],
  ["", { "x-consul-token": "wrong" }],
])("keeps out who does not: %j %j", async (query, headers) => {
  const [status, text] = await consulError(await at(`/v1/status/peers${query}`, headers));
  expect([status, text]).toEqual([403, "Permission denied: send the deployment's token as X-Consul-Token"]);
});

it("takes a token in the query string at no other door", async () => {
  expect((await at("/status?token=right")).status).toBe(401);
});
