/**
 * The model of one decision: three acceptors, two proposers and the network between them, around the real `admit`,
 * `stepAcceptor`, `startAttempt` and `stepAttempt` (which counts by `countVote`). What surrounds them here is the shell:
 * it keeps storage, carries messages as JSON text and gives every attempt its ballot. An observer beside it writes down
 * what the durable votes were and what the acceptors said; invariants are judged from those notes and not by the code
 * under test.
 *
 * What can happen: any message in flight is delivered next (reordering) or never (loss: safety is judged in every state,
 * and a proposer may give up at any time), or is delivered and stays in flight (duplication); a proposer gives up, or
 * crashes and forgets all but its last round; an acceptor crashes and keeps what was durable, or is emptied. Acceptors
 * are interchangeable, and so are states that differ only in which acceptor is which.
 */
import { stepAcceptor } from "../../../src/paxos/acceptor.ts";
import { ballot as ballotOf, outranks } from "../../../src/paxos/ballot.ts";
import type { Ballot } from "../../../src/paxos/ballot.ts";
import { startAttempt, stepAttempt } from "../../../src/paxos/decision.ts";
import type { Attempt } from "../../../src/paxos/decision.ts";
import { admit } from "../../../src/paxos/enrolment.ts";
import { decisionSubject } from "../../../src/paxos/messages.ts";
import type { ProtocolRequest } from "../../../src/paxos/messages.ts";
import { testMembers } from "../../support/memory-acceptor.ts";
import type { AcceptorStorage } from "../../support/memory-acceptor.ts";

/** The functions under test, and the two duties of the shell that a rule depends on. A broken twin replaces one. */
export interface Roles {
  readonly admit: typeof admit;
  readonly stepAcceptor: typeof stepAcceptor;
  readonly startAttempt: typeof startAttempt;
  readonly stepAttempt: typeof stepAttempt;
  /** B2, P2: the next attempt's ballot. `lastRound` survives a crash; `starts` counts the proposer's starts. */
  readonly freshBallot: (proposer: string, lastRound: number, starts: number, above: Ballot | null) => Ballot;
  /** D1: what an acceptor writes is durable before its answer leaves. */
  readonly persistsFirst: (request: ProtocolRequest) => boolean;
}

export const realRoles: Roles = {
  admit,
  stepAcceptor,
  startAttempt,
  stepAttempt,
  freshBallot: (proposer, lastRound, starts, above) =>
    ballotOf(Math.max(lastRound, above?.round ?? 0) + 1, proposer, `start-${starts}`),
  persistsFirst: () => true,
};

export const unlimited = Number.POSITIVE_INFINITY;

/** How often each thing may happen in one run. Loss, reordering and crashes of acceptors are not limited. */
export interface Budgets {
  /** Ballots of the first and of the second proposer. */
  readonly ballots: readonly [number, number];
  readonly duplications: number;
  readonly proposerCrashes: number;
  /** An acceptor loses all that it stored, its identity included. */
  readonly emptiedAcceptors: number;
  /** The second proposer has no value of its own: it only asks. */
  readonly secondOnlyAsks: boolean;
  /**
   * `separate`: an answer is a message of its own. `at-once`: an answer arrives in the step in which it is given, or
   * never. That loses no behaviour of the acceptors (an accept may still wait as long as it likes), and allows for more
   * ballots; late answers are what `separate` is for.
   */
  readonly answers: "separate" | "at-once";
  /** False: refusals are lost. A proposer may give up at any time, but does not leap over the ballots that outranked it. */
  readonly refusalsHeard: boolean;
  /** True: answers carry no request's id, and reach whatever attempt their proposer has by then. */
  readonly strayAnswers: boolean;
}

export const noBudgets: Budgets = {
  ballots: [1, 1],
  duplications: 0,
  proposerCrashes: 0,
  emptiedAcceptors: 0,
  secondOnlyAsks: false,
  answers: "separate",
  refusalsHeard: true,
  strayAnswers: false,
};

