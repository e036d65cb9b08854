/** Twins of the log: slots in order, batches, and what applying may depend on. */
import type { Twin } from "../twin.ts";

const area = "log";

export const log: readonly Twin[] = [
  {
    name: "applies-past-a-gap",
    area,
    rule: "L1",
    wrong: "A slot that is not known yet is passed over, and never applied here.",
    file: "src/replica/log.ts",
    find: "const value = this.#chosen.get(at);\n    return value === undefined ? null : { slot: at, value };",
    replace:
      "const [first] = [...this.#chosen].toSorted(([a], [b]) => a - b);\n    return first === undefined ? null : { slot: first[0], value: first[1] };",
    also: [
      {
        file: "src/store/store.ts",
        find: "assert(at === nextSlot(this.appliedSlot), `L1 slots are applied in order: ${at} after ${this.appliedSlot}`);",
        replace: "",
      },
    ],
    check: "simulation",
    expected: /\[(L1|L2|L3|X1|R1)\]|L1/,
  },
  {
    name: "applies-by-its-own-clock",
    area,
    rule: "L3",
    wrong: "Time that does not travel in the batch differs between replicas, and so do the rows it leads to.",
    file: "src/store/store.ts",
    find: "const now = logTime(Math.max(this.logTime, batch.stamp));",
    replace:
      "const now = logTime(Math.max(this.logTime, batch.stamp, Math.floor(performance.now()) + 1_800_000_000_000));",
    check: "simulation",
    expected: /\[(L2|L3|X1|U1|T1)\]/,
  },
  {
    name: "forgets-brief-outcomes-on-restart",
    area,
    rule: "L2",
    wrong: "What a replica holds depends on whether it was restarted within the batch's brief memory.",
    file: "src/store/store.ts",
    find: "if (history.newest !== null) history.recentOutcomes(history.newest.stamp).forEach((one) => outcomes.restore(one));",
    replace: "",
    check: "simulation",
    expected: /\[(L2|X1)\]/,
  },
  {
    name: "applies-unknown-semantics",
    area,
    rule: "L4",
    wrong: "A batch that means something else to newer code is carried out as if it did not, and replicas diverge.",
    file: "src/store/batch-codec.ts",
    find: `if (semantics > SEMANTICS) return { type: "unknown-semantics", semantics };`,
    replace: "",
    check: "test/unit/store/codec.test.ts",
    expected: /\[L4\]/,
  },
  {
    name: "drops-a-command-of-a-batch",
    area,
    rule: "L3",
    wrong: "What is chosen is not what is carried out.",
    file: "src/store/store.ts",
    find: "const results = batch.commands.map((command) => this.#applyOne(command, turn));",
    replace: "const results = batch.commands.slice(0, 3).map((command) => this.#applyOne(command, turn));",
    check: "simulation",
    expected: /\[(L3|X1|liveness)\]/,
  },
  {
    name: "log-time-goes-back",
    area,
    rule: "T1",
    wrong: "A deadline that has passed has not passed any more, and a copy of its command is carried out after all.",
    file: "src/store/store.ts",
    find: "const now = logTime(Math.max(this.logTime, batch.stamp));",
    replace: "const now = batch.stamp;",
    check: "simulation",
    expected: /\[(T1|L3|X1)\]/,
  },
];
