/** Carries out one fault of a region, or of several, on the real processes, and undoes it after a while. */
import type { Cluster } from "../../../scripts/runtime/cluster.ts";
import { signalProcess } from "../../../scripts/runtime/signal-process.ts";
import { pause } from "../clients/pause.ts";
import type { Disks } from "./disks.ts";
import type { Ledger } from "./ledger.ts";
import type { RegionFault, Target } from "./plan.ts";

export interface Hands {
  readonly cluster: Cluster;
  readonly disks: Disks | null;
  readonly ledger: Ledger;
  /** Null while nobody is known to lead. */
  readonly leader: () => string | null;
  readonly whoIs: (target: Target) => string;
  /** Waits so long, or until the storm is called off. */
  readonly hold: (ms: number) => Promise<void>;
}

/** How long a process that was asked to end may take before it is killed. */
const farewellMs = 3_000;

export async function carryOutRegionFault(hands: Hands, fault: RegionFault, holdMs: number): Promise<void> {
  const { cluster, whoIs } = hands;
  const names = cluster.regions.map(({ region }) => region);
  hands.ledger.begins(fault.kind);
  switch (fault.kind) {
    case "kill":
    case "long absence":
      return killed(hands, [whoIs(fault.target)], holdMs);
    case "all killed":
      return killed(hands, names, holdMs);
    case "majority killed": {
      const spared = whoIs(fault.spared);
      return killed(
        hands,
        names.filter((name) => name !== spared),
        holdMs,
      );
    }
    case "pause":
      return paused(hands, [whoIs(fault.target)], holdMs);
    case "majority paused": {
      const spared = whoIs(fault.spared);
      return paused(
        hands,
        names.filter((name) => name !== spared),
        holdMs,
      );
    }
    case "clean restart":
      return restarted(hands, whoIs(fault.target), holdMs);
    case "disk full":
      return filled(hands, whoIs(fault.target), fault.killed, holdMs);
  }
}

async function killed(
  { cluster, ledger, leader, hold }: Hands,
  regions: readonly string[],
  holdMs: number,
): Promise<void> {
  for (const region of regions) ledger.leaves(region);
  if (regions.includes(leader() ?? "")) ledger.leaderKills.push(performance.now());
  await Promise.all(regions.map(async (region) => cluster.kill(region)));
  await hold(holdMs);
  await Promise.all(regions.map(async (region) => cluster.restart(region)));
  for (const region of regions) ledger.returns(region);
}

async function paused({ cluster, ledger, hold }: Hands, regions: readonly string[], holdMs: number): Promise<void> {
  for (const region of regions) ledger.leaves(region);
  await Promise.all(regions.map(async (region) => cluster.kill(region, "SIGSTOP")));
  await hold(holdMs);
  await Promise.all(regions.map(async (region) => cluster.kill(region, "SIGCONT")));
  for (const region of regions) ledger.returns(region);
}

async function restarted({ cluster, ledger, hold }: Hands, region: string, holdMs: number): Promise<void> {
  ledger.leaves(region);
  const { pid } = await cluster.kill(region, "SIGTERM");
  const end = performance.now() + farewellMs;
  while (signalProcess(pid, 0) && performance.now() < end) await pause(20);
  await hold(holdMs);
  await cluster.restart(region);
  ledger.returns(region);
}

async function filled(
  { cluster, disks, ledger, hold }: Hands,
  region: string,
  kill: boolean,
  holdMs: number,
): Promise<void> {
  if (disks === null) throw new Error("a plan without disks fills none");
  ledger.leaves(region);
  disks.fill(region);
  await hold(holdMs);
  // What a process leaves behind that dies while nothing more can be written must be good enough to start from.
  if (kill) await cluster.kill(region);
  disks.free(region);
  const { pid } = cluster.regions.find((one) => one.region === region) ?? { pid: 0 };
  if (!signalProcess(pid, 0)) await cluster.restart(region);
  ledger.returns(region);
}
