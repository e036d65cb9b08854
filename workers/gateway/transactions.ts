/**
 * Transactions as JSON: the body of `POST /txn`, read strictly into the store's own words, and what came of it, shown as
 * `/kv` shows keys. Every size is checked here, so that a client is told what is wrong instead of "not understood". Pure.
 */
import * as v from "valibot";
import { revision } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import { userKey, userRange } from "../../src/store/key-space.ts";
import { allOf } from "../../src/store/ranges.ts";
import { changesKeyTwice, prefixRange, sizeOf } from "../../src/store/transaction.ts";
import type { Compare, KeyRange, Transaction, TxnOperation, TxnResponse } from "../../src/store/transaction.ts";
import { shownEntry } from "./entries.ts";
import { bytesFrom, encodingSchema, invalid, keyFrom, leaseFrom, valueFrom, wholeSchema } from "./members.ts";
import { checkKeySize } from "./names.ts";
import { Problem } from "./problems.ts";

// --- the body ---

/** Which keys are meant: one, those under a prefix, or those from one (included) to another (not included). */
const rangeMembers = {
  key: v.optional(v.string()),
  prefix: v.optional(v.string()),
  from: v.optional(v.string()),
  to: v.optional(v.string()),
  keyEncoding: encodingSchema,
};

const relations = ["equal", "notEqual", "greater", "less"] as const;
type Relation = (typeof relations)[number];
const aspects = ["version", "created", "modified", "lease", "value"] as const;
type Aspect = (typeof aspects)[number];
/** What an aspect is compared with; which kind for which, the schema says. */
type Side = string | number | null;

const only = (names: readonly string[]): string => `takes exactly one of ${names.join(", ")}`;
const one = <T extends object>(names: readonly string[]) =>
  v.check<T, string>((object) => names.filter((name) => Object.hasOwn(object, name)).length === 1, only(names));

const against = <T>(operand: v.GenericSchema<unknown, T>) =>
  v.optional(
    v.pipe(
      v.strictObject({
        equal: v.optional(operand),
        notEqual: v.optional(operand),
        greater: v.optional(operand),
        less: v.optional(operand),
      }),
      one(relations),
    ),
  );

const compareSchema = v.pipe(
  v.strictObject({
    ...rangeMembers,
    version: against(wholeSchema(0)),
    created: against(wholeSchema(0)),
    modified: against(wholeSchema(0)),
    /** Null: no lease. */
    lease: against(v.nullable(v.string())),
    value: against(v.string()),
    encoding: encodingSchema,
  }),
  one(aspects),
);

const putSchema = v.strictObject({
  key: v.string(),
  keyEncoding: encodingSchema,
  value: v.optional(v.string()),
  encoding: encodingSchema,
  keepValue: v.optional(v.boolean(), false),
  lease: v.optional(v.string()),
  keepLease: v.optional(v.boolean(), false),
  previous: v.optional(v.boolean(), false),
});
const deleteSchema = v.strictObject({ ...rangeMembers, previous: v.optional(v.boolean(), false) });

const sortNames = { key: "key", version: "version", created: "create", modified: "mod", value: "value" } as const;
const getSchema = v.strictObject({
  ...rangeMembers,
  limit: v.optional(wholeSchema(1)),
  revision: v.optional(wholeSchema(1)),
  sort: v.optional(v.picklist(["key", "version", "created", "modified", "value"]), "key"),
  order: v.optional(v.picklist(["ascending", "descending"]), "ascending"),
  keysOnly: v.optional(v.boolean(), false),
  countOnly: v.optional(v.boolean(), false),
});

const kinds = ["put", "delete", "get", "txn"] as const;
type OperationBody = {
  put?: v.InferOutput<typeof putSchema> | undefined;
  delete?: v.InferOutput<typeof deleteSchema> | undefined;
  get?: v.InferOutput<typeof getSchema> | undefined;
  txn?: TransactionBody | undefined;
};
interface TransactionBody {
  if: v.InferOutput<typeof compareSchema>[];
  then: OperationBody[];
  else: OperationBody[];
}

