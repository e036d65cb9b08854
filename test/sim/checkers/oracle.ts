/**
 * X1, X2, X3, E1, L3: the chosen log, carried out by the plainest model of a store there is, must give every client the
 * outcome it was told, carry out no command twice, and end in the rows that the replicas hold.
 */
import { serviceSpace, userKey } from "../../../src/store/key-space.ts";
import type { Store } from "../../../src/store/store.ts";
import type { StoreModel } from "../../property/store-model.ts";
import type { CheckerOf } from "./checker.ts";
import { violated } from "./checker.ts";
import { replayOf } from "./replay.ts";

const spaces = [userKey(new Uint8Array(0)), serviceSpace];

export const oracle: CheckerOf = ({ cluster, chosen, keys }) => ({
  end() {
    const { model, outcomes } = replayOf(chosen);
    for (const { id, reply } of keys.history) {
      if (id === null || reply?.type !== "outcome") continue;
      cluster.world.count("outcome-checked");
      // Told from memory, without another copy in the log: then the id must stand there under another request.
      if (reply.outcome.type === "id-reused" && !outcomes.has(id)) {
        const taken = [...outcomes.keys()].some((name) => name !== id && plainId(name) === plainId(id));
        if (!taken) violated("X1", `${id} was told that its id is taken, and it is not`);
        continue;
      }
      const had = outcomes.get(id);
      const told = JSON.stringify(reply.outcome);
      if (had?.has(told) !== true) violated("X1", `${id} was told ${told}; the log says ${[...(had ?? [])].join()}`);
    }
    const expected = rowsOf(model);
    for (const { region, store } of cluster.replicas.values()) {
      const rows = rowsIn(store);
      if (store.revision !== model.revision || rows !== expected)
        violated("L3", `${region} ends at revision ${store.revision} with ${rows}; the log says ${expected}`);
    }
  },
});

/** Without the fingerprint. */
const plainId = (name: string): string => name.slice(name.indexOf(" ") + 1);

const rowsIn = (store: Store): string =>
  spaces
    .flatMap((prefix) => {
      const page = store.list({ prefix, limit: 1_000, maxBytes: Infinity });
      return page.type === "page" ? page.entries : violated("L2", `keys cannot be listed: ${page.type}`);
    })
    .map((e) => `${e.key}=${e.value.join()}@${e.modRevision}#${e.version}`)
    .join(" ");

const rowsOf = (model: StoreModel): string =>
  [...(model.past.at(-1) ?? [])]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, kept]) => `${key}=${kept.value}@${kept.mod}#${kept.version}`)
    .join(" ");
