/** The door to batches: `POST /batch`. Up to a thousand operations in one request, each by itself: no transaction. */
import type { Context } from "hono";
import * as v from "valibot";
import { revision } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import type { Consistency, ReadRequest, WriteRequest } from "../../src/replica/messages.ts";
import type { Condition, Guard, Operation } from "../../src/store/command.ts";
import { askBatch } from "../gateway/batches.ts";
import type { Part } from "../gateway/batches.ts";
import { jsonBodyOf } from "../gateway/bodies.ts";
import { describeCondition, refuseConditions } from "../gateway/conditions.ts";
import { shownDeletion, shownEntry, shownPut } from "../gateway/entries.ts";
import { guardIn } from "../gateway/guards.ts";
import { idempotencyKey, partIdentity, refuseOrder } from "../gateway/identity.ts";
import { encodingSchema, keyFrom, leaseFrom, valueFrom, wholeSchema } from "../gateway/members.ts";
import { resource } from "../gateway/methods.ts";
import type { App } from "../gateway/methods.ts";
import type { NamedKey } from "../gateway/names.ts";
import { Problem, problemDocument, problemOf } from "../gateway/problems.ts";
import { Query } from "../gateway/query.ts";
import { consistencyIn, consistencyParameters, found } from "../gateway/reads.ts";
import type { GatewayEnv } from "../gateway/arrival.ts";
import { carried, writeRequest } from "../gateway/writes.ts";

type Door = Context<GatewayEnv>;

const keyMembers = { key: v.string(), keyEncoding: encodingSchema };
const conditionSchema = v.optional(
  v.union(
    [v.picklist(["absent", "present"]), v.strictObject({ modRevision: wholeSchema(1) })],
    `must be "absent", "present" or {"modRevision": <revision>}`,
  ),
);
const kinds = ["put", "get", "delete"] as const;
const operationSchema = v.pipe(
  v.strictObject({
    put: v.optional(
      v.strictObject({
        ...keyMembers,
        value: v.string(),
        encoding: encodingSchema,
        lease: v.optional(v.string()),
        if: conditionSchema,
      }),
    ),
    get: v.optional(v.strictObject(keyMembers)),
    delete: v.optional(v.strictObject({ ...keyMembers, if: conditionSchema })),
  }),
  v.check((one) => Object.keys(one).length === 1, `takes exactly one of ${kinds.join(", ")}`),
);
const most = `a batch has 1 to ${limits.batchOperations} operations`;
const bodySchema = v.strictObject({
  operations: v.pipe(v.array(operationSchema), v.minLength(1, most), v.maxLength(limits.batchOperations, most)),
});

export function addBatchRoutes(app: App): void {
  resource(app, "/batch", { POST: carryOut });
}

/** One operation as it was read. */
type Asked =
  | { readonly type: "get"; readonly key: NamedKey }
  | { readonly type: "put" | "delete"; readonly key: NamedKey; readonly operation: PutOrDelete };
type PutOrDelete = Extract<Operation, { readonly type: "put" | "delete" }>;

async function carryOut(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const query = new Query(req.url, consistencyParameters);
  const { headers } = req.raw;
  refuseConditions(headers);
  refuseOrder(headers);
  const guard = guardIn(headers);
  const key = idempotencyKey(headers);
  const { value } = await jsonBodyOf(req.raw, bodySchema, limits.operationsBodyBytes);
  const operations = value.operations.map((one, index) => askedIn(one, `operations.${index}`));
  const consistency = consistencyFor(query, operations);
  const requests = await Promise.all(
    operations.map(async (one, index): Promise<WriteRequest | ReadRequest> => {
      if (one.type === "get") return { type: "read", consistency, query: { type: "get", key: one.key.stored } };
      const identity = await partIdentity(key, doors.visit.random, index, fingerprinted(one.operation, guard));
      return writeRequest(doors.visit, { identity, guard, operation: one.operation });
    }),
  );
  const parts = await askBatch(doors.visit, requests);
  const results = parts.map((part, index) => shown(part, operations[index], consistency));
  return context.json({ results }, 200, { "cache-control": "no-store" });
}

/** @throws {Problem} when a consistency is named, and nothing is read. */
function consistencyFor(query: Query, operations: readonly Asked[]): Consistency {
  const named = consistencyParameters.find((name) => query.bytes(name) !== null);
  if (named !== undefined && operations.every(({ type }) => type !== "get")) {
    throw new Problem("invalid-query", `${named} is for batches that get something`);
  }
  return consistencyIn(query);
}

function askedIn(body: v.InferOutput<typeof operationSchema>, at: string): Asked {
  if (body.put !== undefined) {
    const { put } = body;
    const key = keyFrom(put.key, put.keyEncoding, `${at}.put.key`);
    const operation = {
      type: "put",
      key: key.stored,
      value: valueFrom(put.value, put.encoding, `${at}.put.value`),
      condition: conditionFrom(put.if),
      ...(put.lease === undefined ? {} : { tie: leaseFrom(put.lease, `${at}.put.lease`) }),
    } as const;
    return { type: "put", key, operation };
  }
  if (body.delete !== undefined) {
    const key = keyFrom(body.delete.key, body.delete.keyEncoding, `${at}.delete.key`);
    const operation = { type: "delete", key: key.stored, condition: conditionFrom(body.delete.if) } as const;
    return { type: "delete", key, operation };
  }
  const { key = "", keyEncoding } = body.get ?? {};
  return { type: "get", key: keyFrom(key, keyEncoding, `${at}.get.key`) };
}

function conditionFrom(given: v.InferOutput<typeof conditionSchema>): Condition {
  if (given === undefined) return { type: "always" };
  return typeof given === "string"
    ? { type: given }
    : { type: "unchanged-since", modRevision: revision(given.modRevision) };
}

/** What makes one operation another, for its own fingerprint. */
function fingerprinted(operation: PutOrDelete, guard: Guard | null) {
  const tied = operation.type === "put" && operation.tie !== undefined ? ` lease=${operation.tie}` : "";
  return {
    method: operation.type.toUpperCase(),
    path: `/kv/${operation.key}`,
    condition: `${describeCondition(operation.condition)}${tied}`,
    body: operation.type === "put" ? operation.value : new Uint8Array(0),
    ...(guard === null ? {} : { guard }),
  };
}

/** As the single door would have answered: a status, and its members or its problem. */
function shown(part: Part, asked: Asked | undefined, consistency: Consistency): object {
  const method = asked?.type === "get" ? "GET" : "POST";
  try {
    if (part.type === "problem" || asked === undefined)
      throw part.type === "problem" ? part.problem : new Error("no part");
    return shownAnswer(part, asked, consistency);
  } catch (error) {
    const problem = problemDocument(problemOf(error), method);
    return { status: problem.status, problem };
  }
}

function shownAnswer({ reply, region, inDoubt }: Extract<Part, { type: "answer" }>, asked: Asked, level: Consistency) {
  if (reply.type === "result") {
    const { result, revision: at } = found(region, reply, level, "entry");
    if (result.entry === null)
      throw new Problem("key-not-found", "the key does not exist", { extra: { revision: at } });
    return { status: 200, ...shownEntry(result.entry), revision: at };
  }
  if (asked.type === "put") {
    const { outcome } = carried(reply.outcome, "put", inDoubt, {});
    return { status: outcome.version === 1 ? 201 : 200, ...shownPut(asked.key, outcome) };
  }
  const { outcome } = carried(reply.outcome, "deleted", inDoubt, {});
  return { status: 200, ...shownDeletion(asked.key, outcome) };
}
