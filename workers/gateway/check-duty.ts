/** What a Checker asks of the replicas and has them write: the list of what there is to check, states, removals. */
import { assert } from "../../src/support/assert.ts";
import type { ByteString, Revision } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import type { Dead } from "../../src/registry/check-plan.ts";
import * as keys from "../../src/registry/keys.ts";
import type { CheckPlace, CheckState } from "../../src/registry/model.ts";
import type { Consistency, Query } from "../../src/replica/messages.ts";
import type { Compare } from "../../src/store/transaction.ts";
import { checkingRegion } from "./checkers.ts";
import { read } from "./reads.ts";
import type { Read } from "./reads.ts";
import { carryOutAll, setCheck } from "./registry.ts";
import type { Visit } from "./visit.ts";

/** What a list of checks rests on. */
const grounds = [keys.allServices, keys.allNodes, keys.allNodeChecks, keys.allNodeStates];

export interface Listed {
  /** Null: nothing has changed. */
  readonly checks: readonly CheckPlace[] | null;
  readonly revision: Revision;
  readonly index: number;
}

/**
 * The checks that this region's Checker looks after. @param look `near`: as the nearest replica knows them, if it is not
 * out of touch for very long. @param known the index of the list before.
 * @throws {Problem} when nobody could answer.
 */
export async function listChecks(
  visit: Visit,
  region: string,
  look: "near" | "certain",
  known: number,
): Promise<Listed> {
  const first: Consistency =
    look === "near" ? { type: "local", maxAgeMs: limits.checkListAgeMs } : { type: "linearizable" };
  const changes = await read(visit, first, { type: "last-changes", ranges: grounds }, "last-changes");
  const index = Math.max(1, ...changes.result.revisions);
  if (index === known) return { checks: null, revision: changes.revision, index };
  const checks: CheckPlace[] = [];
  // Not older than what was just seen; what comes meanwhile is of a higher index, and looked at next time.
  const consistency: Consistency = { type: "session", atLeast: changes.revision };
  for (let after: ByteString | null = null; ;) {
    const query: Query = {
      type: "checks",
      status: null,
      region: null,
      activeOnly: true,
      limit: limits.pageKeys,
      after,
    };
    const page: Read<"checks"> = await read(visit, consistency, query, "checks");
    checks.push(...page.result.checks.filter((one) => checkingRegion(visit.config, one.region) === region));
    after = page.result.next;
    if (after === null) return { checks, revision: changes.revision, index };
  }
}

/** @returns the store's revision where it was written. @throws {Problem} when it is not known to be. */
export async function writeState(visit: Visit, place: CheckPlace, state: CheckState): Promise<Revision> {
  const { node, service, instance, view } = place;
  const of = service === null || instance === null ? {} : { of: { service, node, instance } };
  const address = { node, check: view.definition.check, ...of };
  const { revision } = await setCheck(visit, address, state, undefined, ["http", "tcp"]);
  return revision;
}

/**
 * Removes an instance if it is still as dead as it was taken to be: looked at again, and compared when it is removed.
 * @returns whether it is gone. @throws {Problem} when nobody knows.
 */
export async function removeDead(visit: Visit, dead: Dead): Promise<boolean> {
  const { node, service, instance, view } = dead;
  const query = { type: "instance", node, instance } as const;
  const { result } = await read(visit, { type: "linearizable" }, query, "instance");
  const found = result.instance;
  if (found === null || found.service !== service) return true;
  const now = found.states.find(({ definition }) => definition.check === view.definition.check);
  if (now?.status !== "critical" || JSON.stringify(now.definition) !== JSON.stringify(view.definition)) return false;
  const unchanged: Compare[] = [unchangedSince(keys.instanceKey(found), found.modRevision)];
  // Nothing is stored of an alias, nor of what has said nothing yet.
  if (now.definition.kind !== "alias" && now.modRevision !== found.modRevision) {
    unchanged.push(unchangedSince(keys.stateKey(found, view.definition.check), now.modRevision));
  }
  const place = { service, node, instance };
  const [gone] = await carryOutAll(visit, [{ type: "deregister", place, onlyIf: unchanged }]);
  assert(gone !== undefined, "one task has one result");
  if (gone.type === "problem") throw gone.problem;
  return gone.outcome.type === "txn" && gone.outcome.succeeded;
}

const unchangedSince = (key: ByteString, at: Revision): Compare => ({
  range: { key, end: null },
  result: "equal",
  operand: { type: "mod", number: at },
});
