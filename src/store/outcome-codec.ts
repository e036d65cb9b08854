/** Outcomes as short JSON arrays: for the rows that remember them and for the answer to the replica that asked. */
import { revision } from "../support/brand.ts";
import { assertNever } from "../support/assert.ts";
import type { Outcome, Refusal } from "./command.ts";
import { isList, isTime, isTuple, isWhole, parseJson } from "./json-shape.ts";
import { isStoredKey, isTtl } from "./stored-names.ts";
import { isOneOf, packResponse, readResponses } from "./transaction-codec.ts";

export const refusals = [
  "key-not-found",
  "lease-not-found",
  "lease-exists",
  "lease-elsewhere",
  "lock-lost",
  "queue-full",
  "compacted",
  "future",
  "result-too-large",
  "too-many-keys",
  "busy",
] as const satisfies readonly Refusal[];

const whole = (value: unknown): value is number => isWhole(value, 0, Number.MAX_SAFE_INTEGER);

export const encodeOutcome = (outcome: Outcome): string => JSON.stringify(packOutcome(outcome));

/** @returns null when `text` is not what `encodeOutcome` writes. */
export const decodeOutcome = (text: string): Outcome | null => readOutcome(parseJson(text));

export function packOutcome(outcome: Outcome): readonly unknown[] {
  switch (outcome.type) {
    case "put":
      return ["p", outcome.revision, outcome.version, outcome.createRevision, outcome.renewedOnly ? 1 : 0];
    case "deleted":
      return ["d", outcome.existed ? 1 : 0, outcome.revision];
    case "expired":
      return ["e", outcome.deletedKeys, outcome.revision];
    case "suspected":
      return ["s", outcome.heldUntil, outcome.revision];
    case "txn":
      return ["t", outcome.revision, outcome.succeeded ? 1 : 0, outcome.responses?.map(packResponse) ?? null];
    case "granted":
      return ["g", outcome.ttlMs, outcome.revision];
    case "renewed":
      return ["n", outcome.ttlMs, outcome.revision];
    case "revoked":
      return ["r", outcome.deletedKeys, outcome.revision];
    case "compacted":
      return ["x", outcome.revision];
    case "enqueued":
      return ["q", outcome.key, outcome.token, outcome.created ? 1 : 0, outcome.revision];
    case "refused":
      return ["no", outcome.why, outcome.revision, outcome.compactedRevision];
    case "condition-failed":
      return ["c", outcome.modRevision];
    case "past-deadline":
      return ["late"];
    case "deadline-too-far":
      return ["far"];
    case "out-of-order":
      return ["o", outcome.expected];
    case "id-reused":
      return ["reused"];
    default:
      return assertNever(outcome, "outcome");
  }
}

/** @param parts parsed JSON. */
export function readOutcome(parts: unknown): Outcome | null {
  if (!isList(parts)) return null;
  switch (parts[0]) {
    case "p":
      return readPut(parts);
    case "d":
    case "e":
    case "r":
      return readRemoval(parts);
    case "s":
      return readSuspected(parts);
    case "t":
      return readTxn(parts);
    case "g":
    case "n":
      return readLeaseOutcome(parts);
    case "x":
      return parts.length === 2 && whole(parts[1]) ? { type: "compacted", revision: revision(parts[1]) } : null;
    case "q":
      return readEnqueued(parts);
    case "no":
      return readRefused(parts);
    case "c":
      return readConditionFailed(parts);
    case "late":
      return parts.length === 1 ? { type: "past-deadline" } : null;
    case "far":
      return parts.length === 1 ? { type: "deadline-too-far" } : null;
    case "o":
      return parts.length === 2 && whole(parts[1]) ? { type: "out-of-order", expected: parts[1] } : null;
    case "reused":
      return parts.length === 1 ? { type: "id-reused" } : null;
    default:
      return null;
  }
}

function readPut(parts: readonly unknown[]): Outcome | null {
  if (!isTuple(parts, 5)) return null;
  const [, mod, version, created, renewedOnly] = parts;
  if (!whole(mod) || !whole(version) || !whole(created)) return null;
  if (renewedOnly !== 0 && renewedOnly !== 1) return null;
  return {
    type: "put",
    revision: revision(mod),
    version,
    createRevision: revision(created),
    renewedOnly: renewedOnly === 1,
  };
}

function readRemoval(parts: readonly unknown[]): Outcome | null {
  if (!isTuple(parts, 3)) return null;
  const [kind, count, at] = parts;
  if (!whole(count) || !whole(at)) return null;
  if (kind === "e") return { type: "expired", deletedKeys: count, revision: revision(at) };
  if (kind === "r") return { type: "revoked", deletedKeys: count, revision: revision(at) };
  return count <= 1 ? { type: "deleted", existed: count === 1, revision: revision(at) } : null;
}

function readSuspected(parts: readonly unknown[]): Outcome | null {
  if (!isTuple(parts, 3)) return null;
  const [, heldUntil, at] = parts;
  if (!isTime(heldUntil) || !whole(at)) return null;
  return { type: "suspected", heldUntil, revision: revision(at) };
}

function readConditionFailed(parts: readonly unknown[]): Outcome | null {
  if (!isTuple(parts, 2)) return null;
  const [, mod] = parts;
  if (mod === null) return { type: "condition-failed", modRevision: null };
  return whole(mod) ? { type: "condition-failed", modRevision: revision(mod) } : null;
}

function readTxn(parts: readonly unknown[]): Outcome | null {
  if (!isTuple(parts, 4)) return null;
  const [, at, succeeded, packed] = parts;
  const responses = packed === null ? null : readResponses(packed);
  if (!whole(at) || (succeeded !== 0 && succeeded !== 1) || (responses === null) !== (packed === null)) return null;
  return { type: "txn", revision: revision(at), succeeded: succeeded === 1, responses };
}

function readLeaseOutcome(parts: readonly unknown[]): Outcome | null {
  if (!isTuple(parts, 3)) return null;
  const [kind, ttlMs, at] = parts;
  if (!isTtl(ttlMs) || !whole(at)) return null;
  return { type: kind === "g" ? "granted" : "renewed", ttlMs, revision: revision(at) };
}

function readEnqueued(parts: readonly unknown[]): Outcome | null {
  if (!isTuple(parts, 5)) return null;
  const [, key, token, created, at] = parts;
  if (!isStoredKey(key) || !whole(token) || (created !== 0 && created !== 1) || !whole(at)) return null;
  return { type: "enqueued", key, token: revision(token), created: created === 1, revision: revision(at) };
}

function readRefused(parts: readonly unknown[]): Outcome | null {
  if (!isTuple(parts, 4)) return null;
  const [, why, at, compacted] = parts;
  if (!isOneOf(why, refusals) || !whole(at) || !whole(compacted)) return null;
  return { type: "refused", why, revision: revision(at), compactedRevision: revision(compacted) };
}
