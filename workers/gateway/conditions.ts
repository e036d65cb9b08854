/** Conditional requests (RFC 9110, section 13) on entity tags that are mod revisions: `"7"`. Pure. */
import { revision } from "../../src/support/brand.ts";
import type { Revision } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import type { Condition } from "../../src/store/command.ts";
import { Problem } from "./problems.ts";

export const tagOf = (modRevision: Revision): string => `"${modRevision}"`;

const invalid = (detail: string): Problem => new Problem("invalid-precondition", detail);

/**
 * What must hold for a write.
 * @throws {Problem} when the headers say something that no single mod revision can answer.
 */
export function writeCondition(headers: Headers): Condition {
  const match = headers.get("if-match");
  const noneMatch = headers.get("if-none-match");
  if (match !== null && noneMatch !== null) throw invalid("If-Match and If-None-Match exclude each other");
  if (noneMatch !== null) {
    if (noneMatch.trim() !== "*") throw invalid("a write takes If-None-Match: * only");
    return { type: "absent" };
  }
  if (match === null) return { type: "always" };
  if (match.trim() === "*") return { type: "present" };
  const digits = /^\s*"(0|[1-9][0-9]{0,15})"\s*$/.exec(match)?.[1];
  if (digits === undefined || !Number.isSafeInteger(Number(digits))) {
    throw invalid(`If-Match takes * or one mod revision in quotes, such as "7"`);
  }
  return { type: "unchanged-since", modRevision: revision(Number(digits)) };
}

/** `If-None-Match` of a read: the tags the client has already, or null. Weak comparison. */
export function knownTags(headers: Headers): readonly string[] | "*" | null {
  if (headers.has("if-match")) throw invalid("If-Match is for writes");
  const header = headers.get("if-none-match");
  if (header === null) return null;
  if (header.length > limits.conditionCharacters) throw invalid("If-None-Match is too long");
  if (header.trim() === "*") return "*";
  const tags = header.split(",").map((tag) => tag.trim());
  if (!tags.every((tag) => /^(W\/)?"[\u0021\u0023-\u007e]*"$/.test(tag))) {
    throw invalid("If-None-Match takes * or entity tags in quotes, separated by commas");
  }
  return tags.map((tag) => tag.replace(/^W\//, ""));
}

export const isKnown = (known: ReturnType<typeof knownTags>, tag: string): boolean =>
  known === "*" || (known?.includes(tag.replace(/^W\//, "")) ?? false);

/** One line for the fingerprint of a request. */
export const describeCondition = (condition: Condition): string =>
  condition.type === "unchanged-since" ? tagOf(condition.modRevision) : condition.type;

/** @throws {Problem} when a condition stands on a request that knows none: ignoring it would be worse. */
export function refuseConditions(headers: Headers): void {
  if (headers.has("if-match") || headers.has("if-none-match")) throw invalid("this path takes no conditions");
}
