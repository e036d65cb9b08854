/**
 * One reading of a clock: this gateway's own, or a region's with the gateway's stamps around it. Refuses to pass on a clock
 * that is proven wrong: an answer that promises an error bound must not be given by a clock outside of it.
 */
import { limits } from "../../src/support/limits.ts";
import { exchange } from "../../src/time/exchange.ts";
import type { LocationHint } from "../config.ts";
import { rootDispersionMs, tickMs } from "../gateway/clock-error.ts";
import { readClock } from "../gateway/objects.ts";
import { Problem } from "../gateway/problems.ts";
import type { Visit } from "../gateway/visit.ts";

export interface Reading {
  /** The clock that answered, when the question came ... */
  readonly t2: number;
  /** ... and when its answer was made. Deployed, the platform's clock stands still in between. */
  readonly t3: number;
  readonly region: LocationHint | null;
  readonly dataCentre: string;
  /** A region's clock was asked: the gateway's own stamps around that, by which a client takes the inner way out. */
  readonly hop?: {
    readonly t1: number;
    readonly t4: number;
    readonly region: LocationHint | null;
    readonly dataCentre: string;
  };
}

/** No clock that runs this can show an earlier time: 2026-01-01. */
const writtenMs = 1_767_225_600_000;

/** The leap indicator's "not synchronised" (RFC 5905). */
const unsynchronised = (detail: string): Problem =>
  new Problem("clock-unsynchronised", detail, { extra: { leap: 3 }, headers: { "retry-after": "60" } });

/** @throws {Problem} when this gateway's clock is known not to be right. */
export function ownReading(visit: Visit, t2: number): Reading {
  const { config, dataCentre, memory } = visit;
  if (t2 < writtenMs) throw unsynchronised("this gateway's clock has not been set");
  if (t2 < memory.time.doubtedUntil) {
    throw unsynchronised("a majority of the regions' clocks contradicts this gateway's clock");
  }
  return { t2, t3: visit.now(), region: config.home, dataCentre };
}

/** @throws {Problem} when the region's clock does not answer, or contradicts this gateway's. */
export async function regionReading(visit: Visit, region: LocationHint): Promise<Reading> {
  const read = await readClock(visit, region);
  if (read === null) throw new Problem("clock-unreachable", `the clock in ${region} did not answer`);
  const { t1, t2, t3, t4, dataCentre } = read;
  if (contradicts(read) || t2 < writtenMs) {
    throw unsynchronised(
      `the clock in ${region} and this gateway's cannot both be within ${rootDispersionMs} ms of UTC`,
    );
  }
  const { home } = visit.config;
  return { t2, t3, region, dataCentre, hop: { t1, t4, region: home, dataCentre: visit.dataCentre } };
}

/** Each of the two may be wrong by the assumed error, and the way between them hides the rest; more is a proof. */
function contradicts(stamps: { readonly t1: number; readonly t2: number; readonly t3: number; readonly t4: number }) {
  const { offset, errorBound } = exchange(stamps, tickMs);
  return Math.abs(offset) > errorBound + 2 * rootDispersionMs;
}

/** A measurement of all regions has shown that this gateway's clock is wrong. */
export function doubt(visit: Visit): void {
  visit.memory.time.doubtedUntil = visit.now() + limits.timeDoubtMs;
}

export const trust = ({ memory }: Visit): void => {
  memory.time.doubtedUntil = 0;
};
