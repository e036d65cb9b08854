/**
 * One simulated run from one seed: clients read and write while the network and the machines fail; then everything heals
 * and the run demands that all open requests end and all replicas become equal. The checkers judge what clients were told.
 */
import { utf8 } from "../../src/support/bytes.ts";
import { userKey } from "../../src/store/key-space.ts";
import type { StoreRules } from "../../src/store/rules.ts";
import { Instances } from "./actors/instances.ts";
import { KeyClients } from "./actors/key-clients.ts";
import type { ClientFlaws } from "./actors/key-clients.ts";
import { Pipelines } from "./actors/pipelines.ts";
import { brew, heal, strike } from "./actors/trouble.ts";
import { Agreement } from "./checkers/agreement.ts";
import { checkVersions } from "./checkers/versions.ts";
import type { AcceptorFlaw } from "./acceptor-node.ts";
import { Cluster } from "./cluster.ts";
import type { Tuning } from "./replica-node.ts";
import { World } from "./world.ts";

/** Trimming, clearing and snapshots happen within seconds instead of hours. */
const soon: Tuning = {
  trimming: { keptSlots: 10, step: 5 },
  limits: {
    keptSlots: 20,
    historyMs: 2_000,
    historyRevisions: 30,
    snapshotPageRows: 25,
    commandLifeMs: 1_000,
    stampAheadMs: 500,
  },
};

export interface RunOptions {
  readonly seed: number;
  /** Virtual time with faults, in ms. */
  readonly stormMs?: number;
  readonly clients?: number;
  readonly faults?: boolean;
  /** A broken twin to be caught. */
  readonly flaws?: ClientFlaws;
  readonly acceptorFlaw?: AcceptorFlaw;
  readonly storeFlaw?: Partial<StoreRules>;
}

export interface RunResult {
  readonly traceHash: string;
  readonly events: number;
  readonly simulatedMs: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly slots: number;
  readonly operations: number;
  readonly answered: number;
}

/** @throws {Error} naming the broken rule. */
export function run(options: RunOptions): RunResult {
  const faults = options.faults ?? true;
  const world = new World(options.seed, faults ? {} : { loss: 0, duplication: 0, delayMs: 10, jitterMs: 1 });
  const regions = world.chance(0.8) ? ["wnam", "enam", "weur"] : ["wnam", "enam", "weur", "eeur", "oc"];
  const cluster = new Cluster(
    world,
    regions,
    { ...soon, rules: options.storeFlaw ?? {} },
    options.acceptorFlaw ?? null,
  );
  const agreement = new Agreement();
  const clients = new KeyClients(cluster, options.clients ?? 5, options.flaws ?? {});
  const instances = new Instances(cluster, 3);
  const pipelines = new Pipelines(cluster, 2);
  const began = world.now;
  const leaders = new Set<string>();
  let events = 0;
  const pass = (ms: number): void => {
    events += world.run(ms);
    agreement.observe(cluster);
    for (const { storage } of cluster.acceptors.values())
      leaders.add(storage.ledger("log").promised?.proposer ?? "nobody");
  };

  // A quiet moment first: founding needs all acceptors.
  pass(500);
  if (faults) brew(cluster);
  for (const end = world.now + (options.stormMs ?? 20_000); world.now < end;) {
    pass(faults ? 50 + world.random.next() * 1_500 : 1_000);
    if (faults) strike(cluster);
  }

  heal(cluster);
  pass(15_000);
  clients.stop();
  pipelines.stop();
  pass(10_000);
  // Replicas that slept through the end are woken by a read, and must catch up.
  let served = 0;
  for (const node of cluster.replicas.values()) {
    const query = { type: "get", key: userKey(utf8("k0")) } as const;
    node.client({ type: "read", consistency: { type: "linearizable" }, query }, (reply) => {
      if (reply?.type === "result") served += 1;
    });
  }
  pass(10_000);
  const { history } = clients;
  const open = history.filter((op) => op.returnedAt === null).length;
  if (served !== regions.length)
    throw new Error(`[liveness] only ${served} of ${regions.length} replicas answer after healing`);
  if (open > 0) throw new Error(`[liveness] ${open} requests never ended`);
  const afterHealing = history.filter((op) => op.invokedAt > began + 500 + (options.stormMs ?? 20_000) + 8_000);
  const refused = afterHealing.filter((op) => op.reply === null || op.reply.type === "failed").length;
  if (refused > 0)
    throw new Error(`[liveness] ${refused} of ${afterHealing.length} requests failed long after healing`);
  agreement.converged(cluster);
  checkVersions(history);
  pipelines.check();
  instances.allGone();
  const answered = history.filter((op) => op.reply !== null && op.reply.type !== "failed").length;
  return {
    traceHash: world.traceHash,
    events,
    simulatedMs: world.now - began,
    counts: { ...world.counts, "instance-checked": instances.checked, leaders: leaders.size },
    slots: agreement.slots,
    operations: history.length,
    answered,
  };
}
