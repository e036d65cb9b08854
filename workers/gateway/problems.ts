/**
 * What can go wrong, as clients see it (RFC 9457): the closed list of codes and their HTTP mapping, in one place. Thrown
 * by everything in the gateway as the one error class, `Problem`; turned into a response by `answerProblem` alone.
 */

interface Kind {
  readonly status: number;
  readonly title: string;
  /** The same request may succeed later, unchanged. */
  readonly retryable?: true;
}

const kinds = {
  "invalid-path": { status: 400, title: "The path is not well formed" },
  "invalid-namespace": { status: 400, title: "That is not a namespace's name" },
  "invalid-key": { status: 400, title: "That is not a key" },
  "invalid-name": { status: 400, title: "That is not a name" },
  "invalid-query": { status: 400, title: "The query string is not understood" },
  "invalid-header": { status: 400, title: "A header is not understood" },
  "invalid-precondition": { status: 400, title: "The condition is not understood" },
  "invalid-cursor": { status: 400, title: "That cursor was not made here" },
  "invalid-body": { status: 400, title: "The body is not understood" },
  "duplicate-key": { status: 400, title: "One transaction changes a key once" },
  "unknown-region": { status: 400, title: "There is no such region here" },
  "revision-in-future": { status: 400, title: "Nobody has that revision yet" },
  unauthorized: { status: 401, title: "A valid token is required" },
  "not-found": { status: 404, title: "There is nothing at this path" },
  "key-not-found": { status: 404, title: "The key does not exist" },
  "decision-not-found": { status: 404, title: "Nothing has been decided" },
  "lease-not-found": { status: 404, title: "There is no such lease" },
  "lock-not-found": { status: 404, title: "Nobody has that place in the queue" },
  "instance-not-found": { status: 404, title: "There is no such instance" },
  "check-not-found": { status: 404, title: "There is no such check" },
  "node-not-found": { status: 404, title: "There is no such node" },
  "no-leader": { status: 404, title: "Nobody leads this election" },
  "method-not-allowed": { status: 405, title: "This path does not take that method" },
  "out-of-order": { status: 409, title: "That is not the next sequence of its session" },
  "check-not-settable": { status: 409, title: "Nobody sets the status of that check" },
  "instance-elsewhere": { status: 409, title: "That instance is registered under another service" },
  "lease-exists": { status: 409, title: "There is a lease of that id already" },
  "lock-held": { status: 409, title: "Somebody else holds the lock", retryable: true },
  "not-elected": { status: 409, title: "Somebody else leads", retryable: true },
  "result-forgotten": { status: 409, title: "The request was carried out; what it answered was too large to keep" },
  "revision-compacted": { status: 410, title: "That revision is no longer kept" },
  "precondition-failed": { status: 412, title: "The condition does not hold" },
  "lock-lost": { status: 412, title: "The lock is no longer held with that token" },
  "body-too-large": { status: 413, title: "The body is too large" },
  "too-large": { status: 413, title: "The request, or its answer, is too large for one message" },
  "result-too-large": { status: 413, title: "The answer would be too large" },
  "too-many-keys": { status: 413, title: "The range holds too many keys for one request" },
  "unsupported-media-type": { status: 415, title: "The body must be JSON" },
  "unsupported-encoding": { status: 415, title: "The body must not be compressed" },
  "upgrade-required": { status: 426, title: "This path is a WebSocket" },
  "idempotency-key-reused": { status: 422, title: "This idempotency key was used for another request" },
  "rate-limited": { status: 429, title: "Too many questions", retryable: true },
  internal: { status: 500, title: "Something is wrong here" },
  misconfigured: { status: 500, title: "The deployment is not configured right" },
  "checker-unavailable": { status: 503, title: "Nobody is there to run the checks", retryable: true },
  "no-quorum": { status: 503, title: "No majority took part in time", retryable: true },
  overloaded: { status: 503, title: "Too much is waiting", retryable: true },
  "too-many-watches": { status: 503, title: "Too many watches wait here", retryable: true },
  "queue-full": { status: 503, title: "Too many wait for this already", retryable: true },
  "too-stale": { status: 503, title: "No state as fresh as that could be had", retryable: true },
  "catching-up": { status: 503, title: "The replicas that answer are still catching up", retryable: true },
  "deadline-passed": { status: 503, title: "The request arrived too late to be carried out", retryable: true },
  "founding-incomplete": { status: 503, title: "The namespace's first write needs all its acceptors", retryable: true },
  "founding-conflict": { status: 503, title: "The namespace's founding cannot be completed" },
  "wrong-regions": { status: 503, title: "The namespace was founded with other regions" },
  "unknown-semantics": { status: 503, title: "A newer version wrote what this one cannot apply", retryable: true },
  "clock-unsynchronised": { status: 503, title: "The clock here is not to be trusted now", retryable: true },
  "time-key-not-set": { status: 503, title: "No key has been set to sign the time with" },
  "clock-unreachable": { status: 503, title: "That region's clock did not answer", retryable: true },
  "token-not-set": { status: 503, title: "No token has been set for this deployment" },
} as const satisfies Readonly<Record<string, Kind>>;

export type ProblemCode = keyof typeof kinds;
export const problemCodes = Object.keys(kinds) as readonly ProblemCode[];

/** For writes: whether the request has taken effect, or still can (SPEC U1). */
export type WriteOutcome = "not-applied" | "applied" | "unknown";

interface Particulars {
  readonly outcome?: WriteOutcome;
  readonly headers?: Readonly<Record<string, string>>;
  /** Further members of the problem document. */
  readonly extra?: Readonly<Record<string, string | number | boolean | null>>;
}

export class Problem extends Error {
  override readonly name = "Problem";
  readonly code: ProblemCode;
  readonly particulars: Particulars;

  /** @param detail for the person who reads it: what is wrong with this very request. */
  constructor(code: ProblemCode, detail: string, particulars: Particulars = {}) {
    super(detail);
    this.code = code;
    this.particulars = particulars;
  }
}

const readingMethods: readonly string[] = ["GET", "HEAD", "OPTIONS"];

/** The document that says it. @param method tells reads, which have no outcome, from writes. */
export function problemDocument({ code, message, particulars }: Problem, method: string) {
  const kind: Kind = kinds[code];
  // A write refused before anything was asked of a replica or an acceptor has not happened; a bug may sit anywhere.
  const assumed = code === "internal" ? "unknown" : "not-applied";
  const outcome = readingMethods.includes(method) ? undefined : (particulars.outcome ?? assumed);
  return {
    type: `urn:synod:problem:${code}`,
    title: kind.title,
    status: kind.status,
    detail: message,
    code,
    retryable: kind.retryable === true,
    ...(outcome === undefined ? {} : { outcome }),
    ...particulars.extra,
  };
}

export function answerProblem(problem: Problem, method: string): Response {
  const document = problemDocument(problem, method);
  return new Response(`${JSON.stringify(document)}\n`, {
    status: document.status,
    headers: {
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      ...(document.retryable ? { "retry-after": "1" } : {}),
      ...problem.particulars.headers,
    },
  });
}

/** Whatever was thrown, as a problem. What was not meant to be seen stays in the log. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  console.error(JSON.stringify({ message: "unexpected error in the gateway", error: describe(error) }));
  return new Problem("internal", "an unexpected error; the log of this deployment says more");
}

const describe = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));
