/** The door to batches: `POST /batch`. Up to a thousand operations in one request, each by itself: no transaction. */
import type { Context } from "hono";
import * as v from "valibot";
import { limits } from "../../src/support/limits.ts";
import type { Consistency, ReadRequest, WriteRequest } from "../../src/replica/messages.ts";
import { askBatch } from "../gateway/batches.ts";
import { jsonBodyOf } from "../gateway/bodies.ts";
import { refuseConditions } from "../gateway/conditions.ts";
import { guardIn } from "../gateway/guards.ts";
import { idempotencyKey, partIdentity, refuseOrder } from "../gateway/identity.ts";
import { resource } from "../gateway/methods.ts";
import type { App } from "../gateway/methods.ts";
import { askedIn, fingerprinted, operationSchema, shown } from "../gateway/operations.ts";
import type { Asked } from "../gateway/operations.ts";
import { Problem } from "../gateway/problems.ts";
import { Query } from "../gateway/query.ts";
import { consistencyIn, consistencyParameters } from "../gateway/reads.ts";
import type { GatewayEnv } from "../gateway/arrival.ts";
import { writeRequest } from "../gateway/writes.ts";

type Door = Context<GatewayEnv>;

const most = `a batch has 1 to ${limits.batchOperations} operations`;
const bodySchema = v.strictObject({
  operations: v.pipe(v.array(operationSchema), v.minLength(1, most), v.maxLength(limits.batchOperations, most)),
});

export function addBatchRoutes(app: App): void {
  resource(app, "/batch", { POST: carryOut });
}

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
