/**
 * The gateway as a client sees it, for tests in the runtime. Each test takes a fresh namespace: a Paxos group of its own,
 * so nothing that one test wrote is there for another.
 */
import { exports } from "cloudflare:workers";
import { expect } from "vitest";

let count = 0;

/** A namespace that nobody has used: the path to put before a door. */
export function freshNamespace(): string {
  count += 1;
  return `/ns/t${count}-${crypto.randomUUID().slice(0, 8)}`;
}

interface Sent {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: BodyInit;
}

export async function send(method: string, path: string, { headers = {}, body }: Sent = {}): Promise<Response> {
  return exports.default.fetch(`http://synod.test${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
  });
}

export const get = async (path: string, headers?: Sent["headers"]): Promise<Response> =>
  send("GET", path, headers === undefined ? {} : { headers });

export const put = async (path: string, body: BodyInit, headers?: Sent["headers"]): Promise<Response> =>
  send("PUT", path, headers === undefined ? { body } : { headers, body });

export const putJson = async (path: string, body: unknown, headers: Sent["headers"] = {}): Promise<Response> =>
  put(path, JSON.stringify(body), { "content-type": "application/json", ...headers });

export const postJson = async (path: string, body: unknown, headers: Sent["headers"] = {}): Promise<Response> =>
  send("POST", path, { headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });

/**
 * Asks again until it is so. Between two times the runtime's timers and alarms get their turn.
 * @throws {Error} when it is not so for too long.
 */
export async function until<T>(what: string, ask: () => Promise<T | null>, atMostMs = 15_000): Promise<T> {
  for (const end = Date.now() + atMostMs; Date.now() < end;) {
    const found = await ask();
    if (found !== null) return found;
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
  throw new Error(`not within ${atMostMs} ms: ${what}`);
}

/** A problem document, checked to agree with the response around it. */
export async function problemIn(response: Response): Promise<Readonly<Record<string, unknown>>> {
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  const problem: Readonly<Record<string, unknown>> = await response.json();
  expect(problem).toMatchObject({ status: response.status, type: `urn:synod:problem:${String(problem["code"])}` });
  return problem;
}

/** A value that the test knows to be text. */
export const valueOf = async (response: Response): Promise<string> => new TextDecoder().decode(await response.bytes());

export const jsonIn = async (response: Response): Promise<Readonly<Record<string, unknown>>> => response.json();

/** Expects one problem, and for a write what became of it. */
export async function expectProblem(response: Response, status: number, code: string, outcome?: string): Promise<void> {
  const problem = await problemIn(response);
  expect({ status: response.status, code: problem["code"], outcome: problem["outcome"] }).toEqual({
    status,
    code,
    outcome,
  });
}

interface Status {
  readonly leader: string | null;
  readonly acceptors: readonly { readonly counter: number; readonly identity: string; readonly reachable: boolean }[];
  readonly replicas: readonly { readonly region: string; readonly digest?: string; readonly lag: number }[];
  readonly clocks: readonly unknown[];
  readonly warnings: readonly string[];
  readonly counters: { readonly decisionCacheHits: number; readonly decisionCacheMisses: number };
}

export const statusOf = async (namespace: string, query = ""): Promise<Status> =>
  (await get(`${namespace}/status${query}`)).json();
