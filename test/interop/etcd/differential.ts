/** The differential test: random operations from one seed, sent to etcd and to Synod, which must answer alike. */
import { seededRandom } from "../../../src/support/random.ts";
import {
  compact,
  everyMistake,
  forgetLeases,
  grant,
  grantAny,
  grantOdd,
  keepAlive,
  listLeases,
  mistake,
  put,
  range,
  remove,
  revoke,
  timeToLive,
  transact,
} from "./actions.ts";
import type { Action } from "./actions.ts";
import { largeValues, manyKeys } from "./bulk.ts";
import { weighted } from "./choices.ts";
import type { Weighted } from "./choices.ts";
import { elections, locks } from "./queues.ts";
import { Run } from "./run.ts";
import { closeWatch, closeWatches, openWatch, watchControl } from "./watching.ts";

const actions: readonly Weighted<Action>[] = [
  { weight: 24, item: put },
  { weight: 20, item: range },
  { weight: 6, item: remove },
  { weight: 24, item: transact },
  { weight: 2, item: compact },
  { weight: 2, item: grant },
  { weight: 1.5, item: grantAny },
  { weight: 0.5, item: grantOdd },
  { weight: 2, item: revoke },
  { weight: 2, item: timeToLive },
  { weight: 1, item: listLeases },
  { weight: 1, item: keepAlive },
  { weight: 0.2, item: forgetLeases },
  { weight: 2, item: openWatch },
  { weight: 1, item: closeWatch },
  { weight: 0.5, item: watchControl },
  { weight: 0.3, item: locks },
  { weight: 0.3, item: elections },
  { weight: 8, item: mistake },
];

export interface Compared {
  readonly run: Run;
  readonly ms: number;
}

/** Differing answers after which it ends: the stores have gone different ways, and what follows only repeats it. */
const mostDifferences = 20;

/** @param urls of both, each with an empty store. */
export async function differential(
  urls: { readonly etcd: string; readonly synod: string },
  seed: number,
  operations: number,
  say: (line: string) => void = () => undefined,
): Promise<Compared> {
  const startedAt = performance.now();
  const run = new Run(urls.etcd, urls.synod, seededRandom(seed));
  try {
    for (const action of [everyMistake, manyKeys, largeValues]) await action(run);
    let told = 0;
    while (run.operations < operations && run.differences.length < mostDifferences) {
      await weighted(run.random, actions)(run);
      if (run.operations - told < 2000) continue;
      told = run.operations;
      say(`${told} operations, revision ${run.revision}, ${run.differences.length} differences`);
    }
    await closeWatches(run);
    await run.call("range", "/v3/kv/range", { key: "AA==", range_end: "AA==" });
  } finally {
    run.close();
  }
  return { run, ms: performance.now() - startedAt };
}
