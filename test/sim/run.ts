/**
 * One simulated run from one seed: clients read, write, decide and register while the network and the machines fail; then
 * everything heals, and the run demands that all open requests end and all replicas become equal. Checkers watch and judge.
 */
import type { DriftRule } from "../../src/replica/drift.ts";
import { utf8 } from "../../src/support/bytes.ts";
import { userKey } from "../../src/store/key-space.ts";
import { Accounts } from "./actors/accounts.ts";
import { Compactor } from "./actors/compactor.ts";
import { Deciders } from "./actors/deciders.ts";
import { Desk } from "./actors/desk.ts";
import { Instances } from "./actors/instances.ts";
import { KeyClients } from "./actors/key-clients.ts";
import { LeaseHolders } from "./actors/lease-holders.ts";
import { LockHolders } from "./actors/lock-holders.ts";
import { Pipelines } from "./actors/pipelines.ts";
import { Registrants } from "./actors/registrants.ts";
import { RegistryAskers } from "./actors/registry-askers.ts";
import { RegistryDesk } from "./actors/registry-desk.ts";
import { Tinkerers } from "./actors/tinkerers.ts";
import { Watchers } from "./actors/watchers.ts";
import { checkers } from "./checkers/all.ts";
import type { Checker, Scene } from "./checkers/checker.ts";
import { violated } from "./checkers/checker.ts";
import { ChosenLog } from "./checkers/chosen-log.ts";
import { Cluster } from "./cluster.ts";
import { brew, faultNames, heal, strike } from "./faults/all.ts";
import { setClocks } from "./faults/clocks.ts";
import type { Tuning } from "./nodes/replica-instance.ts";
import { drawSwarm, fairWeather } from "./swarm.ts";
import { World } from "./world.ts";
import type { Trace } from "./world.ts";

/** Votes that acceptors keep below what a majority of replicas has applied. */
const keptSlots = 10;
/** Trimming, clearing and snapshots happen within seconds instead of hours. */
const keptHistory = { keptSlots: 20, historyMs: 3_000, historyRevisions: 30 };
// Three instances are a herd, and two of them most of it.
const expiryGuard = { percent: 60, atLeast: 2, holdTtls: 1 };
const soon: Tuning = {
  trimming: { keptSlots, step: 5 },
  expiryGuard,
  limits: {
    ...keptHistory,
    snapshotPageRows: 80,
    commandLifeMs: 1_000,
    stampAheadMs: 500,
  },
};

/** Founding needs all acceptors: a quiet moment first. */
const quietMs = 500;
const stormMs = 20_000;
/** After the storm: until requests succeed again, ... */
const recoveryMs = 8_000;
/** ... how long they are then made, ... */
const healthyMs = 7_000;
/** ... and how long everything has to come to rest. */
const restMs = 10_000;

/** Leadership moves as often as it ever could: after any four commands of which three came from one other region. */
const restless: DriftRule = { windowMs: 200, commands: 4, share: 0.75, restMs: 0 };

export interface RunOptions {
  readonly seed: number;
  /** Leadership follows the writers, restlessly. */
  readonly drift?: boolean;
  readonly faults?: boolean;
  readonly trace?: Trace;
  /** With those who live by the registry among the others. */
  readonly registry?: boolean;
}

export interface RunResult {
  readonly traceHash: string;
  /** Scheduled events carried out. */
  readonly events: number;
  readonly simulatedMs: number;
  readonly counts: Readonly<Record<string, number>>;
  /** Slots of the log that were chosen. */
  readonly slots: number;
  readonly operations: number;
  readonly answered: number;
}

/** @throws {Error} naming the broken rule. */
export async function run(options: RunOptions): Promise<RunResult> {
  const world = new World(options.seed, options.trace ?? null);
  const swarm = options.faults === false ? fairWeather : drawSwarm(world, faultNames);
  const judges = new Judges();
  const tuning = options.drift === true ? { ...soon, drift: restless } : soon;
  const cluster = new Cluster(world, swarm, tuning, {
    acceptorTurned: (turn) => judges.each((checker) => checker.acceptorTurned?.(turn)),
    replicaTurned: (turn) => judges.each((checker) => checker.replicaTurned?.(turn)),
  });
  setClocks(cluster);
  let healthyFrom = Infinity;
  const desk = new Desk(cluster);
  const registry = new RegistryDesk(desk, options.seed);
  const scene: Scene = {
    cluster,
    chosen: new ChosenLog(world, swarm.regions.length),
    keys: new KeyClients(cluster),
    decisions: new Deciders(cluster),
    instances: new Instances(cluster, 3),
    pipelines: new Pipelines(cluster, 2),
    desk,
    leaseHolders: new LeaseHolders(desk, 2),
    lockHolders: new LockHolders(desk, 3),
    watchers: new Watchers(desk, 2, 2),
    registry,
    history: keptHistory,
    expiryGuard,
    keptSlots,
    healthyFrom: () => healthyFrom,
  };
  new Accounts(desk, 2);
  new Tinkerers(desk, 1);
  new Compactor(desk);
  const askers = options.registry === true ? new RegistryAskers(registry, 2, 3) : null;
  if (options.registry === true) new Registrants(registry, 3);
  judges.take(scene);
  let events = 0;
  const pass = async (ms: number): Promise<void> => {
    events += await world.run(ms);
    judges.each((checker) => checker.moment?.());
  };

  await pass(quietMs);
  brew(cluster);
  for (const end = world.now + stormMs; world.now < end;) {
    await pass(world.between(50, 1_500));
    strike(cluster);
  }
  heal(cluster);
  healthyFrom = world.now + recoveryMs;
  await pass(recoveryMs + healthyMs);
  scene.keys.stop();
  scene.decisions.stop();
  scene.pipelines.stop();
  desk.stop();
  await pass(restMs);
  scene.instances.stop();
  scene.watchers.stop();
  askers?.stop();
  await wakeAll(scene, pass);
  judges.each((checker) => checker.end?.());
  const { history } = scene.keys;
  return {
    traceHash: world.traceHash,
    events,
    simulatedMs: world.now - world.began,
    counts: { ...world.counts },
    slots: scene.chosen.slots,
    operations: history.length,
    answered: history.filter((op) => op.reply !== null).length,
  };
}

/** The checkers at work. */
class Judges {
  readonly #checkers: (readonly [string, Checker])[] = [];

  take(scene: Scene): void {
    for (const [name, checkerOf] of Object.entries(checkers)) this.#checkers.push([name, checkerOf(scene)]);
  }

  /** @throws {Error} what the checker threw, with its name behind the rule's. */
  each(ask: (checker: Checker) => void): void {
    for (const [name, checker] of this.#checkers) {
      try {
        ask(checker);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        throw new Error(
          message.replace(/^\[[^\]]*\]/, (rule) => `${rule} ${name}:`),
          { cause: error },
        );
      }
    }
  }
}

/** Replicas that slept through the end are woken by a read, and must catch up. */
async function wakeAll({ cluster }: Scene, pass: (ms: number) => Promise<void>): Promise<void> {
  const silent = new Set(cluster.regions);
  const query = { type: "get", key: userKey(utf8("k0")) } as const;
  for (const node of cluster.replicas.values()) {
    node.ask({ type: "read", consistency: { type: "linearizable" }, query }, (reply) => {
      if (reply?.type === "result") silent.delete(node.region);
    });
  }
  await pass(restMs);
  if (silent.size > 0) violated("liveness", `replicas in ${[...silent].join(", ")} do not answer after healing`);
}
