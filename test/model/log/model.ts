/**
 * The model of the log, put together for the explorer: what must hold in every state, and what must happen in some. What
 * it covers is said in `state.ts`.
 */
import { stepAcceptor } from "../../../src/paxos/acceptor.ts";
import { outranks } from "../../../src/paxos/ballot.ts";
import { admit } from "../../../src/paxos/enrolment.ts";
import { Barriers } from "../../../src/replica/barriers.ts";
import { Log } from "../../../src/replica/log.ts";
import type { Model } from "../explorer.ts";
import { Canonical } from "./canonical.ts";
import type { Rule } from "./observer.ts";
import { Shell } from "./shell.ts";
import type { Budgets, Roles, State } from "./state.ts";

export const realRoles: Roles = {
  admit,
  stepAcceptor,
  makeLog: (place, group, incarnation, round) => new Log(place, group, incarnation, round),
  makeBarriers: (...start) => new Barriers(...start),
  restart: (round, starts) => ({ round, incarnation: `start-${starts}` }),
};

const learnedIsChosen = "C1 what is learned is chosen";
const noPromiseFalls = "A1-A3 no promise goes down";
const readsFindAll = "R1 a read finds all that was acknowledged before it";
const asCurrentAsSaid = "R4 a state is as current as it says";

export type InvariantName =
  | Rule
  | typeof learnedIsChosen
  | typeof noPromiseFalls
  | typeof readsFindAll
  | typeof asCurrentAsSaid
  /** The code under test threw. */
  | "assertion";

export function logModel(budgets: Budgets, roles: Roles = realRoles): Model<State> {
  const shell = new Shell(budgets, roles);
  const canonical = new Canonical(budgets, shell.observer);
  return {
    initial: shell.initial(),
    successors: (state) => shell.successors(state),
    canonical: (state) => canonical.textOf(state),
    invariants: invariantsOf(shell),
    landmarks: landmarksOf(shell),
  };
}

/** What the acceptors, the network and the observer show of a state: all but what the replicas know. */
export function outsideOf({ acceptors, sent, used, chosen }: State): string {
  const parts = acceptors.map(({ storage: { enrolment, ledgers, votes }, cast }) =>
    JSON.stringify([enrolment?.retired, ledgers, votes, cast]),
  );
  const values = [...sent.values].map(([pair, value]) => `${pair}=${value}`);
  return [...values.toSorted(), used.join(), chosen, ...parts.toSorted()].join(" ");
}

function invariantsOf(shell: Shell): Readonly<Record<Exclude<InvariantName, "assertion">, (s: State) => boolean>> {
  const keeps = (rule: Rule) => (s: State) => s.broken !== rule && shell.judge(s).broken !== rule;
  const noFault = (rule: string) => (s: State) =>
    s.machines.every((_, p) => !shell.readings(s, p).faults.includes(rule));
  return {
    "C2 a chosen value never changes": keeps("C2 a chosen value never changes"),
    "P1 a majority promised first": keeps("P1 a majority promised first"),
    "P4 one value for each slot and ballot": keeps("P4 one value for each slot and ballot"),
    "A1-A2 no ballot below the promise is served": keeps("A1-A2 no ballot below the promise is served"),
    [noPromiseFalls]: (s) =>
      s.acceptors.every(
        ({ told, storage, restored }) =>
          told === null ||
          storage.enrolment === null ||
          restored ||
          !outranks(told, storage.ledgers.log?.promised ?? null),
      ),
    "P3 a no-op stands only below a voted slot": keeps("P3 a no-op stands only below a voted slot"),
    "P3 new values come last": keeps("P3 new values come last"),
    validity: keeps("validity"),
    // Whatever a replica makes of the answers that wait for it: neither its prefix nor what waits for a predecessor.
    [learnedIsChosen]: (s) => {
      const { chosen } = shell.judge(s);
      return s.machines.every((_, p) =>
        shell
          .readings(s, p)
          .learned.every((entry) => chosen.some((c) => c.slot === entry.slot && c.value === entry.value)),
      );
    },
    [readsFindAll]: noFault(readsFindAll),
    [asCurrentAsSaid]: noFault(asCurrentAsSaid),
  };
}

function landmarksOf(shell: Shell): Model<State>["landmarks"] {
  const ledgers = (s: State) => s.acceptors.map(({ storage }) => storage.ledgers.log);
  const values = (s: State) => s.acceptors.flatMap(({ storage }) => storage.votes.log ?? []);
  const allChosen = (s: State) => shell.judge(s).chosen.length > 1;
  return {
    "two slots are chosen": allChosen,
    "a takeover adopts above a hole": (s) => shell.judge(s).noOpSent,
    "a no-op is chosen": (s) => shell.judge(s).noOpChosen,
    "two ballots send different values": (s) => shell.judge(s).contested,
    "votes differ in one slot": (s) =>
      values(s).some((v) => values(s).some((w) => w.slot === v.slot && w.value !== v.value)),
    "two ballots lead at once": (s) => s.machines.filter(({ phase }) => phase === "leading").length > 1,
    "a slot is learned while a hole is open": (s) =>
      s.machines.some(({ applied, learned }) => applied.length === 0 && learned.length > 0),
    "all is chosen without an emptied acceptor": (s) =>
      allChosen(s) && s.acceptors.some(({ storage }) => storage.enrolment === null),
    "a restored acceptor retires": (s) =>
      s.acceptors.some(({ storage }) => typeof storage.enrolment?.retired === "string"),
    "votes are trimmed": (s) => ledgers(s).some((ledger) => (ledger?.floor ?? 0) > 0),
    "a proposer finds itself behind the floor": (s) =>
      s.machines.some((_, p) => shell.readings(s, p).quiet.some(({ state }) => state.behind > state.applied.length)),
    "a read is served": (s) => s.machines.some((_, p) => shell.readings(s, p).mostServed > 0),
    "a read must find an acknowledged slot, and does": (s) =>
      s.machines.some((_, p) => shell.readings(s, p).mostBinding > 0),
  };
}
