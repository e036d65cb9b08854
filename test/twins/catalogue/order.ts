/** Twins of the order that pipelining clients ask for. */
import type { Twin } from "../twin.ts";

const area = "order";

export const order: readonly Twin[] = [
  {
    name: "lets-a-session-skip-ahead",
    area,
    rule: "X3",
    wrong: "A later command overtakes an earlier one that was lost on the way.",
    file: "src/store/rules.ts",
    find: "=> sequence === expected;",
    replace: "=> sequence >= expected;",
    check: "simulation",
    expected: /\[(X3|X1|L3)\]/,
  },
  {
    name: "lets-a-session-go-back",
    area,
    rule: "X3",
    wrong: "A command whose place in the order has passed is carried out after its successors.",
    file: "src/store/rules.ts",
    find: "=> sequence === expected;",
    replace: "=> sequence <= expected;",
    check: "simulation",
    expected: /\[(X3|X1|L3)\]/,
  },
  {
    name: "forgets-sessions-between-batches",
    area,
    rule: "X3",
    wrong: "Each batch begins at sequence 1 again.",
    file: "src/store/sessions.ts",
    find: "for (const session of this.#touched.values()) this.write(session);",
    replace: "",
    check: "simulation",
    expected: /\[(X3|X1|L3)\]/,
  },
];
