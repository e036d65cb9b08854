/** Twins of spacing: nothing wrong is ever said, but somebody waits for nothing, or for ever. */
import type { Twin } from "../twin.ts";

const area = "pace";
const rule = "liveness";
const file = "src/support/pace.ts";
const unit = "test/unit/support/pace.test.ts";

export const pace: readonly Twin[] = [
  {
    name: "waits-for-whoever-was-there-before",
    area,
    rule,
    wrong: "Whoever comes while those of the last call stay away has no last moment to leave at.",
    file,
    find: "return Math.max(this.#leftAt + this.#gapMs, this.#endedAt + this.#patienceMs);",
    replace: "return Infinity;",
    check: "simulation",
    expected: /\[liveness\]/,
  },
  {
    name: "waits-in-each-round-for-who-left",
    area,
    rule,
    wrong: "Who does not come again is never counted as staying away, and all others wait for them again and again.",
    file,
    find: "if (this.#owed > 0) this.#returned(now - this.#endedAt);",
    replace: "",
    check: unit,
    expected: /who does not come again within a whole round counts as staying away/,
  },
  {
    name: "never-expects-fewer",
    area,
    rule,
    wrong: "After a crowd a single client is held up with each of its requests, for ever.",
    file,
    find: "this.#expected = Math.max(1, this.#carried + waiting);",
    replace: "this.#expected = Math.max(this.#expected, this.#carried + waiting);",
    check: unit,
    expected: /when a crowd has left/,
  },
  {
    name: "sets-no-timer-for-a-batch-that-waits",
    area,
    rule,
    wrong: "Commands that wait for companions, or for their gap, leave only when something else happens.",
    file: "src/replica/leadership.ts",
    find: "if (at < Infinity) turn.wakeBy(at);",
    replace: "",
    check: "test/unit/replica/spacing.test.ts",
    expected: /a command that waits for those who were answered is forwarded/,
  },
  {
    name: "sets-no-timer-for-a-barrier-that-waits",
    area,
    rule,
    wrong: "Reads that wait for companions are asked for only when something else happens.",
    file: "src/replica/readers.ts",
    find: "if (at < Infinity) turn.wakeBy(at);",
    replace: "",
    check: "test/unit/replica/spacing.test.ts",
    expected: /a read that waits for those who were answered is asked for/,
  },
];
