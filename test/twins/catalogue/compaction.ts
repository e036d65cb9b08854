/** Twins of compaction: what is refused, what is kept, and what depends on it. */
import type { Twin } from "../twin.ts";

const area = "compaction";
const store = "src/store/store.ts";
const operations = "src/store/operations.ts";

export const compaction: readonly Twin[] = [
  {
    name: "follows-events-that-are-gone",
    area,
    rule: "N3",
    wrong: "Who resumes where history was compacted misses what happened there, and is not told so.",
    file: store,
    find: `if (query.from.revision < first) return { type: "compacted", compactedRevision: first };`,
    replace: "",
    check: "simulation",
    expected: /\[(N2|V3)\] (watches|compaction)/,
  },
  {
    name: "reads-revisions-that-are-gone",
    area,
    rule: "V3",
    wrong: "A key is shown as it was at another revision than was asked for.",
    file: store,
    find: `return at < compactedRevision ? { type: "compacted", compactedRevision } : null;`,
    replace: "return null;",
    check: "simulation",
    expected: /\[V3\]/,
  },
  {
    name: "sweeps-the-first-batch-it-keeps",
    area,
    rule: "N3",
    wrong: "The revision that was compacted to is readable, and what it changed is forgotten.",
    file: "src/store/history.ts",
    find: `numberIn(row, "revision") >= until.revision;`,
    replace: `numberIn(row, "revision") > until.revision;`,
    check: "simulation",
    expected: /\[N2\] watches/,
  },
  {
    name: "compacts-backwards",
    area,
    rule: "V3",
    wrong: "A revision that was refused is promised again, without its rows.",
    file: operations,
    find: `if (operation.revision <= this.#compaction.compacted) return this.#refused("compacted", turn);`,
    replace: "",
    check: "simulation",
    expected: /\[(V3|X1|R1|N2)\]/,
  },
  {
    name: "tells-by-what-it-keeps-itself",
    area,
    rule: "V4",
    wrong: "A refusal names the first revision that this replica happens to keep: others remember another answer.",
    file: operations,
    find: "const { compacted } = this.#compaction;",
    replace: "const compacted = revision(Math.max(this.#compaction.floor, this.#parts.history.clearedRevision));",
    check: "simulation",
    expected: /\[(L2|L3|X1)\]/,
  },
  {
    name: "brings-a-deleted-key-back",
    area,
    rule: "L7",
    wrong:
      "A key's last value was read before a sweep took its deletion: whoever loads the snapshot has the key again.",
    file: "src/store/snapshot-load.ts",
    find: "compaction.sweepTo(slot(Math.min(end.swept, end.slot)), history, remove);",
    replace: "",
    check: "test/unit/store/snapshot-compaction.test.ts",
    expected: /\[L7\] a compaction between two pages/,
  },
  {
    name: "gives-a-snapshot-that-was-swept",
    area,
    rule: "L7",
    wrong: "A row that was current in the snapshot is overwritten and swept before it is read: the key is lost.",
    file: "src/store/snapshot.ts",
    find: `const isSwept = at.type !== "captured" && compaction.swept > this.slot;`,
    replace: "const isSwept = false;",
    check: "test/unit/store/snapshot-compaction.test.ts",
    expected: /\[L7\]/,
  },
];
