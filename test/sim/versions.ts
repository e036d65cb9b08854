/**
 * Version skew: during a deployment old and new code talk to each other. The next version understands this one's
 * messages and its own; this one refuses the next one's by name (W1). Bodies are the same: what is tested is the envelope.
 */
import type { Decoded } from "../../src/wire/envelope.ts";

const ours = '{"v":1,';
const theirs = '{"v":2,';

export class Dialect {
  /** Runs the next version. */
  next = false;

  /** A message as it leaves. */
  speak(message: string): string {
    return this.next && message.startsWith(ours) ? theirs + message.slice(ours.length) : message;
  }

  /** A message as it is understood here. */
  hear(message: string): string {
    return this.next && message.startsWith(theirs) ? ours + message.slice(theirs.length) : message;
  }
}

/** @returns null for a message of an unknown version. @throws {Error} for one that no version of ours would write. */
export function understood<T>(decoded: Decoded<T>): T | null {
  if (decoded.ok) return decoded.body;
  if (decoded.why.type === "unknown-version") return null;
  throw new Error(`[W1] the codec refused its own message: ${JSON.stringify(decoded.why)}`);
}
