/**
 * One simulated run from one seed: clients read and write while the network and the machines fail; then everything heals
 * and the run demands that all open requests end and all replicas become equal.
 */
import { requestId } from "../../src/support/brand.ts";
import { utf8 } from "../../src/support/bytes.ts";
import { userKey } from "../../src/store/key-space.ts";
import { Agreement } from "./checkers/agreement.ts";
import { checkVersions } from "./checkers/versions.ts";
import { Cluster } from "./cluster.ts";
import type { Operation } from "./history.ts";
import type { Tuning } from "./replica-node.ts";
import { World } from "./world.ts";

/** Trimming, clearing and snapshots happen within seconds instead of hours. */
const soon: Tuning = {
  trimming: { keptSlots: 10, step: 5 },
  limits: { keptSlots: 20, historyMs: 2_000, historyRevisions: 30, snapshotPageRows: 7 },
};

export interface RunOptions {
  readonly seed: number;
  /** Virtual time with faults, in ms. */
  readonly stormMs?: number;
  readonly clients?: number;
  readonly faults?: boolean;
  readonly regions?: readonly string[];
}

export interface RunResult {
  readonly traceHash: string;
  readonly events: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly slots: number;
  readonly operations: number;
  readonly answered: number;
}

export function run(options: RunOptions): RunResult {
  const faults = options.faults ?? true;
  const world = new World(options.seed, faults ? {} : { loss: 0, duplication: 0, delayMs: 10, jitterMs: 1 });
  const regions =
    options.regions ?? (world.chance(0.8) ? ["wnam", "enam", "weur"] : ["wnam", "enam", "weur", "eeur", "oc"]);
  const cluster = new Cluster(world, regions, soon);
  const agreement = new Agreement();
  const history: Operation[] = [];
  const stormMs = options.stormMs ?? 20_000;
  let events = 0;
  let clientsRunning = true;

  const startClient = (client: number): void => {
    let count = 0;
    const next = (): void => {
      if (!clientsRunning) return;
      count += 1;
      const region = world.pick(regions);
      const kind = world.pick(["put", "put", "get", "get", "delete"] as const);
      const key = `k${Math.floor(world.random.next() * 4)}`;
      const value = kind === "put" ? `${client}.${count}` : null;
      const op: Operation = {
        client,
        kind,
        key,
        value,
        id: `c${client}.${count}`,
        invokedAt: world.now,
        returnedAt: null,
        reply: null,
      };
      history.push(op);
      let tries = 0;
      const send = (region: string): void => {
        const stored = userKey(utf8(key));
        const node = cluster.replica(region);
        let open = true;
        tries += 1;
        const finish = (reply: Operation["reply"]): void => {
          if (!open) return;
          open = false;
          // Nobody knows what came of it: asking again under the same id must be safe (X1), anywhere.
          const unknown = reply === null || (reply.type === "failed" && reply.outcome === "unknown");
          if (unknown && tries < 3 && world.chance(0.5)) {
            world.count("client-retry");
            return send(world.pick(regions));
          }
          op.returnedAt = world.now;
          op.reply = reply;
          world.count(
            `client-${reply === null ? "lost" : reply.type === "failed" ? `failed-${reply.failure}` : reply.type}`,
          );
          world.after(world.random.next() * 50, next);
        };
        world.after(6_000, () => finish(null));
        node.client(
          kind === "get"
            ? { type: "read", consistency: { type: "linearizable" }, query: { type: "get", key: stored } }
            : {
                type: "write",
                id: requestId(op.id),
                operation:
                  kind === "put"
                    ? { type: "put", key: stored, value: utf8(value ?? ""), condition: { type: "always" } }
                    : { type: "delete", key: stored, condition: { type: "always" } },
              },
          finish,
        );
      };
      send(region);
    };
    world.after(world.random.next() * 100, next);
  };

  const trouble = (): void => {
    const region = world.pick(regions);
    const other = world.pick(regions);
    switch (world.pick(["cut", "cut", "heal", "down", "restart", "wipe", "acceptor"] as const)) {
      case "cut":
        world.cut(region, other);
        if (world.chance(0.5)) world.cut(other, region);
        break;
      case "heal":
        world.heal();
        break;
      case "down":
        cluster.setUp(region, false);
        world.after(world.random.next() * 5_000, () => cluster.setUp(region, true));
        break;
      case "restart":
        if (cluster.replica(region).up) cluster.replica(region).restart();
        break;
      case "wipe":
        if (world.chance(0.4) && cluster.replica(region).up) cluster.replica(region).wipe();
        break;
      case "acceptor":
        cluster.acceptor(region).restart();
        break;
    }
  };

  for (let client = 0; client < (options.clients ?? 5); client += 1) startClient(client);
  if (faults) {
    world.run(500);
    const crashChance = world.pick([0, 0.001, 0.01]);
    cluster.acceptorCrashChance = world.pick([0, 0.002, 0.02]);
    for (const node of cluster.replicas.values()) node.crashChance = crashChance;
  }
  const end = world.now + stormMs;
  while (world.now < end) {
    events += world.run(faults ? 50 + world.random.next() * 1_500 : 1_000);
    agreement.observe(cluster);
    if (faults) trouble();
  }
  return settle();

  /** Heal, and demand liveness. */
  function settle(): RunResult {
    world.calm();
    for (const region of regions) cluster.setUp(region, true);
    cluster.acceptorCrashChance = 0;
    for (const node of cluster.replicas.values()) node.crashChance = 0;
    events += world.run(5_000);
    clientsRunning = false;
    events += world.run(10_000);
    // Replicas that slept through the end are woken by a read, and must catch up.
    let served = 0;
    for (const node of cluster.replicas.values()) {
      node.client(
        { type: "read", consistency: { type: "linearizable" }, query: { type: "get", key: userKey(utf8("k0")) } },
        (reply) => {
          if (reply?.type === "result") served += 1;
        },
      );
    }
    events += world.run(10_000);
    agreement.observe(cluster);
    if (served !== regions.length)
      throw new Error(`[liveness] only ${served} of ${regions.length} replicas answer after healing`);
    const open = history.filter((op) => op.returnedAt === null);
    if (open.length > 0) throw new Error(`[liveness] ${open.length} requests never ended`);
    agreement.converged(cluster);
    checkVersions(history);
    const answered = history.filter((op) => op.reply !== null && op.reply.type !== "failed").length;
    return {
      traceHash: world.traceHash,
      events,
      counts: world.counts,
      slots: agreement.slots,
      operations: history.length,
      answered,
    };
  }
}
