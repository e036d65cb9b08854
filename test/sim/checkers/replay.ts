/** The chosen log, carried out by the plainest model of a store there is: what every replica ought to have done. */
import { decodeBatch } from "../../../src/store/batch-codec.ts";
import type { Outcome } from "../../../src/store/command.ts";
import { storeLimits } from "../../../src/store/store-limits.ts";
import { StoreModel } from "../../property/store-model.ts";
import { nameOfCommand } from "../history.ts";
import { violated } from "./checker.ts";
import type { ChosenLog } from "./chosen-log.ts";

export interface Replay {
  readonly model: StoreModel;
  /** By command: every outcome that a copy of it had, as JSON. */
  readonly outcomes: ReadonlyMap<string, ReadonlySet<string>>;
  /** By command: the revision that it made. */
  readonly carriedOut: ReadonlyMap<string, number>;
  /** Leases that ended, each with the time from which on that was allowed, by its last renewal's stamp. */
  readonly ended: readonly { readonly lease: string; readonly slot: number; readonly dueAt: number }[];
}

const replays = new WeakMap<ChosenLog, Replay>();

export function replayOf(chosen: ChosenLog): Replay {
  const known = replays.get(chosen) ?? replay(chosen);
  replays.set(chosen, known);
  return known;
}

function replay(chosen: ChosenLog): Replay {
  const model = new StoreModel(storeLimits);
  const outcomes = new Map<string, Set<string>>();
  const carriedOut = new Map<string, number>();
  const ended: { readonly lease: string; readonly slot: number; readonly dueAt: number }[] = [];
  for (let slot = 1; slot <= chosen.slots; slot += 1) {
    const batch = decodeBatch(chosen.at(slot) ?? violated("L1", `slot ${slot} was never chosen, but a later one was`));
    if ("type" in batch) violated("L4", `slot ${slot} cannot be read: ${batch.type}`);
    const before = model.revision;
    const leases = new Map(model.leases);
    model.apply(batch).forEach((outcome, i) => {
      const command = batch.commands[i];
      if (command === undefined) return;
      const name = nameOfCommand(command.id, command.fingerprint);
      const { operation } = command;
      const lease = operation.type === "expire" ? leases.get(operation.lease) : undefined;
      // A later copy of the command is told what the first one did.
      const isFirst = !outcomes.has(name);
      if (isFirst && outcome.type === "expired" && outcome.deletedKeys > 0 && lease !== undefined)
        ended.push({ lease: name, slot, dueAt: lease.renewedAt + lease.ttlMs });
      outcomes.set(name, (outcomes.get(name) ?? new Set()).add(JSON.stringify(outcome)));
      if (!("revision" in outcome) || !tookEffect(outcome, before)) return;
      const earlier = carriedOut.get(name);
      if (earlier !== undefined && earlier !== outcome.revision)
        violated("X1", `${name} was carried out at revisions ${earlier} and ${outcome.revision}`);
      carriedOut.set(name, outcome.revision);
    });
  }
  return { model, outcomes, carriedOut, ended };
}

/** @param before the revision before the batch: an outcome from memory names an older one. */
const tookEffect = (outcome: Outcome, before: number): boolean =>
  (outcome.type === "put" || (outcome.type === "deleted" && outcome.existed)) && outcome.revision > before;
