/**
 * Before the loads: every key is written, through one gateway, and found through another, so that a system that answers
 * without doing what it was asked is not measured; then a second of load, so that nobody is measured cold. Called by `bench/main.ts` alone.
 */
import { base64, keyCount, keyOf, putsPerRequest, requestsOf, valueOf } from "./loads.ts";
import type { Resources } from "./resources.ts";
import type { System } from "./system.ts";
import { shoot } from "./wrk.ts";

const warmUpConnections = 15;

export async function prepare(resources: Resources, system: System): Promise<void> {
  const { gateways } = system;
  const [first = "", last = ""] = [gateways[0], gateways.at(-1)];
  for (const request of requestsOf("batch", system.language)) await send(first, request);
  for (const index of [0, putsPerRequest, keyCount - 1]) {
    const key = keyOf(index);
    const found = await read(last, system, key);
    if (found !== valueOf(key)) throw new Error(`${system.name} does not have ${key}`);
  }
  const requests = requestsOf("mixed", system.language);
  await shoot(resources, { gateways, requests, connections: warmUpConnections, seconds: 1, turn: 0 });
}

async function read(gateway: string, { language }: System, key: string): Promise<string | undefined> {
  if (language === "synod") return (await fetch(`${gateway}/kv/${key}`)).text();
  const body = JSON.stringify({ key: base64(key) });
  const said = (await (await fetch(`${gateway}/v3/kv/range`, { method: "POST", body })).json()) as {
    readonly kvs?: readonly { readonly value: string }[];
  };
  const [found] = said.kvs ?? [];
  return found === undefined ? undefined : Buffer.from(found.value, "base64").toString();
}

/** One of the generator's own requests, so that they are what is checked. */
async function send(gateway: string, request: string): Promise<void> {
  const [method, path] = request.split(" ");
  const body = request.slice(request.indexOf("\r\n\r\n") + 4);
  const headers = { "content-type": "application/json" };
  const response = await fetch(gateway + path, { method: method ?? "", headers, body });
  const said = await response.text();
  if (!response.ok || said.includes('"problem"')) throw new Error(`${gateway}${path}: ${response.status} ${said}`);
}
