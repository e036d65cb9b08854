/**
 * Transactions, range queries and what they answer, as short JSON arrays: inside commands, outcomes and messages. Reading
 * is strict, because the text may come from elsewhere; every size that an apply depends on is checked here.
 */
import { assertNever } from "../support/assert.ts";
import { leaseId, revision } from "../support/brand.ts";
import type { ByteString } from "../support/brand.ts";
import { unpackBytes } from "../support/bytes.ts";
import { limits } from "../support/limits.ts";
import type { Entry } from "./command.ts";
import { isList, isText, isTuple, isWhole, packValue } from "./json-shape.ts";
import { isLeaseName, isRangeEnd, isStoredKey } from "./stored-names.ts";
import { changesKeyTwice, sizeOf } from "./transaction.ts";
import type {
  Compare,
  KeyRange,
  RangeQuery,
  RangeResult,
  SortTarget,
  Transaction,
  TxnOperation,
  TxnResponse,
} from "./transaction.ts";

const whole = (value: unknown): value is number => isWhole(value, 0, Number.MAX_SAFE_INTEGER);
const flag = (value: unknown): value is 0 | 1 => value === 0 || value === 1;
const one = (value: boolean): 0 | 1 => (value ? 1 : 0);

/** Every item read, or null when one cannot be. */
function readAll<T>(value: unknown, read: (item: unknown) => T | null): readonly T[] | null {
  if (!isList(value)) return null;
  const items: T[] = [];
  for (const item of value) {
    const got = read(item);
    if (got === null) return null;
    items.push(got);
  }
  return items;
}

// --- ranges ---

export const packRange = ({ key, end }: KeyRange): readonly unknown[] => [key, end];

export function readRange(value: unknown): KeyRange | null {
  if (!isTuple(value, 2)) return null;
  const [key, end] = value;
  if (!isStoredKey(key) || (end !== null && !isRangeEnd(end))) return null;
  return { key, end };
}

const sortTargets: readonly SortTarget[] = ["key", "version", "create", "mod", "value"];

export const packRangeQuery = (query: RangeQuery): readonly unknown[] => [
  ...packRange(query.range),
  query.limit,
  query.revision,
  sortTargets.indexOf(query.sort.target),
  one(query.sort.descending),
  one(query.keysOnly),
  one(query.countOnly),
  query.minMod,
  query.maxMod,
  query.minCreate,
  query.maxCreate,
];

export function readRangeQuery(value: unknown): RangeQuery | null {
  if (!isTuple(value, 12)) return null;
  const [key, end, limit, at, target, descending, keysOnly, countOnly, ...bounds] = value;
  const range = readRange([key, end]);
  const [minMod, maxMod, minCreate, maxCreate] = bounds;
  const sortTarget = isWhole(target, 0, sortTargets.length - 1) ? sortTargets[target] : undefined;
  if (range === null || !whole(limit) || (at !== null && !whole(at)) || sortTarget === undefined) return null;
  if (!flag(descending) || !flag(keysOnly) || !flag(countOnly)) return null;
  if (!whole(minMod) || !whole(maxMod) || !whole(minCreate) || !whole(maxCreate)) return null;
  return {
    range,
    limit,
    revision: at === null ? null : revision(at),
    sort: { target: sortTarget, descending: descending === 1 },
    keysOnly: keysOnly === 1,
    countOnly: countOnly === 1,
    minMod,
    maxMod,
    minCreate,
    maxCreate,
  };
}

// --- transactions ---

export const packTransaction = ({ compares, success, failure }: Transaction): readonly unknown[] => [
  compares.map(packCompare),
  success.map(packOperation),
  failure.map(packOperation),
];

/** @returns null also for one that is too large, too deep, or may change a key twice. */
export function readTransaction(value: unknown): Transaction | null {
  const transaction = readNested(value, 1);
  if (transaction === null || changesKeyTwice(transaction)) return null;
  return sizeOf(transaction).parts > limits.transactionParts ? null : transaction;
}

function readNested(value: unknown, depth: number): Transaction | null {
  if (!isTuple(value, 3) || depth > limits.transactionDepth) return null;
  const compares = readAll(value[0], readCompare);
  const success = readAll(value[1], (item) => readOperation(item, depth));
  const failure = readAll(value[2], (item) => readOperation(item, depth));
  return compares === null || success === null || failure === null ? null : { compares, success, failure };
}

const results = ["equal", "not-equal", "greater", "less"] as const;

function packCompare({ range, result, operand }: Compare): readonly unknown[] {
  const head = [...packRange(range), results.indexOf(result), operand.type];
  switch (operand.type) {
    case "version":
    case "create":
    case "mod":
      return [...head, operand.number];
    case "lease":
      return [...head, operand.lease];
    case "value":
      return [...head, packValue(operand.value)];
    default:
      return assertNever(operand, "operand");
  }
}

function readCompare(value: unknown): Compare | null {
  if (!isTuple(value, 5)) return null;
  const [key, end, resultAt, type, against] = value;
  const range = readRange([key, end]);
  const result = isWhole(resultAt, 0, results.length - 1) ? results[resultAt] : undefined;
  const operand = readOperand(type, against);
  return range === null || result === undefined || operand === null ? null : { range, result, operand };
}

