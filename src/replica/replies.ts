/** What a replica tells a client, put into words. */
import { revision } from "../support/brand.ts";
import type { FoundingResult } from "../paxos/founding.ts";
import type { Outcome } from "../store/command.ts";
import type { ClientReply, Failure } from "./messages.ts";

export const failed = (failure: Failure, outcome: "not-applied" | "unknown", detail: string): ClientReply => ({
  type: "failed",
  failure,
  outcome,
  detail,
});

export function outcomeReply(outcome: Outcome, current: number): ClientReply {
  return { type: "outcome", outcome, revision: "revision" in outcome ? outcome.revision : revision(current) };
}

/** Why a namespace's acceptors cannot be asked. */
export function refusal(
  result: Exclude<FoundingResult, { readonly type: "founded" | "unfounded" }>,
): readonly [Failure, string] {
  switch (result.type) {
    case "unreachable":
      return ["founding-incomplete", `these acceptors did not answer: ${result.regions.join(", ")}`];
    case "wrong-regions":
      return ["wrong-regions", `the namespace was founded with acceptors in ${result.founded.join(", ")}`];
    case "conflict":
      return ["founding-conflict", `the acceptor in ${result.region} is not the one that the founding began with`];
  }
}
