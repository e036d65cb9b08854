/** Sessions as they are stored and shown. A session is a record under a lease of its own; when that ends, so does it. Pure. */
import * as v from "valibot";
import { textOf, utf8 } from "../../src/support/bytes.ts";
import { limits } from "../../src/support/limits.ts";
import type { Entry } from "../../src/store/command.ts";
import { parseJson } from "../../src/store/json-shape.ts";
import { durationOf, millisecondsOf } from "./durations.ts";
import { exactly } from "./json.ts";

const schema = v.object({
  name: v.string(),
  node: v.string(),
  /** In nanoseconds, as it was asked for. */
  lockDelay: v.pipe(v.string(), v.regex(/^(0|[1-9][0-9]{0,18})$/)),
  behavior: v.picklist(["release", "delete"]),
  /** As it was asked for; "" for none. */
  ttl: v.string(),
  checks: v.array(v.string()),
});

export type SessionRecord = Readonly<v.InferOutput<typeof schema>>;

export interface Session extends SessionRecord {
  readonly id: string;
  readonly createIndex: number;
  readonly modifyIndex: number;
}

export const encodeSession = (record: SessionRecord): Uint8Array => utf8(JSON.stringify(record));

/** @returns null for what is no session's record: nothing else is written there. */
export function sessionOf({ key, value, createRevision, modRevision }: Entry): Session | null {
  const read = v.safeParse(schema, parseJson(textOf(value) ?? ""));
  if (!read.success) return null;
  return { ...read.output, id: key.slice(2), createIndex: createRevision, modifyIndex: modRevision };
}

/** Only such are sessions' ids. */
export const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);

/** How long its lease lives without being renewed: twice what was asked for, since Consul takes that for a lower bound. */
export function lifeMs({ ttl }: Pick<SessionRecord, "ttl">): number {
  const asked = ttl === "" ? 0n : (durationOf(ttl) ?? 0n);
  return asked === 0n ? limits.leaseSecondsMax * 1000 : 2 * millisecondsOf(asked);
}

/** How long its keys are kept from others after it ended; 0 for not at all. */
export const delayMs = ({ lockDelay }: Pick<SessionRecord, "lockDelay">): number =>
  Math.min(millisecondsOf(BigInt(lockDelay)), limits.consulLockDelaySeconds * 1000);

/**
 * How long the lease of its lock-delays lives: longer than its own by the delay, and by how late the end of a lease may be
 * noticed, so that the delay is not over when the session is.
 */
export const delayLifeMs = (record: Pick<SessionRecord, "lockDelay" | "ttl">): number =>
  Math.min(lifeMs(record) + delayMs(record) + limits.expiryFallbackMs, limits.leaseSecondsMax * 1000);

export const shownSession = ({ id, name, node, lockDelay, behavior, ttl, checks, ...rest }: Session): object => ({
  ID: id,
  Name: name,
  Node: node,
  LockDelay: exactly(lockDelay),
  Behavior: behavior,
  TTL: ttl,
  NodeChecks: checks,
  ServiceChecks: null,
  CreateIndex: rest.createIndex,
  ModifyIndex: rest.modifyIndex,
});
