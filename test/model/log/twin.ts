/** A broken twin of the log's model: the real code with one mistake in it, kept on purpose. The checker must catch every one. */
import { explore } from "../explorer.ts";
import type { Exploration } from "../explorer.ts";
import { logModel, realRoles } from "./model.ts";
import type { InvariantName } from "./model.ts";
import { noBudgets } from "./state.ts";
import type { Budgets, Roles } from "./state.ts";

export interface LogTwin {
  readonly name: string;
  /** The rule of SPEC.md that it violates. */
  readonly rule: string;
  /** What a shortest run to any violation ends in. */
  readonly firstBreaks: InvariantName;
  /** Explores until the first violation, which has a shortest trace. */
  readonly run: () => Exploration;
}

/** @param budgets the smallest under which the mistake shows. */
export function logTwin(
  name: string,
  rule: string,
  firstBreaks: InvariantName,
  budgets: Partial<Budgets>,
  broken: Partial<Roles>,
): LogTwin {
  const run = (): Exploration => explore(logModel({ ...noBudgets, ...budgets }, { ...realRoles, ...broken }));
  return { name, rule, firstBreaks, run };
}
