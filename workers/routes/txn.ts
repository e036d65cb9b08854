/** The door to transactions: `POST /txn`. Several keys, compared and changed altogether or not at all. */
import type { Context } from "hono";
import { limits } from "../../src/support/limits.ts";
import { onlyReads, readsThePast } from "../../src/store/transaction.ts";
import type { Transaction } from "../../src/store/transaction.ts";
import { jsonBodyOf } from "../gateway/bodies.ts";
import { refuseConditions } from "../gateway/conditions.ts";
import { refuseGuard } from "../gateway/guards.ts";
import { idempotencyKey, refuseOrder } from "../gateway/identity.ts";
import { resource } from "../gateway/methods.ts";
import type { App } from "../gateway/methods.ts";
import { Problem } from "../gateway/problems.ts";
import { Query } from "../gateway/query.ts";
import { consistencyIn, consistencyParameters, read } from "../gateway/reads.ts";
import { shownResponses, transactionBody, transactionIn } from "../gateway/transactions.ts";
import type { GatewayEnv } from "../gateway/arrival.ts";
import { write } from "../gateway/writes.ts";

type Door = Context<GatewayEnv>;

export function addTransactionRoutes(app: App): void {
  resource(app, "/txn", { POST: transact });
}

async function transact(context: Door): Promise<Response> {
  const { req } = context;
  const query = new Query(req.url, consistencyParameters);
  refuseConditions(req.raw.headers);
  const { bytes, value } = await jsonBodyOf(req.raw, transactionBody, limits.operationsBodyBytes);
  const transaction = transactionIn(value);
  return onlyReads(transaction) ? lookUp(context, query, transaction) : carryOut(context, query, transaction, bytes);
}

/** One that can change nothing is a read: it needs no slot of the log, and takes the consistency that is asked for. */
async function lookUp(context: Door, query: Query, transaction: Transaction): Promise<Response> {
  const { req, var: doors } = context;
  refuseOrder(req.raw.headers);
  refuseGuard(req.raw.headers);
  // To read again is always safe: a key is understood, and needs no remembering.
  idempotencyKey(req.raw.headers);
  const asked = { type: "transaction", transaction } as const;
  const { result, revision, headers } = await read(doors.visit, consistencyIn(query), asked, "transaction");
  const results = shownResponses(transaction, result.succeeded, result.responses);
  return context.json({ succeeded: result.succeeded, revision, results }, 200, headers);
}

async function carryOut(context: Door, query: Query, transaction: Transaction, body: Uint8Array): Promise<Response> {
  const { req, var: doors } = context;
  for (const name of consistencyParameters) {
    if (query.bytes(name) !== null) throw new Problem("invalid-query", `${name} is for transactions that only read`);
  }
  if (readsThePast(transaction)) {
    throw new Problem("invalid-body", "a transaction that writes reads the present only (no revision)");
  }
  const asked = { method: "POST", path: "/txn", condition: "always", body };
  const operation = { type: "txn", transaction } as const;
  const { outcome, headers } = await write(doors.visit, req.raw.headers, asked, operation, "txn");
  const { succeeded, revision, responses } = outcome;
  if (responses === null) {
    throw new Problem("result-forgotten", "it was carried out; what it answered was too large to be kept: read again", {
      outcome: "applied",
      headers,
      extra: { revision, succeeded },
    });
  }
  const results = shownResponses(transaction, succeeded, responses);
  return context.json({ succeeded, revision, results }, 200, headers);
}
