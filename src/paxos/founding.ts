/**
 * Founding: how a namespace's acceptors become one set, and how everybody else finds out which. Pure; driven by replicas
 * and by the gateway. `look` only asks; `found` needs every acceptor: each mints an incarnation, then each stores the
 * whole set, and only then may anyone send it a protocol message. Idempotent and resumable. Upholds F1-F3, F6.
 */
import { incarnationOf, majorityOf, membersOf } from "./membership.ts";
import type { Members } from "./membership.ts";
import type { FoundingRequest, Identity } from "./messages.ts";

export interface Founding {
  readonly mode: "look" | "found";
  readonly cluster: string;
  /** The configured acceptor regions. */
  readonly regions: readonly string[];
  readonly round: "identify" | "mint" | "enrol";
  /** Answers of this round; null for an acceptor that did not answer. */
  readonly answers: ReadonlyMap<string, Identity | null>;
  /** The set being enrolled. */
  readonly members: Members | null;
}

export type FoundingResult =
  | { readonly type: "founded"; readonly members: Members }
  /** A majority holds no complete set: nothing was ever written here. */
  | { readonly type: "unfounded" }
  /** Looking: no majority answered. Founding: not every acceptor answered. Nothing was proposed. */
  | { readonly type: "unreachable"; readonly regions: readonly string[] }
  /** The data was founded with other regions than are configured. */
  | { readonly type: "wrong-regions"; readonly founded: readonly string[] }
  /** An acceptor was emptied or retired before the founding was complete (F2). */
  | { readonly type: "conflict"; readonly region: string };

export interface FoundingStep {
  readonly state: Founding;
  readonly send: readonly { readonly to: string; readonly body: FoundingRequest }[];
  readonly result: FoundingResult | null;
}

const ask = (state: Founding, body: FoundingRequest): FoundingStep => ({
  state: { ...state, answers: new Map() },
  send: state.regions.map((to) => ({ to, body })),
  result: null,
});

export function startFounding(mode: Founding["mode"], cluster: string, regions: readonly string[]): FoundingStep {
  return ask({ mode, cluster, regions, round: "identify", answers: new Map(), members: null }, { type: "identify" });
}

const end = (state: Founding, result: FoundingResult): FoundingStep => ({ state, send: [], result });

function done(state: Founding, members: Members): FoundingStep {
  const founded = members.map((m) => m.region);
  return founded.join() === state.regions.toSorted().join()
    ? end(state, { type: "founded", members })
    : end(state, { type: "wrong-regions", founded });
}

/** An acceptor said what it is, or (null) did not answer. A second answer in one round changes nothing. */
export function stepFounding(before: Founding, region: string, identity: Identity | null): FoundingStep {
  if (before.answers.has(region) || !before.regions.includes(region)) return { state: before, send: [], result: null };
  const state: Founding = { ...before, answers: new Map(before.answers).set(region, identity) };
  // F3: an open set is complete; one acceptor that says so is enough.
  if (identity?.type === "enrolled" && identity.open) return done(state, identity.members);
  return state.mode === "look" ? look(state) : found(state);
}

function look(state: Founding): FoundingStep {
  // One that stored a set may be the last to answer: everybody is heard before "nothing was ever written" is said.
  if (state.answers.size < state.regions.length) return { state, send: [], result: null };
  // Were the set open, every majority would hold an acceptor that knows: protocol messages open it before they count.
  const unknowing = state.regions.filter((region) => knowsOfNoSet(state, region));
  if (unknowing.length >= majorityOf(state.regions.length)) return end(state, { type: "unfounded" });
  const contradicted = state.regions.find(
    (region) => (state.answers.get(region) ?? null) !== null && !knowsOfNoSet(state, region),
  );
  const silent = state.regions.some((region) => (state.answers.get(region) ?? null) === null);
  return silent || contradicted === undefined
    ? unreachable(state)
    : end(state, { type: "conflict", region: contradicted });
}

/**
 * The acceptor's word that the set was never open may be believed. Not that of a retired one, which took part once; and
 * not that of one which some stored set knows under another incarnation: it was emptied since it minted that (F2).
 */
function knowsOfNoSet(state: Founding, region: string): boolean {
  const identity = state.answers.get(region) ?? null;
  if (identity === null || identity.type === "retired") return false;
  const incarnation = identity.type === "empty" ? null : identity.incarnation;
  return [...state.answers.values()].every(
    (other) => other?.type !== "enrolled" || (incarnationOf(other.members, region) ?? incarnation) === incarnation,
  );
}

function unreachable(state: Founding): FoundingStep {
  const silent = state.regions.filter((region) => (state.answers.get(region) ?? null) === null);
  return end(state, { type: "unreachable", regions: silent });
}

/** A round of founding goes on only when every acceptor has answered it. */
function found(state: Founding): FoundingStep {
  if (state.answers.size < state.regions.length) return { state, send: [], result: null };
  const identities = state.regions.map((region) => state.answers.get(region) ?? null);
  if (identities.some((identity) => identity === null)) return unreachable(state);
  const retired = state.regions.find((region) => state.answers.get(region)?.type === "retired");
  if (retired !== undefined) return end(state, { type: "conflict", region: retired });
  switch (state.round) {
    case "identify": {
      const stored = identities.find((identity) => identity?.type === "enrolled");
      // Resume a founding that stopped half-way: its set is the only one that can ever be.
      if (stored?.type === "enrolled") return enrol(state, stored.members);
      return ask({ ...state, round: "mint" }, { type: "mint", cluster: state.cluster, regions: state.regions });
    }
    case "mint": {
      const stored = identities.find((identity) => identity?.type === "enrolled");
      if (stored?.type === "enrolled") return enrol(state, stored.members);
      const minted = state.regions.map((region) => {
        const identity = state.answers.get(region);
        return identity?.type === "minted" ? { region, incarnation: identity.incarnation } : null;
      });
      const refused = minted.indexOf(null);
      if (refused >= 0) return end(state, { type: "conflict", region: state.regions[refused] ?? "" });
      return enrol(state, membersOf(minted.filter((m) => m !== null)));
    }
    case "enrol": {
      const { members } = state;
      const refusing = state.regions.find((region) => {
        const identity = state.answers.get(region);
        return !(
          identity?.type === "enrolled" &&
          members !== null &&
          JSON.stringify(identity.members) === JSON.stringify(members)
        );
      });
      if (members === null || refusing !== undefined) return end(state, { type: "conflict", region: refusing ?? "" });
      const opened = done(state, members);
      return { ...opened, send: state.regions.map((to) => ({ to, body: { type: "open", members } })) };
    }
  }
}

function enrol(state: Founding, members: Members): FoundingStep {
  const founded = members.map((m) => m.region);
  if (founded.join() !== state.regions.toSorted().join()) return end(state, { type: "wrong-regions", founded });
  // F2: an acceptor whose incarnation the set does not name was emptied since; it is not let in.
  const stranger = state.regions.find((region) => {
    const identity = state.answers.get(region);
    const incarnation = identity?.type === "minted" || identity?.type === "enrolled" ? identity.incarnation : null;
    return incarnation !== null && incarnation !== incarnationOf(members, region);
  });
  if (stranger !== undefined) return end(state, { type: "conflict", region: stranger });
  return ask({ ...state, round: "enrol", members }, { type: "enrol", members });
}
