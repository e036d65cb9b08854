/** The service `KV`: ranges, puts, deletions, transactions, compaction. */
import { assert } from "../../src/support/assert.ts";
import { leaseId, revision } from "../../src/support/brand.ts";
import type { Revision } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import type { Consistency } from "../../src/replica/messages.ts";
import type { Entry } from "../../src/store/command.ts";
import { inKeyOrder, rangeStart } from "../../src/store/ranges.ts";
import type { RangePlace } from "../../src/store/ranges.ts";
import { onlyReads, readsThePast } from "../../src/store/transaction.ts";
import type { RangeQuery, RangeResult, Transaction, TxnResponse } from "../../src/store/transaction.ts";
import { Problem } from "../gateway/problems.ts";
import { read } from "../gateway/reads.ts";
import type { Visit } from "../gateway/visit.ts";
import { header, message, regionIn } from "./answers.ts";
import { consistencyOf, writeOnce } from "./calls.ts";
import type { Call } from "./calls.ts";
import { failing } from "./errors.ts";
import type { Message } from "./message.ts";
import { checkRange, rangeAnswer, rangeQuery, readRangeRequest } from "./ranges.ts";
import {
  checkDelete,
  checkedTransaction,
  checkPut,
  deleteAnswer,
  putAnswer,
  readDeleteRequest,
  readPutRequest,
  readTxnRequest,
  txnAnswers,
} from "./transactions.ts";
import type { RequestOp, TxnRequest } from "./transactions.ts";

// --- ranges ---

export async function range({ visit }: Call, from: Message): Promise<object> {
  const request = readRangeRequest(from);
  checkRange(request);
  const found = await readRange(visit, consistencyOf(request.serializable), rangeQuery(request));
  return rangeAnswer(request, found.result, header(visit, found.region, found.revision));
}

export interface FoundRange {
  readonly result: RangeResult;
  /** The store's at the replica that answered first. */
  readonly revision: Revision;
  readonly region: string;
}

/** A whole range, read page by page at one revision. @throws {EtcdError} when it is too large for one answer. */
export async function readRange(visit: Visit, consistency: Consistency, query: RangeQuery): Promise<FoundRange> {
  const first = await readPage(visit, consistency, query, rangeStart);
  const entries: Entry[] = [...first.range.entries];
  let { more } = first.range;
  let bytes = sizeOf(entries);
  // Later pages belong to the revision of the first: whoever is that far will do.
  const later = { type: "session", atLeast: first.at } as const;
  while (more && (query.limit === 0 || entries.length < query.limit)) {
    const left = query.limit === 0 ? 0 : query.limit - entries.length;
    const page = await readPage(
      visit,
      later,
      { ...query, revision: first.at, limit: left },
      placeAfter(query, entries),
    );
    entries.push(...page.range.entries);
    ({ more } = page.range);
    bytes += sizeOf(page.range.entries);
    if (bytes > limits.etcdAnswerBytes) throw failing.messageTooLarge(limits.etcdAnswerBytes);
  }
  return { result: { entries, more, count: first.range.count }, revision: first.revision, region: first.region };
}

function placeAfter(query: RangeQuery, entries: readonly Entry[]): RangePlace {
  return inKeyOrder(query) ? { after: entries.at(-1)?.key ?? null, skip: 0 } : { after: null, skip: entries.length };
}

const sizeOf = (entries: readonly Entry[]): number =>
  entries.reduce((sum, { key, value }) => sum + key.length + value.length, 0);

async function readPage(visit: Visit, consistency: Consistency, query: RangeQuery, place: RangePlace) {
  const asked = { type: "range", range: query, place } as const;
  const { result, revision: at, headers } = await read(visit, consistency, asked, "range");
  return { range: result.range, at: result.revision, revision: at, region: regionIn(headers) };
}

// --- puts and deletions: transactions of one operation ---

