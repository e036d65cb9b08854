/** U1: what a client was told is not applied never takes effect, as the chosen log itself shows. */
import { nameOfCommand } from "../history.ts";
import type { CheckerOf } from "./checker.ts";
import { violated } from "./checker.ts";
import { replayOf } from "./replay.ts";

export const outcomes: CheckerOf = ({ cluster, chosen, keys, pipelines, desk }) => ({
  end() {
    const { carried } = replayOf(chosen);
    const refused = [
      ...[...keys.history, ...desk.asked].flatMap(({ id, notApplied }) => (notApplied && id !== null ? [id] : [])),
      // Those who ask a replica without a gateway hear its own word.
      ...pipelines.refused.map((id) => nameOfCommand(id, null)),
    ];
    for (const id of refused) {
      cluster.world.count("refusal-checked");
      const done = carried.get(id);
      if (done !== undefined && done.after > done.before)
        violated("U1", `${id} was told to be not applied, and made revision ${done.after}`);
    }
  },
});
