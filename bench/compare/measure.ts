/**
 * Turns: everybody who is compared under one load has one in each round, one after the other, so that what the machine
 * does meanwhile falls on all alike. Used by `bench/main.ts`.
 */
import { loads, operationsPerRequest, requestsOf } from "./loads.ts";
import type { Load } from "./loads.ts";
import type { Options } from "./options.ts";
import { pipeline } from "./pipeline.ts";
import type { Resources } from "./resources.ts";
import { since, used } from "./system.ts";
import type { System } from "./system.ts";
import { shoot } from "./wrk.ts";

/** One turn. Processor time in microseconds for each operation; absent where it is not told. */
export interface Turn {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuUs?: number;
  readonly linksUs?: number;
  readonly byRoleUs?: Readonly<Record<string, number>>;
}

/** All turns of one system under one load. */
export interface Series {
  readonly system: string;
  readonly load: string;
  readonly connections: number;
  readonly turns: Turn[];
}

export interface Contest {
  readonly load: Load;
  readonly connections: number;
  /** Who takes part, in the order of their turns; another load instead of the contest's where one says so. */
  readonly systems: readonly { readonly system: System; readonly load?: Load }[];
}

export async function compare(
  resources: Resources,
  options: Pick<Options, "rounds" | "seconds" | "warmUpSeconds">,
  contest: Contest,
): Promise<readonly Series[]> {
  const { connections } = contest;
  const all = contest.systems.map(({ system, load = contest.load }) => ({
    system,
    load,
    series: { system: system.name, load: loads[load], connections, turns: [] as Turn[] },
  }));
  for (let round = options.warmUpSeconds === 0 ? 0 : -1; round < options.rounds; round += 1) {
    for (const { system, load, series } of all) {
      const seconds = round < 0 ? options.warmUpSeconds : options.seconds;
      const turn = await take(resources, system, load, { connections, seconds, turn: Math.max(0, round) });
      if (round >= 0) series.turns.push(turn);
    }
  }
  return all.map(({ series }) => series);
}

async function take(
  resources: Resources,
  system: System,
  load: Load,
  shot: { readonly connections: number; readonly seconds: number; readonly turn: number },
): Promise<Turn> {
  const before = used(system);
  const { gateways, language } = system;
  const answered =
    load === "pipeline"
      ? await pipeline(gateways[shot.turn % gateways.length] ?? "", shot.seconds)
      : await shoot(resources, { gateways, requests: requestsOf(load, language), ...shot });
  const { cpuMs, linksMs, byRole } = since(before, used(system));
  const operations = answered.requests * operationsPerRequest(load);
  const each = (ms: number): number => (ms * 1e3) / operations;
  return {
    perSecond: operations / answered.seconds,
    p50Ms: answered.p50Ms,
    p99Ms: answered.p99Ms,
    cpuUs: each(cpuMs),
    linksUs: each(linksMs),
    byRoleUs: Object.fromEntries(Object.entries(byRole).map(([role, ms]) => [role, each(ms)])),
  };
}
