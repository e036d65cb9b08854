/**
 * The regions Synod can stand in, as the platform names its location hints, and the rule for choosing some of them.
 * Used by both launchers; reads nothing but its arguments.
 */
import { UsageError } from "./errors.ts";

const regionNames: readonly string[] = [
  "wnam",
  "enam",
  "sam",
  "weur",
  "eeur",
  "apac",
  "apac-ne",
  "apac-se",
  "oc",
  "afr",
  "me",
];

export const defaultRegions: readonly string[] = ["wnam", "enam", "weur"];

/** Three or five distinct regions: an odd number, so that every added acceptor lets one more fail, and few enough to pay for. */
export function checkRegions(regions: readonly string[]): readonly string[] {
  for (const [index, region] of regions.entries()) {
    if (!regionNames.includes(region)) {
      throw new UsageError(`unknown region "${region}": choose from ${regionNames.join(", ")}`);
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