export async function put(call: Call, from: Message): Promise<object> {
  const request = readPutRequest(from);
  checkPut(request);
  const { response, shown } = await changeOnce(call, { type: "put", request }).catch(async (error: unknown) => {
    // etcd looks for the lease of a lone put first.
    const absent = error instanceof Problem && error.code === "key-not-found";
    if (absent && request.lease !== 0n && !(await leaseExists(call.visit, request.lease)))
      throw failing.leaseNotFound();
    throw error;
  });
  assert(response.type === "put", "a put is answered as one");
  return putAnswer(response, shown);
}

async function leaseExists(visit: Visit, lease: bigint): Promise<boolean> {
  const asked = { type: "lease", lease: leaseId(String(lease)), keys: 0 } as const;
  return (await read(visit, { type: "linearizable" }, asked, "lease")).result.lease !== null;
}

export async function deleteRange(call: Call, from: Message): Promise<object> {
  const request = readDeleteRequest(from);
  checkDelete(request);
  const { response, shown } = await changeOnce(call, { type: "delete", request });
  assert(response.type === "delete", "a deletion is answered as one");
  return deleteAnswer(response, shown);
}

async function changeOnce(call: Call, operation: RequestOp) {
  const transaction = checkedTransaction({ compares: [], success: [operation], failure: [] });
  const { responses, after, region } = await transact(call, transaction);
  const [response] = responses;
  assert(response !== undefined, "one operation is answered once");
  return { response, shown: header(call.visit, region, after) };
}

// --- transactions ---

export async function txn(call: Call, from: Message): Promise<object> {
  const request = readTxnRequest(from);
  const transaction = checkedTransaction(request);
  if (namesPastBeforeAll(request)) throw failing.compacted();
  const { succeeded, responses, after, region } = onlyReads(transaction)
    ? await lookUp(call, request, transaction)
    : await transact(call, transaction);
  const answers = txnAnswers(request, succeeded, responses, after);
  return message({ header: header(call.visit, region, after), succeeded, responses: answers });
}

interface Transacted {
  readonly succeeded: boolean;
  readonly responses: readonly TxnResponse[];
  /** The store's revision after it. */
  readonly after: number;
  readonly region: string;
}

async function lookUp({ visit }: Call, request: TxnRequest, transaction: Transaction): Promise<Transacted> {
  const consistency = consistencyOf(allSerializable(request));
  const asked = { type: "transaction", transaction } as const;
  const { result, revision: after, headers } = await read(visit, consistency, asked, "transaction");
  return { succeeded: result.succeeded, responses: result.responses, after, region: regionIn(headers) };
}

async function transact(call: Call, transaction: Transaction): Promise<Transacted> {
  // V4: what a command is answered follows from the log alone, and replicas keep different pasts.
  if (readsThePast(transaction)) throw failing.unsupported("a transaction that writes and reads at a revision");
  const { outcome, headers } = await writeOnce(call, { type: "txn", transaction }, "txn");
  const { succeeded, responses, revision: after } = outcome;
  if (responses !== null) return { succeeded, responses, after, region: regionIn(headers) };
  throw new Problem("result-forgotten", "carried out once before; the answer was too large to keep");
}

const operationsOf = ({ success, failure }: TxnRequest): readonly RequestOp[] => [...success, ...failure];

const allSerializable = (request: TxnRequest): boolean =>
  operationsOf(request).every((one) => one.type === "range" && one.request.serializable);

/** In a transaction, unlike in a range, a revision below zero is one that has been compacted. */
const namesPastBeforeAll = (request: TxnRequest): boolean =>
  operationsOf(request).some(
    (one) =>
      (one.type === "range" && one.request.revision < 0) || (one.type === "txn" && namesPastBeforeAll(one.request)),
  );

// --- compaction ---

export async function compact(call: Call, from: Message): Promise<object> {
  const at = from.count("revision");
  from.flag("physical");
  // Nothing lies below the first revision.
  if (at <= 0) throw failing.compacted();
  const { outcome, headers } = await writeOnce(call, { type: "compact", revision: revision(at) }, "compacted");
  return { header: header(call.visit, regionIn(headers), outcome.revision) };
}
