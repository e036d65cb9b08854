/** The chosen log, carried out by the plainest model of a store there is: what every replica ought to have done. */
import { decodeBatch } from "../../../src/store/batch-codec.ts";
import type { ClientReply } from "../../../src/replica/messages.ts";
import type { Command, Outcome } from "../../../src/store/command.ts";
import { storeLimits } from "../../../src/store/store-limits.ts";
import { nameOfCommand } from "../history.ts";
import { PlainStore } from "../replay/plain-store.ts";
import { canonical } from "../replay/canonical.ts";
import type { Scene } from "./checker.ts";
import { violated } from "./checker.ts";
import type { ChosenLog } from "./chosen-log.ts";

/** A command of the log, where it was carried out or refused for the first time. */
export interface Carried {
  readonly command: Command;
  readonly outcome: Outcome;
  readonly slot: number;
  /** The store's revisions before and after it. */
  readonly before: number;
  readonly after: number;
}

/** Where the store stood after a slot. */
export interface Stand {
  readonly revision: number;
  readonly stamp: number;
  readonly compacted: number;
}

export interface Replay {
  readonly model: PlainStore;
  /** By command: every outcome that a copy of it had, in canonical text. */
  readonly outcomes: ReadonlyMap<string, ReadonlySet<string>>;
  /** By command: its first copy. */
  readonly first: ReadonlyMap<string, Carried>;
  /** By command: its first copy that was judged in time. */
  readonly carried: ReadonlyMap<string, Carried>;
  /** By slot; 0 is before the first. */
  readonly stands: readonly Stand[];
}

/** What somebody was told that came of a command. */
export interface Told {
  readonly id: string | null;
  readonly reply: ClientReply | null;
}

export const everythingTold = ({ keys, desk, pipelines, registry }: Scene): readonly Told[] => [
  ...keys.history,
  ...desk.asked,
  ...pipelines.told,
  ...registry.told,
];

/** The first command of the log of which somebody was told something else than the log says; null when there is none. */
export function firstAmiss(scene: Scene): (Carried & { readonly name: string; readonly told: string }) | null {
  const { carried, first: copies, outcomes } = replayOf(scene.chosen);
  let first: (Carried & { readonly name: string; readonly told: string }) | null = null;
  for (const { id, reply } of everythingTold(scene)) {
    if (id === null || reply?.type !== "outcome") continue;
    const place = carried.get(id) ?? copies.get(id);
    const told = canonical(reply.outcome);
    if (place === undefined || outcomes.get(id)?.has(told) === true) continue;
    if (first === null || place.slot < first.slot || (place.slot === first.slot && place.after < first.after))
      first = { ...place, name: id, told };
  }
  return first;
}

const parted = new WeakMap<ChosenLog, { readonly slot: number; readonly revision: number }>();

/**
 * How far the model and what was told are the same story. Beyond, everything differs, for whatever reason: who judges by the
 * model has nothing to say there that is about its own rule.
 */
export function sameStory(scene: Scene): { readonly slot: number; readonly revision: number } {
  const known = parted.get(scene.chosen);
  if (known !== undefined) return known;
  const amiss = firstAmiss(scene);
  const upTo = amiss === null ? { slot: Infinity, revision: Infinity } : { slot: amiss.slot, revision: amiss.before };
  parted.set(scene.chosen, upTo);
  return upTo;
}

const replays = new WeakMap<ChosenLog, Replay>();

export function replayOf(chosen: ChosenLog): Replay {
  const known = replays.get(chosen) ?? replay(chosen);
  replays.set(chosen, known);
  return known;
}

function replay(chosen: ChosenLog): Replay {
  const model = new PlainStore(storeLimits);
  const outcomes = new Map<string, Set<string>>();
  const first = new Map<string, Carried>();
  const carried = new Map<string, Carried>();
  const standOf = (): Stand => ({ revision: model.revision, stamp: model.now, compacted: model.compacted });
  const stands = [standOf()];
  for (let slot = 1; slot <= chosen.slots; slot += 1) {
    const batch = decodeBatch(chosen.at(slot) ?? violated("L1", `slot ${slot} was never chosen, but a later one was`));
    if ("type" in batch) violated("L4", `slot ${slot} cannot be read: ${batch.type}`);
    let before: number = model.revision;
    model.apply(batch, (command, outcome) => {
      const name = nameOfCommand(command.id, command.fingerprint);
      const after = model.revision;
      outcomes.set(name, (outcomes.get(name) ?? new Set()).add(canonical(outcome)));
      // A later copy is told what the first one did; once that is forgotten, it must not be carried out again.
      const earlier = carried.get(name);
      if (earlier !== undefined && after > before)
        violated("X1", `${name} was carried out at revisions ${earlier.after} and ${after}`);
      const copy = { command, outcome, slot, before, after };
      if (!first.has(name)) first.set(name, copy);
      if (earlier === undefined && !["past-deadline", "id-reused"].includes(outcome.type)) carried.set(name, copy);
      before = after;
    });
    stands.push(standOf());
  }
  return { model, outcomes, first, carried, stands };
}
