/** X1: a request that was answered, and is sent once more under its `Idempotency-Key`, is told its first outcome. */
import type { Recording, Told } from "../recording.ts";
import { finding, type Finding } from "./finding.ts";

export function judgeRetries({ repeats }: Recording): Finding {
  const answered = repeats.filter(({ again }) => again.type === "acknowledged" || again.type === "refused");
  const complaints = answered
    .filter(({ first, again }) => text(first) !== text(again))
    .map(({ client, key, first, again }) => `${client}, ${key}: first ${text(first)}, then ${text(again)}`);
  return finding("a retry is told the first outcome (X1)", answered.length, complaints);
}

function text(told: Told): string {
  switch (told.type) {
    case "acknowledged":
      return `acknowledged at revision ${told.revision}, version ${told.version}`;
    case "refused":
      return `refused, because of ${told.modRevision === null ? "its absence" : `revision ${told.modRevision}`}`;
    case "not-applied":
    case "unknown":
      return told.type;
  }
}
