/** Twins of the floor below which acceptors delete votes. */
import type { Twin } from "../twin.ts";

const area = "trimming";

export const trimming: readonly Twin[] = [
  {
    name: "raises-the-floor-to-what-it-applied-itself",
    area,
    rule: "L5",
    wrong: "Votes go that no other replica has applied: with this one's rows the slots are lost.",
    file: "src/replica/replica.ts",
    find: "this.#peers.appliedByMajority(this.#store.appliedSlot) - this.#trimming.keptSlots,",
    replace: "this.#store.appliedSlot - this.#trimming.keptSlots,",
    check: "simulation",
    expected: /\[L5\]/,
  },
  {
    name: "asks-one-replica-less",
    area,
    rule: "L5",
    wrong: "What a minority has applied can be lost with it.",
    file: "src/replica/peers.ts",
    find: "applied[majorityOf(applied.length) - 1]",
    replace: "applied[majorityOf(applied.length) - 2]",
    check: "simulation",
    expected: /\[L5\]/,
  },
  {
    name: "keeps-no-tail",
    area,
    rule: "L5",
    wrong: "Whoever is a little behind finds the votes gone, and needs a snapshot.",
    file: "src/replica/replica.ts",
    find: "this.#peers.appliedByMajority(this.#store.appliedSlot) - this.#trimming.keptSlots,",
    replace: "this.#peers.appliedByMajority(this.#store.appliedSlot),",
    check: "simulation",
    expected: /\[L5\]/,
  },
];
