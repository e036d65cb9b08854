/**
 * What a run of an active check found, and what becomes of its check's status: thresholds are counted as Consul counts
 * them. Used by `check-plan.ts`, and by whoever runs checks to say what it found. Pure.
 */
import { limits } from "../support/limits.ts";
import type { CheckDefinition, CheckState, CheckStatus, Thresholds } from "./model.ts";

export type ActiveCheck = Extract<CheckDefinition, { readonly kind: "http" | "tcp" }>;

export const isRun = (definition: CheckDefinition): definition is ActiveCheck =>
  definition.kind === "http" || definition.kind === "tcp";

/** What the check did, as it begins every output of its. */
const doing = (definition: ActiveCheck): string =>
  definition.kind === "http"
    ? `HTTP ${definition.method} ${definition.url}`
    : `TCP connect ${definition.host}:${definition.port}`;

/** Short enough to be stored, and without half a character at its end. */
const found = (status: CheckStatus, output: string): CheckState => ({
  status,
  output: output.slice(0, limits.checkOutputCharacters).toWellFormed(),
});

/** 2xx is passing and 429 warning. All else is critical, a redirection too: it would lead to where nobody has looked. */
export function answered(definition: ActiveCheck, code: number, statusText: string, body: string): CheckState {
  const status = code >= 200 && code < 300 ? "passing" : code === 429 ? "warning" : "critical";
  const words = statusText === "" ? String(code) : `${code} ${statusText}`;
  return found(status, `${doing(definition)}: ${words} Output: ${body}`);
}

export const connected = (definition: ActiveCheck): CheckState => found("passing", `${doing(definition)}: Success`);

export const unanswered = (definition: ActiveCheck): CheckState =>
  found("critical", `${doing(definition)}: no answer within ${definition.timeoutMs} ms`);

/** @param why in the words of whoever knows. */
export const failed = (definition: ActiveCheck, why: string): CheckState =>
  found("critical", `${doing(definition)}: ${why}`);

/** Where a check stands after a run. */
export interface Standing {
  readonly status: CheckStatus;
  /** Results in a row that speak against the status; fewer than it takes to change it. */
  readonly streak: number;
}

const isGood = (status: CheckStatus): boolean => status !== "critical";

/** Passing and warning are both a success; between them a status changes at once. */
export function judge({ status, streak }: Standing, says: CheckStatus, thresholds: Thresholds): Standing {
  if (isGood(status) === isGood(says)) return { status: says, streak: 0 };
  const needed = isGood(says) ? thresholds.successBeforePassing : thresholds.failuresBeforeCritical;
  return streak + 1 >= needed ? { status: says, streak: 0 } : { status, streak: streak + 1 };
}
