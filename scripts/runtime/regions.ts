/**
 * The rule for choosing some of the regions that Synod can stand in (`workers/config.ts`), as whoever launches it is told.
 * Used by both launchers; reads nothing but its arguments.
 */
import { isLocationHint, locationHints } from "../../workers/config.ts";
import { UsageError } from "./errors.ts";

export const defaultRegions: readonly string[] = ["wnam", "enam", "weur"];

/** Three or five distinct regions: an odd number, so that every added acceptor lets one more fail, and few enough to pay for. */
export function checkRegions(regions: readonly string[]): readonly string[] {
  for (const [index, region] of regions.entries()) {
    if (!isLocationHint(region)) {
      throw new UsageError(`unknown region "${region}": choose from ${locationHints.join(", ")}`);
    }
    if (regions.indexOf(region) !== index) throw new UsageError(`region "${region}" is named twice`);
  }
  if (regions.length !== 3 && regions.length !== 5) {
    throw new UsageError(`a cluster has 3 or 5 regions, not ${regions.length}`);
  }
  return regions;
}

/** The binding through which a region's process reaches another one. */
export const peerBinding = (region: string): string => `PEER_${region.replaceAll("-", "_")}`;
