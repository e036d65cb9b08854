/**
 * The cluster's control port: cut, delay and heal links, kill and restart regions, over HTTP on loopback. Decodes and
 * encodes; the doing is the cluster's.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { LauncherError } from "../runtime/errors.ts";
import { maxDelayMs } from "./direction.ts";
import type { LinkChange, Network } from "./network.ts";

interface Described {
  readonly region: string;
  readonly url: string;
  readonly pid: number;
}

export interface Controlled {
  readonly network: Network;
  readonly has: (region: string) => boolean;
  readonly kill: (region: string) => Promise<Described>;
  readonly restart: (region: string) => Promise<Described>;
}

/** A change is two short fields. */
const maxBodyBytes = 4_096;

class Problem extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail);
    this.status = status;
    this.headers = headers;
  }
}

type Handler = (request: IncomingMessage) => unknown;

export async function serveControl(
  port: number,
  controlled: Controlled,
): Promise<{ readonly url: string; readonly close: () => void }> {
  const server = createServer((request, response) => void answer(request, response, controlled));
  server.listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (error) {
    throw new LauncherError(`the control port ${port} cannot be opened: ${(error as Error).message}`);
  }
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

async function answer(request: IncomingMessage, response: ServerResponse, controlled: Controlled): Promise<void> {
  try {
    // No web page has business here, and a browser says who sent it.
    if (request.headers.origin !== undefined) throw new Problem(403, "not from a browser");
    const methods = route((request.url ?? "").split("?")[0] ?? "", controlled);
    const handler = methods[request.method ?? ""];
    if (handler === undefined) {
      throw new Problem(405, `use ${Object.keys(methods).join(" or ")}`, {
        Allow: Object.keys(methods).join(", "),
      });
    }
    send(response, 200, "application/json", await handler(request));
  } catch (error) {
    const { status, headers } = error instanceof Problem ? error : { status: 500, headers: {} };
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    // What is left of a refused body is not read.
    if (status === 413) response.setHeader("Connection", "close");
    send(response, status, "application/problem+json", { status, detail: (error as Error).message });
  }
}

/** The methods of a path. */
function route(path: string, { network, has, kill, restart }: Controlled): Readonly<Record<string, Handler>> {
  const [, kind, first, second, ...rest] = path.split("/");
  if (kind === "links" && first === undefined) {
    const states = (): unknown => ({ links: network.states() });
    return {
      GET: states,
      DELETE: () => {
        network.heal();
        return states();
      },
    };
  }
  if (kind === "links" && first !== undefined && second !== undefined && rest.length === 0) {
    if (!network.has(first, second)) throw new Problem(404, `no link from "${first}" to "${second}"`);
    return { PUT: async (request) => network.change(first, second, parseChange(await readBody(request))) };
  }
  if (kind === "regions" && first !== undefined && rest.length === 0 && (second === "kill" || second === "restart")) {
    if (!has(first)) throw new Problem(404, `unknown region "${first}"`);
    const act = second === "kill" ? kill : restart;
    return {
      POST: async () => {
        const { region, url, pid } = await act(first);
        return { region, url, pid };
      },
    };
  }
  throw new Problem(404, "no such resource");
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBodyBytes) throw new Problem(413, `a change has at most ${maxBodyBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseChange(text: string): LinkChange {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Problem(400, "the body is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Problem(400, 'the body must be an object such as {"cut": true}');
  }
  const { cut, delayMs, ...unknown } = value as Readonly<Record<string, unknown>>;
  const [stranger] = Object.keys(unknown);
  if (stranger !== undefined) throw new Problem(400, `unknown field "${stranger}"`);
  if (cut === undefined && delayMs === undefined) throw new Problem(400, 'give "cut", "delayMs" or both');
  if (cut !== undefined && typeof cut !== "boolean") throw new Problem(400, '"cut" must be true or false');
  if (delayMs !== undefined && !(typeof delayMs === "number" && delayMs >= 0 && delayMs <= maxDelayMs)) {
    throw new Problem(400, `"delayMs" must be a number from 0 to ${maxDelayMs}`);
  }
  return { cut, delayMs };
}

function send(response: ServerResponse, status: number, type: string, body: unknown): void {
  response.writeHead(status, { "Content-Type": type, "Cache-Control": "no-store" });
  response.end(`${JSON.stringify(body)}\n`);
}
