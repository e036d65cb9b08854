/** A broken twin: the real functions with one mistake in them, kept on purpose. The checker must catch every one. */
import { noBudgets, realRoles, unlimited } from "../single-decree/state.ts";
import type { Budgets, InvariantName, Roles } from "../single-decree/state.ts";

export interface Twin {
  readonly name: string;
  /** The rule of SPEC.md that it violates. */
  readonly rule: string;
  readonly roles: Roles;
  /** The smallest budgets under which the mistake shows. */
  readonly budgets: Budgets;
  /** What a shortest run to any violation ends in. */
  readonly firstBreaks: InvariantName;
}

export function twin(
  name: string,
  rule: string,
  firstBreaks: InvariantName,
  broken: Partial<Roles>,
  budgets: Partial<Budgets> = {},
): Twin {
  return {
    name,
    rule,
    firstBreaks,
    roles: { ...realRoles, ...broken },
    budgets: { ...noBudgets, answers: "at-once", duplications: unlimited, ...budgets },
  };
}
