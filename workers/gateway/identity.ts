/**
 * Which request is this? The id that makes a write happen once (SPEC X1), the fingerprint that notices the id's reuse for
 * something else, and the client's own order (X3).
 */
import { requestId } from "../../src/support/brand.ts";
import type { RequestId } from "../../src/support/brand.ts";
import type { Guard } from "../../src/store/command.ts";
import { utf8 } from "../../src/support/bytes.ts";
import { limits } from "../../src/support/limits.ts";
import { randomIdentity } from "../../src/support/random.ts";
import type { Random } from "../../src/support/random.ts";
import { Problem } from "./problems.ts";

/** What the client asks for, as far as it makes one request different from another. */
export interface Asked {
  readonly method: string;
  /** The resource's path in one canonical form. */
  readonly path: string;
  readonly condition: string;
  /** The lock that must be held. */
  readonly guard?: Guard;
  readonly body: Uint8Array;
}

interface Order {
  readonly session: string;
  readonly sequence: number;
}

export interface WriteIdentity {
  readonly id: RequestId;
  readonly fingerprint?: string;
  readonly order?: Order;
}

/** @throws {Problem} when one of the headers is not what it must be. */
export async function identityOf(headers: Headers, random: Random, asked: Asked): Promise<WriteIdentity> {
  const key = idempotencyKey(headers);
  const order = orderOf(headers);
  const ordered = order === null ? {} : { order };
  return key === null
    ? { id: requestId(`random/${randomIdentity(random)}`), ...ordered }
    : { id: requestId(`key/${key}`), fingerprint: await fingerprintOf(asked), ...ordered };
}

/** Of a write that no client named: the gateway's own, or one that need not be recognised when it comes again. */
export const freshIdentity = (random: Random): WriteIdentity => ({ id: requestId(`random/${randomIdentity(random)}`) });

/** Of one of several operations that came under one key, or under none: a retry finds what came of each. */
export async function partIdentity(key: string | null, random: Random, index: number, asked: Asked) {
  if (key === null) return freshIdentity(random);
  return { id: requestId(`batch/${key}/${index}`), fingerprint: await fingerprintOf(asked) };
}

/** @returns null when the client sent none. */
export const idempotencyKey = (headers: Headers): string | null => nameIn(headers, "Idempotency-Key");

function nameIn(headers: Headers, header: string): string | null {
  const value = headers.get(header);
  const most = limits.idempotencyKeyCharacters;
  if (value === null || (value.length <= most && /^[\u0021-\u007e]+$/.test(value))) return value;
  throw new Problem("invalid-header", `${header} must have 1 to ${most} visible ASCII characters`);
}

/** @throws {Problem} when a session's order stands on a request that cannot keep it: ignoring it would be worse. */
export function refuseOrder(headers: Headers): void {
  if (orderOf(headers) !== null) throw new Problem("invalid-header", "this path knows no sessions");
}

function orderOf(headers: Headers): Order | null {
  const session = nameIn(headers, "Synod-Session");
  const sequence = headers.get("Synod-Sequence");
  if (session === null && sequence === null) return null;
  if (session === null || sequence === null) {
    throw new Problem("invalid-header", "Synod-Session and Synod-Sequence belong together");
  }
  const number = Number(sequence);
  // The last safe number has no successor.
  if (!/^[1-9][0-9]{0,15}$/.test(sequence) || number >= Number.MAX_SAFE_INTEGER) {
    throw new Problem("invalid-header", "Synod-Sequence must be a whole number from 1");
  }
  return { session, sequence: number };
}

/** Each part is told its length, so that no two requests run into the same bytes. */
async function fingerprintOf({ method, path, condition, guard, body }: Asked): Promise<string> {
  const held = guard === undefined ? [] : [guard.queue, guard.token];
  const head = utf8(JSON.stringify([method, path, condition, body.length, ...held]));
  const all = new Uint8Array(head.length + body.length);
  all.set(head);
  all.set(body, head.length);
  return hexDigest(all);
}

export async function hexDigest(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
