/**
 * One call at the Consul door: what every endpoint needs of its request, and how answers are written. Parameters are
 * lenient as Consul's are: unknown ones are ignored, of a repeated one the first counts.
 */
import { textOf } from "../../src/support/bytes.ts";
import { limits } from "../../src/support/limits.ts";
import { bytesWithin, refuseCompressed } from "../gateway/bodies.ts";
import { idempotencyKey, refuseOrder } from "../gateway/identity.ts";
import { guardIn } from "../gateway/guards.ts";
import { partsOf, pathBytes } from "../gateway/paths.ts";
import type { Visit } from "../gateway/visit.ts";
import { ConsulError, plainText } from "./errors.ts";
import { Members, parsed } from "./json.ts";

export interface Answered {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export class Call {
  readonly visit: Visit;
  readonly request: Request;
  readonly method: string;
  /** What follows the endpoint's name and its slash in the path, as it was sent; "" where there is nothing. */
  readonly rest: string;
  readonly query: URLSearchParams;

  constructor(visit: Visit, request: Request, rest: string) {
    this.visit = visit;
    this.request = request;
    this.method = request.method;
    this.rest = rest;
    const { query } = partsOf(request.url);
    if (query.length > limits.queryCharacters) throw new ConsulError(414, "the query string is too long");
    this.query = new URLSearchParams(query);
  }

  /** This datacenter's name: the cluster's, unless it has one of its own. */
  get datacenter(): string {
    return datacenterOf(this.visit);
  }

  /** Fires when the client is gone. */
  get signal(): AbortSignal {
    return this.request.signal;
  }

  /** The first value of a parameter; null where it is not there. */
  parameter(name: string): string | null {
    return this.query.get(name);
  }

  has(name: string): boolean {
    return this.query.has(name);
  }

  /** A name from the path: text without its percent-escapes. @throws {ConsulError} when there is none. */
  name(missing: string): string {
    const name = textOf(pathBytes(this.rest));
    if (name === null) throw new ConsulError(400, "the path is not UTF-8");
    if (name === "") throw new ConsulError(400, missing);
    return name;
  }

  /** @throws {ConsulError} 413 when the body is larger. */
  async body(atMost: number = limits.jsonBodyBytes): Promise<Uint8Array<ArrayBuffer>> {
    refuseCompressed(this.request);
    const bytes = await bytesWithin(this.request, atMost);
    if (bytes !== null) return bytes;
    const announced = Number(this.request.headers.get("content-length") ?? 0);
    throw tooLarge(announced > atMost ? announced : atMost + 1, atMost);
  }

  /** The body's one object; an empty body is an object without members. @throws {ConsulError} */
  async members(atMost: number = limits.jsonBodyBytes): Promise<Members> {
    const value = parsed(await this.body(atMost));
    return new Members(value === undefined || value === null ? {} : value);
  }

  /** JSON, indented where the client asked for it. */
  json(value: unknown, { status = 200, headers = {} }: Answered = {}): Response {
    const pretty = this.has("pretty");
    const text = pretty ? `${JSON.stringify(value, null, 4)}\n` : JSON.stringify(value);
    return new Response(text, { status, headers: { ...common, "content-type": "application/json", ...headers } });
  }

  /** 200 without a body, as Consul answers what has nothing to say. */
  empty({ status = 200, headers = {} }: Answered = {}): Response {
    return new Response(null, { status, headers: { ...common, ...headers } });
  }

  text(text: string, { status = 200, headers = {} }: Answered = {}): Response {
    return plainText(text, status, headers);
  }
}

const common = { "cache-control": "no-store", vary: "Accept-Encoding" } as const;

const datacenterOf = ({ config }: Pick<Visit, "config">): string => config.datacenter;

const tooLarge = (bytes: number, most: number): ConsulError =>
  new ConsulError(
    413,
    `Request body(${bytes} bytes) too large, max size: ${most} bytes. ` +
      "See https://www.consul.io/docs/agent/options.html#kv_max_value_size.",
  );

/**
 * What every call must be before an endpoint sees it.
 * @throws {ConsulError} for another datacenter, for namespaces of Consul's, for headers that this door cannot honour.
 */
export function checkCall(call: Call): void {
  const { headers, url } = call.request;
  const origin = headers.get("origin");
  // Where no token is asked for, any page in a browser on this machine could write by a plain form or link.
  if (call.visit.open && origin !== null && origin !== new URL(url).origin) {
    throw new ConsulError(403, "Permission denied: pages of other origins are not let in without a token");
  }
  const datacenter = call.parameter("dc");
  if (datacenter !== null && datacenter !== "" && datacenter.toLowerCase() !== call.datacenter) {
    throw new ConsulError(500, "No path to datacenter");
  }
  for (const [name, header, what] of divisions) {
    const asked = call.parameter(name) ?? headers.get(header) ?? "";
    if (asked !== "" && asked !== "default") {
      throw new ConsulError(
        400,
        `Invalid query parameter: "${name}" - ${what} are a Consul Enterprise feature; ` +
          "here, independent namespaces are reached by /ns/{namespace}/v1/...",
      );
    }
  }
  if (call.method === "GET" || call.method === "HEAD") return;
  refuseOrder(headers);
  if (idempotencyKey(headers) !== null || guardIn(headers) !== null) {
    throw new ConsulError(400, "Idempotency-Key and If-Lock are for native writes: this door does not know them");
  }
}

const divisions = [
  ["ns", "x-consul-namespace", "Namespaces"],
  ["partition", "x-consul-partition", "Partitions"],
] as const;

export type Method = "GET" | "PUT" | "POST" | "DELETE";
export type Handler = (call: Call) => Promise<Response> | Response;
/** Endpoints by their path behind `/v1/`: one that ends in a slash takes whatever follows it (`Call.rest`). */
export type Doors = Readonly<Record<string, Readonly<Partial<Record<Method, Handler>>>>>;
