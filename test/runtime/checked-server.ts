/**
 * What active checks look at: an HTTP server that does as its paths say, and ports that come and go. Listens in the process
 * that runs the tests, outside of the runtime; a test steers it by requests. Vitest calls this once.
 */
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createListener } from "node:net";
import type { AddressInfo, Server } from "node:net";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Where it listens: `http://127.0.0.1:port`. */
    readonly checkedServer: string;
    /** Whether tests wait out what they otherwise set back. */
    readonly checkerLong: boolean;
  }
}

interface Behaviour {
  readonly status: number;
  readonly body: string;
  /** Never answers. */
  readonly hangs?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

const behaviours = new Map<string, Behaviour>();
const requests = new Map<string, { method: string; headers: IncomingMessage["headers"]; body: string }[]>();
const listeners = new Map<number, Server>();

export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  provide("checkedServer", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  provide("checkerLong", process.env["SYNOD_CHECKER"] === "long");
  return async () => {
    for (const listener of listeners.values()) listener.close();
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  };
}

/** `PUT /control/{name}` with a behaviour; `GET /control/{name}`: what was asked; `/ports`: a listener comes or goes. */
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = "", url = "" } = request;
  const body = await textOf(request);
  const [, first = "", name = ""] = url.split("/");
  if (first === "ports") return portsDoor(method, Number(name), response);
  if (first === "control") {
    if (method === "PUT") behaviours.set(name, JSON.parse(body) as Behaviour);
    response.end(JSON.stringify(requests.get(name) ?? []));
    return;
  }
  requests.set(first, [...(requests.get(first) ?? []), { method, headers: request.headers, body }]);
  const { status, body: says, hangs = false, headers = {} } = behaviours.get(first) ?? { status: 404, body: "" };
  if (hangs) return;
  response.writeHead(status, { "content-type": "text/plain", ...headers });
  response.end(says);
}

async function portsDoor(method: string, port: number, response: ServerResponse): Promise<void> {
  if (method === "DELETE") {
    listeners.get(port)?.close();
    listeners.delete(port);
    response.end("{}");
    return;
  }
  const listener = createListener((socket) => {
    socket.on("error", () => undefined);
    socket.end();
  });
  await new Promise<void>((resolve) => {
    listener.listen(port, "127.0.0.1", resolve);
  });
  const listening = (listener.address() as AddressInfo).port;
  listeners.set(listening, listener);
  response.end(JSON.stringify({ port: listening }));
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}
