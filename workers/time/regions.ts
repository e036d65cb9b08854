/**
 * All regions' clocks side by side, as this gateway sees them: several rounds of exchanges, of which each region keeps the
 * one that proves most. Who tells the truth is decided by majority, and this gateway's own clock is judged by it too.
 */
import { limits } from "../../src/support/limits.ts";
import { causalityInterval, halfWidth, intersection, middle, widened } from "../../src/time/causality.ts";
import type { Interval } from "../../src/time/causality.ts";
import { exchange } from "../../src/time/exchange.ts";
import { select } from "../../src/time/select.ts";
import type { LocationHint } from "../config.ts";
import { rootDispersionMs, tickMs } from "../gateway/clock-error.ts";
import { readClock } from "../gateway/objects.ts";
import type { ClockReading } from "../gateway/objects.ts";
import type { Visit } from "../gateway/visit.ts";
import { quality } from "./answer.ts";
import { doubt, trust } from "./reading.ts";

interface Best {
  readonly reading: ClockReading;
  /** The region's clock minus this gateway's. */
  readonly lead: Interval;
  readonly rounds: number;
}

const ticks = { own: tickMs, theirs: tickMs };

/** One round after the other: exchanges that wait for each other in a queue would measure the queue. */
async function bestOf(visit: Visit, region: LocationHint): Promise<Best | null> {
  let best: Best | null = null;
  for (let round = 0; round < limits.timeRounds; round += 1) {
    const reading = await readClock(visit, region);
    // Whoever does not answer once is not waited for again.
    if (reading === null) break;
    const lead = causalityInterval(reading, ticks);
    const found: Best = { reading, lead, rounds: round + 1 };
    const kept: Best = best !== null && halfWidth(best.lead) <= halfWidth(lead) ? best : found;
    best = { ...kept, rounds: found.rounds };
  }
  return best;
}

export async function measureRegions(visit: Visit) {
  const { regions, home } = visit.config;
  const measured = await Promise.all(regions.map(async (region) => ({ region, best: await bestOf(visit, region) })));
  const answered = measured.flatMap(({ region, best }) => (best === null ? [] : [{ region, best }]));
  // A region's clock and the truth differ by the assumed error: that is the interval it votes with.
  const votes = answered.map(({ best }) => widened(best.lead, rootDispersionMs));
  const selected = select(votes, regions.length);
  const agreed = "agreed" in selected ? selected.agreed : null;
  const truechimers = new Set("truechimers" in selected ? selected.truechimers.map((at) => answered[at]?.region) : []);
  const ownTrue = agreed === null ? null : judgeOwn(visit, agreed);
  return {
    dataCentre: visit.dataCentre,
    region: home,
    now: visit.now(),
    ...quality,
    leap: agreed === null || ownTrue === false ? 3 : 0,
    // UTC minus this gateway's clock, if more than half of the regions' clocks are as good as they say.
    agreed: agreed === null ? null : shown(agreed),
    ...("refusal" in selected ? { refusal: selected.refusal } : {}),
    truechimer: ownTrue,
    regions: measured.map(({ region, best }) => {
      if (best === null) return { region, reachable: false };
      const { dataCentre, ...stamps } = best.reading;
      const { offset, delay, errorBound } = exchange(stamps, tickMs);
      const numbers = { offset_ms: offset, delay_ms: delay, error_bound_ms: errorBound, rounds: best.rounds };
      const truechimer = agreed === null ? null : truechimers.has(region);
      return { region, reachable: true, dataCentre, ...stamps, ...numbers, truechimer };
    }),
  };
}

const shown = (interval: Interval) => ({
  low_ms: interval.low,
  high_ms: interval.high,
  offset_ms: middle(interval),
  radius_ms: halfWidth(interval),
});

/** Whether this gateway's clock can be as good as it says, given what the majority says. It remembers if not. */
function judgeOwn(visit: Visit, agreed: Interval): boolean {
  const own = widened({ low: 0, high: 0 }, rootDispersionMs + tickMs);
  const isTrue = intersection(own, agreed) !== null;
  if (isTrue) trust(visit);
  else doubt(visit);
  return isTrue;
}
