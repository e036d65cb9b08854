/**
 * `npm run bench`: Synod's cluster of three processes beside three members of the real etcd, both on disk and both durable
 * before they answer, under the same load from the same generator; and beside both what the runtime and the disk could do at
 * best. `npm run bench:quick` is the same in two minutes.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { startCeilings } from "./compare/ceilings.ts";
import { syncs } from "./compare/disk.ts";
import { startEtcdMembers } from "./compare/etcd.ts";
import { Watchers } from "./compare/fan-out.ts";
import { keyCount, loads, putsPerRequest, valueBytes } from "./compare/loads.ts";
import type { Load } from "./compare/loads.ts";
import { compare } from "./compare/measure.ts";
import type { Series } from "./compare/measure.ts";
import { pipelinedPuts } from "./compare/pipeline.ts";
import { help, readOptions } from "./compare/options.ts";
import type { Options } from "./compare/options.ts";
import { prepare } from "./compare/prepare.ts";
import { Resources } from "./compare/resources.ts";
import { startSynodCluster, startSynodSingle } from "./compare/synod.ts";
import { since, used } from "./compare/system.ts";
import type { System } from "./compare/system.ts";
import { cells, head, spread } from "./compare/table.ts";
import type { Row } from "./compare/table.ts";
import { median, printHead, printTable } from "./report.ts";

/** How many connections `npm start` is measured with, and one client's figures are compared with. */
const usualConnections = 63;

const progress = (what: string): void => void process.stderr.write(`${what} ...\n`);

interface Compared {
  readonly synod: System;
  /** Absent where nothing is measured with as many connections as it takes part with. */
  readonly single: System | undefined;
  readonly etcd: System;
  readonly ceilings: Awaited<ReturnType<typeof startCeilings>>;
}

async function start(resources: Resources, { connections }: Options): Promise<Compared> {
  const ceilings = await startCeilings(resources);
  const etcd = await startEtcdMembers(resources);
  const synod = await startSynodCluster(resources);
  const single = connections.includes(usualConnections) ? await startSynodSingle(resources) : undefined;
  for (const system of [synod, single, etcd]) if (system !== undefined) await prepare(resources, system);
  return { synod, single, etcd, ceilings };
}

/** Each ceiling has its turns beside the load that it limits. */
const besides: Readonly<Partial<Record<Load, keyof Compared["ceilings"]>>> = {
  puts: "row",
  linearizable: "object",
  local: "hello",
};

class Results {
  readonly all: Series[] = [];
  readonly #rows: Row[] = [];
  readonly #ceilings = new Map<string, Series>();

  async kind(resources: Resources, options: Options, compared: Compared, load: Load): Promise<void> {
    const { synod, single, etcd, ceilings } = compared;
    for (const connections of options.connections) {
      progress(`${loads[load]}, ${connections}`);
      const beside = besides[load];
      const ceiling = beside === undefined ? undefined : ceilings[beside];
      const also = connections === usualConnections ? single : undefined;
      const systems = [synod, etcd, also, ceiling].filter((system) => system !== undefined);
      const contest = { load, connections, systems: systems.map((system) => ({ system })) };
      const series = await compare(resources, options, contest);
      this.all.push(...series);
      const of = (system: System | undefined): Series | undefined => series.find((one) => one.system === system?.name);
      const [rival, limit] = [of(etcd), of(ceiling)];
      if (limit !== undefined) this.#ceilings.set(`${beside} ${connections}`, limit);
      for (const [title, subject] of [
        [loads[load], of(synod)],
        [`${loads[load]}, \`npm start\``, of(also)],
      ] as const) {
        if (subject !== undefined) this.#rows.push({ title, connections: String(connections), subject, rival });
      }
    }
  }

  /** Many small writes from one client. */
  async oneClient(resources: Resources, options: Options, { synod, etcd }: Compared): Promise<void> {
    const systems = [{ system: synod }, { system: etcd }, { system: synod, load: "pipeline" }] as const;
    progress(`${loads.batch}, ${loads.pipeline}`);
    const series = await compare(resources, options, { load: "batch", connections: 1, systems });
    const [batch, transactions, pipelined] = series;
    if (batch === undefined || transactions === undefined || pipelined === undefined) {
      throw new Error("somebody had no turn");
    }
    this.all.push(...series);
    const puts = this.all.find(
      (one) => one.system === etcd.name && one.load === loads.puts && one.connections === usualConnections,
    );
    for (const [title, subject] of [
      [`one client, \`/batch\` of ${putsPerRequest} puts`, batch],
      [`one client, \`/pipeline\`, ${pipelinedPuts} puts unanswered`, pipelined],
    ] as const) {
      this.#rows.push({ title: `${title}; etcd: transactions`, connections: "1", subject, rival: transactions });
      if (puts === undefined) continue;
      const connections = `1; etcd: ${usualConnections}`;
      this.#rows.push({ title: `${title}; etcd: its puts above`, connections, subject, rival: puts });
    }
  }

