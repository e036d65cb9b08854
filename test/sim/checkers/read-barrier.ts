/**
 * R1, R2 by real time alone: whatever began after something was acknowledged sees at least its revision, whichever keys
 * the two are about. Cheap, and independent of the search for an order.
 */
import type { CheckerOf } from "./checker.ts";
import { violated } from "./checker.ts";

interface Point {
  readonly what: string;
  readonly revision: number;
  readonly wrote: boolean;
  readonly calledAt: number;
  readonly returnedAt: number;
}

export const readBarrier: CheckerOf = ({ cluster, keys }) => ({
  end() {
    const points = keys.history.flatMap((op): readonly Point[] => {
      const { reply, consistency, returnedAt } = op;
      if (returnedAt === null || reply === null) return [];
      const point = { what: `${op.client} ${op.asked.type}`, calledAt: op.calledAt, returnedAt };
      if (reply.type === "result" && consistency?.type === "linearizable")
        return [{ ...point, revision: reply.revision, wrote: false }];
      if (reply.type !== "outcome") return [];
      const { outcome } = reply;
      const wrote = outcome.type === "put" || (outcome.type === "deleted" && outcome.existed);
      return wrote ? [{ ...point, revision: outcome.revision, wrote }] : [];
    });
    const byReturn = points.toSorted((a, b) => a.returnedAt - b.returnedAt);
    let highest = 0;
    let next = 0;
    for (const point of points.toSorted((a, b) => a.calledAt - b.calledAt)) {
      for (
        let ended = byReturn[next];
        ended !== undefined && ended.returnedAt < point.calledAt;
        ended = byReturn[next]
      ) {
        highest = Math.max(highest, ended.revision);
        next += 1;
      }
      cluster.world.count("order-checked");
      // Who wrote used up a revision of its own; but a retry is told its first outcome, however late.
      if (!point.wrote && point.revision < highest)
        violated(
          "R1",
          `${point.what} at ${point.calledAt} saw revision ${point.revision}; ${highest} was acknowledged`,
        );
    }
  },
});
