/**
 * What this deployment is, read once from its variables: regions and cluster. Used by the gateway and by the objects.
 */
import type { Place } from "../src/replica/acceptor-group.ts";

/** What a deployment is told about itself. */
export interface Variables {
  /** Acceptor and replica regions, comma-separated: three or five of the platform's location hints. */
  readonly SYNOD_REGIONS: string;
  /** Names this cluster: it is part of every founded identity and of every cache key. */
  readonly SYNOD_CLUSTER: string;
  /** The region this gateway counts itself in; without it, it goes by where the request came from. */
  readonly SYNOD_HOME?: string;
}

/** The platform's location hints. @see https://developers.cloudflare.com/durable-objects/reference/data-location/ */
const locationHints = ["wnam", "enam", "sam", "weur", "eeur", "apac", "apac-ne", "apac-se", "oc", "afr", "me"] as const;
export type LocationHint = (typeof locationHints)[number];
export const isLocationHint = (region: string): region is LocationHint => locationHints.some((hint) => hint === region);

export interface Config {
  readonly cluster: string;
  readonly regions: readonly LocationHint[];
  readonly home: LocationHint | null;
}

/** @throws {Error} when the deployment's variables make no sense: nothing can be answered then. */
export function configOf(env: Variables): Config {
  const regions = env.SYNOD_REGIONS.split(",").map((region) => region.trim());
  const known = regions.filter(isLocationHint);
  const distinct = new Set(known);
  if (known.length !== regions.length || distinct.size !== regions.length || ![3, 5].includes(regions.length)) {
    throw new Error(`SYNOD_REGIONS must name three or five different regions of ${locationHints.join(", ")}`);
  }
  const home = known.find((region) => region === env.SYNOD_HOME) ?? null;
  return { cluster: env.SYNOD_CLUSTER, regions: known, home };
}

export const placeOf = (config: Config, namespace: string, region: string): Place => ({
  cluster: config.cluster,
  namespace,
  region,
  acceptorRegions: config.regions,
  replicaRegions: config.regions,
});
