/**
 * What this deployment is, read once from its variables: regions and cluster. Used by the gateway and by the objects.
 */
import type { Place } from "../src/replica/acceptor-group.ts";
import type { ExpiryGuard } from "../src/store/command.ts";
import { limits } from "../src/support/limits.ts";

/** What a deployment is told about itself. */
export interface Variables {
  /** Acceptor and replica regions, comma-separated: three or five of the platform's location hints. */
  readonly SYNOD_REGIONS: string;
  /** Names this cluster: it is part of every founded identity and of every cache key. */
  readonly SYNOD_CLUSTER: string;
  /** What Consul's and DNS's clients call this place, if it is not to be the cluster's name. */
  readonly SYNOD_DATACENTER?: string;
  /** The region this gateway counts itself in; without it, it goes by where the request came from. */
  readonly SYNOD_HOME?: string;
  /** "true": active checks may ask loopback and private networks. */
  readonly SYNOD_CHECK_PRIVATE?: string;
  /** When so many in a hundred of a region's instances miss their renewals at once, they are held as suspects; 100: never. */
  readonly SYNOD_MASS_EXPIRY_PERCENT?: string;
  /** A region of fewer instances is not guarded like that. */
  readonly SYNOD_MASS_EXPIRY_LEAST?: string;
  /** A suspect is held for so many of its times to live. */
  readonly SYNOD_MASS_EXPIRY_HOLD_TTLS?: string;
}

/** The platform's location hints. @see https://developers.cloudflare.com/durable-objects/reference/data-location/ */
export const locationHints = [
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
] as const;
export type LocationHint = (typeof locationHints)[number];
export const isLocationHint = (region: string): region is LocationHint => locationHints.some((hint) => hint === region);

export interface Config {
  readonly cluster: string;
  /** What Consul's and DNS's clients call this place, in small letters. */
  readonly datacenter: string;
  readonly regions: readonly LocationHint[];
  readonly home: LocationHint | null;
  /** Null: leases end however many of them end at once (SPEC H1). */
  readonly expiryGuard: ExpiryGuard | null;
  /** Active checks may ask loopback and private networks. */
  readonly checkPrivate: boolean;
}

const configs = new WeakMap<Variables, Config>();

/**
 * Read once for each set of variables.
 * @throws {Error} when the deployment's variables make no sense: nothing can be answered then.
 */
export function configOf(env: Variables): Config {
  const read = configs.get(env);
  if (read !== undefined) return read;
  const config = configIn(env);
  configs.set(env, config);
  return config;
}

function configIn(env: Variables): Config {
  const regions = env.SYNOD_REGIONS.split(",").map((region) => region.trim());
  const known = regions.filter(isLocationHint);
  const distinct = new Set(known);
  if (known.length !== regions.length || distinct.size !== regions.length || ![3, 5].includes(regions.length)) {
    throw new Error(`SYNOD_REGIONS must name three or five different regions of ${locationHints.join(", ")}`);
  }
  const home = known.find((region) => region === env.SYNOD_HOME) ?? null;
  return {
    cluster: env.SYNOD_CLUSTER,
    datacenter: datacenterIn(env),
    regions: known,
    home,
    expiryGuard: expiryGuardIn(env),
    checkPrivate: env.SYNOD_CHECK_PRIVATE === "true",
  };
}

/** @throws {Error} */
function datacenterIn({ SYNOD_DATACENTER: own = "", SYNOD_CLUSTER: cluster }: Variables): string {
  if (own === "") return cluster.toLowerCase();
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(own)) {
    throw new Error("SYNOD_DATACENTER must have 1 to 63 letters, digits and inner hyphens: it is part of DNS names");
  }
  return own.toLowerCase();
}

/** @throws {Error} */
function expiryGuardIn(env: Variables): ExpiryGuard | null {
  const percent = wholeIn(env, "SYNOD_MASS_EXPIRY_PERCENT", 85, 1, 100);
  const atLeast = wholeIn(env, "SYNOD_MASS_EXPIRY_LEAST", 10, 1, limits.guardLeasesMax);
  const holdTtls = wholeIn(env, "SYNOD_MASS_EXPIRY_HOLD_TTLS", 3, 1, limits.holdTtlsMax);
  return percent === 100 ? null : { percent, atLeast, holdTtls };
}

function wholeIn(
  env: Variables,
  name: "SYNOD_MASS_EXPIRY_PERCENT" | "SYNOD_MASS_EXPIRY_LEAST" | "SYNOD_MASS_EXPIRY_HOLD_TTLS",
  without: number,
  low: number,
  high: number,
): number {
  const text = env[name]?.trim() ?? "";
  if (text === "") return without;
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : -1;
  if (value < low || value > high) throw new Error(`${name} must be a whole number from ${low} to ${high}`);
  return value;
}

export const placeOf = (config: Config, namespace: string, region: string): Place => ({
  cluster: config.cluster,
  namespace,
  region,
  acceptorRegions: config.regions,
  replicaRegions: config.regions,
});