function readOperand(type: unknown, against: unknown): Compare["operand"] | null {
  switch (type) {
    case "version":
    case "create":
    case "mod":
      return isWhole(against, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER) ? { type, number: against } : null;
    case "lease":
      if (against === null) return { type, lease: null };
      return isLeaseName(against) ? { type, lease: leaseId(against) } : null;
    case "value": {
      const value = typeof against === "string" ? unpackBytes(against) : null;
      return value === null ? null : { type, value };
    }
    default:
      return null;
  }
}

function packOperation(operation: TxnOperation): readonly unknown[] {
  switch (operation.type) {
    case "put": {
      const { key, value, lease, previous } = operation;
      // No lease is called "": that stands for keeping the one there is.
      return ["p", key, value === null ? null : packValue(value), lease === "keep" ? "" : lease, one(previous)];
    }
    case "delete":
      return ["d", ...packRange(operation.range), one(operation.previous)];
    case "range":
      return ["r", packRangeQuery(operation.query)];
    case "txn":
      return ["t", packTransaction(operation.transaction)];
    default:
      return assertNever(operation, "operation of a transaction");
  }
}

function readOperation(value: unknown, depth: number): TxnOperation | null {
  if (!isList(value)) return null;
  switch (value[0]) {
    case "p":
      return readPut(value);
    case "d":
      return readDelete(value);
    case "r": {
      const query = isTuple(value, 2) ? readRangeQuery(value[1]) : null;
      return query === null ? null : { type: "range", query };
    }
    case "t": {
      const transaction = isTuple(value, 2) ? readNested(value[1], depth + 1) : null;
      return transaction === null ? null : { type: "txn", transaction };
    }
    default:
      return null;
  }
}

function readPut(parts: readonly unknown[]): TxnOperation | null {
  if (!isTuple(parts, 5)) return null;
  const [, key, packed, tie, previous] = parts;
  if (!isStoredKey(key) || !flag(previous)) return null;
  const value = typeof packed === "string" ? unpackBytes(packed) : null;
  if ((value === null) !== (packed === null) || (value !== null && value.length > limits.storedValueBytes)) return null;
  if (tie !== null && tie !== "" && !isLeaseName(tie)) return null;
  const lease = tie === null ? null : tie === "" ? "keep" : leaseId(tie);
  return { type: "put", key, value, lease, previous: previous === 1 };
}

function readDelete(parts: readonly unknown[]): TxnOperation | null {
  if (!isTuple(parts, 4)) return null;
  const [, key, end, previous] = parts;
  const range = readRange([key, end]);
  return range === null || !flag(previous) ? null : { type: "delete", range, previous: previous === 1 };
}

// --- what they answer ---

export const packEntry = (e: Entry): readonly unknown[] => [
  e.key,
  packValue(e.value),
  e.createRevision,
  e.modRevision,
  e.version,
  e.lease,
];

export function readEntry(value: unknown): Entry | null {
  if (!isTuple(value, 6)) return null;
  const [key, packed, created, mod, version, lease] = value;
  const bytes = typeof packed === "string" ? unpackBytes(packed) : null;
  if (!isStoredKey(key) || bytes === null || !whole(created) || !whole(mod) || !whole(version)) return null;
  if (lease !== null && !isLeaseName(lease)) return null;
  return {
    key: key as ByteString,
    value: bytes,
    createRevision: revision(created),
    modRevision: revision(mod),
    version,
    lease: lease === null ? null : leaseId(lease),
  };
}

export const packRangeResult = ({ entries, more, count }: RangeResult): readonly unknown[] => [
  entries.map(packEntry),
  one(more),
  count,
];

export function readRangeResult(value: unknown): RangeResult | null {
  if (!isTuple(value, 3)) return null;
  const entries = readAll(value[0], readEntry);
  const [, more, count] = value;
  return entries === null || !flag(more) || !whole(count) ? null : { entries, more: more === 1, count };
}

export function packResponse(response: TxnResponse): readonly unknown[] {
  switch (response.type) {
    case "put":
      return ["p", response.previous === null ? null : packEntry(response.previous)];
    case "delete":
      return ["d", response.deleted, response.previous.map(packEntry)];
    case "range":
      return ["r", packRangeResult(response)];
    case "txn":
      return ["t", one(response.succeeded), response.responses.map(packResponse)];
    default:
      return assertNever(response, "response");
  }
}

export const readResponses = (value: unknown): readonly TxnResponse[] | null => readAll(value, readResponse);

function readResponse(value: unknown): TxnResponse | null {
  if (!isList(value)) return null;
  switch (value[0]) {
    case "p": {
      const previous = value[1] === null ? null : readEntry(value[1]);
      return value.length !== 2 || (previous === null) !== (value[1] === null) ? null : { type: "put", previous };
    }
    case "d": {
      const previous = readAll(value[2], readEntry);
      return value.length !== 3 || previous === null || !whole(value[1])
        ? null
        : { type: "delete", deleted: value[1], previous };
    }
    case "r": {
      const result = value.length === 2 ? readRangeResult(value[1]) : null;
      return result === null ? null : { type: "range", ...result };
    }
    case "t": {
      const responses = readResponses(value[2]);
      return value.length !== 3 || responses === null || !flag(value[1])
        ? null
        : { type: "txn", succeeded: value[1] === 1, responses };
    }
    default:
      return null;
  }
}

/** A short text among those that are known. */
export const isOneOf = <T extends string>(value: unknown, known: readonly T[]): value is T =>
  isText(value, 64) && (known as readonly string[]).includes(value);
