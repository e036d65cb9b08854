/**
 * Asks deployments over HTTPS (RFC 8484), in the order they were named; whoever failed a moment ago is asked last. Believes
 * nothing that is no answer to the very question.
 */
import { messageBytes, placesIn } from "../../wire/dns-message.ts";
import type { AnswerPlaces, DnsQuery } from "../../wire/dns-message.ts";
import { foldedLabel } from "../../wire/dns-labels.ts";
import { encodeQuery } from "../../wire/dns-writer.ts";
import { bridgeLimits } from "./limits.ts";

export interface UpstreamAnswer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly places: AnswerPlaces;
  /** How long it lay in a cache on its way. */
  readonly ageSeconds: number;
}

/** @returns null when nobody answered. */
export type AskUpstream = (query: DnsQuery) => Promise<UpstreamAnswer | null>;

export interface UpstreamOptions {
  /** Of the DNS doors, in the order of preference. */
  readonly urls: readonly string[];
  readonly token: string | undefined;
  /** Told what changed, in a line for people. */
  readonly log: (line: string) => void;
}

const messageType = "application/dns-message";

export function upstreamOf({ urls, token, log }: UpstreamOptions): AskUpstream {
  /** Until when each is asked last, and what was said of it. */
  const doubted = new Map<string, { readonly until: number; readonly why: string }>();
  const isDoubted = (url: string): boolean => (doubted.get(url)?.until ?? 0) > performance.now();

  return async (query) => {
    const started = performance.now();
    // With id 0 the same question is the same bytes, which caches like (RFC 8484, section 4.1).
    const body = encodeQuery({ ...query, header: { ...query.header, id: 0 } });
    const order = urls.toSorted((a, b) => Number(isDoubted(a)) - Number(isDoubted(b)));
    for (const [place, url] of order.entries()) {
      const left = started + bridgeLimits.answerMs - performance.now();
      if (left <= 0) return null;
      const isLast = place === order.length - 1;
      const found = await ask(url, token, query, body, isLast ? left : Math.min(left, bridgeLimits.attemptMs));
      const before = doubted.get(url);
      if (typeof found !== "string") {
        if (before !== undefined) log(`${url} answers again`);
        doubted.delete(url);
        return found;
      }
      if (found !== before?.why) log(`${url} ${found}`);
      doubted.set(url, { until: performance.now() + bridgeLimits.unreachableMs, why: found });
    }
    return null;
  };
}

/** @returns what is wrong, in a few words, when it is no answer. */
async function ask(
  url: string,
  token: string | undefined,
  query: DnsQuery,
  body: Uint8Array<ArrayBuffer>,
  timeoutMs: number,
): Promise<UpstreamAnswer | string> {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const headers = { "content-type": messageType, accept: messageType, ...authorization };
  try {
    const signal = AbortSignal.timeout(Math.ceil(timeoutMs));
    const response = await fetch(url, { method: "POST", headers, body, signal, redirect: "error" });
    if (response.status !== 200 || response.headers.get("content-type") !== messageType) {
      await response.body?.cancel();
      return `answers ${response.status} as ${response.headers.get("content-type") ?? "nothing"}, and not a DNS message`;
    }
    const bytes = await bodyWithin(response, messageBytes);
    const places = bytes === null ? null : placesIn(bytes);
    if (bytes === null || places === null || !isSame(query, places)) return "answers another question than was asked";
    const age = Number(response.headers.get("age") ?? 0);
    return { bytes, places, ageSeconds: Number.isFinite(age) && age > 0 ? age : 0 };
  } catch (error) {
    const { cause, message, name } = error as Error;
    if (name === "TimeoutError") return "does not answer in time";
    return `cannot be reached: ${cause instanceof Error ? cause.message : message}`;
  }
}

async function bodyWithin(response: Response, atMost: number): Promise<Uint8Array<ArrayBuffer> | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop cancels the stream.
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > atMost) return null;
    chunks.push(chunk);
  }
  return Uint8Array.from(Buffer.concat(chunks));
}

function isSame({ question }: DnsQuery, { question: answered }: AnswerPlaces): boolean {
  const [own, other] = [question, answered].map(({ name }) => JSON.stringify(name.map(foldedLabel)));
  return own === other && question.type === answered.type && question.class === answered.class;
}
