/** A request arrives: what it came from and to is gathered, once, for all doors. */
import { platformRandom } from "../adapters/random.ts";
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
  const namespace = namespaceOf(request.url);
  return {
    config,
    namespace,
    regions: nearestFirst(config.regions, config.home, request.cf),
    transport: transportOf(env),
    memory: isolateMemory,
    random: platformRandom,
    open: env.SYNOD_OPEN === "true",
    dataCentre: dataCentreOf(request.cf),
    now: () => Date.now(),
    after(ms, then) {
      const timer = setTimeout(then, ms);
      return () => clearTimeout(timer);
    },
    address: (region) => ({ namespace, region }),
    afterwards: (work) => execution.waitUntil(work),
  };
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
