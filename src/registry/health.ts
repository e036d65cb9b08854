/**
 * What checks add up to. An instance is as well as the worst of its checks and of its node's; without any it is passing.
 * A check that says nothing says the worst: a ttl that ended has deleted its state. Pure.
 */
import type { Revision } from "../support/brand.ts";
import { maintenanceCheck, nodeMaintenanceCheck } from "./keys.ts";
import type { CheckDefinition, CheckState, CheckStatus, CheckView, InstanceName, Lookup } from "./model.ts";

const order: readonly CheckStatus[] = ["passing", "warning", "critical"];

export const worstOf = (statuses: Iterable<CheckStatus>): CheckStatus =>
  order[Math.max(0, ...[...statuses].map((status) => order.indexOf(status)))] ?? "critical";

/** A state as it is stored, with its revisions. */
export interface StoredState extends CheckState {
  readonly createRevision: Revision;
  readonly modRevision: Revision;
}

type Revisions = Pick<StoredState, "createRevision" | "modRevision">;

/** What a check says for which nothing is stored. */
const silent = (kind: CheckDefinition["kind"]): CheckState => ({
  status: "critical",
  output: kind === "ttl" ? "TTL expired" : "",
});

/** What an alias answers to: the statuses of whom it stands for, or null where there is nobody. */
export type Target = (alias: Extract<CheckDefinition, { readonly kind: "alias" }>) => readonly CheckStatus[] | null;

/**
 * @param own the revisions of what the check belongs to: a check that says nothing has none itself.
 */
export function viewOf(
  definition: CheckDefinition,
  stored: StoredState | undefined,
  own: Revisions,
  target: Target,
): CheckView {
  const { createRevision, modRevision } = stored ?? own;
  const state = definition.kind === "alias" ? aliasState(target(definition)) : (stored ?? silent(definition.kind));
  return { definition, status: state.status, output: state.output, createRevision, modRevision };
}

function aliasState(statuses: readonly CheckStatus[] | null): CheckState {
  if (statuses === null) return { status: "critical", output: "whom it stands for is not there" };
  const status = worstOf(statuses);
  return { status, output: `whom it stands for is ${status}` };
}

const plain = (check: CheckDefinition["check"], name: string): CheckDefinition => ({
  kind: "plain",
  check,
  name,
  notes: "",
  deregisterAfterMs: null,
});

/** The check of an instance that is taken out of service: nobody registers it, it comes and goes with its state. */
export const maintenance = (instance: InstanceName): CheckDefinition =>
  plain(maintenanceCheck(instance), "Service Maintenance Mode");

export const nodeMaintenance: CheckDefinition = plain(nodeMaintenanceCheck, "Node Maintenance Mode");

/** Whether somebody must look after it: run it, or remove its instance when it was critical for too long. */
export const isTended = ({ kind, deregisterAfterMs }: CheckDefinition): boolean =>
  kind === "http" || kind === "tcp" || (kind !== "ttl" && deregisterAfterMs !== null);

/** Whether who asks for that health wants an instance of this status. */
export const answersTo = (status: CheckStatus, health: Lookup["health"]): boolean =>
  health === "any" || status === "passing" || (health === "healthy" && status === "warning");
