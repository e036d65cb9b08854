/**
 * What most of the messages between gateways and replicas consist of, read by hand: a schema takes ten times as long.
 * Each reader takes exactly one shape and leaves everything else, what is wrong included, to the schema. Upholds W1.
 */
import * as v from "valibot";
import { revision } from "../support/brand.ts";
import { isByteString } from "../support/bytes.ts";
import { limits } from "../support/limits.ts";
import type { ClientReply, ReadRequest, WriteRequest } from "../replica/messages.ts";
import { decodeCommand } from "../store/command-codec.ts";
import { isList, isWhole } from "../store/json-shape.ts";
import { readOutcome } from "../store/outcome-codec.ts";
import { readEntry } from "../store/transaction-codec.ts";

type Fields = Readonly<Record<string, unknown>>;

/** @returns its fields, when it is an object with so many of them. */
function fieldsOf(value: unknown, count: number): Fields | null {
  if (typeof value !== "object" || value === null || isList(value)) return null;
  return Object.keys(value).length === count ? (value as Fields) : null;
}

/** A list whose members are read by `usual`, and by `schema` where that returns null. */
export const listOf = <T>(usual: (value: unknown) => T | null, schema: v.GenericSchema<unknown, T>) =>
  v.pipe(
    v.custom<readonly unknown[]>(isList, "not a list"),
    v.rawTransform<readonly unknown[], readonly T[]>(({ dataset, addIssue, NEVER }) => {
      const members: T[] = [];
      for (const member of dataset.value) {
        const read = usual(member);
        if (read !== null) {
          members.push(read);
          continue;
        }
        const parsed = v.safeParse(schema, member, { abortEarly: true });
        if (!parsed.success) {
          addIssue({ message: parsed.issues[0].message });
          return NEVER;
        }
        members.push(parsed.output);
      }
      return members;
    }),
  );

/** A write as it travels: the command that it will become. Deadline 0 says that its replica is to give it one. */
export function readWrite(encoded: unknown): WriteRequest | null {
  const command = typeof encoded === "string" ? decodeCommand(encoded) : null;
  if (command === null || typeof encoded !== "string" || "type" in command) return null;
  const { deadline, ...rest } = command;
  return deadline === 0 ? { type: "write", ...rest } : { type: "write", ...rest, deadline, encoded };
}

/** A write; a get that is linearizable, or local of any age. */
export function usualRequest(value: unknown): WriteRequest | ReadRequest | null {
  const write = fieldsOf(value, 2);
  if (write !== null) return write["type"] === "write" ? readWrite(write["command"]) : null;
  const read = fieldsOf(value, 3);
  if (read?.["type"] !== "read") return null;
  const query = fieldsOf(read["query"], 2);
  const key = query?.["key"];
  if (query?.["type"] !== "get" || typeof key !== "string") return null;
  if (key.length > limits.keyBytes + 512 || !isByteString(key)) return null;
  const get = { type: "get", key } as const;
  if (fieldsOf(read["consistency"], 1)?.["type"] === "linearizable") {
    return { type: "read", consistency: { type: "linearizable" }, query: get };
  }
  const local = fieldsOf(read["consistency"], 2);
  if (local?.["type"] !== "local" || local["maxAgeMs"] !== null) return null;
  return { type: "read", consistency: { type: "local", maxAgeMs: null }, query: get };
}

const whole = (value: unknown): value is number => isWhole(value, 0, Number.MAX_SAFE_INTEGER);

/** What came of a write; an entry, or that there is none. */
export function usualReply(value: unknown): Exclude<ClientReply, { readonly type: "batch" }> | null {
  const written = fieldsOf(value, 3);
  if (written !== null) {
    const outcome = written["type"] === "outcome" ? readOutcome(written["outcome"]) : null;
    const at = written["revision"];
    return outcome === null || !whole(at) ? null : { type: "outcome", outcome, revision: revision(at) };
  }
  const read = fieldsOf(value, 4);
  if (read?.["type"] !== "result") return null;
  const { result, revision: at, ageMs } = read;
  const fields = fieldsOf(result, 2);
  if (fields?.["type"] !== "entry" || !whole(at) || (ageMs !== null && !whole(ageMs))) return null;
  const packed = fields["entry"];
  const entry = packed === null ? null : readEntry(packed);
  if (packed === undefined || (packed !== null && entry === null)) return null;
  return { type: "result", result: { type: "entry", entry }, revision: revision(at), ageMs };
}
