/**
 * X1, X2, X3, V1, V2, V4, K1, E1, H1, L3: the chosen log, carried out by the plainest model of a store there is, must give
 * every client the outcome it was told, carry out no command twice, and end in the rows and leases that the replicas hold.
 */
import type { Entry } from "../../../src/store/command.ts";
import { allOf, rangeStart } from "../../../src/store/ranges.ts";
import type { Store } from "../../../src/store/store.ts";
import type { ByteString } from "../../../src/support/brand.ts";
import { canonical } from "../replay/canonical.ts";
import { entriesIn } from "../replay/plain-keys.ts";
import type { PlainLease, PlainStore } from "../replay/plain-store.ts";
import type { CheckerOf } from "./checker.ts";
import { violated } from "./checker.ts";
import { everythingTold, firstAmiss, replayOf } from "./replay.ts";
import type { Carried } from "./replay.ts";

const everything = { key: "" as ByteString, end: "\u00ff" as ByteString };

export const oracle: CheckerOf = (scene) => ({
  end() {
    const { cluster, chosen } = scene;
    const { model, outcomes, carried } = replayOf(chosen);
    const amiss = firstAmiss(scene);
    if (amiss !== null) {
      const says = canonical(amiss.outcome);
      violated(ruleOf(amiss, amiss.told, says), `${amiss.name} was told ${amiss.told}; the log says ${says}`);
    }
    for (const { id, reply } of everythingTold(scene)) {
      if (id === null || reply?.type !== "outcome") continue;
      cluster.world.count("outcome-checked");
      if (carried.has(id)) continue;
      // Told from memory, without another copy in the log: then the id must stand there under another request.
      if (reply.outcome.type === "id-reused" && !outcomes.has(id)) {
        const taken = [...outcomes.keys()].some((name) => name !== id && plainId(name) === plainId(id));
        if (!taken) violated("X1", `${id} was told that its id is taken, and it is not`);
        continue;
      }
      const had = outcomes.get(id);
      const told = canonical(reply.outcome);
      if (had?.has(told) !== true) violated("X1", `${id} was told ${told}; the log says ${[...(had ?? [])].join()}`);
    }
    const expected = [...rowsOf(entriesIn(model.keys, everything)), ...leasesOf(model)].join(" ");
    for (const { region, store } of cluster.replicas.values()) {
      const rows = [...rowsOf(entriesOf(store)), ...leasesIn(store)].join(" ");
      if (store.revision !== model.revision || rows !== expected)
        violated("L3", `${region} ends at revision ${store.revision} with ${rows}; the log says ${expected}`);
    }
  },
});

/** What the first answer that differs is about. One that differs in its numbers only follows from something untold. */
function ruleOf({ command }: Carried, told: string, says: string): string {
  if (told.replaceAll(/\d+/g, "#") === says.replaceAll(/\d+/g, "#")) return "L3";
  if (command.guard !== undefined || command.operation.type === "enqueue") return "K1";
  if (command.order !== undefined) return "X3";
  return { txn: "V2", grant: "E1", renew: "E1", revoke: "E1", compact: "V3" }[command.operation.type as string] ?? "X1";
}

/** Without the fingerprint. */
const plainId = (name: string): string => name.slice(name.indexOf(" ") + 1);

function entriesOf(store: Store): readonly Entry[] {
  const found = store.range(allOf(everything), rangeStart, { limit: 10_000, maxBytes: Infinity });
  return "type" in found ? violated("L2", `keys cannot be listed: ${found.type}`) : found.entries;
}

const rowsOf = (entries: readonly Entry[]): readonly string[] =>
  entries.map(
    ({ key, value, modRevision, createRevision, version, lease }) =>
      `${key}=${value.join()}@${createRevision}/${modRevision}#${version}${lease === null ? "" : `~${lease}`}`,
  );

const leaseText = (id: string, lease: PlainLease): string =>
  `${id}:${lease.renewal},${lease.renewedAt},${lease.ttlMs},${lease.granted},${lease.herd},${lease.heldUntil}`;

const leasesOf = (model: PlainStore): readonly string[] =>
  [...model.leases].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([id, lease]) => leaseText(id, lease));

const leasesIn = (store: Store): readonly string[] =>
  store.leases("", 10_000).map((lease) => leaseText(lease.id, lease));
