/**
 * Commands as JSON arrays: what replicas forward to the leader, and the parts a batch is joined from. A command is
 * encoded once, by whoever received it, and never again: batches take the text as it is. Decoding is strict, because
 * the text may come from another version of this code.
 */
import { limits } from "../support/limits.ts";
import { leaseId, logTime, requestId, revision } from "../support/brand.ts";
import type { ByteString } from "../support/brand.ts";
import { unpackBytes, utf8 } from "../support/bytes.ts";
import { assertNever } from "../support/assert.ts";
import type { Command, Condition, ExpiryGuard, Guard, NeededLease, Operation, OwnLease } from "./command.ts";
import type { Malformed } from "./json-shape.ts";
import { placeDigits } from "./queues.ts";
import { isList, isTime, isTuple, isWhole, malformed, packValue, parseJson } from "./json-shape.ts";
import { isLeaseName, isName, isStoredKey, isTtl } from "./stored-names.ts";
import { packTransaction, readTransaction } from "./transaction-codec.ts";

export function encodeCommand(command: Command): string {
  const { id, deadline, fingerprint, order, guard, operation } = command;
  const place = order === undefined ? 0 : [order.session, order.sequence];
  const parts = [id, deadline, fingerprint ?? 0, place, packOperation(operation)];
  return JSON.stringify(guard === undefined ? parts : [...parts, [guard.queue, guard.token]]);
}

/** Bytes that a batch needs around its commands; one more between each two of them. */
export const batchOverheadBytes = 64;

/** The size a command adds to a batch. */
export const commandBytes = (encoded: string): number => utf8(encoded).length;

/** Whether it can be proposed at all: a batch that nobody could decode would stop every replica. */
export const fitsBatch = (encoded: string): boolean => commandBytes(encoded) + batchOverheadBytes <= limits.batchBytes;

export function decodeCommand(text: string): Command | Malformed {
  return readCommand(parseJson(text));
}

/** @param value parsed JSON, e.g. one element of a batch. */
export function readCommand(value: unknown): Command | Malformed {
  if (!isList(value) || value.length < 5 || value.length > 6) return malformed("a command has five or six parts");
  const [id, deadline, fingerprint, order, operation, guard] = value;
  if (!isName(id)) return malformed("command id");
  if (!isTime(deadline)) return malformed("command deadline");
  if (fingerprint !== 0 && !isName(fingerprint)) return malformed("command fingerprint");
  const place = order === 0 ? null : readOrder(order);
  if (place !== null && "type" in place) return place;
  const held = value.length === 5 ? null : readGuard(guard);
  if (held !== null && "type" in held) return held;
  const read = readOperation(operation);
  if (read.type === "malformed") return read;
  return {
    id: requestId(id),
    deadline: logTime(deadline),
    ...(fingerprint === 0 ? {} : { fingerprint }),
    ...(place === null ? {} : { order: place }),
    ...(held === null ? {} : { guard: held }),
    operation: read,
  };
}

function readGuard(value: unknown): Guard | Malformed {
  if (!isTuple(value, 2)) return malformed("command guard");
  const [queue, token] = value;
  if (!isStoredKey(queue) || !isWhole(token, 1, Number.MAX_SAFE_INTEGER)) return malformed("command guard");
  return { queue, token: revision(token) };
}

function readOrder(value: unknown): NonNullable<Command["order"]> | Malformed {
  if (!isTuple(value, 2)) return malformed("command order");
  const [session, sequence] = value;
  if (!isName(session) || !isWhole(sequence, 1, Number.MAX_SAFE_INTEGER - 1)) return malformed("command order");
  return { session, sequence };
}

function packOperation(operation: Operation): readonly unknown[] {
  switch (operation.type) {
    case "put": {
      const { key, value, condition, lease, needs, keepIfEqual } = operation;
      const tie = lease === undefined ? (operation.tie ?? 0) : packOwnLease(lease);
      const parts = ["p", key, packValue(value), packCondition(condition), tie, keepIfEqual === true ? 1 : 0];
      return needs === undefined ? parts : [...parts, packNeeds(needs)];
    }
    case "delete":
      return ["d", operation.key, packCondition(operation.condition)];
    case "expire":
      return operation.guard === undefined
        ? ["e", operation.lease, operation.renewal]
        : ["e", operation.lease, operation.renewal, packExpiryGuard(operation.guard)];
    case "txn":
      return ["t", packTransaction(operation.transaction)];
    case "grant":
      return ["g", operation.lease, operation.ttlMs];
    case "renew":
      return operation.within === undefined ? ["n", operation.lease] : ["n", operation.lease, operation.within];
    case "revoke":
      return ["r", operation.lease];
    case "compact":
      return ["c", operation.revision];
    case "enqueue":
      return ["q", operation.queue, packValue(operation.value), [operation.lease.id, operation.lease.ttlMs]];
    default:
      return assertNever(operation, "operation");
  }
}

