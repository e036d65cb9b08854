/** Twins of leases: when they end, and who sees to it. */
import type { Twin } from "../twin.ts";

const area = "expiry";
const rules = "src/store/rules.ts";

export const expiry: readonly Twin[] = [
  {
    name: "ends-a-renewed-lease",
    area,
    rule: "E1",
    wrong: "The command that ends a lease was made before the last renewal, which it knows nothing of.",
    file: rules,
    find: "lease.renewal === renewal && now >=",
    replace: "now >=",
    also: [{ file: rules, find: "lease.renewedAt + lease.ttlMs,", replace: "0," }],
    check: "simulation",
    expected: /\[(E2|L3|X1)\]/,
  },
  {
    name: "ends-a-lease-before-its-time",
    area,
    rule: "E1",
    wrong: "In log time the lease still runs, whatever the clock that proposed its end says.",
    file: rules,
    find: "lease.renewal === renewal && now >= lease.renewedAt + lease.ttlMs,",
    replace: "lease.renewal === renewal,",
    check: "test/unit/store/leases.test.ts",
    expected: /\[E1\]/,
  },
  {
    name: "expires-without-skew",
    area,
    rule: "E2",
    wrong: "A clock that runs ahead ends a lease which its holder renews in time by its own.",
    file: "src/store/leases.ts",
    find: "this.#maxSkewMs = maxSkewMs;",
    replace: "this.#maxSkewMs = 0;",
    check: "test/unit/store/leases.test.ts",
    expected: /\[E2\]/,
  },
  {
    name: "sets-no-alarm",
    area,
    rule: "E2",
    wrong: "Once requests cease, nobody wakes to end the leases of those who fell silent.",
    file: "src/replica/expiry.ts",
    find: "if (due === null) return null;",
    replace: "return null;",
    check: "simulation",
    expected: /\[E1\]/,
  },
  {
    name: "never-looks-at-leases-again",
    area,
    rule: "E1",
    wrong: "A lease that came due while no majority could be reached never ends.",
    file: "src/replica/expiry.ts",
    find: `postponed(now: Instant): void {
    this.#state = "quiet";`,
    replace: `postponed(now: Instant): void {
    this.#state = "confirming";`,
    check: "simulation",
    expected: /\[E1\]/,
  },
];
