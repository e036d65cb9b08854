/**
 * The outermost layer of every message between objects: text, a version, and a body that is decoded strictly, field by
 * field. Nothing behind a decoder holds unvalidated data. Upholds W1.
 */
import * as v from "valibot";
import { limits } from "../support/limits.ts";
import { regionName, revision, slot } from "../support/brand.ts";
import type { ByteString } from "../support/brand.ts";
import { isByteString } from "../support/bytes.ts";
import { readOutcome } from "../store/outcome-codec.ts";
import { ballot } from "../paxos/ballot.ts";
import { membersOf } from "../paxos/membership.ts";

/** The version this code speaks. Bump it when a message's meaning changes; keep decoding the one before. */
const PROTOCOL_VERSION = 1;
const understood: readonly unknown[] = [PROTOCOL_VERSION];

/** Why a message was not understood. */
export type Undecodable =
  | { readonly type: "unknown-version"; readonly version: unknown }
  | { readonly type: "malformed"; readonly reason: string };

export type Decoded<T> = { readonly ok: true; readonly body: T } | { readonly ok: false; readonly why: Undecodable };

/** @param body JSON. */
export const envelope = (body: string): string => `{"v":${PROTOCOL_VERSION},"body":${body}}`;
export const encode = (body: unknown): string => envelope(JSON.stringify(body));

const malformed = (reason: string): Decoded<never> => ({ ok: false, why: { type: "malformed", reason } });

export function decode<T>(schema: v.GenericSchema<unknown, T>, text: unknown): Decoded<T> {
  if (typeof text !== "string") return malformed("a message is text");
  if (text.length > limits.messageBytes) return malformed(`a message has at most ${limits.messageBytes} characters`);
  let envelope: unknown;
  try {
    envelope = JSON.parse(text);
  } catch {
    return malformed("not JSON");
  }
  if (typeof envelope !== "object" || envelope === null || !("v" in envelope) || !("body" in envelope)) {
    return malformed("no envelope");
  }
  if (!understood.includes(envelope.v)) return { ok: false, why: { type: "unknown-version", version: envelope.v } };
  const result = v.safeParse(schema, envelope.body, { abortEarly: true });
  if (result.success) return { ok: true, body: result.output };
  const [issue] = result.issues;
  return malformed(`${v.getDotPath(issue) ?? "body"}: ${issue.message}`);
}

// --- the brands and values that messages are made of ---

export const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
/** Slots end well before the last whole number, so that the one after is always a slot too. */
export const slotSchema = v.pipe(whole, v.maxValue(2 ** 52), v.transform(slot));
export const revisionSchema = v.pipe(whole, v.transform(revision));
export const text = (maximum: number) => v.pipe(v.string(), v.maxLength(maximum));
export const name = v.pipe(v.string(), v.minLength(1), v.maxLength(256));
export const regionSchema = v.pipe(v.string(), v.regex(/^[a-z]+(-[a-z]+)?$/), v.maxLength(32));
export const regionNameSchema = v.pipe(regionSchema, v.transform(regionName));
export const byteStringSchema = v.pipe(
  text(limits.keyBytes + 512),
  v.check(isByteString, "not a byte string"),
  v.transform((s) => s as ByteString),
);
export const valueSchema = text(limits.messageBytes);
export const ballotSchema = v.pipe(
  v.strictTuple([v.pipe(whole, v.minValue(1)), name, name]),
  v.transform(([round, proposer, incarnation]) => ballot(round, proposer, incarnation)),
);
export const membersSchema = v.pipe(
  v.array(v.strictObject({ region: regionSchema, incarnation: name })),
  v.minLength(1),
  v.maxLength(9),
  v.check((list) => new Set(list.map((m) => m.region)).size === list.length, "a region stands twice"),
  v.transform((list) => membersOf(list)),
);
export const voteSchema = v.pipe(
  v.strictTuple([slotSchema, ballotSchema, valueSchema]),
  v.transform(([at, under, value]) => ({ slot: at, ballot: under, value })),
);
/** A value that some `read` makes of what is there, or refuses with null. */
export const readBy = <T>(read: (value: unknown) => T | null, what: string) =>
  v.pipe(
    v.unknown(),
    v.rawTransform<unknown, T>(({ dataset, addIssue, NEVER }) => {
      const value = read(dataset.value);
      if (value !== null) return value;
      addIssue({ message: `not ${what}` });
      return NEVER;
    }),
  );
export const outcomeSchema = readBy(readOutcome, "an outcome");
