/**
 * Round trips between regions, as a file gives them: `{"wnam-enam": 60}`, in milliseconds, the same both ways. A pair that
 * is not named has none. Strict, because a mistyped pair would silently measure a faster cluster.
 */
import { UsageError } from "../runtime/errors.ts";
import { maxDelayMs } from "./direction.ts";

/** Milliseconds by pair, each pair under both of its spellings. */
export type RoundTrips = ReadonlyMap<string, number>;

export const roundTrip = (roundTrips: RoundTrips, from: string, to: string): number =>
  roundTrips.get(spell(from, to)) ?? 0;

/** The table in the text of `file`; what its entries may say is checked when the regions are known. */
export function parseRoundTrips(text: string, file: string): Readonly<Record<string, unknown>> {
  let table: unknown;
  try {
    table = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${file} is not JSON: ${(error as Error).message}`);
  }
  if (typeof table !== "object" || table === null || Array.isArray(table)) {
    throw new UsageError(`${file} must hold an object such as {"wnam-enam": 60}`);
  }
  return table as Readonly<Record<string, unknown>>;
}

export function checkRoundTrips(table: Readonly<Record<string, unknown>>, regions: readonly string[]): RoundTrips {
  // Region names contain the separator, so a pair is looked up, not taken apart.
  const pairs = new Map(
    regions.flatMap((from) => regions.filter((to) => to !== from).map((to) => [spell(from, to), spell(to, from)])),
  );
  const roundTrips = new Map<string, number>();
  for (const [pair, milliseconds] of Object.entries(table)) {
    const reverse = pairs.get(pair);
    if (reverse === undefined) {
      throw new UsageError(`round trips: "${pair}" is no pair of this cluster's regions (${regions.join(", ")})`);
    }
    if (typeof milliseconds !== "number" || !(milliseconds >= 0 && milliseconds <= maxDelayMs)) {
      throw new UsageError(`round trips: "${pair}" must be a number of milliseconds from 0 to ${maxDelayMs}`);
    }
    if (roundTrips.has(pair)) throw new UsageError(`round trips: "${pair}" is given twice, as "${reverse}" too`);
    roundTrips.set(pair, milliseconds);
    roundTrips.set(reverse, milliseconds);
  }
  return roundTrips;
}

const spell = (from: string, to: string): string => `${from}-${to}`;
