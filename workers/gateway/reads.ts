/** Reads: how strong they must be, and what their answers say about that. Shared by all doors that read the store. */
import { assert } from "../../src/support/assert.ts";
import { revision } from "../../src/support/brand.ts";
import type { Revision } from "../../src/support/brand.ts";
import type { ClientReply, Consistency, Query as StoreQuery, QueryResult } from "../../src/replica/messages.ts";
import { Problem } from "./problems.ts";
import type { Query } from "./query.ts";
import { askReplicas } from "./replicas.ts";
import type { Visit } from "./visit.ts";
import { refusedProblem } from "./writes.ts";

/** The parameters that every reading door takes. */
export const consistencyParameters: readonly string[] = ["consistency", "at-least", "max-age"];

const levels = ["linearizable", "session", "local"] as const;
const levelCharacters = 32;

/** @throws {Problem} for an unknown level, or for a parameter that belongs to another one. */
export function consistencyIn(query: Query): Consistency {
  const asked = query.text("consistency", levelCharacters) ?? "linearizable";
  const level = levels.find((one) => one === asked);
  if (level === undefined) throw new Problem("invalid-query", `consistency must be one of ${levels.join(", ")}`);
  const atLeast = query.whole("at-least", 0);
  const maxAgeMs = query.whole("max-age", 0);
  if (atLeast !== null && level !== "session") throw new Problem("invalid-query", "at-least needs consistency=session");
  if (maxAgeMs !== null && level !== "local") throw new Problem("invalid-query", "max-age needs consistency=local");
  switch (level) {
    case "linearizable":
      return { type: "linearizable" };
    case "session":
      if (atLeast === null) throw new Problem("invalid-query", "consistency=session needs at-least=<revision>");
      return { type: "session", atLeast: revision(atLeast) };
    case "local":
      return { type: "local", maxAgeMs };
  }
}

/** What was read, and the headers that say where and how fresh. */
export interface Read<Type extends QueryResult["type"]> {
  readonly result: Extract<QueryResult, { type: Type }>;
  readonly revision: Revision;
  readonly headers: Readonly<Record<string, string>>;
}

/** @throws {Problem} when nobody could answer, or what was asked for is gone or not there yet. */
export async function read<Type extends QueryResult["type"]>(
  visit: Visit,
  consistency: Consistency,
  query: StoreQuery,
  type: Type,
): Promise<Read<Type>> {
  const { region, reply } = await askReplicas(visit, { type: "read", consistency, query }).catch(withoutDoubt);
  assert(reply.type === "result", "a read is answered with a result");
  return found(region, reply, consistency, type);
}

/** Nothing becomes of a read that nobody answered, by whatever method it came. */
function withoutDoubt(error: unknown): never {
  if (!(error instanceof Problem)) throw error;
  throw new Problem(error.code, error.message, { ...error.particulars, outcome: "not-applied" });
}

/** @throws {Problem} when what was asked for is gone, too large, or not there yet. */
export function found<Type extends QueryResult["type"]>(
  region: string,
  { result, revision: at, ageMs }: Extract<ClientReply, { type: "result" }>,
  consistency: Consistency,
  type: Type,
): Read<Type> {
  if (result.type === "compacted") {
    throw new Problem(
      "revision-compacted",
      `revisions below ${result.compactedRevision} are no longer kept: begin again`,
      {
        extra: { compactedRevision: result.compactedRevision },
      },
    );
  }
  if (result.type === "future") throw new Problem("revision-in-future", "nobody has that revision yet");
  if (result.type === "refused") throw refusedProblem(result.why, result.compactedRevision);
  assert(isOfType(result, type), `a question for ${type} is answered with one`);
  const headers = {
    "synod-revision": String(at),
    "synod-consistency": consistency.type,
    "synod-age": ageMs === null ? "unknown" : String(ageMs),
    "synod-region": region,
    "cache-control": "no-cache",
  };
  return { result, revision: at, headers };
}

const isOfType = <Type extends QueryResult["type"]>(
  result: QueryResult,
  type: Type,
): result is Extract<QueryResult, { type: Type }> => result.type === type;
