/**
 * R3: a `session` read is served at or above the revision it names, and so never goes back for its client; and what it
 * shows is what the store held at the revision it says: no key may show a change that came later, nor miss one before.
 */
import type { CheckerOf } from "./checker.ts";
import { violated } from "./checker.ts";

export const sessions: CheckerOf = ({ cluster, keys }) => ({
  end() {
    /** Acknowledged changes of each key. */
    const changes = new Map<string, number[]>();
    for (const { asked, reply } of keys.history) {
      if ((asked.type !== "put" && asked.type !== "delete") || reply?.type !== "outcome") continue;
      const { outcome } = reply;
      if (outcome.type !== "put" && !(outcome.type === "deleted" && outcome.existed)) continue;
      changes.set(asked.key, [...(changes.get(asked.key) ?? []), outcome.revision]);
    }
    for (const { client, asked, consistency, reply } of keys.history) {
      if (consistency === null || reply?.type !== "result") continue;
      if (consistency.type === "session") {
        cluster.world.count("session-read");
        if (reply.revision < consistency.atLeast)
          violated("R3", `${client} asked for ${consistency.atLeast} and was served at ${reply.revision}`);
      }
      if (asked.type !== "get" || reply.result.type !== "entry") continue;
      const shown = reply.result.entry?.modRevision ?? 0;
      if (shown > reply.revision) violated("R3", `${client} was shown ${shown} at revision ${reply.revision}`);
      // An absent key may have been deleted by somebody who was never told so.
      const missed = changes.get(asked.key)?.find((at) => at > shown && at <= reply.revision);
      if (shown > 0 && missed !== undefined)
        violated("R3", `${client} at revision ${reply.revision} was shown ${asked.key}@${shown}, not @${missed}`);
    }
  },
});
