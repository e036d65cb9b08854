/** One chaos run from beginning to end: a cluster, clients, a storm, calm, judgement. */
import { createHash } from "node:crypto";
import { seededRandom } from "../../src/support/random.ts";
import { eventually, put } from "../processes/support/gateway.ts";
import { Agenda, DecisionClient } from "./clients/decision-client.ts";
import { InstanceClient } from "./clients/instance-client.ts";
import { KeyClient } from "./clients/key-client.ts";
import { KeyPool } from "./clients/key-pool.ts";
import { LockClient } from "./clients/lock-client.ts";
import { pause } from "./clients/pause.ts";
import type { Surroundings } from "./clients/surroundings.ts";
import { Disks } from "./faults/disks.ts";
import type { Ledger } from "./faults/ledger.ts";
import { drawPlan, type Plan } from "./faults/plan.ts";
import { unleash } from "./faults/storm.ts";
import { judgeAvailability, measureAvailability, type Availability } from "./judge/availability.ts";
import { judgeDecisions } from "./judge/decisions.ts";
import { finding, type Finding } from "./judge/finding.ts";
import { judgeLinearizability } from "./judge/linearizability.ts";
import { judgeLocks, leaderKillsUnderLock } from "./judge/locks.ts";
import { judgeRetries } from "./judge/retries.ts";
import { judgeRevisions } from "./judge/revisions.ts";
import { judgeSilences } from "./judge/silences.ts";
import { judgeServices } from "./judge/services.ts";
import { judgeWeakerReads } from "./judge/weaker-reads.ts";
import { LeaderWatch } from "./leader-watch.ts";
import { Recording } from "./recording.ts";
import { settle } from "./settling.ts";
import { openSite, type Heard, type Site } from "./site.ts";
import type { Twin } from "./twins.ts";

export interface Options {
  readonly seed: number;
  readonly minutes: number;
  /** Of keys and values, besides one that is bound to each region, two of decisions, two instances and three lock holders. */
  readonly clients: number;
  readonly twin: Twin | null;
}

export interface Result {
  readonly options: Options;
  /** Equal for equal plans. */
  readonly planDigest: string;
  readonly stormMs: number;
  readonly ledger: Ledger;
  /** Kinds of faults that could not be injected, with the reason. */
  readonly skipped: ReadonlyMap<string, string>;
  readonly heard: Heard;
  readonly takeovers: number;
  /** How often the leader was killed while a client held the lock. */
  readonly leaderKillsUnderLock: number;
  readonly recording: Recording;
  readonly availability: Availability;
  readonly findings: readonly Finding[];
  readonly verdict: Finding["verdict"];
}

const decisionClients = 2;
const instanceClients = 2;
const lockClients = 3;

/** After the storm, with the clients still at work. */
const calmMs = 2_000;

/** @param asked settles when somebody wants the storm to end early. */
export async function run(options: Options, asked: Promise<unknown>): Promise<Result> {
  const site = await openSite();
  try {
    return await runAt(site, options, asked);
  } finally {
    await site.close();
  }
}

async function runAt({ cluster, disks, heard }: Site, options: Options, asked: Promise<unknown>): Promise<Result> {
  const names = cluster.regions.map(({ region }) => region);
  const gateways = new Map(cluster.regions.map(({ region, url }) => [region, url]));
  const totalMs = options.minutes * 60_000;
  const plan = planOf(options, names, disks instanceof Disks);
  // Founding needs all regions, so it comes before the storm.
  await eventually("the founding", async () => {
    const response = await put(`${[...gateways.values()][0]}/kv/founded`, "yes");
    return response.ok ? true : null;
  });

  const recording = new Recording();
  const keys = new KeyPool();
  let ending = false;
  const around: Surroundings = { gateways, recording, keys, twin: options.twin, ending: () => ending };
  const watch = new LeaderWatch([...gateways.values()]);
  const clients = gather(options, around).map(async (client) => client.run());
  const surface = { cluster, disks: disks instanceof Disks ? disks : null, leader: () => watch.leader };
  const storm = unleash(surface, plan, totalMs);
  const begin = performance.now();
  void asked.then(storm.callOff);
  const undone = await storm.over;
  const end = performance.now();
  await pause(calmMs);
  ending = true;
  await Promise.all(clients);
  await watch.stop();

  const { ledger } = storm;
  const settled = await settle(cluster, recording, keys.all);
  const availability = measureAvailability(recording, ledger.entries, names, end);
  const { surprises, writes } = recording;
  const answers = [...recording.counts.values()].flatMap((outcomes) => [...outcomes.values()]);
  const findings = [
    judgeLinearizability(recording),
    ...judgeRevisions(recording),
    ...judgeWeakerReads(recording),
    judgeRetries(recording),
    judgeDecisions(recording),
    judgeServices(recording),
    ...judgeLocks(recording),
    finding(
      "no answer that no fault explains",
      answers.reduce((sum, count) => sum + count, 0),
      surprises,
    ),
    finding("no region stopped over a broken invariant", names.length, heard.stops),
    finding("every fault could be done and undone", ledger.faults.length, undone),
    judgeSilences(
      recording,
      ledger.entries,
      answers.reduce((sum, count) => sum + count, 0),
    ),
    judgeAvailability(availability, writes.length),
    ...settled,
  ];
  const skipped = new Map(disks instanceof Disks ? [] : [["disk full", disks]]);
  return {
    options,
    planDigest: createHash("sha256").update(JSON.stringify(plan)).digest("hex").slice(0, 12),
    stormMs: end - begin,
    ledger,
    skipped,
    heard,
    takeovers: watch.changes,
    leaderKillsUnderLock: leaderKillsUnderLock(recording, ledger.leaderKills),
    recording,
    availability,
    findings,
    verdict: worst(findings),
  };
}

function planOf({ seed, minutes }: Options, names: readonly string[], disks: boolean): Plan {
  return drawPlan(seededRandom(seed), { names, totalMs: minutes * 60_000, disks });
}

function gather({ seed, clients }: Options, around: Surroundings): readonly { run(): Promise<void> }[] {
  let drawn = 0;
  const random = () => seededRandom(seed * 1_000 + (drawn += 1));
  const agenda = new Agenda();
  const many = <Client>(count: number, make: (index: number) => Client): readonly Client[] =>
    Array.from({ length: count }, (_, index) => make(index + 1));
  return [
    ...[...around.gateways.keys()].map((region) => new KeyClient(`at-${region}`, random(), around, region)),
    ...many(clients, (index) => new KeyClient(`c${index}`, random(), around)),
    ...many(decisionClients, (index) => new DecisionClient(`p${index}`, random(), around, agenda)),
    ...many(instanceClients, (index) => new InstanceClient(`i${index}`, random(), around)),
    ...many(lockClients, (index) => new LockClient(`l${index}`, random(), around)),
  ];
}

function worst(findings: readonly Finding[]): Finding["verdict"] {
  const verdicts = findings.map(({ verdict }) => verdict);
  return verdicts.find((one) => one === "violated") ?? verdicts.find((one) => one === "undecided") ?? "holds";
}
