/**
 * Requests per second that a server answers over some connections, 64 unless told otherwise. Uses wrk where it is installed, because it leaves more
 * of the machine to the server; else a loop in this process.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Load {
  readonly method: "GET" | "PUT";
  /** `#` becomes a number that changes with each request. */
  readonly path: string;
}

const usualConnections = 64;
const body = "hello";
const distinctKeys = 1_000;

export const tool: "wrk" | "node" = spawnSync("wrk", ["-v"]).error === undefined ? "wrk" : "node";

/** Fails if any answer is not a success: a fast refusal is no throughput. */
export async function requestsPerSecond(
  url: string,
  load: Load,
  seconds: number,
  connections: number = usualConnections,
): Promise<number> {
  return tool === "wrk" ? withWrk(url, load, seconds, connections) : withNode(url, load, seconds, connections);
}

async function withWrk(url: string, { method, path }: Load, seconds: number, connections: number): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), "synod-load-"));
  const script = join(directory, "load.lua");
  writeFileSync(
    script,
    `local count = 0
request = function()
  count = count + 1
  local path = string.gsub("${path}", "#", tostring(count % ${distinctKeys}))
  return wrk.format("${method}", path, nil, ${method === "PUT" ? `"${body}"` : "nil"})
end
`,
  );
  try {
    const child = spawn("wrk", ["-t1", `-c${connections}`, `-d${seconds}s`, "-s", script, url]);
    let text = "";
    child.stdout.on("data", (bytes: Buffer) => (text += bytes.toString()));
    await once(child, "close");
    const failed = /(Non-2xx|Socket errors).*/.exec(text)?.[0];
    if (failed !== undefined) throw new Error(`${method} ${path}: ${failed}`);
    return Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function withNode(url: string, load: Load, seconds: number, connections: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const end = performance.now() + seconds * 1_000;
  let answered = 0;
  const loop = async (): Promise<void> => {
    while (performance.now() < end) {
      await ask(url, load, answered, agent);
      answered += 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, loop));
  agent.destroy();
  return answered / seconds;
}

async function ask(url: string, { method, path }: Load, count: number, agent: Agent): Promise<void> {
  const outgoing = request(url + path.replace("#", String(count % distinctKeys)), { method, agent });
  outgoing.end(method === "PUT" ? body : undefined);
  const [response] = (await once(outgoing, "response")) as [NodeJS.ReadableStream & { statusCode: number }];
  response.resume();
  await once(response, "end");
  if (response.statusCode >= 300) throw new Error(`${method} ${path}: ${response.statusCode}`);
}
