/** A request arrives: what it came from and to is gathered, once, for all doors. */
import { platformRandom } from "../adapters/random.ts";
import type { ObjectAddress } from "../adapters/port.ts";
import { transportOf } from "../adapters/transport.ts";
import type { Bindings } from "../bindings.ts";
import { configOf } from "../config.ts";
import type { Config } from "../config.ts";
import { isolateMemory } from "./memory.ts";
import { namespaceOf } from "./paths.ts";
import { Problem } from "./problems.ts";
import { nearestFirst } from "./regions.ts";
import type { Visit } from "./visit.ts";

/** What a Hono context carries for the doors. */
export interface GatewayEnv {
  readonly Bindings: Bindings;
  readonly Variables: {
    readonly visit: Visit;
    /** This machine's clock when the request came, before anything else was done. */
    readonly arrived: number;
  };
}

/** @throws {Problem} when the deployment's variables or the path's namespace make no sense. */
export function visitOf(request: Request, env: Bindings, execution: Pick<ExecutionContext, "waitUntil">): Visit {
  const config = configured(env);
  const place = { namespace: namespaceOf(request.url), home: config.home, cf: request.cf };
  return visitAt(env, config, place, execution);
}

/** The surroundings of an object that asks replicas by itself: its own region is the nearest. */
export function visitFrom(
  env: Bindings,
  { namespace, region }: ObjectAddress,
  execution: Pick<ExecutionContext, "waitUntil">,
): Visit {
  const config = configured(env);
  const home = config.regions.find((one) => one === region) ?? null;
  return visitAt(env, config, { namespace, home, cf: undefined }, execution);
}

function visitAt(
  env: Bindings,
  config: Config,
  { namespace, home, cf }: { readonly namespace: string; readonly home: Config["home"]; readonly cf: unknown },
  execution: Pick<ExecutionContext, "waitUntil">,
): Visit {
  return {
    config,
    namespace,
    regions: nearestFirst(config.regions, home, cf),
    transport: transportOf(env),
    memory: isolateMemory,
    random: platformRandom,
    gathers: env.SYNOD_GATHER !== "false",
    open: env.SYNOD_OPEN === "true",
    dataCentre: dataCentreOf(cf),
    now: Date.now,
    after,
    address: (region) => ({ namespace, region }),
    afterwards: (work) => execution.waitUntil(work),
  };
}

function after(ms: number, then: () => void): () => void {
  const timer = setTimeout(then, ms);
  return () => clearTimeout(timer);
}

function configured(env: Bindings): Config {
  try {
    return configOf(env);
  } catch (error) {
    throw new Problem("misconfigured", error instanceof Error ? error.message : String(error));
  }
}

function dataCentreOf(cf: unknown): string {
  const colo = typeof cf === "object" && cf !== null && "colo" in cf ? cf.colo : undefined;
  return typeof colo === "string" ? colo : "local";
}
