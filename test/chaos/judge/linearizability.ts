/**
 * Linearizability of keys and values: each group of keys is a store of its own to the checker, with values, conditions,
 * listings and revisions; groups follow each other in time, so histories stay small. What concerns keys of two groups is
 * judged in `revisions.ts`. Session and local reads promise less and are no part of it.
 */
import type { KeyValueCall, KeyValueInput, KeyValueOutput } from "../../linearizability/key-value-calls.ts";
import { checkStore } from "../../linearizability/key-value-model.ts";
import type { ReadCall, Recording, Told, WriteCall } from "../recording.ts";
import type { Finding } from "./finding.ts";

const check = "keys and values are linearizable (R1, X1)";

export function judgeLinearizability({ writes, reads }: Recording): Finding {
  const calls = Map.groupBy(
    [
      ...writes
        .filter(({ told }) => told.type !== "not-applied")
        .map((call) => ({ key: call.key, call: fromWrite(call) })),
      ...reads
        .filter(({ consistency }) => consistency === "linearizable")
        .map((call) => ({ key: call.shown[0]?.key ?? "", call: fromRead(call) })),
    ],
    ({ key }) => key.slice(0, key.indexOf("/") + 1),
  );
  let judged = 0;
  const complaints: string[] = [];
  let undecided = false;
  for (const [prefix, group] of calls) {
    const history = group.map(({ call }) => call);
    judged += history.length;
    const verdict = checkStore(history);
    if (verdict.type === "linearizable") continue;
    undecided ||= verdict.type === "undecided";
    complaints.push(`group ${prefix}, ${history.length} calls, ${verdict.type}:\n${verdict.report}`);
    // One is enough to know, and each may take long.
    if (verdict.type === "violated") return { check, verdict: "violated", judged, complaints };
  }
  return { check, verdict: undecided ? "undecided" : "holds", judged, complaints };
}

function fromWrite({ client, calledAt, returnedAt, operation, key, value, condition, told }: WriteCall): KeyValueCall {
  const input: KeyValueInput =
    operation === "put" ? { type: "put", key, value: value ?? "", condition } : { type: "delete", key, condition };
  const output = outputOf(operation, told);
  return { client, input, output, calledAt, returnedAt: output === null ? Infinity : returnedAt };
}

function outputOf(operation: WriteCall["operation"], told: Told): KeyValueOutput | null {
  switch (told.type) {
    case "acknowledged":
      return operation === "put"
        ? { type: "put", revision: told.revision }
        : { type: "deleted", existed: told.changed, revision: told.revision };
    case "refused":
      return { type: "condition-failed", modRevision: told.modRevision };
    case "not-applied":
    case "unknown":
      return null;
  }
}

function fromRead({ client, calledAt, returnedAt, listing, shown, revision }: ReadCall): KeyValueCall {
  if (!listing) {
    const [{ key, found } = { key: "", found: null }] = shown;
    const { value, modRevision } = found ?? { value: null, modRevision: 0 };
    const output = { type: "value", value, modRevision, revision } as const;
    return { client, input: { type: "get", key }, output, calledAt, returnedAt };
  }
  const entries = shown.flatMap(({ key, found }) => (found === null ? [] : [{ key, ...found }]));
  return { client, input: { type: "list" }, output: { type: "entries", entries, revision }, calledAt, returnedAt };
}
