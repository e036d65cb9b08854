/** U1: what a client was told is not applied never takes effect, as the chosen log itself shows. */
import type { CheckerOf } from "./checker.ts";
import { violated } from "./checker.ts";
import { replayOf } from "./replay.ts";

export const outcomes: CheckerOf = ({ cluster, chosen, keys }) => ({
  end() {
    const { carriedOut } = replayOf(chosen);
    for (const { id, notApplied, calledAt } of keys.history) {
      if (!notApplied || id === null) continue;
      cluster.world.count("refusal-checked");
      const revision = carriedOut.get(id);
      if (revision !== undefined)
        violated("U1", `${id}, asked at ${calledAt}, was told to be not applied, and made revision ${revision}`);
    }
  },
});
