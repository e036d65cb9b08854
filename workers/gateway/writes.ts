/** Writes: one request to the replicas under one id, and its outcome or the problem that it is. Shared by all writing doors. */
import { assert, assertNever } from "../../src/support/assert.ts";
import { logTime } from "../../src/support/brand.ts";
import type { Revision } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import type { WriteRequest } from "../../src/replica/messages.ts";
import type { Guard, Operation, Outcome, Refusal } from "../../src/store/command.ts";
import { tagOf } from "./conditions.ts";
import { guardIn } from "./guards.ts";
import { identityOf } from "./identity.ts";
import type { Asked, WriteIdentity } from "./identity.ts";
import { Problem } from "./problems.ts";
import { askReplicas } from "./replicas.ts";
import type { Visit } from "./visit.ts";

/** What an operation comes to when it is carried out. */
export type Carried = Exclude<
  Outcome["type"],
  "condition-failed" | "past-deadline" | "deadline-too-far" | "out-of-order" | "id-reused" | "refused"
>;

/** Something that was carried out, and the headers that say where and up to which revision. */
export interface Written<Type extends Carried> {
  readonly outcome: Extract<Outcome, { type: Type }>;
  readonly headers: Readonly<Record<string, string>>;
}

/** @throws {Problem} when the operation was refused, or nobody could say what came of it. */
export async function write<Type extends Carried>(
  visit: Visit,
  headers: Headers,
  asked: Asked,
  operation: Operation,
  type: Type,
): Promise<Written<Type>> {
  const guard = guardIn(headers);
  const identity = await identityOf(headers, visit.random, guard === null ? asked : { ...asked, guard });
  return writeAs(visit, { identity, guard, operation }, type);
}

/** A write that knows who it is. */
export interface Intent {
  readonly identity: WriteIdentity;
  readonly guard: Guard | null;
  readonly operation: Operation;
  /** When its caller is answered at the latest; without it, as late as any request. */
  readonly until?: number;
}

/** @throws {Problem} as `write` does. */
export async function writeAs<Type extends Carried>(visit: Visit, intent: Intent, type: Type): Promise<Written<Type>> {
  const { region, reply, inDoubt } = await askReplicas(visit, writeRequest(visit, intent), intent.until);
  assert(reply.type === "outcome", "a write is answered with an outcome");
  return carried(reply.outcome, type, inDoubt, saidBy(region, reply.revision));
}

export function writeRequest(visit: Visit, { identity, guard, operation }: Omit<Intent, "until">): WriteRequest {
  const life = identity.fingerprint === undefined ? limits.commandLifeMs : limits.idempotencyLifeMs;
  // Several replicas may be given this request: one that is held up until its outcome is forgotten must not carry it out.
  const deadline = logTime(visit.now() + life);
  return { type: "write", ...identity, ...(guard === null ? {} : { guard }), deadline, operation };
}

const saidBy = (region: string, at: Revision): Written<Carried>["headers"] => ({
  "synod-revision": String(at),
  "synod-region": region,
  "cache-control": "no-store",
});

/** @throws {Problem} unless the outcome is of the type that was meant. */
export function carried<Type extends Carried>(
  outcome: Outcome,
  type: Type,
  inDoubt: boolean,
  headers: Written<Type>["headers"],
): Written<Type> {
  if (isOfType(outcome, type)) return { outcome, headers };
  throw refusal(outcome, inDoubt, headers);
}

const isOfType = <Type extends Outcome["type"]>(
  outcome: Outcome,
  type: Type,
): outcome is Extract<Outcome, { type: Type }> => outcome.type === type;

/** @param inDoubt another copy of the request may have been carried out in time (SPEC U1). */
export function refusal(outcome: Outcome, inDoubt: boolean, headers: Readonly<Record<string, string>> = {}): Problem {
  switch (outcome.type) {
    case "condition-failed": {
      const { modRevision } = outcome;
      if (modRevision === null) return new Problem("precondition-failed", "the key does not exist", { headers });
      const detail = `the key was last changed by revision ${modRevision}`;
      const extra = { modRevision };
      return new Problem("precondition-failed", detail, { headers: { ...headers, etag: tagOf(modRevision) }, extra });
    }
    case "out-of-order": {
      const { expected } = outcome;
      return new Problem("out-of-order", `the next sequence of this session is ${expected}`, {
        headers,
        extra: { expected },
      });
    }
    case "id-reused":
      return new Problem("idempotency-key-reused", "the earlier request under this key asked for something else");
    case "past-deadline":
      return new Problem("deadline-passed", "the log's time had passed the request's deadline when its turn came", {
        outcome: inDoubt ? "unknown" : "not-applied",
      });
    case "deadline-too-far":
      return new Problem(
        "deadline-passed",
        "the request's deadline lies too far ahead of the log's time: a clock is wrong",
      );
    case "refused":
      return refusedProblem(outcome.why, outcome.compactedRevision, headers);
    case "put":
    case "deleted":
    case "expired":
    case "suspected":
    case "txn":
    case "granted":
    case "renewed":
    case "revoked":
    case "compacted":
    case "enqueued":
      throw new Error(`unexpected outcome ${outcome.type}`);
    default:
      return assertNever(outcome, "outcome");
  }
}

/** Why an operation could not be carried out as it was asked. */
export function refusedProblem(
  why: Refusal,
  compactedRevision: Revision,
  headers: Readonly<Record<string, string>> = {},
): Problem {
  switch (why) {
    case "key-not-found":
      return new Problem("key-not-found", "a value or a lease was to be kept of a key that does not exist", {
        headers,
      });
    case "lease-not-found":
      return new Problem(why, "there is no lease of that id: it ended, or was never granted", { headers });
    case "lease-exists":
      return new Problem(why, "a lease of that id was granted before", { headers });
    case "lease-elsewhere":
      return new Problem("instance-elsewhere", "an instance of that id is registered under another service", {
        headers,
      });
    case "lock-lost":
      return new Problem(why, "another token holds the lock, or nobody does", { headers });
    case "queue-full":
      return new Problem(why, `at most ${limits.queuePlaces} wait in one queue`, { headers });
    case "compacted":
      return new Problem("revision-compacted", `history was compacted to revision ${compactedRevision} already`, {
        headers,
        extra: { compactedRevision },
      });
    case "future":
      return new Problem("revision-in-future", "nobody has that revision yet", { headers });
    case "result-too-large":
      return new Problem(why, `one transaction answers at most ${limits.transactionResultBytes} bytes`, { headers });
    case "too-many-keys":
      return new Problem(why, `one request deletes at most ${limits.deletedKeys} keys`, { headers });
    case "busy":
      return new Problem("overloaded", "transactions of the same moment have used up the room for answers", {
        headers,
      });
    default:
      return assertNever(why, "refusal");
  }
}
