/** All broken twins. A new area is a file of its own and one more line here. */
import type { Twin } from "../twin.ts";
import { acceptor } from "./acceptor.ts";
import { clocks } from "./clocks.ts";
import { compaction } from "./compaction.ts";
import { decisions } from "./decisions.ts";
import { expiry } from "./expiry.ts";
import { found } from "./found.ts";
import { gateway } from "./gateway.ts";
import { identity } from "./identity.ts";
import { learner } from "./learner.ts";
import { locks } from "./locks.ts";
import { log } from "./log.ts";
import { manySockets } from "./many-sockets.ts";
import { order } from "./order.ts";
import { outcomes } from "./outcomes.ts";
import { pace } from "./pace.ts";
import { pipeline } from "./pipeline.ts";
import { proposer } from "./proposer.ts";
import { reads } from "./reads.ts";
import { registry } from "./registry.ts";
import { remembered } from "./remembered.ts";
import { snapshot } from "./snapshot.ts";
import { storage } from "./storage.ts";
import { takeover } from "./takeover.ts";
import { transactions } from "./transactions.ts";
import { trimming } from "./trimming.ts";
import { watches } from "./watches.ts";
import { wire } from "./wire.ts";

export const catalogue: readonly Twin[] = [
  ...acceptor,
  ...storage,
  ...proposer,
  ...learner,
  ...log,
  ...takeover,
  ...reads,
  ...outcomes,
  ...order,
  ...identity,
  ...snapshot,
  ...trimming,
  ...expiry,
  ...transactions,
  ...locks,
  ...watches,
  ...compaction,
  ...gateway,
  ...decisions,
  ...clocks,
  ...wire,
  ...found,
  ...registry,
  ...pace,
  ...remembered,
  ...pipeline,
  ...manySockets,
];

/** Changes nothing that anybody could notice. It must survive: a table that calls it caught would call anything caught. */
export const harmless: Twin = {
  name: "changes-nothing",
  area: "control",
  rule: "none",
  wrong: "It is not wrong.",
  file: "src/paxos/learner.ts",
  find: "acceptors.add(acceptor);",
  replace: "acceptors.add(`${acceptor}`);",
  check: "simulation",
  expected: /./,
};
