/**
 * One request as a careful client sends it: real HTTP over kept connections, an end to all waiting, and an honest account
 * of what is known afterwards. Knows the API's answers, not what they are asked for.
 */

/** How long a client waits for an answer: a little more than the 5 s within which one is promised. */
export const usualPatienceMs = 6_000;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

export type Reply =
  | { readonly type: "answered"; readonly answer: Answer }
  /** Nobody listened: nothing was sent. */
  | { readonly type: "not-sent" }
  /** Silence, or a connection that broke: nobody knows. */
  | { readonly type: "no-answer"; readonly why: "silence" | "broken connection" | "walked away" };

export interface Exchange {
  readonly reply: Reply;
  readonly calledAt: number;
  readonly returnedAt: number;
}

export interface Sending {
  readonly method?: "GET" | "PUT" | "POST" | "DELETE";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly patienceMs?: number;
  /** The client walks away after so long, whatever is on its way. */
  readonly walksAwayAfterMs?: number | undefined;
}

export async function exchange(url: string, sending: Sending = {}): Promise<Exchange> {
  const { walksAwayAfterMs, patienceMs = usualPatienceMs, ...init } = sending;
  const calledAt = performance.now();
  const signal = AbortSignal.timeout(walksAwayAfterMs ?? patienceMs);
  let reply: Reply;
  try {
    const response = await fetch(url, { ...init, signal });
    const body = await response.text();
    reply = { type: "answered", answer: { status: response.status, headers: response.headers, body } };
  } catch (error) {
    const { name, cause } = error as { readonly name?: string; readonly cause?: { readonly code?: string } };
    if (cause?.code === "ECONNREFUSED") reply = { type: "not-sent" };
    else if (name !== "TimeoutError") reply = { type: "no-answer", why: "broken connection" };
    else reply = { type: "no-answer", why: walksAwayAfterMs === undefined ? "silence" : "walked away" };
  }
  return { reply, calledAt, returnedAt: performance.now() };
}

export interface Problem {
  readonly code: string;
  readonly outcome: "not-applied" | "unknown" | undefined;
}

export function problemIn({ body, status }: Answer): Problem {
  try {
    const { code, outcome } = JSON.parse(body) as { readonly code?: unknown; readonly outcome?: unknown };
    const known = outcome === "not-applied" || outcome === "unknown" ? outcome : undefined;
    return { code: typeof code === "string" ? code : `status ${status}`, outcome: known };
  } catch {
    return { code: `status ${status}`, outcome: undefined };
  }
}

/** `ETag: "12"` as 12; null without one. */
export function taggedRevision({ headers }: Answer): number | null {
  const tag = /^"(\d+)"$/.exec(headers.get("etag") ?? "")?.[1];
  return tag === undefined ? null : Number(tag);
}

export const revisionIn = ({ headers }: Answer): number => Number(headers.get("synod-revision") ?? Number.NaN);

export function ageIn({ headers }: Answer): number | null {
  const age = headers.get("synod-age") ?? "unknown";
  return age === "unknown" ? null : Number(age);
}