function readOperation(value: unknown): Operation | Malformed {
  if (!isList(value)) return malformed("operation");
  switch (value[0]) {
    case "p":
      return readPut(value);
    case "d":
      return readDelete(value);
    case "e":
      return readExpire(value);
    case "t": {
      const transaction = isTuple(value, 2) ? readTransaction(value[1]) : null;
      return transaction === null ? malformed("transaction") : { type: "txn", transaction };
    }
    case "g":
      return readGrant(value);
    case "n":
      return readRenew(value);
    case "r":
      return readRevoke(value);
    case "c":
      return isTuple(value, 2) && isWhole(value[1], 1, Number.MAX_SAFE_INTEGER)
        ? { type: "compact", revision: revision(value[1]) }
        : malformed("compact");
    case "q":
      return readEnqueue(value);
    default:
      return malformed("unknown operation");
  }
}

function readGrant(parts: readonly unknown[]): Operation | Malformed {
  if (!isTuple(parts, 3)) return malformed("grant has three parts");
  const [, lease, ttlMs] = parts;
  if (!isLeaseName(lease) || !isTtl(ttlMs)) return malformed("grant");
  return { type: "grant", lease: leaseId(lease), ttlMs };
}

function readRenew(parts: readonly unknown[]): Operation | Malformed {
  if (parts.length < 2 || parts.length > 3) return malformed("renew has two or three parts");
  const [, lease, within] = parts;
  if (!isLeaseName(lease) || (parts.length === 3 && !isPrefixes(within))) return malformed("renew");
  return { type: "renew", lease: leaseId(lease), ...(isPrefixes(within) ? { within } : {}) };
}

function readRevoke(parts: readonly unknown[]): Operation | Malformed {
  if (!isTuple(parts, 2)) return malformed("revoke has two parts");
  const [, lease] = parts;
  return isLeaseName(lease) ? { type: "revoke", lease: leaseId(lease) } : malformed("revoke");
}

const isPrefixes = (value: unknown): value is readonly ByteString[] =>
  isList(value) && value.length > 0 && value.length <= limits.leasePrefixes && value.every(isStoredKey);

function readEnqueue(parts: readonly unknown[]): Operation | Malformed {
  if (!isTuple(parts, 4)) return malformed("enqueue has four parts");
  const [, queue, packed, tie] = parts;
  const value = typeof packed === "string" ? unpackBytes(packed) : null;
  const lease = readTie(tie);
  if ("type" in lease) return lease;
  if (!isStoredKey(queue) || queue.length > limits.storedKeyBytes - placeDigits) return malformed("queue");
  if (value === null || value.length > limits.valueBytes) return malformed("value");
  return { type: "enqueue", queue, value, lease };
}

/** Two parts for most, four for one with a herd or with bounds. */
function packOwnLease({ id, ttlMs, herd, within }: OwnLease): readonly unknown[] {
  return herd === undefined && within === undefined ? [id, ttlMs] : [id, ttlMs, herd ?? 0, within ?? 0];
}

function readPut(parts: readonly unknown[]): Operation | Malformed {
  if (parts.length < 6 || parts.length > 7) return malformed("put has six or seven parts");
  const [, key, packed, condition, tie, keep, packedNeeds] = parts;
  if (!isStoredKey(key)) return malformed("put key");
  const value = typeof packed === "string" ? unpackBytes(packed) : null;
  if (value === null || value.length > limits.valueBytes) return malformed("put value");
  const read = readCondition(condition);
  if (read === null) return malformed("put condition");
  const lease = tie === 0 || isLeaseName(tie) ? null : readOwnLease(tie);
  if (lease !== null && "type" in lease) return lease;
  if (keep !== 0 && keep !== 1) return malformed("put keep");
  const needs = parts.length === 6 ? null : readNeeds(packedNeeds);
  if (needs !== null && "type" in needs) return needs;
  return {
    type: "put",
    key,
    value,
    condition: read,
    ...(lease === null ? {} : { lease }),
    ...(isLeaseName(tie) ? { tie: leaseId(tie) } : {}),
    ...(needs === null ? {} : { needs }),
    ...(keep === 1 ? { keepIfEqual: true } : {}),
  };
}

