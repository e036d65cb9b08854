/**
 * What goes wrong at the etcd door, as etcd says it: a gRPC code, the HTTP status that etcd 3.4's gateway gives for it, and
 * the very text that clients look for. Problems of the shared code become such errors here, and nowhere else.
 */
import { limits } from "../../src/support/limits.ts";
import { problemOf } from "../gateway/problems.ts";
import type { Problem, ProblemCode } from "../gateway/problems.ts";

/** gRPC codes that are used here, and their status in etcd 3.4. */
const statuses = {
  1: 408,
  2: 500,
  3: 400,
  5: 404,
  7: 403,
  8: 429,
  9: 412,
  10: 409,
  11: 400,
  12: 501,
  13: 500,
  14: 503,
  16: 401,
};
export type GrpcCode = keyof typeof statuses;

export class EtcdError extends Error {
  override readonly name = "EtcdError";
  readonly code: GrpcCode;

  constructor(code: GrpcCode, text: string) {
    super(text);
    this.code = code;
  }

  get status(): number {
    return statuses[this.code];
  }
}

/** What etcd answers, by what is wrong. */
export const failing = {
  emptyKey: () => new EtcdError(3, "etcdserver: key is not provided"),
  keyNotFound: () => new EtcdError(3, "etcdserver: key not found"),
  valueProvided: () => new EtcdError(3, "etcdserver: value is provided"),
  leaseProvided: () => new EtcdError(3, "etcdserver: lease is provided"),
  tooManyOperations: () => new EtcdError(3, "etcdserver: too many operations in txn request"),
  duplicateKey: () => new EtcdError(3, "etcdserver: duplicate key given in txn request"),
  requestTooLarge: () => new EtcdError(3, "etcdserver: request is too large"),
  invalidSort: () => new EtcdError(3, "etcdserver: invalid sort option"),
  leaseNotFound: () => new EtcdError(5, "etcdserver: requested lease not found"),
  leaseExists: () => new EtcdError(9, "etcdserver: lease already exists"),
  ttlTooLarge: () => new EtcdError(11, "etcdserver: too large lease TTL"),
  compacted: () => new EtcdError(11, "etcdserver: mvcc: required revision has been compacted"),
  future: () => new EtcdError(11, "etcdserver: mvcc: required revision is a future revision"),
  /** etcd takes such ids; elsewhere in Synod a lease's id is above zero. */
  negativeLease: () => new EtcdError(3, "etcdserver: a lease's ID must be above zero"),
  timedOut: () => new EtcdError(14, "etcdserver: request timed out"),
  /** etcd has the limit for requests only; here it is for answers, too. */
  messageTooLarge: (most: number) => new EtcdError(8, `grpc: received message larger than max (${most})`),
  /** etcd has no limit of its own for a key. */
  keyTooLong: () => new EtcdError(3, `etcdserver: key is too long: at most ${limits.keyBytes} bytes are stored`),
  unsupported: (what: string) => new EtcdError(12, `etcdserver: not supported by Synod: ${what}`),
} as const;

/** Problems that etcd has words for. */
const known: Readonly<Partial<Record<ProblemCode, () => EtcdError>>> = {
  unauthorized: () => new EtcdError(16, "etcdserver: invalid auth token"),
  "key-not-found": failing.keyNotFound,
  "duplicate-key": failing.duplicateKey,
  "lease-not-found": failing.leaseNotFound,
  "lease-exists": failing.leaseExists,
  "revision-compacted": failing.compacted,
  "revision-in-future": failing.future,
  "too-large": failing.requestTooLarge,
  "too-many-keys": failing.requestTooLarge,
  "result-too-large": () => failing.messageTooLarge(limits.transactionResultBytes),
  "body-too-large": () => failing.messageTooLarge(limits.etcdBodyBytes),
  // Carried out or not: etcd's clients take a time-out for "who knows".
  "no-quorum": failing.timedOut,
  "deadline-passed": failing.timedOut,
  "result-forgotten": failing.timedOut,
  "too-stale": failing.timedOut,
  overloaded: () => new EtcdError(8, "etcdserver: too many requests"),
  "too-many-watches": () => new EtcdError(8, "etcdserver: too many requests"),
  "rate-limited": () => new EtcdError(8, "etcdserver: too many requests"),
  "catching-up": () => new EtcdError(14, "etcdserver: unhealthy cluster"),
  "founding-incomplete": () => new EtcdError(14, "etcdserver: unhealthy cluster"),
  "founding-conflict": () => new EtcdError(14, "etcdserver: unhealthy cluster"),
  "wrong-regions": () => new EtcdError(14, "etcdserver: unhealthy cluster"),
  "unknown-semantics": () => new EtcdError(14, "etcdserver: unhealthy cluster"),
  "token-not-set": () => new EtcdError(14, "etcdserver: no token has been set for this deployment"),
  "lock-lost": () => new EtcdError(9, "etcdserver: the lock of If-Lock is no longer held with that token"),
  "out-of-order": () => new EtcdError(9, "etcdserver: that is not the next sequence of its session"),
  internal: () => new EtcdError(13, "etcdserver: internal error"),
  misconfigured: () => new EtcdError(13, "etcdserver: the deployment is not configured right"),
};

/** Whatever was thrown, as etcd would say it. */
export function etcdErrorOf(error: unknown): EtcdError {
  if (error instanceof EtcdError) return error;
  const problem: Problem = problemOf(error);
  // What is left are headers and paths of ours that are not well formed.
  return known[problem.code]?.() ?? new EtcdError(3, `etcdserver: ${problem.message}`);
}

export function errorDocument(error: unknown): object {
  const { code, message } = etcdErrorOf(error);
  return { error: message, message, code };
}

export function answerEtcdError(error: unknown): Response {
  const { status } = etcdErrorOf(error);
  return Response.json(errorDocument(error), {
    status,
    headers: { "cache-control": "no-store", ...(status === 401 ? { "www-authenticate": "Bearer" } : {}) },
  });
}

/** An error on a stream that has begun: its last line. */
export function streamError(error: unknown): object {
  const { code, message, status } = etcdErrorOf(error);
  return { error: { grpc_code: code, http_code: status, message, http_status: statusTexts[status] ?? "" } };
}

const statusTexts: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  408: "Request Timeout",
  409: "Conflict",
  412: "Precondition Failed",
  429: "Too Many Requests",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
};
