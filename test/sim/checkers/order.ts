/** X3: a client's numbered writes take effect in their order, each once, whoever led meanwhile. */
import type { CheckerOf } from "./checker.ts";
import { violated } from "./checker.ts";

export const order: CheckerOf = ({ pipelines }) => ({
  end() {
    for (const [session, revisions] of pipelines.revisions) {
      let highest = 0;
      for (const [sequence, revision] of [...revisions].toSorted(([a], [b]) => a - b)) {
        if (revision <= highest)
          violated("X3", `${session}: number ${sequence} took effect at ${revision}, after ${highest}`);
        highest = revision;
      }
    }
  },
});