function readOwnLease(value: unknown): OwnLease | Malformed {
  if (!isTuple(value, 4)) return readTie(value);
  const [id, ttlMs, herd, within] = value;
  const lease = readTie([id, ttlMs]);
  if ("type" in lease) return lease;
  if ((herd !== 0 && !isName(herd)) || (within !== 0 && !isPrefixes(within)) || (herd === 0 && within === 0)) {
    return malformed("put lease");
  }
  return { ...lease, ...(herd === 0 ? {} : { herd }), ...(within === 0 ? {} : { within }) };
}

function packNeeds({ lease, renew, within }: NeededLease): readonly unknown[] {
  return within === undefined ? [lease, renew ? 1 : 0] : [lease, renew ? 1 : 0, within];
}

function readNeeds(value: unknown): NeededLease | Malformed {
  if (!isTuple(value, 2) && !isTuple(value, 3)) return malformed("put needs");
  const [lease, renew, within] = value;
  if (!isLeaseName(lease) || (renew !== 0 && renew !== 1)) return malformed("put needs");
  if (value.length === 3 && !isPrefixes(within)) return malformed("put needs");
  return { lease: leaseId(lease), renew: renew === 1, ...(isPrefixes(within) ? { within } : {}) };
}

function readTie(value: unknown): Pick<OwnLease, "id" | "ttlMs"> | Malformed {
  if (!isTuple(value, 2)) return malformed("put lease");
  const [id, ttlMs] = value;
  if (!isLeaseName(id) || !isTtl(ttlMs)) return malformed("put lease");
  return { id: leaseId(id), ttlMs };
}

function readDelete(parts: readonly unknown[]): Operation | Malformed {
  if (parts.length !== 3) return malformed("delete has three parts");
  const [, key, condition] = parts;
  if (!isStoredKey(key)) return malformed("delete key");
  const read = readCondition(condition);
  return read === null ? malformed("delete condition") : { type: "delete", key, condition: read };
}

function readExpire(parts: readonly unknown[]): Operation | Malformed {
  if (parts.length < 3 || parts.length > 4) return malformed("expire has three or four parts");
  const [, lease, renewal, packedGuard] = parts;
  if (!isLeaseName(lease)) return malformed("expire lease");
  if (!isWhole(renewal, 1, Number.MAX_SAFE_INTEGER)) return malformed("expire renewal");
  const guard = parts.length === 3 ? null : readExpiryGuard(packedGuard);
  if (guard !== null && "type" in guard) return guard;
  return { type: "expire", lease: leaseId(lease), renewal, ...(guard === null ? {} : { guard }) };
}

const packExpiryGuard = ({ percent, atLeast, holdTtls }: ExpiryGuard) => [percent, atLeast, holdTtls];

function readExpiryGuard(value: unknown): ExpiryGuard | Malformed {
  if (!isTuple(value, 3)) return malformed("expire guard");
  const [percent, atLeast, holdTtls] = value;
  if (!isWhole(percent, 1, 100) || !isWhole(atLeast, 1, limits.guardLeasesMax)) return malformed("expire guard");
  if (!isWhole(holdTtls, 1, limits.holdTtlsMax)) return malformed("expire guard");
  return { percent, atLeast, holdTtls };
}

/** One number: a revision, or a negative sign for the conditions that need none. */
function packCondition(condition: Condition): number {
  switch (condition.type) {
    case "always":
      return -1;
    case "absent":
      return -2;
    case "present":
      return -3;
    case "unchanged-since":
      return condition.modRevision;
    default:
      return assertNever(condition, "condition");
  }
}

function readCondition(value: unknown): Condition | null {
  if (!isWhole(value, -3, Number.MAX_SAFE_INTEGER)) return null;
  if (value === -1) return { type: "always" };
  if (value === -2) return { type: "absent" };
  if (value === -3) return { type: "present" };
  return { type: "unchanged-since", modRevision: revision(value) };
}
