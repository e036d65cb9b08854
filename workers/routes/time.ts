/**
 * The door to time: an exchange in the manner of NTP with this gateway or with a region's clock, and the regions' clocks
 * side by side. Never a write. Says how wrong it may be, and which part of that is assumed.
 */
import type { Context } from "hono";
import { limits } from "../../src/support/limits.ts";
import { exchange } from "../../src/time/exchange.ts";
import { platformErrorMs, precision, rootDispersionMs, stratum, tickMs } from "../gateway/clock-error.ts";
import { resource } from "../gateway/methods.ts";
import type { App } from "../gateway/methods.ts";
import { readClock } from "../gateway/objects.ts";
import { Problem } from "../gateway/problems.ts";
import { Query } from "../gateway/query.ts";
import type { GatewayEnv } from "../gateway/arrival.ts";

type Door = Context<GatewayEnv>;

export function addTimeRoutes(app: App): void {
  resource(app, "/time", { GET: time });
  resource(app, "/time/regions", { GET: regions });
}

const uncached = { "cache-control": "no-store" };

/** What holds for every stamp given out here. */
const quality = {
  tick_ms: tickMs,
  precision,
  leap: 0,
  stratum,
  // The way from the platform's clocks to UTC is not measured: all doubt about it is in the dispersion.
  root_delay_ms: 0,
  root_dispersion_ms: rootDispersionMs,
  radius_ms: rootDispersionMs + tickMs,
  // The part of it that nobody measured.
  assumed_error_ms: platformErrorMs,
};

async function time(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const { visit } = doors;
  // Before anything else: the stamp of arrival.
  const t2 = visit.now();
  const query = new Query(req.url, ["t1", "region"]);
  const stamp = query.text("t1", limits.stampCharacters);
  const t1 = stamp === null ? {} : { t1: stamp };
  const asked = query.text("region", limits.stampCharacters);
  if (asked === null) {
    const { dataCentre, config } = visit;
    return context.json({ ...t1, t2, t3: visit.now(), ...quality, region: config.home, dataCentre }, 200, uncached);
  }
  const region = visit.config.regions.find((one) => one === asked);
  if (region === undefined) {
    throw new Problem("unknown-region", `the regions here are ${visit.config.regions.join(", ")}`);
  }
  const reading = await readClock(visit, region);
  if (reading === null) throw new Problem("clock-unreachable", `the clock in ${region} did not answer`);
  const { dataCentre, t1: left, t4: back } = reading;
  // The client's t1 and t4 lie outside the hop: with it, the inner way can be taken out of the whole.
  const answer = { ...t1, t2: reading.t2, t3: reading.t3, hop: { t1: left, t4: back }, ...quality, region, dataCentre };
  return context.json(answer, 200, uncached);
}

async function regions(context: Door): Promise<Response> {
  const { req, var: doors } = context;
  const { visit } = doors;
  new Query(req.url, []);
  const clocks = await Promise.all(
    visit.config.regions.map(async (region) => {
      const reading = await readClock(visit, region);
      if (reading === null) return { region, reachable: false };
      const { dataCentre, ...stamps } = reading;
      const { offset, delay, errorBound } = exchange(stamps, tickMs);
      const measured = { offset_ms: offset, delay_ms: delay, error_bound_ms: errorBound };
      return { region, reachable: true, dataCentre, ...stamps, ...measured };
    }),
  );
  const { dataCentre } = visit;
  return context.json({ dataCentre, now: visit.now(), ...quality, regions: clocks }, 200, uncached);
}
