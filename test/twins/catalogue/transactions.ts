/** Twins of transactions: what makes several changes one. */
import type { Twin } from "../twin.ts";

const area = "transactions";
const file = "src/store/transactions.ts";
const operations = "src/store/operations.ts";

export const transactions: readonly Twin[] = [
  {
    name: "applies-half-a-transaction",
    area,
    rule: "V2",
    wrong: "Money is taken from one account and given to nobody.",
    file,
    find: "changing?.put(step);",
    replace: "if (step === chosen.steps[0]) changing?.put(step);",
    check: "simulation",
    expected: /\[V2\] transactions/,
  },
  {
    name: "compares-with-its-own-changes",
    area,
    rule: "V2",
    wrong: "A nested comparison is judged after what came before it in the same transaction.",
    file,
    find: `one.type === "txn" ? { type: "txn", chosen: choose(ground, at, one.transaction) } : one,`,
    replace: `one.type === "txn"
      ? {
          type: "txn",
          get chosen() {
            return choose(ground, (at + 1) as Revision, one.transaction);
          },
        }
      : one,`,
    check: "simulation",
    expected: /\[V2\] transactions/,
  },
  {
    name: "makes-a-revision-for-each-change",
    area,
    rule: "V1",
    wrong: "There is a revision at which the transaction is half done.",
    file: operations,
    find: "put: (step) => this.#putStep(step, at, turn),",
    replace: `put: (step) => {
        turn.revision = revision(turn.revision + 1);
        this.#putStep(step, turn.revision, turn);
      },`,
    also: [{ file: operations, find: "turn.revision = at;", replace: "turn.resultBytes += 0;" }],
    check: "simulation",
    expected: /\[(V1|V2)\] transactions/,
  },
  {
    name: "makes-a-revision-for-nothing",
    area,
    rule: "V1",
    wrong: "A transaction that changes nothing uses up a revision, and its client is told of a change.",
    file: operations,
    find: "if (turn.changes.length > known) turn.revision = at;",
    replace: "if (at > before) turn.revision = at;",
    check: "simulation",
    expected: /\[(V1|V2|L3)\]/,
  },
  {
    name: "compares-nothing-with-success",
    area,
    rule: "V2",
    wrong: "A comparison of a key that does not exist holds, whatever it asks for.",
    file,
    find: "return any || holds(compare, absent);",
    replace: "return true;",
    check: "simulation",
    expected: /\[(V1|V2|L3)\]/,
  },
  {
    name: "lets-a-write-read-the-past",
    area,
    rule: "V4",
    wrong: "What a command is answered depends on how much history this replica happens to keep.",
    file: operations,
    find: `unreadable: () => "compacted",`,
    replace: `unreadable: (at) => (at < this.#parts.history.clearedRevision ? "compacted" : null),`,
    check: "simulation",
    expected: /\[(V2|L2|L3)\]/,
  },
];
