/**
 * Batches as text: the value of one slot, voted on by acceptors and kept by replicas byte for byte. Joined from encoded
 * commands by the leader; decoded by every replica before it applies. A newer meaning is told apart from nonsense, so
 * that an old replica can stop and say so (SPEC L4).
 */
import { logTime } from "../support/brand.ts";
import type { LogTime } from "../support/brand.ts";
import { limits } from "../support/limits.ts";
import { SEMANTICS } from "./command.ts";
import type { Batch, Command } from "./command.ts";
import { readCommand } from "./command-codec.ts";
import type { Malformed } from "./json-shape.ts";
import { isList, isTime, isWhole, malformed, parseJson } from "./json-shape.ts";

/** A batch from newer code: this replica must stop applying rather than guess. */
export interface UnknownSemantics {
  readonly type: "unknown-semantics";
  readonly semantics: number;
}

/** @param commands each the text that `encodeCommand` made: they are joined, not encoded again. */
export function encodeBatch(stamp: LogTime, commands: readonly string[], semantics: number = SEMANTICS): string {
  return `[${semantics},${stamp},[${commands.join(",")}]]`;
}

export function decodeBatch(text: string): Batch | UnknownSemantics | Malformed {
  // Characters are never more than bytes, so this refuses nothing that a leader could have proposed.
  if (text.length > limits.batchBytes) return malformed("batch too large");
  const value = parseJson(text);
  if (!isList(value)) return malformed("a batch is an array");
  const [semantics, stamp, listed, ...rest] = value;
  if (!isWhole(semantics, 1, Number.MAX_SAFE_INTEGER)) return malformed("batch semantics");
  if (semantics > SEMANTICS) return { type: "unknown-semantics", semantics };
  if (rest.length > 0) return malformed("a batch has three parts");
  if (!isTime(stamp)) return malformed("batch stamp");
  if (!isList(listed) || listed.length > limits.batchCommands) return malformed("batch commands");
  const commands: Command[] = [];
  for (const item of listed) {
    const command = readCommand(item);
    if ("type" in command) return command;
    commands.push(command);
  }
  return { semantics, stamp: logTime(stamp), commands };
}

/** The stamp of an encoded batch, without decoding the rest; 0 when there is none. */
export const stampOf = (text: string): number => Number(/^\[\d+,(\d+),/.exec(text)?.[1] ?? 0);
