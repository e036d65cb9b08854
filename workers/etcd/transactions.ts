/**
 * `PutRequest`, `DeleteRangeRequest` and `TxnRequest`: read, checked in etcd's order, and turned into the store's words;
 * and what came of them, in etcd's. Pure.
 */
import { leaseId } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import { userKey } from "../../src/store/key-space.ts";
import { changesKeyTwice, sizeOf } from "../../src/store/transaction.ts";
import type { Compare, CompareResult, Transaction, TxnOperation, TxnResponse } from "../../src/store/transaction.ts";
import { keyValue, message } from "./answers.ts";
import { failing } from "./errors.ts";
import type { Enumeration, Message } from "./message.ts";
import { checkRange, rangeAnswer, rangeIn, rangeQuery, readRangeRequest } from "./ranges.ts";
import type { RangeRequest } from "./ranges.ts";

export interface PutRequest {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly lease: bigint;
  readonly previous: boolean;
  readonly keepValue: boolean;
  readonly keepLease: boolean;
}

export interface DeleteRequest {
  readonly key: Uint8Array;
  readonly end: Uint8Array;
  readonly previous: boolean;
}

interface CompareRequest {
  readonly key: Uint8Array;
  readonly compare: Compare | boolean;
}

export interface TxnRequest {
  readonly compares: readonly CompareRequest[];
  readonly success: readonly RequestOp[];
  readonly failure: readonly RequestOp[];
}

export type RequestOp =
  | { readonly type: "put"; readonly request: PutRequest }
  | { readonly type: "delete"; readonly request: DeleteRequest }
  | { readonly type: "range"; readonly request: RangeRequest }
  | { readonly type: "txn"; readonly request: TxnRequest }
  | { readonly type: "none" };

// --- reading ---

export const readPutRequest = (from: Message): PutRequest => ({
  key: from.bytes("key"),
  value: from.bytes("value"),
  lease: from.int64("lease"),
  previous: from.flag("prev_kv"),
  keepValue: from.flag("ignore_value"),
  keepLease: from.flag("ignore_lease"),
});

export const readDeleteRequest = (from: Message): DeleteRequest => ({
  key: from.bytes("key"),
  end: from.bytes("range_end"),
  previous: from.flag("prev_kv"),
});

export const readTxnRequest = (from: Message): TxnRequest => ({
  compares: from.messages("compare").map(readCompare),
  success: from.messages("success").map(readOperation),
  failure: from.messages("failure").map(readOperation),
});

function readOperation(from: Message): RequestOp {
  const range = from.message("request_range");
  if (range !== null) return { type: "range", request: readRangeRequest(range) };
  const put = from.message("request_put");
  if (put !== null) return { type: "put", request: readPutRequest(put) };
  const remove = from.message("request_delete_range");
  if (remove !== null) return { type: "delete", request: readDeleteRequest(remove) };
  const nested = from.message("request_txn");
  return nested === null ? { type: "none" } : { type: "txn", request: readTxnRequest(nested) };
}

const compareResults: Enumeration = {
  name: "etcdserverpb.Compare_CompareResult",
  values: ["EQUAL", "GREATER", "LESS", "NOT_EQUAL"],
};
const compareTargets: Enumeration = {
  name: "etcdserverpb.Compare_CompareTarget",
  values: ["VERSION", "CREATE", "MOD", "VALUE", "LEASE"],
};
const results: readonly CompareResult[] = ["equal", "greater", "less", "not-equal"];

function readCompare(from: Message): CompareRequest {
  const key = from.bytes("key");
  const range = rangeIn(key, from.bytes("range_end"));
  const result = results[from.choice("result", compareResults)];
  const operand = operandIn(from, from.choice("target", compareTargets));
  // What etcd does not know it takes for equal, and an unknown relation for true.
  if (result === undefined) return { key, compare: true };
  if (operand === "unknown") return { key, compare: result === "equal" };
  if (operand === "below-all") return { key, compare: result === "greater" || result === "not-equal" };
  return { key, compare: { range, result, operand } };
}

/** What is compared with, where it is named; otherwise 0 or no bytes, as in etcd. No lease has an id below zero. */
function operandIn(from: Message, target: number): Compare["operand"] | "below-all" | "unknown" {
  const [version, create, mod] = [from.count("version"), from.count("create_revision"), from.count("mod_revision")];
  const [lease, value] = [from.int64("lease"), from.bytes("value")];
  switch (target) {
    case 0:
      return { type: "version", number: version };
    case 1:
      return { type: "create", number: create };
    case 2:
      return { type: "mod", number: mod };
    case 3:
      return { type: "value", value };
    case 4:
      if (lease < 0n) return "below-all";
      return { type: "lease", lease: lease === 0n ? null : leaseId(String(lease)) };
    default:
      return "unknown";
  }
}

// --- checking: v3rpc/key.go ---

/** @throws {EtcdError} */
export function checkPut({ key, value, lease, keepValue, keepLease }: PutRequest): void {
  if (key.length === 0) throw failing.emptyKey();
  if (keepValue && value.length > 0) throw failing.valueProvided();
  if (keepLease && lease !== 0n) throw failing.leaseProvided();
}

/** @throws {EtcdError} */
export function checkDelete({ key }: DeleteRequest): void {
  if (key.length === 0) throw failing.emptyKey();
}

