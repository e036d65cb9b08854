/**
 * R4: the age of a `local` read is honest: its state holds every change acknowledged before that long ago. One that is
 * older than its client allowed was made sure of after it was asked for. Ages count by one machine's clock, so nothing is
 * asked of runs whose clocks are wild; that they are set back must not matter.
 */
import type { CheckerOf } from "./checker.ts";
import { violated } from "./checker.ts";

export const localReads: CheckerOf = ({ cluster, keys }) => ({
  end() {
    if (cluster.swarm.clocks === "wild") return;
    const acknowledged: { readonly at: number; readonly highest: number }[] = [{ at: 0, highest: 0 }];
    const returned = keys.history.filter((op) => op.returnedAt !== null && op.reply !== null);
    for (const { returnedAt, reply } of returned.toSorted((a, b) => (a.returnedAt ?? 0) - (b.returnedAt ?? 0))) {
      if (reply?.type !== "outcome" && reply?.type !== "result") continue;
      const highest = Math.max(acknowledged.at(-1)?.highest ?? 0, reply.revision);
      acknowledged.push({ at: returnedAt ?? 0, highest });
    }
    for (const { client, consistency, reply, calledAt, returnedAt } of returned) {
      if (consistency?.type !== "local" || reply?.type !== "result") continue;
      const { maxAgeMs } = consistency;
      const waitedMs = ((returnedAt ?? 0) - calledAt) * 1.001 + 1;
      // A clock that is set right again meanwhile makes a state look older than it is, and the wait longer than it was.
      const strict = maxAgeMs !== null && cluster.swarm.clocks !== "set-back";
      if (strict && (reply.ageMs === null || reply.ageMs > Math.max(maxAgeMs, waitedMs)))
        violated("R4", `${client} allowed ${maxAgeMs} ms and was served a state ${reply.ageMs} ms old`);
      if (reply.ageMs === null) continue;
      cluster.world.count("aged-read");
      // Clocks here run too fast or too slow by at most one part in ten thousand.
      const before = calledAt - reply.ageMs * 1.001 - 1;
      const due = acknowledged.findLast(({ at }) => at < before)?.highest ?? 0;
      if (reply.revision < due)
        violated(
          "R4",
          `${client} read revision ${reply.revision}, "${reply.ageMs} ms old"; ${due} was known before that`,
        );
    }
  },
});
