/** The store's history in the form that the linearizability checker takes. */
import type { KeyValueCall, KeyValueOutput } from "../../linearizability/key-value-calls.ts";
import type { ClientReply } from "../../../src/replica/messages.ts";
import type { Entry } from "../../../src/store/command.ts";
import type { Operation } from "../history.ts";

const text = new TextDecoder();

/** @returns writes, and the reads that claim to be linearizable; what was certainly not applied is left out. */
export function callsOf(history: readonly Operation[]): readonly KeyValueCall[] {
  return history.flatMap((op) => {
    const isWrite = op.consistency === null;
    if (!isWrite && op.consistency?.type !== "linearizable") return [];
    if (op.notApplied) return [];
    const output = op.reply === null ? null : outputOf(op.reply);
    // A read without an answer says nothing.
    if (output === null && !isWrite) return [];
    if (output === "refused") return [];
    return [
      {
        client: op.client,
        input: op.asked,
        output,
        calledAt: op.calledAt,
        returnedAt: output === null ? Infinity : (op.returnedAt ?? Infinity),
      },
    ];
  });
}

function outputOf(reply: ClientReply): KeyValueOutput | "refused" | null {
  if (reply.type === "outcome") {
    const { outcome } = reply;
    switch (outcome.type) {
      case "put":
        return { type: "put", revision: outcome.revision };
      case "deleted":
        return { type: "deleted", existed: outcome.existed, revision: outcome.revision };
      case "condition-failed":
        return { type: "condition-failed", modRevision: outcome.modRevision };
      default:
        return "refused";
    }
  }
  if (reply.type !== "result") return null;
  const { result, revision } = reply;
  if (result.type === "entry") {
    const { entry } = result;
    return {
      type: "value",
      value: entry === null ? null : text.decode(entry.value),
      modRevision: entry?.modRevision ?? 0,
      revision,
    };
  }
  if (result.type !== "page") return null;
  const listed = ({ key, value, modRevision }: Entry) => ({ key: nameOf(key), value: text.decode(value), modRevision });
  return { type: "entries", entries: result.entries.map(listed), revision };
}

/** A user's key as the client knows it: without the prefix of its key space. */
const nameOf = (key: string): string => key.slice(1);
