/** What was asked of the accounts, in the form that the linearizability checker takes: transactions, and looks at all of them. */
import type { KeyValueCall, KeyValueInput, KeyValueOutput, Step } from "../../linearizability/key-value-calls.ts";
import type { ClientReply } from "../../../src/replica/messages.ts";
import type { Transaction, TxnOperation } from "../../../src/store/transaction.ts";
import type { AskedAtDesk } from "../actors/desk.ts";
import { accountRange, accounts } from "../actors/accounts.ts";

const text = new TextDecoder();

/** @returns every write to the accounts that may have happened, and the looks that claim to be linearizable. */
export function accountCalls(asked: readonly AskedAtDesk[]): readonly KeyValueCall[] {
  return asked.flatMap(({ client, request, reply, calledAt, returnedAt, notApplied }): readonly KeyValueCall[] => {
    const times = { client, calledAt, returnedAt: returnedAt ?? Infinity };
    if (request.type === "read") {
      const entries = lookedAt(request, reply);
      return entries === null ? [] : [{ ...times, input: { type: "list" }, output: entries }];
    }
    const { operation } = request;
    if (operation.type !== "txn" || notApplied || !client.startsWith("bank")) return [];
    const { input, nested } = flattened(operation.transaction);
    const output = reply === null ? null : outputOf(reply, nested);
    return [{ ...times, input, output, returnedAt: output === null ? Infinity : times.returnedAt }];
  });
}

function lookedAt(
  request: Extract<AskedAtDesk["request"], { type: "read" }>,
  reply: ClientReply | null,
): KeyValueOutput | null {
  const { query, consistency } = request;
  if (query.type !== "range" || query.range.range.key !== accountRange.key || query.range.revision !== null)
    return null;
  if (consistency.type !== "linearizable" || reply?.type !== "result" || reply.result.type !== "range") return null;
  const entries = reply.result.range.entries.map(({ key, value, modRevision }) => ({
    key,
    value: text.decode(value),
    modRevision,
  }));
  return { type: "entries", entries, revision: reply.revision };
}

/** Two nested halves under the same comparisons are one transaction; reads in it are judged elsewhere. */
function flattened(transaction: Transaction): { readonly input: KeyValueInput; readonly nested: boolean } {
  const halves = transaction.success.flatMap((one) => (one.type === "txn" ? [one.transaction] : []));
  const [half = transaction] = halves;
  const compares = half.compares.flatMap(({ range, operand }) => {
    const modRevision = operand.type === "mod" ? operand.number : 0;
    return (range.end === null ? [range.key] : accounts).map((key) => ({ key, modRevision }));
  });
  const success = [transaction, ...halves].flatMap((one) => one.success.flatMap(stepOf));
  return { input: { type: "txn", compares, success, failure: [] }, nested: halves.length > 0 };
}

const stepOf = (one: TxnOperation): readonly Step[] =>
  one.type === "put" ? [{ type: "put", key: one.key, value: text.decode(one.value ?? new Uint8Array(0)) }] : [];

/** @returns null for what says nothing about whether an earlier copy took effect. */
function outputOf(reply: ClientReply, nested: boolean): KeyValueOutput | null {
  if (reply.type !== "outcome" || reply.outcome.type !== "txn") return null;
  const { succeeded, responses, revision } = reply.outcome;
  const [first] = responses ?? [];
  return { type: "txn", succeeded: nested ? first?.type === "txn" && first.succeeded : succeeded, got: [], revision };
}
