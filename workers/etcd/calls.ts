/** One call at the etcd door: what it came with, and how it writes and reads. Shared by all services of the door. */
import type { Consistency } from "../../src/replica/messages.ts";
import type { Operation } from "../../src/store/command.ts";
import { freshIdentity } from "../gateway/identity.ts";
import type { Visit } from "../gateway/visit.ts";
import { write, writeAs } from "../gateway/writes.ts";
import type { Carried, Written } from "../gateway/writes.ts";

export interface Call {
  readonly visit: Visit;
  readonly headers: Headers;
  /** Fires when the client is gone. */
  readonly signal: AbortSignal;
  /** As it was sent, behind `/ns/{namespace}`. */
  readonly path: string;
  readonly url: string;
  /** As it was sent; empty for streams. */
  readonly body: Uint8Array;
}

export const consistencyOf = (serializable: boolean): Consistency =>
  serializable ? { type: "local", maxAgeMs: null } : { type: "linearizable" };

/** The call's one write: an `Idempotency-Key` and an `If-Lock` mean here what they mean everywhere. @throws {Problem} */
export async function writeOnce<Type extends Carried>(
  { visit, headers, path, body }: Call,
  operation: Operation,
  type: Type,
): Promise<Written<Type>> {
  return write(visit, headers, { method: "POST", path, condition: "always", body }, operation, type);
}

/** One of several writes of a call. @throws {Problem} */
export async function writeFresh<Type extends Carried>(
  { visit }: Pick<Call, "visit">,
  operation: Operation,
  type: Type,
): Promise<Written<Type>> {
  return writeAs(visit, { identity: freshIdentity(visit.random), guard: null, operation }, type);
}
