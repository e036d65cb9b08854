/**
 * Small operations on single keys as JSON, as batches and pipelines take them: how each is read, told apart and answered.
 * Pure, but for the fingerprint of one that has an idempotency key.
 */
import * as v from "valibot";
import { revision } from "../../src/support/brand.ts";
import type { Consistency } from "../../src/replica/messages.ts";
import type { Condition, Guard, Operation } from "../../src/store/command.ts";
import type { Part } from "./batches.ts";
import { describeCondition } from "./conditions.ts";
import { shownDeletion, shownEntry, shownPut } from "./entries.ts";
import { encodingSchema, keyFrom, leaseFrom, valueFrom, wholeSchema } from "./members.ts";
import type { NamedKey } from "./names.ts";
import { Problem, problemDocument, problemOf } from "./problems.ts";
import { found } from "./reads.ts";
import { carried } from "./writes.ts";

const keyMembers = { key: v.string(), keyEncoding: encodingSchema };
const conditionSchema = v.optional(
  v.union(
    [v.picklist(["absent", "present"]), v.strictObject({ modRevision: wholeSchema(1) })],
    `must be "absent", "present" or {"modRevision": <revision>}`,
  ),
);
const kinds = ["put", "get", "delete"] as const;
export const operationSchema = v.pipe(
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
/** One operation as it was read. */
export type Asked =
  | { readonly type: "get"; readonly key: NamedKey }
  | { readonly type: "put" | "delete"; readonly key: NamedKey; readonly operation: PutOrDelete };
type PutOrDelete = Extract<Operation, { readonly type: "put" | "delete" }>;

/**
 * @param at its place in what was sent, for errors. @throws {Problem} when a member is not what it must be.
 */
export function askedIn(body: v.InferOutput<typeof operationSchema>, at: string): Asked {
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
export function fingerprinted(operation: PutOrDelete, guard: Guard | null) {
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
export function shown(part: Part, asked: Asked | undefined, consistency: Consistency): object {
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
