/**
 * Commands as JSON arrays: what replicas forward to the leader, and the parts a batch is joined from. A command is
 * encoded once, by whoever received it, and never again: batches take the text as it is. Decoding is strict, because
 * the text may come from another version of this code.
 */
import { limits } from "../support/limits.ts";
import type { ByteString } from "../support/brand.ts";
import { leaseId, logTime, requestId, revision } from "../support/brand.ts";
import { isByteString, unpackBytes, utf8 } from "../support/bytes.ts";
import { assertNever } from "../support/assert.ts";
import type { Command, Condition, Operation } from "./command.ts";
import type { Malformed } from "./json-shape.ts";
import { isList, isText, isTime, isTuple, isWhole, malformed, packValue, parseJson } from "./json-shape.ts";

/** Request ids, sessions and fingerprints, in characters. */
const nameCharacters = 256;
const leaseCharacters = 4096;
/** A stored key is a client's key behind one byte that names its space. */
const storedKeyBytes = limits.keyBytes + 1;
const ttlMsMax = limits.ttlSecondsMax * 1000;

export const isStoredKey = (value: unknown): value is ByteString =>
  typeof value === "string" && value.length > 0 && value.length <= storedKeyBytes && isByteString(value);
export const isLeaseName = (value: unknown): value is string => isText(value, leaseCharacters);
export const isName = (value: unknown): value is string => isText(value, nameCharacters);
export const isTtl = (value: unknown): value is number => isWhole(value, 1, ttlMsMax);

export function encodeCommand(command: Command): string {
  const { id, deadline, fingerprint, order, operation } = command;
  const place = order === undefined ? 0 : [order.session, order.sequence];
  return JSON.stringify([id, deadline, fingerprint ?? 0, place, packOperation(operation)]);
}

/** The size a command adds to a batch. */
export const commandBytes = (encoded: string): number => utf8(encoded).length;

export function decodeCommand(text: string): Command | Malformed {
  return readCommand(parseJson(text));
}

/** @param value parsed JSON, e.g. one element of a batch. */
export function readCommand(value: unknown): Command | Malformed {
  if (!isTuple(value, 5)) return malformed("a command has five parts");
  const [id, deadline, fingerprint, order, operation] = value;
  if (!isName(id)) return malformed("command id");
  if (!isTime(deadline)) return malformed("command deadline");
  if (fingerprint !== 0 && !isName(fingerprint)) return malformed("command fingerprint");
  const place = order === 0 ? null : readOrder(order);
  if (place !== null && "type" in place) return place;
  const read = readOperation(operation);
  if (read.type === "malformed") return read;
  return {
    id: requestId(id),
    deadline: logTime(deadline),
    ...(fingerprint === 0 ? {} : { fingerprint }),
    ...(place === null ? {} : { order: place }),
    operation: read,
  };
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
      const { key, value, condition, lease, keepIfEqual } = operation;
      const tie = lease === undefined ? 0 : [lease.id, lease.ttlMs];
      return ["p", key, packValue(value), packCondition(condition), tie, keepIfEqual === true ? 1 : 0];
    }
    case "delete":
      return ["d", operation.key, packCondition(operation.condition)];
    case "expire":
      return ["e", operation.lease, operation.renewal];
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
    default:
      return malformed("unknown operation");
  }
}

function readPut(parts: readonly unknown[]): Operation | Malformed {
  if (parts.length !== 6) return malformed("put has six parts");
  const [, key, packed, condition, tie, keep] = parts;
  if (!isStoredKey(key)) return malformed("put key");
  const value = typeof packed === "string" ? unpackBytes(packed) : null;
  if (value === null || value.length > limits.valueBytes) return malformed("put value");
  const read = readCondition(condition);
  if (read === null) return malformed("put condition");
  const lease = tie === 0 ? null : readTie(tie);
  if (lease !== null && "type" in lease) return lease;
  if (keep !== 0 && keep !== 1) return malformed("put keep");
  return {
    type: "put",
    key,
    value,
    condition: read,
    ...(lease === null ? {} : { lease }),
    ...(keep === 1 ? { keepIfEqual: true } : {}),
  };
}

function readTie(value: unknown): NonNullable<Extract<Operation, { type: "put" }>["lease"]> | Malformed {
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
  if (parts.length !== 3) return malformed("expire has three parts");
  const [, lease, renewal] = parts;
  if (!isLeaseName(lease)) return malformed("expire lease");
  if (!isWhole(renewal, 1, Number.MAX_SAFE_INTEGER)) return malformed("expire renewal");
  return { type: "expire", lease: leaseId(lease), renewal };
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
