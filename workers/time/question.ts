/** A question for the time, from wherever it comes: a query, a JSON body or a socket's message, read by one rule. */
import * as v from "valibot";
import { limits } from "../../src/support/limits.ts";
import { isNonce, isReceiptHash } from "../../src/time/receipt.ts";
import type { Config, LocationHint } from "../config.ts";
import { Problem } from "../gateway/problems.ts";
import { Query } from "../gateway/query.ts";

export interface Question {
  /** The client's own stamp: opaque, echoed as it came. */
  readonly t1: string | null;
  /** Whose clock; null for this gateway's own. */
  readonly region: LocationHint | null;
  /** With it, a signed receipt is asked for ... */
  readonly nonce: string | null;
  /** ... that follows the one of this hash. */
  readonly previous: string | null;
}

const members = ["t1", "region", "nonce", "previous"] as const;

/** Valibot takes a list for an object without members. */
const noList = v.check((value) => !Array.isArray(value), "must be an object");

const membersSchema = v.strictObject({
  t1: v.optional(v.pipe(v.string(), v.maxLength(limits.stampCharacters))),
  region: v.optional(v.string()),
  nonce: v.optional(v.string()),
  previous: v.optional(v.string()),
});

export const questionSchema = v.pipe(v.unknown(), noList, membersSchema);

type Asked = Readonly<Partial<Record<(typeof members)[number], string | undefined>>>;

/** What is in a JSON text. @throws {Problem} for members that are not known or no text. */
export function readQuestion(value: unknown): Asked {
  const result = v.safeParse(questionSchema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new Problem("invalid-body", `${v.getDotPath(issue) ?? "the question"}: ${issue.message}`);
}

/** @throws {Problem} for a region that is not here, and for a nonce or a hash that is none. */
export function questionOf({ t1, region, nonce, previous }: Asked, config: Config): Question {
  if (nonce !== undefined && !isNonce(nonce)) {
    throw new Problem("invalid-query", "nonce must have 1 to 128 letters, digits, hyphens or underscores");
  }
  if (previous !== undefined && !isReceiptHash(previous)) {
    throw new Problem("invalid-query", "previous must be a SHA-256 in 64 lower-case hexadecimal digits");
  }
  if (previous !== undefined && nonce === undefined) {
    throw new Problem("invalid-query", "previous belongs to a receipt, which needs a nonce");
  }
  return {
    t1: t1 ?? null,
    region: region === undefined ? null : regionIn(config, region),
    nonce: nonce ?? null,
    previous: previous ?? null,
  };
}

function regionIn(config: Config, asked: string): LocationHint {
  const region = config.regions.find((one) => one === asked);
  if (region !== undefined) return region;
  throw new Problem("unknown-region", `the regions here are ${config.regions.join(", ")}`);
}

export function questionInQuery(url: string, known: readonly string[], config: Config): Question {
  const query = new Query(url, known);
  const text = (name: string): string | undefined => query.text(name, limits.queryCharacters) ?? undefined;
  const t1 = query.text("t1", limits.stampCharacters) ?? undefined;
  return questionOf({ t1, region: text("region"), nonce: text("nonce"), previous: text("previous") }, config);
}

/** What a GET may name. */
export const questionMembers: readonly string[] = members;
