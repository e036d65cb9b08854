/**
 * E1, E2: an instance is in every linearizable lookup that begins after one of its renewals was acknowledged and ends
 * before that renewal's time to live is over, counted from when it was sent.
 */
import type { Recording } from "../recording.ts";
import { finding, type Finding } from "./finding.ts";

export function judgeServices({ renewals, lookups }: Recording): Finding {
  const complaints: string[] = [];
  let judged = 0;
  const byInstance = Map.groupBy(renewals, ({ instance }) => instance);
  for (const { client, instances, calledAt, returnedAt } of lookups) {
    for (const [instance, own] of byInstance) {
      const alive = own.findLast((one) => one.returnedAt < calledAt && returnedAt < one.calledAt + one.ttlMs);
      if (alive === undefined) continue;
      judged += 1;
      if (instances.includes(instance)) continue;
      complaints.push(
        `${instance}, renewed for ${alive.ttlMs} ms at [${alive.calledAt.toFixed(1)}..${alive.returnedAt.toFixed(1)}], ` +
          `is missing from ${client}'s lookup at [${calledAt.toFixed(1)}..${returnedAt.toFixed(1)}]`,
      );
    }
  }
  return finding("an instance that renews in time is found (E1, E2)", judged, complaints);
}