/** `text` is JSON: nothing in it is shared with whoever sent it. */
export type Flight = readonly string[];

export interface AcceptorState {
  readonly durable: AcceptorStorage;
  /** What it acts on; a crash sets it back to what is durable. */
  readonly memory: AcceptorStorage;
  /** Observer: every vote that was ever durable here, as `ballot=value`. */
  readonly cast: readonly string[];
  /** Observer: the highest ballot that an answer of this acceptor promised or accepted. */
  readonly told: Ballot | null;
}

export interface ProposerState {
  readonly attempt: Attempt | null;
  readonly attempts: number;
  /** Durable. */
  readonly lastRound: number;
  readonly starts: number;
  readonly above: Ballot | null;
  readonly own: string | null;
  /** The value it was told, or found, to be chosen. */
  readonly believes: string | null;
  /** Observer: something had been chosen when the present attempt began. Followed for who only asks. */
  readonly beganAfterChoice: boolean;
  /** Observer: it answered `nothing` although something had been chosen when it began. */
  readonly missedChoice: boolean;
}

export interface State {
  readonly acceptors: readonly AcceptorState[];
  /** Messages to and from each acceptor. */
  readonly flights: readonly Flight[];
  readonly proposers: readonly ProposerState[];
  /** Observer: every accept that ever left, as `ballot=value`. */
  readonly sent: readonly string[];
  /** Observer: every value that a proposer was given. */
  readonly given: readonly string[];
  /** Observer: the values chosen so far. Follows from `cast`. */
  readonly chosen: readonly string[];
  readonly left: Pick<Budgets, "duplications" | "proposerCrashes" | "emptiedAcceptors">;
}

export const subject = decisionSubject("who");
export const members = testMembers("a", "b", "c");
export const regions: readonly string[] = members.map((m) => m.region);

/** Two of three: counted here, and not by the code under test. */
export function chosenValues(acceptors: readonly AcceptorState[]): readonly string[] {
  const votes = acceptors.flatMap((a) => a.cast);
  const majorities = votes.filter((vote) => acceptors.filter((a) => a.cast.includes(vote)).length >= 2);
  return [...new Set(majorities.map((vote) => vote.slice(vote.indexOf("=") + 1)))].toSorted();
}

export const invariants = {
  "C2 agreement": (s: State) => s.chosen.length <= 1,
  validity: (s: State) => s.chosen.every((value) => s.given.includes(value)),
  "P4 one value for each ballot": (s: State) =>
    s.sent.every((a, i) => i === 0 || a.split("=")[0] !== s.sent[i - 1]?.split("=")[0]),
  "A1-A3 no promise goes down": (s: State) =>
    s.acceptors.every(
      (a) =>
        a.told === null ||
        a.memory.enrolment === null ||
        !outranks(a.told, a.memory.ledgers[subject]?.promised ?? null),
    ),
  "C1 what is believed chosen is chosen": (s: State) =>
    s.proposers.every((p) => p.believes === null || s.chosen.includes(p.believes)),
  "P3 nothing is answered only before a choice": (s: State) => s.proposers.every((p) => !p.missedChoice),
} as const;

export type InvariantName = keyof typeof invariants;

const live = (s: State): readonly Attempt[] => s.proposers.flatMap((p) => (p.attempt === null ? [] : [p.attempt]));

export const landmarks = {
  "a value is chosen": (s: State) => s.chosen.length > 0,
  "a proposer learns it": (s: State) => s.proposers.some((p) => p.believes !== null),
  "both proposers learn it": (s: State) => s.proposers.every((p) => p.believes !== null),
  "two ballots lead at once": (s: State) =>
    live(s).length === 2 && live(s).every((a) => a.proposer.phase === "leading"),
  "votes differ": (s: State) =>
    new Set(s.acceptors.flatMap((a) => a.cast.map((v) => v.slice(v.indexOf("="))))).size > 1,
  "a value is adopted": (s: State) =>
    live(s).some((a) => a.proposer.phase === "leading" && ![...a.proposer.open.values()].includes(a.own ?? "")),
} as const;
