/**
 * X1, X2, X3, E1, L3: the chosen log, carried out by the plainest model of a store there is, must give every client the
 * outcome it was told, carry out no command twice, and end in the rows that the replicas hold.
 */
import { userKey } from "../../../src/store/key-space.ts";
import { utf8 } from "../../../src/support/bytes.ts";
import type { StoreModel } from "../../property/store-model.ts";
import type { CheckerOf } from "./checker.ts";
import { violated } from "./checker.ts";
import { replayOf } from "./replay.ts";

const prefix = userKey(utf8("k"));

export const oracle: CheckerOf = ({ cluster, chosen, keys }) => ({
  end() {
    const { model, outcomes } = replayOf(chosen);
    for (const { id, reply } of keys.history) {
      if (id === null || reply?.type !== "outcome") continue;
      cluster.world.count("outcome-checked");
      const had = outcomes.get(id);
      const told = JSON.stringify(reply.outcome);
      if (had?.has(told) !== true) violated("X1", `${id} was told ${told}; the log says ${[...(had ?? [])].join()}`);
    }
    const expected = rowsOf(model);
    for (const { region, store } of cluster.replicas.values()) {
      const page = store.list({ prefix, limit: 100, maxBytes: Infinity });
      if (page.type !== "page") violated("L2", `${region} cannot list its keys`);
      const rows = page.entries.map((e) => `${e.key}=${e.value.join()}@${e.modRevision}#${e.version}`).join(" ");
      if (store.revision !== model.revision || rows !== expected)
        violated("L3", `${region} ends at revision ${store.revision} with ${rows}; the log says ${expected}`);
    }
  },
});

const rowsOf = (model: StoreModel): string =>
  [...(model.past.at(-1) ?? [])]
    .filter(([key]) => key.startsWith(prefix))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, kept]) => `${key}=${kept.value}@${kept.mod}#${kept.version}`)
    .join(" ");
