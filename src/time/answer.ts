/** What a source of time answered, and why some answers are not used (RFC 5905, sections 7.4 and 8). Pure. */
import type { Stamps } from "./exchange.ts";
import { leapUnsynchronised } from "./leap.ts";

/** t1 and t4 by our base, t2 and t3 in Unix time; all in milliseconds. */
export interface Answer extends Stamps {
  /** The step of the other clock. */
  readonly tickMs: number;
  readonly leap: number;
  readonly stratum: number;
  readonly rootDelayMs: number;
  readonly rootDispersionMs: number;
}

export type AnswerRefusal =
  /** A number that is none. */
  | "malformed"
  /** Leap 3, or no stratum: it does not know the time itself. */
  | "unsynchronised"
  /** By its own account too far from its reference. */
  | "too-distant"
  /** A clock that went back between the two stamps, ours or theirs. */
  | "backwards"
  /** chrony's limit: who holds an answer so long is not fit to be asked. */
  | "held";

export type Failure =
  /** No answer in time. */
  | { readonly type: "lost" }
  /** 429, RATE: not before `retryAfterMs`. */
  | { readonly type: "rate"; readonly retryAfterMs: number }
  /** 403, DENY: never again. */
  | { readonly type: "denied" }
  | { readonly type: "refused"; readonly reason: AnswerRefusal };

const maxRootMs = 16_000;
const maxHeldMs = 4_000;

export function refusalOf(answer: Answer): AnswerRefusal | null {
  const { t1, t2, t3, t4, tickMs, leap, stratum, rootDelayMs, rootDispersionMs } = answer;
  const amounts = [tickMs, rootDelayMs, rootDispersionMs];
  if (![t1, t2, t3, t4, ...amounts].every(Number.isFinite) || amounts.some((amount) => amount < 0)) return "malformed";
  if (leap === leapUnsynchronised || !(stratum >= 1 && stratum <= 15)) return "unsynchronised";
  if (rootDelayMs / 2 + rootDispersionMs >= maxRootMs) return "too-distant";
  if (t4 < t1 || t3 < t2) return "backwards";
  return t3 - t2 > maxHeldMs ? "held" : null;
}
