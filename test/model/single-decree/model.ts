/** The single-decree model, put together for the explorer. What it covers is said in `state.ts`. */
import type { Model } from "../explorer.ts";
import { Canonical } from "./canonical.ts";
import { Shell } from "./shell.ts";
import { invariants, landmarks, realRoles } from "./state.ts";
import type { Budgets, Roles, State } from "./state.ts";

export function singleDecree(budgets: Budgets, roles: Roles = realRoles): Model<State> {
  const canonical = new Canonical();
  const shell = new Shell(budgets, roles, canonical);
  return {
    initial: shell.initial(),
    successors: (state) => shell.successors(state),
    canonical: (state) => canonical.textOf(state),
    invariants,
    landmarks,
  };
}
