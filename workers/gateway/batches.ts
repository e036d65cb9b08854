/**
 * Several independent requests in one message to a replica. What a replica cannot help with is asked of the others, as it
 * would be one by one; what has an answer keeps it. Each request is told its own outcome (SPEC U1).
 */
import { assert } from "../../src/support/assert.ts";
import { limits } from "../../src/support/limits.ts";
import type { ClientReply, ReadRequest, WriteRequest } from "../../src/replica/messages.ts";
import { Problem } from "./problems.ts";
import { askReplicas, isFinal } from "./replicas.ts";
import type { Visit } from "./visit.ts";

type Single = Exclude<ClientReply, { type: "failed" | "batch" | "status" }>;

/** What came of one request. */
export type Part =
  | { readonly type: "answer"; readonly reply: Single; readonly region: string; readonly inDoubt: boolean }
  | { readonly type: "problem"; readonly problem: Problem };

interface Open {
  readonly at: number;
  readonly request: WriteRequest | ReadRequest;
  /** A replica was given it before, and nobody knows what it made of it. */
  readonly inDoubt: boolean;
  /** What was said of it last; null as long as nobody was asked. */
  readonly failed: Extract<ClientReply, { type: "failed" }> | null;
}

/** @throws {Problem} when no replica answered at all: then nothing is known of any. */
export async function askBatch(
  visit: Visit,
  requests: readonly (WriteRequest | ReadRequest)[],
): Promise<readonly Part[]> {
  const until = visit.now() + limits.gatewayMs;
  const parts: Part[] = [];
  let open = requests.map((request, at): Open => ({ at, request, inDoubt: false, failed: null }));
  let { regions } = visit;
  while (open.length > 0 && regions.length > 0 && visit.now() < until) {
    const round = await askRound({ ...visit, regions }, open, until);
    if (round === null) break;
    for (const [at, part] of round.parts) parts[at] = part;
    ({ open } = round);
    regions = regions.filter((region) => region !== round.region);
  }
  for (const one of open) parts[one.at] = { type: "problem", problem: problemOf(one) };
  return parts;
}

interface Round {
  readonly region: string;
  readonly parts: readonly (readonly [number, Part])[];
  readonly open: Open[];
}

/** @returns null when nobody answered, but somebody had before. */
async function askRound(visit: Visit, asked: readonly Open[], until: number): Promise<Round | null> {
  const request = { type: "batch", requests: asked.map((one) => one.request) } as const;
  const answer = await askReplicas(visit, request, until).catch((error: unknown) => {
    if (asked.some(({ failed }) => failed === null)) throw error;
    return null;
  });
  if (answer === null) return null;
  const { reply, region } = answer;
  assert(reply.type === "batch" && reply.replies.length === asked.length, "a batch is answered one by one");
  const parts: [number, Part][] = [];
  const open: Open[] = [];
  for (const [index, one] of asked.entries()) {
    const said = reply.replies[index];
    assert(said !== undefined && said.type !== "batch" && said.type !== "status", "each answer is of one request");
    const inDoubt = one.inDoubt || answer.inDoubt;
    if (said.type !== "failed") parts.push([one.at, { type: "answer", reply: said, region, inDoubt }]);
    else {
      const still = { ...one, inDoubt: inDoubt || said.outcome === "unknown", failed: said };
      if (isFinal(said.failure)) parts.push([one.at, { type: "problem", problem: problemOf(still) }]);
      else open.push(still);
    }
  }
  return { region, parts, open };
}

function problemOf({ failed, inDoubt }: Open): Problem {
  const outcome = inDoubt ? "unknown" : "not-applied";
  if (failed === null) return new Problem("no-quorum", "no replica answered in time", { outcome });
  return new Problem(failed.failure, failed.detail, { outcome });
}
