/** Messages between the gateway and a replica, as text. Upholds W1. */
import * as v from "valibot";
import { leaseId, logTime } from "../support/brand.ts";
import { limits } from "../support/limits.ts";
import type { ClientReply, ClientRequest, QueryResult, ReadRequest, WriteRequest } from "../replica/messages.ts";
import { encodeCommand } from "../store/command-codec.ts";
import type { EventQuery, StoreEvent } from "../store/events.ts";
import { packOutcome, refusals } from "../store/outcome-codec.ts";
import {
  packEntry,
  packRange,
  packRangeQuery,
  packRangeResult,
  packResponse,
  packTransaction,
  readEntry,
  readRange,
  readRangeQuery,
  readRangeResult,
  readResponses,
  readTransaction,
} from "../store/transaction-codec.ts";
import {
  byteStringSchema,
  decode,
  encode,
  envelope,
  name,
  outcomeSchema,
  readBy,
  regionSchema,
  revisionSchema,
  slotSchema,
  text,
  whole,
} from "./envelope.ts";
import type { Decoded } from "./envelope.ts";
import { listOf, readWrite, usualReply, usualRequest } from "./usual.ts";
import { packRegistryQuery, packRegistryResult, registryQueries, registryResults } from "./registry-codec.ts";

const consistency = v.variant("type", [
  v.strictObject({ type: v.literal("linearizable") }),
  v.strictObject({ type: v.literal("session"), atLeast: revisionSchema }),
  v.strictObject({ type: v.literal("local"), maxAgeMs: v.nullable(whole) }),
]);
const leaseSchema = v.pipe(text(4096), v.minLength(1), v.transform(leaseId));
const pageCount = v.pipe(whole, v.maxValue(limits.deletedKeys));
const pageLimit = v.pipe(whole, v.minValue(1), v.maxValue(limits.pageKeys));

const query = v.variant("type", [
  v.strictObject({ type: v.literal("get"), key: byteStringSchema }),
  v.strictObject({
    type: v.literal("list"),
    prefix: byteStringSchema,
    after: v.nullable(byteStringSchema),
    limit: pageLimit,
    revision: v.nullable(revisionSchema),
  }),
  v.strictObject({
    type: v.literal("range"),
    range: readBy(readRangeQuery, "a range"),
    place: v.strictObject({ after: v.nullable(byteStringSchema), skip: whole }),
  }),
  v.strictObject({ type: v.literal("transaction"), transaction: readBy(readTransaction, "a transaction") }),
  v.strictObject({ type: v.literal("lease"), lease: leaseSchema, keys: pageCount }),
  v.strictObject({ type: v.literal("leases"), after: text(4096), limit: pageLimit }),
  v.strictObject({
    type: v.literal("last-changes"),
    ranges: v.pipe(v.array(readBy(readRange, "a range")), v.maxLength(limits.pageKeys)),
  }),
  ...registryQueries,
]);

const writeSchema = v.strictObject({ type: v.literal("write"), command: readBy(readWrite, "a command") });
const readSchema = v.strictObject({ type: v.literal("read"), consistency, query });

/** Where events go on. */
const eventPlace = v.strictObject({ revision: revisionSchema, index: whole });
const watchSchema = v.strictObject({
  type: v.literal("watch"),
  query: v.strictObject({
    range: readBy(readRange, "a range"),
    also: v.exactOptional(
      v.pipe(v.array(readBy(readRange, "a range")), v.minLength(1), v.maxLength(limits.watchRanges)),
    ),
    from: eventPlace,
    puts: v.boolean(),
    deletes: v.boolean(),
    previous: v.boolean(),
  }),
  maxBytes: v.pipe(whole, v.minValue(1), v.maxValue(limits.watchBytes)),
  waitMs: v.pipe(whole, v.maxValue(limits.watchWaitMs)),
});

const single = v.variant("type", [writeSchema, readSchema]);
const unpackSingle = (request: v.InferOutput<typeof single>): WriteRequest | ReadRequest =>
  request.type === "write" ? request.command : request;

const requestSchema = v.pipe(
  v.variant("type", [
    writeSchema,
    readSchema,
    watchSchema,
    v.strictObject({
      type: v.literal("batch"),
      requests: v.pipe(
        listOf(usualRequest, v.pipe(single, v.transform(unpackSingle))),
        v.minLength(1),
        v.maxLength(limits.batchCommands),
      ),
    }),
    v.strictObject({ type: v.literal("status"), digest: v.boolean() }),
  ]),
  v.transform((request): ClientRequest => (request.type === "write" ? request.command : request)),
);

export const encodeClientRequest = (request: ClientRequest): string => encode(packRequest(request));

/** A request without its envelope, for `clientMessage`. */
export const encodeClientBody = (request: ClientRequest): string => JSON.stringify(packRequest(request));

/** The message that asks for one thing, or for several writes and reads at once: then it is a batch. */
export function clientMessage(bodies: readonly string[]): string {
  const [only] = bodies;
  return bodies.length === 1 && only !== undefined
    ? envelope(only)
    : envelope(`{"type":"batch","requests":[${bodies.join()}]}`);
}

function packRequest(request: ClientRequest): object {
  switch (request.type) {
    case "write": {
      const { type, ...rest } = request;
      return { type, command: encodeCommand({ ...rest, deadline: rest.deadline ?? logTime(0) }) };
    }
    case "read":
      return { ...request, query: packQuery(request.query) };
    case "watch":
      return { ...request, query: packEventQuery(request.query) };
    case "batch":
      return { ...request, requests: request.requests.map(packRequest) };
    case "status":
      return request;
  }
}

