/** C2: everybody who is told what was decided is told the same, it was proposed, and it was at most one client's own. */
import type { DecisionCall, Recording } from "../recording.ts";
import { finding, type Finding } from "./finding.ts";

export function judgeDecisions({ decisions }: Recording): Finding {
  const told = decisions.filter((call) => call.told.type === "decided").length;
  const complaints = [...Map.groupBy(decisions, ({ id }) => id)].flatMap(([id, calls]) =>
    complaintsAbout(calls).map((complaint) => `${id}: ${complaint}`),
  );
  return finding("a decision is one, and was proposed (C2, U1)", told, complaints);
}

function complaintsAbout(calls: readonly DecisionCall[]): readonly string[] {
  const complaints: string[] = [];
  const values = new Set(calls.flatMap(({ told }) => (told.type === "decided" ? [told.value] : [])));
  if (values.size > 1) complaints.push(`decided as ${[...values].join(" and as ")}`);
  // Values are unique, so a value names its proposal.
  for (const value of values) {
    const proposal = calls.find(({ proposed }) => proposed === value);
    if (proposal === undefined) complaints.push(`decided as ${value}, which nobody proposed`);
    if (proposal?.told.type === "not-applied") complaints.push(`decided as ${value}, which was told not-applied`);
  }
  for (const { client, proposed, told } of calls) {
    if (told.type === "decided" && proposed !== null && told.yours !== (proposed === told.value)) {
      complaints.push(`${client} proposed ${proposed} and was told ${told.value}, yours: ${told.yours}`);
    }
  }
  const firstKnownAt = Math.min(
    ...calls.filter(({ told }) => told.type === "decided").map(({ returnedAt }) => returnedAt),
  );
  for (const { client, told, calledAt } of calls) {
    if (told.type === "nothing" && calledAt > firstKnownAt) {
      complaints.push(`${client} was told that nothing is decided, after somebody had been told what is`);
    }
  }
  return complaints;
}
