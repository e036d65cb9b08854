/**
 * One request's surroundings: the deployment it came to, the namespace it means, how to reach objects, and what this
 * gateway remembers between requests. Made once per request, read by all doors.
 */
import type { Random } from "../../src/support/random.ts";
import { platformRandom } from "../adapters/random.ts";
import { transportOf } from "../adapters/transport.ts";
import type { ObjectAddress, Transport } from "../adapters/transport.ts";
import { configOf } from "../config.ts";
import type { Bindings, Config, LocationHint } from "../config.ts";
import { isolateMemory } from "./memory.ts";
import type { Memory } from "./memory.ts";
import { namespaceOf } from "./paths.ts";
import { Problem } from "./problems.ts";
import { nearestFirst } from "./regions.ts";

/** What a Hono context carries for the doors. */
export interface GatewayEnv {
  readonly Bindings: Bindings;
  readonly Variables: { readonly visit: Visit };
}

export interface Visit {
  readonly config: Config;
  readonly namespace: string;
  /** All regions, nearest first. */
  readonly regions: readonly LocationHint[];
  readonly transport: Transport;
  readonly memory: Memory;
  readonly random: Random;
  /** Requests need no token here. */
  readonly open: boolean;
  /** The data centre this gateway runs in, as far as it knows. */
  readonly dataCentre: string;
  /** This machine's clock, in ms. Deployed it stands still between I/O. */
  now(): number;
  address(region: string): ObjectAddress;
  /** Work that may outlive the answer. */
  afterwards(work: Promise<unknown>): void;
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
