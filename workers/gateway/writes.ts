/** Writes: one request to the replicas under one id, and its outcome or the problem that it is. Shared by all writing doors. */
import { assert, assertNever } from "../../src/support/assert.ts";
import { logTime } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import type { Operation, Outcome } from "../../src/store/command.ts";
import { tagOf } from "./conditions.ts";
import { identityOf } from "./identity.ts";
import type { Asked } from "./identity.ts";
import { Problem } from "./problems.ts";
import { askReplicas } from "./replicas.ts";
import type { Visit } from "./visit.ts";

/** Something that was carried out, and the headers that say where and up to which revision. */
export interface Written<Type extends "put" | "deleted"> {
  readonly outcome: Extract<Outcome, { type: Type }>;
  readonly headers: Readonly<Record<string, string>>;
}

/** @throws {Problem} when the operation was refused, or nobody could say what came of it. */
export async function write<Type extends "put" | "deleted">(
  visit: Visit,
  headers: Headers,
  asked: Asked,
  operation: Operation,
  type: Type,
): Promise<Written<Type>> {
  const identity = await identityOf(headers, visit.random, asked);
  const life = identity.fingerprint === undefined ? limits.commandLifeMs : limits.idempotencyLifeMs;
  // Several replicas may be given this request: one that is held up until its outcome is forgotten must not carry it out.
  const deadline = logTime(visit.now() + life);
  const { region, reply, inDoubt } = await askReplicas(visit, { type: "write", ...identity, deadline, operation });
  assert(reply.type === "outcome", "a write is answered with an outcome");
  const { outcome } = reply;
  const said = { "synod-revision": String(reply.revision), "synod-region": region, "cache-control": "no-store" };
  if (isOfType(outcome, type)) {
    return { outcome, headers: said };
  }
  throw refusal(outcome, inDoubt, said);
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
      return new Problem("precondition-failed", detail, { headers: { ...headers, etag: tagOf(modRevision) } });
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
    case "put":
    case "deleted":
    case "expired":
      throw new Error(`unexpected outcome ${outcome.type}`);
    default:
      return assertNever(outcome, "outcome");
  }
}