const operationSchema: v.GenericSchema<unknown, OperationBody> = v.pipe(
  v.strictObject({
    put: v.optional(putSchema),
    delete: v.optional(deleteSchema),
    get: v.optional(getSchema),
    txn: v.optional(v.lazy(() => transactionBody)),
  }),
  one(kinds),
);

export const transactionBody: v.GenericSchema<unknown, TransactionBody> = v.pipe(
  // To Valibot a list without items is an object without members.
  v.custom<unknown>((value) => !Array.isArray(value), "must be an object"),
  v.strictObject({
    if: v.optional(v.array(compareSchema), []),
    // oxlint-disable-next-line unicorn/no-thenable -- a list, which nobody takes for a promise
    then: v.optional(v.array(operationSchema), []),
    else: v.optional(v.array(operationSchema), []),
  }),
);

// --- from the body ---

/** @throws {Problem} when it is too large, nests too deep, or might change a key twice. */
export function transactionIn(body: TransactionBody): Transaction {
  const transaction = transactionFrom(body, "");
  const { depth } = sizeOf(transaction);
  if (depth > limits.nativeTransactionDepth) {
    throw invalid("txn", `transactions nest at most ${limits.nativeTransactionDepth} deep, not ${depth}`);
  }
  const { compares, operations } = partsOf(transaction);
  const most = limits.transactionOperations;
  if (compares > most) throw invalid("if", `a transaction has at most ${most} comparisons, nested ones included`);
  if (operations > most) throw invalid("then", `a transaction has at most ${most} operations, nested ones included`);
  if (!changesKeyTwice(transaction)) return transaction;
  throw new Problem("duplicate-key", "a key would be put twice, or put and deleted");
}

function partsOf({ compares, success, failure }: Transaction): {
  readonly compares: number;
  readonly operations: number;
} {
  const parts = { compares: compares.length, operations: success.length + failure.length };
  for (const operation of [...success, ...failure]) {
    if (operation.type !== "txn") continue;
    const inner = partsOf(operation.transaction);
    parts.compares += inner.compares;
    parts.operations += inner.operations;
  }
  return parts;
}

const transactionFrom = (body: TransactionBody, at: string): Transaction => ({
  compares: body.if.map((compare, index) => compareFrom(compare, `${at}if.${index}`)),
  success: body.then.map((operation, index) => operationFrom(operation, `${at}then.${index}`)),
  failure: body.else.map((operation, index) => operationFrom(operation, `${at}else.${index}`)),
});

const results = { equal: "equal", notEqual: "not-equal", greater: "greater", less: "less" } as const;

function compareFrom(body: v.InferOutput<typeof compareSchema>, at: string): Compare {
  const range = rangeFrom(body, at);
  const aspect = aspects.find((name) => body[name] !== undefined);
  if (aspect === undefined) throw invalid(at, only(aspects));
  if (body.encoding !== undefined && aspect !== "value") throw invalid(at, "encoding is for values");
  const sides: Readonly<Partial<Record<Relation, Side | undefined>>> = body[aspect] ?? {};
  const relation = relations.find((name) => sides[name] !== undefined);
  const side = relation === undefined ? undefined : sides[relation];
  if (relation === undefined || side === undefined) throw invalid(at, only(relations));
  const place = `${at}.${aspect}.${relation}`;
  return { range, result: results[relation], operand: operandFrom(aspect, side, body.encoding, place) };
}

const numberTypes = { version: "version", created: "create", modified: "mod" } as const;

function operandFrom(aspect: Aspect, side: Side, encoding: "base64" | undefined, at: string): Compare["operand"] {
  switch (aspect) {
    case "value":
      return { type: "value", value: valueFrom(String(side), encoding, at) };
    case "lease":
      return { type: "lease", lease: side === null ? null : leaseFrom(String(side), at) };
    case "version":
    case "created":
    case "modified":
      return { type: numberTypes[aspect], number: Number(side) };
  }
}

function operationFrom(body: OperationBody, at: string): TxnOperation {
  if (body.put !== undefined) return putFrom(body.put, `${at}.put`);
  if (body.delete !== undefined) {
    return { type: "delete", range: rangeFrom(body.delete, `${at}.delete`), previous: body.delete.previous };
  }
  if (body.get !== undefined) return getFrom(body.get, `${at}.get`);
  if (body.txn !== undefined) return { type: "txn", transaction: transactionFrom(body.txn, `${at}.txn.`) };
  throw invalid(at, only(kinds));
}

