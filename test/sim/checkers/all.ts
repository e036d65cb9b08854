/** All checkers. A new one is a file of its own and one more line here. */
import { agreement } from "./agreement.ts";
import { application } from "./application.ts";
import type { CheckerOf } from "./checker.ts";
import { compaction } from "./compaction.ts";
import { decisions } from "./decisions.ts";
import { identity } from "./identity.ts";
import { leases } from "./leases.ts";
import { linearizability } from "./linearizability.ts";
import { liveness } from "./liveness.ts";
import { localReads } from "./local-reads.ts";
import { lockSafety } from "./locks.ts";
import { oracle } from "./oracle.ts";
import { order } from "./order.ts";
import { outcomes } from "./outcomes.ts";
import { promises } from "./promises.ts";
import { readBarrier } from "./read-barrier.ts";
import { registry } from "./registry.ts";
import { sessions } from "./sessions.ts";
import { stores } from "./stores.ts";
import { transactions } from "./transactions.ts";
import { trimming } from "./trimming.ts";
import { watches } from "./watches.ts";

/** In the order in which they judge a turn, and the end. */
export const checkers: Readonly<Record<string, CheckerOf>> = {
  promises,
  agreement,
  application,
  trimming,
  identity,
  stores,
  order,
  outcomes,
  decisions,
  lockSafety,
  transactions,
  watches,
  compaction,
  registry,
  oracle,
  readBarrier,
  sessions,
  localReads,
  linearizability,
  leases,
  liveness,
};
