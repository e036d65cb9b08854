/** One side of a comparison: sends what it is told, remembers how that side calls what it names by itself. */
import { once } from "node:events";
import { Agent, request } from "node:http";
import type { ClientRequest, IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";

export interface Answer {
  readonly status: number;
  /** JSON where it is JSON, else text. */
  readonly body: unknown;
}

/** Text in a body that each side replaces by its own id for a lease that it named itself. */
export const leasePlaceholder = (name: string): string => `$lease:${name}$`;

/** Long enough for anything that answers at all. */
const timeoutMs = 30_000;

export class Endpoint {
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 8 });
  /** Ids of leases, by the names the comparison gave them; and the names, by ids in decimal and hexadecimal digits. */
  readonly #leases = new Map<string, string>();
  readonly #names = new Map<string, string>();

  constructor(url: string) {
    this.#url = url;
  }

  async post(path: string, body: string, method = "POST"): Promise<Answer> {
    const sent = this.#send(path, method, this.#agent);
    sent.setTimeout(timeoutMs, () => sent.destroy(new Error(`${path}: no answer within ${timeoutMs} ms`)));
    sent.end(this.#own(body));
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    const said = await text(response);
    return { status: response.statusCode ?? 0, body: parsed(said) };
  }

  /** A stream: goes on until it is closed. */
  stream(path: string, first: string): Stream {
    const sent = this.#send(path, "POST", new Agent());
    return new Stream(sent, (body) => this.#own(body), first);
  }

  /** What this side calls a lease that it named by itself. Never forgotten: history goes on telling of it. */
  nameLease(name: string, id: string): void {
    this.#leases.set(name, id);
    this.#names.set(id, `lease ${name}`);
    this.#names.set(BigInt(id).toString(16), `hex ${name}`);
  }

  /** The comparison's name for an id, where it has one. */
  nameOf(id: string): string {
    return this.#names.get(id) ?? id;
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(path: string, method: string, agent: Agent): ClientRequest {
    return request(this.#url + path, { method, agent, headers: { "content-type": "application/json" } });
  }

  #own(body: string): string {
    return body.replaceAll(/\$lease:([^$]+)\$/g, (_, name: string) => this.#leases.get(name) ?? "0");
  }
}

/** A stream's lines become a list. */
function parsed(said: string): unknown {
  const lines = said.split("\n").filter((line) => line !== "");
  try {
    const values = lines.map((line) => JSON.parse(line) as unknown);
    return values.length === 1 ? values[0] : values;
  } catch {
    return said;
  }
}

/** Lines of JSON, as they come; the body stays open. */
export class Stream {
  readonly #sent: ClientRequest;
  readonly #own: (body: string) => string;
  readonly #lines: unknown[] = [];
  #rest = "";
  #ended = false;
  #news = Promise.withResolvers<void>();

  constructor(sent: ClientRequest, own: (body: string) => string, first: string) {
    this.#sent = sent;
    this.#own = own;
    sent.on("error", () => this.#end());
    sent.on("response", (response: IncomingMessage) => {
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => this.#take(chunk));
      response.on("error", () => this.#end());
      response.on("close", () => this.#end());
    });
    this.write(first);
  }

  write(body: string): void {
    this.#sent.write(this.#own(body));
  }

  get lines(): readonly unknown[] {
    return this.#lines;
  }

  /** Settles once `enough` is true of the lines, or the stream has ended, or the time is over. */
  async until(enough: (lines: readonly unknown[]) => boolean, ms = 10_000): Promise<void> {
    const over = AbortSignal.timeout(ms);
    const late = new Promise<void>((resolve) => {
      over.addEventListener("abort", () => resolve(), { once: true });
    });
    while (!enough(this.#lines) && !this.#ended && !over.aborted) await Promise.race([this.#news.promise, late]);
  }

  close(): void {
    this.#sent.destroy();
  }

  #take(chunk: string): void {
    const parts = (this.#rest + chunk).split("\n");
    this.#rest = parts.pop() ?? "";
    this.#lines.push(...parts.filter((line) => line !== "").map(parsed));
    this.#tell();
  }

  #end(): void {
    this.#ended = true;
    this.#tell();
  }

  #tell(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers<void>();
  }
}
