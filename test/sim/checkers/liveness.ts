/**
 * Every request ends: no replica still owes anybody an answer when all is quiet. And from some virtual time after healing
 * on, requests succeed again, and every client that goes on gets on.
 */
import type { CheckerOf } from "./checker.ts";
import { violated } from "./checker.ts";

export const liveness: CheckerOf = ({ cluster, keys, decisions, pipelines, healthyFrom }) => ({
  end() {
    for (const { region, owes } of cluster.replicas.values())
      if (owes > 0) violated("liveness", `the replica in ${region} still owes ${owes} answers`);
    for (const [session, at] of pipelines.advanced)
      if (at < healthyFrom()) violated("liveness", `${session} has not got on since ${at}`);
    const open = keys.history.filter((op) => op.returnedAt === null && !op.abandoned).length;
    const undecided = decisions.history.filter((asked) => asked.returnedAt === null).length;
    if (open + undecided > 0) violated("liveness", `${open} requests and ${undecided} proposals never ended`);
    const late = keys.history.filter((op) => op.calledAt > healthyFrom() && !op.abandoned && !op.hasty);
    const refused = late.filter((op) => op.reply === null);
    if (refused.length > 0)
      violated("liveness", `${refused.length} of ${late.length} requests failed long after healing`);
    const lateDecisions = decisions.history.filter((asked) => asked.calledAt > healthyFrom());
    const without = lateDecisions.filter((asked) => asked.told === null);
    if (without.length > 0)
      violated("liveness", `${without.length} of ${lateDecisions.length} decisions failed long after healing`);
  },
});
