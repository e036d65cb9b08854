/**
 * What a local Synod is told besides its regions, as the variables that a deployment has for it: what health checks may
 * ask, and the guard against mass expiry, whose numbers come from the environment under the deployment's own names. Called
 * by the launchers, before anything is started.
 */
import { configOf } from "../../workers/config.ts";
import { UsageError } from "./errors.ts";

export interface Settings {
  /** Health checks may ask loopback and private networks. */
  readonly checkPrivate?: boolean;
  /** Where the numbers of the guard against mass expiry are looked for. Absent: nowhere, and all are as in a deployment. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

const massExpiry = ["SYNOD_MASS_EXPIRY_PERCENT", "SYNOD_MASS_EXPIRY_LEAST", "SYNOD_MASS_EXPIRY_HOLD_TTLS"] as const;

/** What Consul's and DNS's clients call this place: the cluster's own name is made up, and only says which data it is. */
const datacenter = "local";

/** @throws {UsageError} for a number that a deployment would refuse. */
export function settingsBindings({ checkPrivate, environment = {} }: Settings): Readonly<Record<string, string>> {
  const given = massExpiry.flatMap((name) => {
    const text = environment[name];
    return text === undefined || text.trim() === "" ? [] : [[name, text.trim()] as const];
  });
  const bindings = {
    SYNOD_DATACENTER: datacenter,
    ...(checkPrivate === true ? { SYNOD_CHECK_PRIVATE: "true" } : {}),
    ...Object.fromEntries(given),
  };
  try {
    configOf({ SYNOD_REGIONS: "wnam,enam,weur", SYNOD_CLUSTER: "any", ...bindings });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  return bindings;
}
