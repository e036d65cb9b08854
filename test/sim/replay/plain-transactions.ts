/**
 * What a transaction decides and reads, as plainly as the rest of the model: used by `plain-store.ts`, and by checkers of what
 * was read.
 */
import type { Entry } from "../../../src/store/command.ts";
import type {
  Compare,
  RangeQuery,
  RangeResult,
  Transaction,
  TxnOperation,
  TxnResponse,
} from "../../../src/store/transaction.ts";
import { entriesIn, lexical } from "./plain-keys.ts";
import type { Keys } from "./plain-keys.ts";

/** A transaction whose branches are chosen: all comparisons are judged against the state before it (V2). */
interface Branch {
  readonly succeeded: boolean;
  readonly steps: readonly Step[];
}
type Plain = Exclude<TxnOperation, { readonly type: "txn" }>;
export type Step = Plain | { readonly type: "txn"; readonly branch: Branch };

export function branchOf(keys: Keys, { compares, success, failure }: Transaction): Branch {
  const succeeded = compares.every((compare) => compareHolds(keys, compare));
  const steps = (succeeded ? success : failure).map((one): Step =>
    one.type === "txn" ? { type: "txn", branch: branchOf(keys, one.transaction) } : one,
  );
  return { succeeded, steps };
}

export const flat = ({ steps }: Branch): readonly Plain[] =>
  steps.flatMap((step) => (step.type === "txn" ? flat(step.branch) : [step]));

/** What a transaction that only reads answers in this state. */
export function readOnly(
  keys: Keys,
  transaction: Transaction,
): { readonly succeeded: boolean; readonly responses: readonly TxnResponse[] } {
  const answer = ({ steps }: Branch): readonly TxnResponse[] =>
    steps.map((step): TxnResponse => {
      if (step.type === "txn") return { type: "txn", succeeded: step.branch.succeeded, responses: answer(step.branch) };
      if (step.type !== "range") throw new Error("only ranges read");
      return { type: "range", ...rangeOf(keys, step.query) };
    });
  const branch = branchOf(keys, transaction);
  return { succeeded: branch.succeeded, responses: answer(branch) };
}

/** As `Ranges` promises it; actors of the simulator ask in the order of keys, and without bounds of revisions. */
export function rangeOf(keys: Keys, query: RangeQuery): RangeResult {
  const found = entriesIn(keys, query.range);
  const limit = query.limit === 0 ? Infinity : query.limit;
  const shown = query.countOnly ? [] : found.slice(0, limit);
  const entries = query.keysOnly ? shown.map((entry) => ({ ...entry, value: new Uint8Array(0) })) : shown;
  return { entries, more: !query.countOnly && found.length > limit, count: found.length };
}

function compareHolds(keys: Keys, { range, result, operand }: Compare): boolean {
  const found: readonly (Entry | null)[] = entriesIn(keys, range);
  return (found.length === 0 ? [null] : found).every((entry) => {
    switch (operand.type) {
      case "version":
        return inOrder((entry?.version ?? 0) - operand.number, result);
      case "create":
        return inOrder((entry?.createRevision ?? 0) - operand.number, result);
      case "mod":
        return inOrder((entry?.modRevision ?? 0) - operand.number, result);
      case "lease":
        // Told apart only, here: their order is for who compares numbers.
        return ((entry?.lease ?? null) === operand.lease) === (result === "equal");
      case "value":
        return entry !== null && inOrder(lexical(entry.value, operand.value), result);
    }
  });
}

const inOrder = (difference: number, result: Compare["result"]): boolean =>
  ({ equal: difference === 0, "not-equal": difference !== 0, greater: difference > 0, less: difference < 0 })[result];
