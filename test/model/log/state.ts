/**
 * The model of the log: three acceptors, two proposers and the network between them, around the real `admit`,
 * `stepAcceptor`, and the real classes `Log` (with the proposer and the learner in it), `AcceptorGroup`, `Calls` and
 * `Barriers`. A leader proposes all its slots before any is chosen; another takes over under a higher ballot, from
 * whatever votes a majority shows it; a third replica may read meanwhile. An observer writes down what was sent and what
 * the durable votes were; invariants are judged from those notes, never from the code under test.
 *
 * What can happen: a message in flight is delivered at any time, again (duplication) or never (loss: safety is judged in
 * every state, and a proposer may begin anew at any time); answers are read in any order, or never; a proposer crashes and
 * keeps its round and what it applied; an acceptor is emptied, or set back to a copy of its storage.
 *
 * What is not modelled: time beyond what `Budgets` says (so T2 never refuses a stamp); an acceptor that crashes between
 * memory and disk (D1: the model of one decision does that); who decides to lead, and when (`Leadership`: here anybody,
 * always); founding; snapshots page by page; a refusal that arrives late, for it is asked for when it is read.
 */
import type { stepAcceptor } from "../../../src/paxos/acceptor.ts";
import type { Ballot } from "../../../src/paxos/ballot.ts";
import type { admit } from "../../../src/paxos/enrolment.ts";
import type { ProtocolRequest } from "../../../src/paxos/messages.ts";
import { testMembers } from "../../support/memory-acceptor.ts";
import type { AcceptorStorage } from "../../support/memory-acceptor.ts";
import type { MakeBarriers, MakeLog } from "./machine.ts";
import type { Rule } from "./observer.ts";
import type { Waiting } from "./readings.ts";
import type { MachineState } from "./replay.ts";

/** The code under test. A broken twin replaces one part. */
export interface Roles {
  readonly admit: typeof admit;
  readonly stepAcceptor: typeof stepAcceptor;
  readonly makeLog: MakeLog;
  readonly makeBarriers: MakeBarriers;
  /** B2: the durable round that a restarted replica begins from, and the incarnation it takes. */
  readonly restart: (round: number, starts: number) => { readonly round: number; readonly incarnation: string };
}

/**
 * How often each thing may happen in one run. Never limited: how many messages are in flight, that they are lost, that
 * they overtake each other and (unless `requestsOnce`) that they are delivered again.
 */
export interface Budgets {
  readonly slots: number;
  /** Ballots of the first and of the second proposer. */
  readonly ballots: readonly [number, number];
  readonly proposerCrashes: number;
  /** An acceptor loses all that it stored, its identity included. */
  readonly emptiedAcceptors: number;
  /** An acceptor is set back to a copy of its storage. Needs `requestsOnce`, for then counters are followed. */
  readonly restoredAcceptors: number;
  /** Times that a leader's open calls all fail, and are made again. */
  readonly asksAgain: number;
  /** True: a proposer may be told that it was outranked, and leaps over the ballot it is told of. */
  readonly refusalsHeard: boolean;
  /** True: an answer may reach its proposer after the phase that asked for it is over. */
  readonly lateAnswers: boolean;
  /** Votes in one page of a promise. */
  readonly pageRows: number;
  /**
   * True: the leader proposes a slot only when it applied the one before, and trims that with it, as if a third replica
   * always kept up (L5). Who finds itself behind the floor loads a snapshot (L6).
   */
  readonly oneAtATime: boolean;
  /** True: no request is delivered twice, so that counters end somewhere, and refusals are messages like others. */
  readonly requestsOnce: boolean;
  /** Barriers that a third replica starts; it proposes nothing. */
  readonly reads: number;
  /** True: the reader counts the votes it is told of; false: it learns from peers alone. */
  readonly readerCounts: boolean;
  /**
   * True: that answers are read is a step, also where nothing is sent. The model without its reduction (`readings.ts`):
   * many more states, in which nobody else can be anywhere new.
   */
  readonly readingIsAStep: boolean;
  /** True: the proposers' clocks show the highest slot acknowledged so far, as the reader's always does. */
  readonly clocks: boolean;
}

export const noBudgets: Budgets = {
  slots: 2,
  ballots: [1, 1],
  proposerCrashes: 0,
  emptiedAcceptors: 0,
  restoredAcceptors: 0,
  asksAgain: 0,
  refusalsHeard: false,
  lateAnswers: false,
  pageRows: Number.POSITIVE_INFINITY,
  oneAtATime: false,
  requestsOnce: false,
  reads: 0,
  readerCounts: false,
  readingIsAStep: false,
  clocks: false,
};

export interface AcceptorState {
  readonly number: number;
  readonly storage: AcceptorStorage;
  /** A copy that somebody made of its storage. */
  readonly copy: AcceptorStorage | null;
  /** It was set back to that copy, and may stand below what it said. */
  readonly restored: boolean;
  /** Observer: every vote ever cast here, as a set of the numbers of its slot and ballot. */
  readonly cast: number;
  /** Observer: the highest ballot that an answer of this acceptor promised or accepted. */
  readonly told: Ballot | null;
}

export const members = testMembers("a", "b", "c");
export const regions: readonly string[] = members.map((m) => m.region);

/** A message to an acceptor. */
export interface Request {
  readonly number: number;
  /** Of whom: an index of `State.machines`. */
  readonly from: number;
  readonly text: string;
  readonly body: ProtocolRequest;
  readonly seen: number;
  readonly title: string;
}

/** Equal sets are the same object. */
export interface SetOf<Item> {
  readonly number: number;
  readonly list: readonly Item[];
}

/** An answer, and to which request. */
export interface Answer extends Waiting {
  readonly from: number;
  /** Its number without the name of who gave it. */
  readonly nameless: number;
  readonly says: string;
}

/** Observer: the value sent in phase 2 for each slot and ballot, by the number of the pair (`Pairs`). */
export interface Sent {
  readonly number: number;
  readonly values: ReadonlyMap<number, string>;
}

export interface State {
  readonly acceptors: readonly AcceptorState[];
  /** Requests that may (still) be delivered to each acceptor. */
  readonly requests: readonly SetOf<Request>[];
  /** Answers of each acceptor that somebody waits for. */
  readonly answers: readonly SetOf<Answer>[];
  /** Two proposers, and the reader where there is one. */
  readonly machines: readonly MachineState[];
  /** Ballots used, barriers started. */
  readonly used: readonly number[];
  readonly sent: Sent;
  /** Observer: slots and ballots under which a majority voted, as a set of the pairs' numbers. */
  readonly chosen: number;
  /** Observer: the highest slot whose outcome a client was told. */
  readonly acknowledged: number;
  readonly left: Pick<Budgets, "proposerCrashes" | "emptiedAcceptors" | "restoredAcceptors" | "asksAgain">;
  /** Observer: a rule that the last step broke. */
  readonly broken: Rule | null;
}
