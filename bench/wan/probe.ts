/**
 * One client that asks one thing after another over one connection it keeps, and how long each answer took. Nothing else
 * is under way meanwhile, so what is measured is latency and not queueing. Used by `npm run bench:wan`.
 */
import { once } from "node:events";
import { Agent, request } from "node:http";
import { text } from "node:stream/consumers";

export interface Question {
  readonly method: "GET" | "PUT" | "POST";
  readonly url: string;
  readonly body?: string;
}

/** Longer than either server promises to take. */
const patienceMs = 10_000;

export class Probe {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  /** @returns milliseconds from the question to the last byte of its answer. Fails if that is not a success. */
  async time({ method, url, body }: Question): Promise<number> {
    const begin = performance.now();
    const outgoing = request(url, { method, agent: this.#agent, signal: AbortSignal.timeout(patienceMs) });
    outgoing.end(body);
    const [response] = (await once(outgoing, "response")) as [NodeJS.ReadableStream & { readonly statusCode: number }];
    const said = await text(response);
    const ms = performance.now() - begin;
    if (response.statusCode >= 300) throw new Error(`${method} ${url}: ${response.statusCode} ${said.slice(0, 300)}`);
    return ms;
  }

  /** Asks `count` questions, one after the other; `pauseMs` between them. */
  async times(count: number, question: (index: number) => Question): Promise<readonly number[]> {
    const times: number[] = [];
    for (let index = 0; index < count; index += 1) times.push(await this.time(question(index)));
    return times;
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** The value that `share` of all values do not exceed: the nearest rank. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
