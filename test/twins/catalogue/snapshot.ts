/** Twins of the snapshots by which a replica that is far behind catches up. */
import type { Twin } from "../twin.ts";

const area = "snapshot";
const store = "src/store/store.ts";
const file = "src/store/snapshot.ts";

export const snapshot: readonly Twin[] = [
  {
    name: "leaves-outcomes-out-of-snapshots",
    area,
    rule: "L7",
    wrong: "A replica that came by a snapshot carries out again what the others remember.",
    file,
    find: `for (const row of outcomes.all(now)) yield encodeRow({ type: "outcome", row });`,
    replace: "",
    check: "simulation",
    expected: /\[(L2|X1)\]/,
  },
  {
    name: "leaves-sessions-out-of-snapshots",
    area,
    rule: "L7",
    wrong: "A replica that came by a snapshot expects every session to begin again.",
    file,
    find: `for (const row of sessions.all(now)) yield encodeRow({ type: "session", row });`,
    replace: "",
    check: "simulation",
    expected: /\[(L2|X3)\]/,
  },
  {
    name: "leaves-leases-out-of-snapshots",
    area,
    rule: "L7",
    wrong: "A replica that came by a snapshot ends no lease that it did not see granted.",
    file,
    find: `for (const row of leases.all()) yield encodeRow({ type: "lease", row });`,
    replace: "",
    check: "simulation",
    expected: /\[(L2|E1)\]/,
  },
  {
    name: "reads-a-snapshot-at-several-revisions",
    area,
    rule: "L7",
    wrong: "Later pages show what was written while the earlier ones were read.",
    file,
    find: "this.#parts.keys.history(at, this.revision, keysAtOnce)",
    replace: "this.#parts.keys.history(at, this.#parts.history.newest.revision, keysAtOnce)",
    check: "simulation",
    expected: /\[(L2|L3)\]|InvariantError: a batch/,
  },
  {
    name: "takes-half-a-snapshot-for-a-store",
    area,
    rule: "L7",
    wrong: "After a restart in the middle of loading, half a state passes for a whole one.",
    file: store,
    find: "createTables(this.#sql);\n    markLoading(this.#sql);",
    replace: "createTables(this.#sql);",
    check: "test/unit/store/snapshot.test.ts",
    expected: /\[L7\]/,
  },
  {
    name: "drops-its-rows-before-the-snapshot-is-whole",
    area,
    rule: "L5",
    wrong: "Votes were deleted because this replica had durably applied their slots; now it has not.",
    file: store,
    find: "else setTablesAside(this.#sql);",
    replace: "else dropTables(this.#sql);",
    check: "simulation",
    expected: /\[(L1|L5)\]/,
  },
  {
    name: "serves-from-half-a-snapshot",
    area,
    rule: "L7",
    wrong: "Half-loaded rows are nobody's state, and are shown as if they were.",
    file: "src/replica/readers.ts",
    find: `if (this.#store.loading) return this.#fail(turn, handle, "catching-up", halfLoaded);`,
    replace: "",
    also: [
      {
        file: "src/replica/readers.ts",
        find: `  finish(turn: Turn): void {
    if (this.#store.loading) {`,
        replace: `  finish(turn: Turn): void {
    if (false) {`,
      },
    ],
    check: "test/unit/replica/replica.test.ts",
    expected: /\[L7\]/,
  },
];