function putFrom(body: v.InferOutput<typeof putSchema>, at: string): TxnOperation {
  const { keepValue, keepLease, previous } = body;
  if (keepValue === (body.value !== undefined)) throw invalid(at, "takes either a value or keepValue");
  if (keepValue && body.encoding !== undefined) throw invalid(at, "encoding is for values");
  if (keepLease && body.lease !== undefined) throw invalid(at, "takes either a lease or keepLease");
  const { stored: key } = keyFrom(body.key, body.keyEncoding, `${at}.key`);
  const value = body.value === undefined ? null : valueFrom(body.value, body.encoding, `${at}.value`);
  const lease = body.lease === undefined ? null : leaseFrom(body.lease, `${at}.lease`);
  return { type: "put", key, value, lease: keepLease ? "keep" : lease, previous };
}

function getFrom(body: v.InferOutput<typeof getSchema>, at: string): TxnOperation {
  const { limit = 0, keysOnly, countOnly } = body;
  if (countOnly && (keysOnly || limit > 0)) throw invalid(at, "countOnly goes with neither keysOnly nor limit");
  const query = {
    ...allOf(rangeFrom(body, at)),
    limit,
    revision: body.revision === undefined ? null : revision(body.revision),
    sort: { target: sortNames[body.sort], descending: body.order === "descending" },
    keysOnly,
    countOnly,
  };
  return { type: "range", query };
}

type RangeBody = Pick<v.InferOutput<typeof deleteSchema>, "key" | "prefix" | "from" | "to" | "keyEncoding">;

function rangeFrom({ key, prefix, from, to, keyEncoding }: RangeBody, at: string): KeyRange {
  const span = from !== undefined || to !== undefined;
  if ([key !== undefined, prefix !== undefined, span].filter(Boolean).length !== 1) {
    throw invalid(at, "takes a key, a prefix, or a range (from, to)");
  }
  if (key !== undefined) return { key: keyFrom(key, keyEncoding, `${at}.key`).stored, end: null };
  if (prefix !== undefined) {
    const bytes = bytesFrom(prefix, keyEncoding, `${at}.prefix`);
    checkKeySize(bytes, `${at}.prefix: a prefix`);
    return prefixRange(userKey(bytes));
  }
  const range = {
    key: from === undefined ? userRange.key : keyFrom(from, keyEncoding, `${at}.from`).stored,
    end: to === undefined ? userRange.end : keyFrom(to, keyEncoding, `${at}.to`).stored,
  };
  if (range.end > range.key) return range;
  throw invalid(at, "a range ends after it begins");
}

// --- what came of it ---

/** What each operation of the branch that was taken answers, in order, under the operation's own name. */
export const shownResponses = (
  transaction: Transaction,
  succeeded: boolean,
  responses: readonly TxnResponse[],
): readonly object[] => {
  const operations = succeeded ? transaction.success : transaction.failure;
  return responses.map((response, index) => shownResponse(operations[index], response));
};

function shownResponse(operation: TxnOperation | undefined, response: TxnResponse): object {
  const previous = operation !== undefined && "previous" in operation && operation.previous;
  switch (response.type) {
    case "put": {
      const before = response.previous === null ? null : shownEntry(response.previous);
      return { put: previous ? { previous: before } : {} };
    }
    case "delete": {
      const before = response.previous.map((entry) => shownEntry(entry));
      return { delete: { deleted: response.deleted, ...(previous ? { previous: before } : {}) } };
    }
    case "range": {
      const query = operation?.type === "range" ? operation.query : null;
      if (query?.countOnly === true) return { get: { count: response.count } };
      const keys = response.entries.map((entry) => shownEntry(entry, query?.keysOnly));
      return { get: { keys, count: response.count, more: response.more } };
    }
    case "txn": {
      const { succeeded } = response;
      const results =
        operation?.type === "txn" ? shownResponses(operation.transaction, succeeded, response.responses) : [];
      return { txn: { succeeded, results } };
    }
  }
}
