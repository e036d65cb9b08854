/** The names that paths carry: keys, decision ids, services and instances. Each is checked here, once. Pure. */
import { leaseId, revision } from "../../src/support/brand.ts";
import type { ByteString, LeaseId, Revision } from "../../src/support/brand.ts";
import { textOf } from "../../src/support/bytes.ts";
import { limits } from "../../src/support/limits.ts";
import { checkName, instanceName, serviceName } from "../../src/registry/keys.ts";
import type { CheckName, InstanceName, ServiceName } from "../../src/registry/model.ts";
import { userKey } from "../../src/store/key-space.ts";
import { isLockName } from "./guards.ts";
import { pathBytes } from "./paths.ts";
import { Problem } from "./problems.ts";

/** A client's key: what it sent, and how the store knows it. */
export interface NamedKey {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly stored: ByteString;
}

/** @param rest the path after `/kv/`: any bytes, percent-encoded; `a%2Fb` and `a/b` are the same key. */
export function keyIn(rest: string): NamedKey {
  if (rest === "") throw new Problem("invalid-key", "a key has at least one byte");
  const bytes = pathBytes(rest);
  checkKeySize(bytes, "a key");
  return { bytes, stored: userKey(bytes) };
}

export function checkKeySize(bytes: Uint8Array, what: string): void {
  if (bytes.length <= limits.keyBytes) return;
  throw new Problem("invalid-key", `${what} has at most ${limits.keyBytes} bytes, not ${bytes.length}`);
}

/** @param rest the path after `/decisions/`: text, which travels inside messages and is shown to people. */
export function decisionIdIn(rest: string): string {
  const bytes = pathBytes(rest);
  const id = textOf(bytes);
  if (id === null || bytes.length < 1 || bytes.length > limits.decisionIdBytes || /[\u0000-\u001f\u007f]/.test(id)) {
    const what = `a decision's id is text of 1 to ${limits.decisionIdBytes} bytes without control characters`;
    throw new Problem("invalid-name", what);
  }
  return id;
}

export function serviceIn(rest: string): ServiceName {
  const name = serviceName(textOf(pathBytes(rest)) ?? "");
  if (name !== null) return name;
  throw new Problem("invalid-name", "a service's name has 1 to 63 letters, digits, underscores and inner hyphens");
}

export function instanceIn(rest: string): InstanceName {
  const name = instanceName(textOf(pathBytes(rest)) ?? "");
  if (name !== null) return name;
  throw new Problem("invalid-name", "an instance's name has 1 to 128 letters, digits, and characters of . _ : @ -");
}

export function checkIn(rest: string): CheckName {
  const name = checkName(textOf(pathBytes(rest)) ?? "");
  if (name !== null) return name;
  throw new Problem("invalid-name", "a check's name has 1 to 192 letters, digits, and characters of . _ : @ -");
}

/** @param segment one of the path: any bytes but zero, percent-encoded; a slash is always encoded. */
export function lockNameIn(segment: string): Uint8Array<ArrayBuffer> {
  const bytes = pathBytes(segment);
  if (isLockName(bytes)) return bytes;
  throw new Problem("invalid-name", `this name has 1 to ${limits.lockNameBytes} bytes, none of them zero`);
}

/** A place's token, the revision that created it. */
export function tokenIn(segment: string): Revision {
  const token = Number(segment);
  if (/^[1-9][0-9]{0,15}$/.test(segment) && Number.isSafeInteger(token)) return revision(token);
  throw new Problem("invalid-name", "a token is the whole number that was answered with the lock");
}

const largestLease = 2n ** 63n - 1n;

/** @returns null unless `text` is a granted lease's id: what etcd's clients can hold, too. */
export const leaseIdOf = (text: string): LeaseId | null =>
  /^[1-9][0-9]{0,18}$/.test(text) && BigInt(text) <= largestLease ? leaseId(text) : null;

export function leaseIn(segment: string): LeaseId {
  const lease = leaseIdOf(segment);
  if (lease !== null) return lease;
  throw new Problem("invalid-name", `a lease's id is a decimal number from 1 to ${largestLease}`);
}
