/**
 * R1, L1, U1: the history of clients is linearizable: key by key, by values alone, and as one store with one sequence of
 * revisions; and so are the transactions between the accounts. A search without an answer within its budget is not a pass.
 */
import { checkRegisters, checkStore } from "../../linearizability/key-value-model.ts";
import type { Verdict } from "../../linearizability/history.ts";
import { accountCalls } from "./account-calls.ts";
import { callsOf } from "./calls.ts";
import type { CheckerOf } from "./checker.ts";
import { violated } from "./checker.ts";

const budget = { maxSteps: 5_000_000 };

export const linearizability: CheckerOf = ({ cluster, keys, desk }) => ({
  end() {
    const calls = callsOf(keys.history);
    const demand = (what: string, verdict: Verdict): void => {
      cluster.world.counts["linearizability-steps"] =
        (cluster.world.counts["linearizability-steps"] ?? 0) + verdict.steps;
      if (verdict.type === "violated") violated("R1", `${what}: ${verdict.report}`);
      if (verdict.type === "undecided") violated("R1", `${what}: undecided after ${verdict.steps} steps`);
    };
    demand("key by key", checkRegisters(calls, budget));
    demand("the whole store", checkStore(calls, budget));
    demand("the accounts", checkStore(accountCalls(desk.asked), budget));
  },
});
