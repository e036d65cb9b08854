/**
 * Active checks, as the gateway sees them: refuses those that must not be run, and tells the Checkers that some are about
 * to come, before they are written. Whatever comes of the writing, a Checker that was told goes on looking for as long as
 * it may still happen; so no check is there that nobody runs. Called wherever checks are registered.
 */
import type { RegionName } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import { checkTarget } from "../../src/registry/check-target.ts";
import { isTended } from "../../src/registry/health.ts";
import type { CheckDefinition } from "../../src/registry/model.ts";
import type { Config } from "../config.ts";
import { Problem } from "./problems.ts";
import { nearestFirst } from "./regions.ts";
import type { Visit } from "./visit.ts";

/** A check that is about to be registered, and the region of its instance; null for a node's own. */
export interface Announced {
  readonly region: RegionName | null;
  readonly definition: CheckDefinition;
}

/** Whose Checker runs what stands in that region: its own, else the nearest; what stands nowhere is the first one's. */
export function checkingRegion({ regions }: Pick<Config, "regions">, region: string | null): string {
  const [first = ""] = regions;
  if (region === null) return first;
  return nearestFirst<string>(regions, region, null)[0] ?? first;
}

/** @throws {Problem} when one of them must not be run, or one of their Checkers does not answer: nothing is written then. */
export async function armCheckers(visit: Visit, checks: readonly Announced[]): Promise<void> {
  for (const { definition } of checks) {
    const why = checkTarget(definition, { allowPrivate: visit.config.checkPrivate });
    if (why !== null) throw new Problem("invalid-body", `the check ${definition.check}: ${why}`);
  }
  const tended = checks.filter(({ definition }) => isTended(definition));
  const regions = new Set(tended.map(({ region }) => checkingRegion(visit.config, region)));
  const told = await Promise.all(
    [...regions].map(async (region) => ({
      region,
      answer: await visit.transport.call("checker", visit.address(region), "", limits.callMs),
    })),
  );
  const silent = told.filter(({ answer }) => answer === null).map(({ region }) => region);
  if (silent.length === 0) return;
  const detail = `nothing was written: whoever would run the checks in ${silent.join(", ")} does not answer`;
  throw new Problem("checker-unavailable", detail, { outcome: "not-applied" });
}