/** @param most operations of one branch, and comparisons: each level of nesting takes from what the one above left. */
function checkOperations({ compares, success, failure }: TxnRequest, most: number): void {
  const own = Math.max(compares.length, success.length, failure.length);
  if (own > most) throw failing.tooManyOperations();
  if (compares.some(({ key }) => key.length === 0)) throw failing.emptyKey();
  for (const operation of [...success, ...failure]) checkOperation(operation, most - own);
}

function checkOperation(operation: RequestOp, most: number): void {
  switch (operation.type) {
    case "range":
      return checkRange(operation.request);
    case "put":
      return checkPut(operation.request);
    case "delete":
      return checkDelete(operation.request);
    case "txn":
      return checkOperations(operation.request, most);
    case "none":
      throw failing.keyNotFound();
  }
}

/** @throws {EtcdError} when etcd, or the store, would not take it. */
export function checkedTransaction(request: TxnRequest): Transaction {
  checkOperations(request, limits.transactionOperations);
  const transaction = transactionOf(request);
  if (changesKeyTwice(transaction)) throw failing.duplicateKey();
  if (sizeOf(transaction).parts > limits.transactionParts) throw failing.tooManyOperations();
  checkStorable(transaction);
  return transaction;
}

/** What the store has no room for. etcd bounds whole requests only. @throws {EtcdError} */
function checkStorable({ success, failure }: Transaction): void {
  for (const operation of [...success, ...failure]) {
    if (operation.type === "txn") checkStorable(operation.transaction);
    if (operation.type !== "put") continue;
    // The byte that names the space comes on top.
    if (operation.key.length > limits.keyBytes + 1) throw failing.keyTooLong();
    if ((operation.value?.length ?? 0) > limits.valueBytes) throw failing.requestTooLarge();
  }
}

// --- in the store's words ---

const noBytes = new Uint8Array(0);
/** A comparison that holds, and one that never does: the empty key does not exist. */
const always: Compare = {
  range: rangeIn(noBytes, noBytes),
  result: "equal",
  operand: { type: "version", number: 0 },
};
const never: Compare = { ...always, result: "not-equal" };

const compareOf = ({ compare }: CompareRequest): Compare => {
  if (compare === true) return always;
  return compare === false ? never : compare;
};

const transactionOf = ({ compares, success, failure }: TxnRequest): Transaction => ({
  compares: compares.map(compareOf),
  success: success.map(operationOf),
  failure: failure.map(operationOf),
});

function operationOf(operation: RequestOp): TxnOperation {
  switch (operation.type) {
    case "put":
      return putOperation(operation.request);
    case "delete":
      return deleteOperation(operation.request);
    case "range":
      return { type: "range", query: rangeQuery(operation.request) };
    case "txn":
      return { type: "txn", transaction: transactionOf(operation.request) };
    case "none":
      throw failing.keyNotFound();
  }
}

function putOperation({ key, value, lease, previous, keepValue, keepLease }: PutRequest): TxnOperation {
  const tie = lease === 0n ? null : leaseId(String(lease));
  return {
    type: "put",
    key: userKey(key),
    value: keepValue ? null : value,
    lease: keepLease ? "keep" : tie,
    previous,
  };
}

const deleteOperation = ({ key, end, previous }: DeleteRequest): TxnOperation => ({
  type: "delete",
  range: rangeIn(key, end),
  previous,
});

// --- what came of it ---

const changes = (response: TxnResponse): boolean => {
  if (response.type === "put") return true;
  if (response.type === "delete") return response.deleted > 0;
  return response.type === "txn" && response.responses.some(changes);
};

/** The revision that each part of the answer stands at: the new one from the first change on. */
class Standing {
  readonly #after: number;
  readonly #before: number;
  #changed = false;

  constructor(after: number, responses: readonly TxnResponse[]) {
    this.#after = after;
    this.#before = responses.some(changes) ? after - 1 : after;
  }

  header(response: TxnResponse): object {
    this.#changed ||= changes(response);
    return { revision: String(this.#changed ? this.#after : this.#before) };
  }
}

/** @param after the store's revision once all was carried out. */
export const txnAnswers = (
  request: TxnRequest,
  succeeded: boolean,
  responses: readonly TxnResponse[],
  after: number,
): readonly object[] => answersOf(request, succeeded, responses, new Standing(after, responses));

function answersOf(
  { success, failure }: TxnRequest,
  succeeded: boolean,
  responses: readonly TxnResponse[],
  standing: Standing,
): readonly object[] {
  const operations = succeeded ? success : failure;
  return responses.map((response, index) => answerOf(operations[index], response, standing));
}

function answerOf(operation: RequestOp | undefined, response: TxnResponse, standing: Standing): object {
  switch (response.type) {
    case "put":
      return { response_put: putAnswer(response, standing.header(response)) };
    case "delete":
      return { response_delete_range: deleteAnswer(response, standing.header(response)) };
    case "range": {
      if (operation?.type !== "range") return {};
      return { response_range: rangeAnswer(operation.request, response, standing.header(response)) };
    }
    case "txn": {
      if (operation?.type !== "txn") return {};
      const { succeeded } = response;
      const responses = answersOf(operation.request, succeeded, response.responses, standing);
      return { response_txn: message({ header: {}, succeeded, responses }) };
    }
  }
}

export const putAnswer = ({ previous }: Extract<TxnResponse, { type: "put" }>, header: object): object =>
  message({ header, prev_kv: previous === null ? null : keyValue(previous) });

export const deleteAnswer = (response: Extract<TxnResponse, { type: "delete" }>, header: object): object =>
  message({ header, deleted: String(response.deleted), prev_kvs: response.previous.map(keyValue) });
