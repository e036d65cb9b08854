/** Where a registration comes from: what its body need not say. */
import { regionName } from "../../src/support/brand.ts";
import { assert } from "../../src/support/assert.ts";
import { agentNode } from "../../src/registry/keys.ts";
import type { Call } from "./call.ts";
import { callerOf } from "./register-body.ts";
import type { Surroundings } from "./register-body.ts";

/** Those of an agent's registration: on its node, in the nearest region, at the address that the request came from. */
export function surroundingsOf({ visit, request }: Call): Surroundings {
  const { regions } = visit;
  const [nearest] = regions;
  assert(nearest !== undefined, "a deployment has regions");
  return { node: agentNode, region: regionName(nearest), regions, address: callerOf(request.headers) };
}
