/** The keepers of the store's tables, together: what the digest and the snapshots read besides the store itself. */
import type { Sql } from "../support/sql.ts";
import type { History } from "./history.ts";
import type { Compaction } from "./compaction.ts";
import type { Forgotten } from "./forgotten.ts";
import type { Keys } from "./keys.ts";
import type { Leases } from "./leases.ts";
import type { Outcomes } from "./outcomes.ts";
import type { Ranges } from "./ranges.ts";
import type { Sessions } from "./sessions.ts";
import type { StoreLimits } from "./store-limits.ts";

export interface StoreParts {
  readonly sql: Sql;
  readonly limits: StoreLimits;
  readonly keys: Keys;
  readonly ranges: Ranges;
  readonly leases: Leases;
  readonly sessions: Sessions;
  readonly outcomes: Outcomes;
  readonly history: History;
  readonly compaction: Compaction;
  readonly forgotten: Forgotten;
}
