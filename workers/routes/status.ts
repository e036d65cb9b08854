/**
 * The door for operators: every part of the namespace, asked directly and in parallel. Answers with what it knows, also
 * while a majority is missing. Founds nothing, writes nothing. Checkers are asked only if they are asked for: they sleep
 * where there is nothing to check.
 */
import type { Context } from "hono";
import { exchange } from "../../src/time/exchange.ts";
import { resource } from "../gateway/methods.ts";
import type { App } from "../gateway/methods.ts";
import { acceptorStanding, checkerStatus, readClock, replicaPlace, replicaStatus } from "../gateway/objects.ts";
import { Query } from "../gateway/query.ts";
import { lagOf, leaderOf, warningsOf } from "../gateway/standing.ts";
import type { GatewayEnv } from "../gateway/arrival.ts";
import type { Visit } from "../gateway/visit.ts";

export function addStatusRoutes(app: App): void {
  resource(app, "/status", { GET: status });
}

async function status(context: Context<GatewayEnv>): Promise<Response> {
  const { req, var: doors } = context;
  const { visit } = doors;
  const query = new Query(req.url, ["digest", "checkers"]);
  const [digest, wantsCheckers] = [query.flag("digest"), query.flag("checkers")];
  const { regions } = visit.config;
  const [acceptors, replicas, clocks, checkers] = await Promise.all([
    Promise.all(regions.map(async (region) => acceptor(visit, region))),
    Promise.all(regions.map(async (region) => replica(visit, region, digest))),
    Promise.all(regions.map(async (region) => clock(visit, region))),
    wantsCheckers ? Promise.all(regions.map(async (region) => checker(visit, region))) : null,
  ]);
  const shown = replicas.map((one) => ("applied" in one ? { ...one, lag: lagOf(one.applied, replicas) } : one));
  return context.json(
    {
      cluster: visit.config.cluster,
      namespace: visit.namespace,
      leader: leaderOf(acceptors, replicas),
      acceptors,
      replicas: shown,
      clocks,
      ...(checkers === null ? {} : { checkers }),
      warnings: warningsOf(acceptors, replicas),
      counters: visit.memory.counters,
    },
    200,
    { "cache-control": "no-store" },
  );
}

async function acceptor(visit: Visit, region: string) {
  const standing = await acceptorStanding(visit, region);
  if (standing === null) return { region, reachable: false } as const;
  const { dataCentre, identity, counter, promised, floor, highest } = standing;
  return {
    region,
    reachable: true,
    dataCentre,
    identity: identity.type,
    counter,
    promised,
    floor,
    lastVoted: highest,
  } as const;
}

async function replica(visit: Visit, region: string, wantsDigest: boolean) {
  const [standing, dataCentre] = await Promise.all([
    replicaStatus(visit, region, wantsDigest),
    replicaPlace(visit, region),
  ]);
  if (standing === null) return { region, reachable: false } as const;
  const { applied, revision, leading, halted, digest } = standing;
  return {
    region,
    reachable: true,
    dataCentre: dataCentre ?? "unknown",
    applied,
    revision,
    leading,
    ...(halted === null ? {} : { halted }),
    ...(digest === null ? {} : { digest }),
  } as const;
}

async function clock(visit: Visit, region: string) {
  const reading = await readClock(visit, region);
  if (reading === null) return { region, reachable: false } as const;
  const { offset, delay } = exchange(reading);
  return { region, reachable: true, dataCentre: reading.dataCentre, offsetMs: offset, delayMs: delay } as const;
}

async function checker(visit: Visit, region: string) {
  const standing = await checkerStatus(visit, region);
  if (standing === null) return { region, reachable: false } as const;
  return { region, reachable: true, ...standing } as const;
}
