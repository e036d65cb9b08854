/**
 * The generator: one wrk process whose connections are spread over all gateways, and whose requests are made before the
 * first is sent, so that its own cost is the same whoever answers. Closed loop: a connection asks again once it is answered.
 */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Resources } from "./resources.ts";

const patienceSeconds = 10;

export interface Answered {
  readonly requests: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Shot {
  readonly gateways: readonly string[];
  readonly requests: readonly string[];
  readonly connections: number;
  readonly seconds: number;
  /** One connection goes to one gateway: to this one, counted from 0, and round. */
  readonly turn: number;
}

/** Fails if any request was not answered, or not with success: a fast refusal is no throughput. */
export async function shoot(resources: Resources, shot: Shot): Promise<Answered> {
  const { gateways, connections, seconds, turn } = shot;
  const threads = connections % gateways.length === 0 ? gateways.length : 1;
  if (threads === 1 && connections > 1 && gateways.length > 1) {
    throw new Error(`${connections} connections cannot be spread over ${gateways.length} gateways`);
  }
  const ports = gateways.map((_, index) => new URL(gateways[(index + turn) % gateways.length] ?? "").port);
  const script = join(resources.directory, "load.lua");
  writeFileSync(script, lua(ports, shot.requests));
  const args = [`-t${threads}`, `-c${connections}`, `-d${seconds}s`, `--timeout=${patienceSeconds}s`, "-s", script];
  const child = resources.spawn("wrk", [...args, gateways[0] ?? ""], ["ignore", "pipe", "pipe"], "SIGKILL");
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (bytes: Buffer) => (text += bytes.toString()));
  await once(child, "close");
  const found = /^RESULT (.*)$/m.exec(text)?.[1];
  if (found === undefined) throw new Error(`wrk said nothing of use: ${text}`);
  const [requests = 0, us = 0, p50 = 0, p99 = 0, errors = 0] = found.split(" ").map(Number);
  if (errors !== 0 || requests === 0) throw new Error(`${errors} errors in ${requests} requests: ${text}`);
  return { requests, seconds: us / 1e6, p50Ms: p50 / 1e3, p99Ms: p99 / 1e3 };
}

/** JSON's escapes of ASCII are Lua's too. */
const lua = (ports: readonly string[], requests: readonly string[]): string => `local ports = { ${ports
  .map((port) => JSON.stringify(port))
  .join(", ")} }
local started = 0
function setup(thread)
  thread.addr = wrk.lookup("127.0.0.1", ports[started % #ports + 1])[1]
  thread:set("offset", started * 333)
  started = started + 1
end
local requests = {
${requests.map((request) => JSON.stringify(request)).join(",\n")}
}
local size = #requests
local last = 0
function init(args)
  last = offset % size
end
function request()
  last = last % size + 1
  return requests[last]
end
function done(summary, latency)
  local errors = summary.errors
  print(string.format("RESULT %d %d %d %d %d", summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
`;
