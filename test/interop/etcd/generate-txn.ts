/** Random ranges, puts, deletions, and transactions of them, nested and not, some of them refused. */
import { integerBetween } from "../../../src/support/random.ts";
import {
  chance,
  int64,
  keyIn,
  leaseIn,
  maybe,
  namedLeases,
  oneOf,
  rangeIn,
  revisionOf,
  sortableRange,
  valueIn,
  weighted,
} from "./choices.ts";
import { isRefusedByEtcd, mayTouchTwice } from "./intervals.ts";
import type { Run } from "./run.ts";

export type Body = Readonly<Record<string, unknown>>;

/** @param past whether it may be read at a revision. */
export function rangeRequest(run: Run, past = true): Body {
  const { random } = run;
  const sorted = chance(random, 0.3);
  return {
    ...(sorted ? sortableRange(random) : rangeIn(random)),
    ...maybe(random, 0.3, () => ({ limit: int64(random, integerBetween(random, -1, 5)) })),
    ...(past ? maybe(random, 0.25, () => ({ revision: int64(random, revisionOf(run)) })) : {}),
    ...(sorted ? sorting(run) : {}),
    ...maybe(random, 0.1, () => ({ keys_only: true })),
    ...maybe(random, 0.1, () => ({ countOnly: true })),
    ...maybe(random, 0.2, () => ({ serializable: chance(random, 0.5) })),
    ...maybe(random, 0.1, () => ({ [oneOf(random, bounds)]: revisionOf(run) - integerBetween(random, 0, 20) })),
    ...maybe(random, 0.02, () => ({ nobodyKnows: { this: [1, null] } })),
  };
}

const bounds = [
  "min_mod_revision",
  "max_mod_revision",
  "min_create_revision",
  "max_create_revision",
  "minModRevision",
  "maxCreateRevision",
];

function sorting({ random }: Run): Body {
  return {
    ...maybe(random, 0.7, () => ({ sort_order: oneOf(random, ["NONE", "ASCEND", "DESCEND", 0, 1, 2, 7]) })),
    ...maybe(random, 0.9, () => ({ sort_target: oneOf(random, ["KEY", "VERSION", "CREATE", "MOD", "VALUE", 1, 4]) })),
  };
}

export function putRequest(run: Run): Body {
  const { random } = run;
  return {
    ...keyIn(random),
    ...maybe(random, 0.9, () => ({ value: valueIn(random) })),
    ...maybe(random, 0.3, () => ({ lease: leaseIn(run) })),
    ...maybe(random, 0.3, () => ({ prev_kv: true })),
    ...maybe(random, 0.1, () => ({ ignore_value: true, value: chance(random, 0.8) ? "" : "eA==" })),
    ...maybe(random, 0.1, () => ({ ignore_lease: true, ...(chance(random, 0.8) ? { lease: 0 } : {}) })),
  };
}

export const deleteRequest = ({ random }: Run): Body => ({
  ...rangeIn(random),
  ...maybe(random, 0.4, () => ({ prevKv: true })),
});

function compare(run: Run): Body {
  const { random } = run;
  const number = (): number | string =>
    int64(random, oneOf(random, [0, 1, 2, 3, run.revision, Math.max(0, run.revision - integerBetween(random, 0, 20))]));
  const target = oneOf(random, [
    () => ({ target: "VERSION", version: number() }),
    () => ({ version: number() }),
    () => ({ target: "CREATE", create_revision: number() }),
    () => ({ target: "MOD", modRevision: number() }),
    () => ({ target: 3, value: valueIn(random) }),
    () => ({ target: "VALUE", value: valueIn(random) }),
    // Which of two leases is the larger is no matter of their names where each side draws its own.
    () => ({ target: "LEASE", lease: oneOf(random, namedLeases) }),
    () => ({ target: "MOD", version: 1 }),
    () => ({ target: oneOf(random, ["LEASE", "CREATE", 9]) }),
  ]);
  return {
    ...(chance(random, 0.2) ? rangeIn(random) : keyIn(random)),
    ...maybe(random, 0.8, () => ({ result: oneOf(random, ["EQUAL", "GREATER", "LESS", "NOT_EQUAL", 0, 3]) })),
    ...target(),
  };
}

function operation(run: Run, depth: number, writes: boolean): Body {
  const { random } = run;
  const kind = weighted(random, [
    { weight: 4, item: "range" },
    { weight: writes ? 5 : 0, item: "put" },
    { weight: writes ? 2 : 0, item: "delete" },
    { weight: depth > 0 ? 2 : 0, item: "txn" },
    { weight: 0.05, item: "none" },
  ]);
  switch (kind) {
    case "range":
      return { request_range: rangeRequest(run, !writes) };
    case "put":
      return { requestPut: putRequest(run) };
    case "delete":
      return { request_delete_range: deleteRequest(run) };
    case "txn":
      return { request_txn: anyTransaction(run, depth - 1, writes) };
    default:
      return {};
  }
}

const several = <T>(run: Run, most: number, one: () => T): readonly T[] =>
  Array.from({ length: integerBetween(run.random, 0, most) }, one);

function anyTransaction(run: Run, depth: number, writes: boolean): Body {
  return {
    ...maybe(run.random, 0.8, () => ({ compare: several(run, 2, () => compare(run)) })),
    success: several(run, 3, () => operation(run, depth, writes)),
    ...maybe(run.random, 0.7, () => ({ failure: several(run, 3, () => operation(run, depth, writes)) })),
  };
}

/** One that etcd and Synod take alike: Synod also refuses those in which siblings might change a key twice (docs/etcd.md). */
export function transaction(run: Run): Body {
  for (;;) {
    const drawn = anyTransaction(run, 2, chance(run.random, 0.75));
    if (!mayTouchTwice(drawn) || isRefusedByEtcd(drawn)) return drawn;
  }
}