const packEventQuery = (query: EventQuery): object => ({
  ...query,
  range: packRange(query.range),
  ...(query.also === undefined ? {} : { also: query.also.map(packRange) }),
});

function packQuery(query: ReadRequest["query"]): object {
  if (query.type === "range") return { ...query, range: packRangeQuery(query.range) };
  if (query.type === "transaction") return { ...query, transaction: packTransaction(query.transaction) };
  if (query.type === "last-changes") return { ...query, ranges: query.ranges.map(packRange) };
  const isRegistry = query.type === "instances" || query.type === "services" || query.type === "node";
  return isRegistry ? packRegistryQuery(query) : query;
}

export const decodeClientRequest = (message: unknown): Decoded<ClientRequest> => decode(requestSchema, message);

const entry = readBy(readEntry, "an entry");
const event = v.pipe(
  v.strictTuple([v.picklist(["put", "delete"]), entry, v.nullable(entry)]),
  v.transform(([type, after, previous]): StoreEvent => ({ type, entry: after, previous })),
);
const leaseState = v.strictObject({ id: leaseSchema, ttlMs: whole, remainingMs: whole, granted: v.boolean() });

const result = v.variant("type", [
  v.strictObject({ type: v.literal("entry"), entry: v.nullable(entry) }),
  v.strictObject({ type: v.literal("page"), entries: v.array(entry), more: v.boolean(), revision: revisionSchema }),
  v.strictObject({ type: v.literal("compacted"), compactedRevision: revisionSchema }),
  v.strictObject({ type: v.literal("future") }),
  v.strictObject({
    type: v.literal("range"),
    range: readBy(readRangeResult, "a range's result"),
    revision: revisionSchema,
  }),
  v.strictObject({
    type: v.literal("transaction"),
    succeeded: v.boolean(),
    responses: readBy(readResponses, "a transaction's answers"),
  }),
  v.strictObject({ type: v.literal("refused"), why: v.picklist(refusals), compactedRevision: revisionSchema }),
  v.strictObject({ type: v.literal("lease"), lease: v.nullable(leaseState), keys: v.array(byteStringSchema) }),
  v.strictObject({ type: v.literal("leases"), leases: v.array(leaseState), more: v.boolean() }),
  v.strictObject({ type: v.literal("last-changes"), revisions: v.array(revisionSchema) }),
  v.strictObject({ type: v.literal("events"), events: v.array(event), next: eventPlace }),
  ...registryResults,
]);

const failure = v.picklist([
  "no-quorum",
  "deadline-passed",
  "overloaded",
  "too-large",
  "too-stale",
  "catching-up",
  "too-many-watches",
  "revision-in-future",
  "wrong-regions",
  "founding-incomplete",
  "founding-conflict",
  "unknown-semantics",
]);

const status = v.strictObject({
  region: regionSchema,
  applied: slotSchema,
  revision: revisionSchema,
  logTime: whole,
  firstKept: slotSchema,
  leading: v.boolean(),
  leader: v.nullable(regionSchema),
  waiting: whole,
  halted: v.nullable(text(1024)),
  digest: v.nullable(name),
});

const singleReply = [
  v.strictObject({ type: v.literal("outcome"), outcome: outcomeSchema, revision: revisionSchema }),
  v.strictObject({ type: v.literal("result"), result, revision: revisionSchema, ageMs: v.nullable(whole) }),
  v.strictObject({ type: v.literal("status"), status }),
  v.strictObject({
    type: v.literal("failed"),
    failure,
    outcome: v.picklist(["not-applied", "unknown"]),
    detail: text(1024),
  }),
] as const;
const replySchema = v.variant("type", [
  ...singleReply,
  v.strictObject({ type: v.literal("batch"), replies: listOf(usualReply, v.variant("type", singleReply)) }),
]);

function packResult(answer: QueryResult): object {
  switch (answer.type) {
    case "entry":
      return { ...answer, entry: answer.entry === null ? null : packEntry(answer.entry) };
    case "page":
      return { ...answer, entries: answer.entries.map(packEntry) };
    case "range":
      return { ...answer, range: packRangeResult(answer.range) };
    case "transaction":
      return { ...answer, responses: answer.responses.map(packResponse) };
    case "events":
      return { ...answer, events: answer.events.map(packEvent) };
    case "compacted":
    case "future":
    case "refused":
    case "lease":
    case "leases":
    case "last-changes":
      return answer;
    default:
      return packRegistryResult(answer);
  }
}

const packEvent = ({ type, entry: after, previous }: StoreEvent) => [
  type,
  packEntry(after),
  previous === null ? null : packEntry(previous),
];

export const encodeClientReply = (reply: ClientReply): string => encode(packReply(reply));

function packReply(reply: ClientReply): object {
  switch (reply.type) {
    case "outcome":
      return { ...reply, outcome: packOutcome(reply.outcome) };
    case "result":
      return { ...reply, result: packResult(reply.result) };
    case "batch":
      return { ...reply, replies: reply.replies.map(packReply) };
    case "status":
    case "failed":
      return reply;
  }
}
export const decodeClientReply = (message: unknown): Decoded<ClientReply> => decode(replySchema, message);
