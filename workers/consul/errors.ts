/**
 * What goes wrong at the Consul door, as Consul says it: a status and plain text, which clients look into. Problems of the
 * shared code become such errors here, and nowhere else.
 */
import { problemDocument, problemOf } from "../gateway/problems.ts";
import type { Problem, ProblemCode } from "../gateway/problems.ts";

export class ConsulError extends Error {
  override readonly name = "ConsulError";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, text: string, headers: Readonly<Record<string, string>> = {}) {
    super(text);
    this.status = status;
    this.headers = headers;
  }
}

/** Consul's clients try again after this one. */
const noLeader = "No cluster leader";

type Said = readonly [status: number, text: string];

/** Problems that Consul has words for. */
const known: Readonly<Partial<Record<ProblemCode, Said>>> = {
  unauthorized: [403, "Permission denied: send the deployment's token as X-Consul-Token"],
  "no-quorum": [500, noLeader],
  "too-stale": [500, noLeader],
  "catching-up": [500, noLeader],
  "deadline-passed": [500, noLeader],
  "founding-incomplete": [500, noLeader],
  "founding-conflict": [500, noLeader],
  "wrong-regions": [500, noLeader],
  "unknown-semantics": [500, noLeader],
  overloaded: [429, "Your IP is issuing too many concurrent connections or requests: too much is waiting"],
  "too-many-watches": [429, "Your IP is issuing too many concurrent connections: too many blocking queries wait here"],
};

/** Whatever was thrown, as Consul would say it. @param method tells reads, which have no outcome, from writes. */
export function consulErrorOf(error: unknown, method: string): ConsulError {
  if (error instanceof ConsulError) return error;
  const problem: Problem = problemOf(error);
  const { status: plain, outcome } = problemDocument(problem, method);
  const [status, text] = known[problem.code] ?? [plain, problem.message];
  const doubt = outcome === "unknown" ? ": the request may have been carried out, or not" : "";
  return new ConsulError(status, `${text}${doubt}`);
}

export function answerConsulError(error: unknown, method: string): Response {
  const { status, message, headers } = consulErrorOf(error, method);
  return plainText(message, status, headers);
}

/** Text for people, as Go's `http.Error` writes it but for the line's end. */
export const plainText = (text: string, status: number, headers: Readonly<Record<string, string>> = {}): Response =>
  new Response(text, {
    status,
    headers: {
      "content-type": "text/plain; charset=utf-8",
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
      vary: "Accept-Encoding",
      ...headers,
    },
  });