  async fanOut(resources: Resources, options: Options, { synod, etcd }: Compared): Promise<void> {
    progress("watch fan-out");
    const [paced, flooding] = options.warmUpSeconds === 0 ? [20, 40] : [40, 100];
    const both = [];
    for (const system of [synod, etcd]) {
      const watchers = await Watchers.open(resources, system, options.watchers);
      await watchers.tellAll(0);
      const series: Series = { system: system.name, load: "watch fan-out", connections: options.watchers, turns: [] };
      both.push({ system, watchers, series });
    }
    for (let round = 0; round < options.rounds; round += 1) {
      for (const { system, watchers, series } of both) {
        const took: number[] = [];
        for (let count = 0; count < paced; count += 1) took.push(await watchers.tellAll(round));
        took.sort((left, right) => left - right);
        const before = used(system);
        const perSecond = await watchers.flood(flooding, round);
        const { cpuMs, linksMs } = since(before, used(system));
        const each = (ms: number): number => (ms * 1e3) / (flooding * options.watchers);
        const p99Ms = took[Math.floor(took.length * 0.99)] ?? 0;
        series.turns.push({ perSecond, p50Ms: median(took), p99Ms, cpuUs: each(cpuMs), linksUs: each(linksMs) });
      }
    }
    const [subject, rival] = both.map(({ series }) => series);
    if (subject === undefined || rival === undefined) throw new Error("somebody had no turn");
    this.all.push(subject, rival);
    const title = "watch fan-out: events told; from a write to the last watcher";
    this.#rows.push({ title, connections: `1 writer, ${options.watchers} watchers`, subject, rival });
  }

  disk(resources: Resources, options: Options): void {
    progress("the disk");
    const turns = Array.from({ length: options.rounds }, () => syncs(resources, options.seconds));
    const subject = { system: "disk", load: "512 bytes and fdatasync", connections: 1, turns };
    this.all.push(subject);
    this.#rows.push({ title: "ceiling: 512 bytes and fdatasync, one after the other", connections: "1", subject });
  }

  print(): void {
    const rows = this.#rows.map((row) => ({ ...row, ceilings: this.#shares(row) }));
    for (const subject of this.#ceilings.values()) {
      rows.push({
        title: `ceiling: ${subject.system}`,
        connections: String(subject.connections),
        subject,
        ceilings: [],
      });
    }
    printTable([head, ...rows.map(cells)]);
  }

  #shares({ connections, subject }: Row): readonly (Series | undefined)[] {
    if (![loads.puts, loads.linearizable, loads.local, loads.mixed].some((load) => load === subject.load)) return [];
    return (["hello", "object", "row"] as const).map((step) => this.#ceilings.get(`${step} ${connections}`));
  }
}

function printMemory(before: ReadonlyMap<string, number>, { synod, single, etcd }: Compared): void {
  const systems = [synod, single, etcd].filter((system) => system !== undefined);
  printTable([
    ["resident memory of all processes, MiB", ...systems.map(({ name }) => name)],
    ["before the loads", ...systems.map(({ name }) => (before.get(name) ?? 0).toFixed(0))],
    ["after them", ...systems.map((system) => used(system).residentMiB.toFixed(0))],
  ]);
}

/** Where Synod's time goes: by process, for each operation. */
function printProcesses(all: readonly Series[], { synod }: Compared): void {
  const roles = synod.roots.map(({ role }) => role);
  const rows = all.flatMap(({ system, load, connections, turns }) => {
    if (system !== synod.name || turns[0]?.byRoleUs === undefined) return [];
    const of = (role: string): string => spread([median(turns.map(({ byRoleUs }) => byRoleUs?.[role] ?? 0))], 0);
    return [[load, String(connections), ...roles.map(of)]];
  });
  printTable([["Synod's CPU by process, µs each", "connections", ...roles], ...rows]);
}

async function run(options: Options, resources: Resources): Promise<void> {
  const compared = await start(resources, options);
  const before = new Map<string, number>();
  for (const system of [compared.synod, compared.single, compared.etcd]) {
    if (system !== undefined) before.set(system.name, used(system).residentMiB);
  }
  const results = new Results();
  for (const load of ["puts", "linearizable", "local", "mixed"] as const) {
    if (options.only.has(load)) await results.kind(resources, options, compared, load);
  }
  if (options.only.has("batch")) await results.oneClient(resources, options, compared);
  if (options.only.has("fan-out")) await results.fanOut(resources, options, compared);
  if (options.only.has("disk")) results.disk(resources, options);
  results.print();
  printMemory(before, compared);
  printProcesses(results.all, compared);
  if (options.json === undefined) return;
  writeFileSync(options.json, `${JSON.stringify({ date: new Date().toISOString(), options, series: results.all })}\n`);
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options === null) {
    process.stdout.write(help);
    return;
  }
  const etcd = /etcd Version: (\S+)/.exec(spawnSync("etcd", ["--version"], { encoding: "utf8" }).stdout ?? "")?.[1];
  const wrk = /\d[\d.]+/.exec(spawnSync("wrk", ["-v"], { encoding: "utf8" }).stdout ?? "")?.[0];
  if (etcd === undefined || wrk === undefined) throw new Error("install Debian's packages etcd-server and wrk");
  printHead(
    `npm run bench -- ${process.argv.slice(2).join(" ")}`.trim(),
    `etcd ${etcd}, wrk ${wrk}. Median (lowest-highest) of ${options.rounds} round(s) of ${options.seconds} s in which everybody has a turn; ratios are of
turns of the same round. ${keyCount} keys, values of ${valueBytes} bytes, three members or regions on this machine, no distance between them. The
generator shares the cores with what it measures. Ceilings stand in the columns of Synod, whose runtime they are.`,
  );
  const resources = await Resources.open();
  try {
    await run(options, resources);
  } finally {
    await resources.end();
  }
}

await main().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
