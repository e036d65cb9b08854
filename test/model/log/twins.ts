/** Every broken twin of the log's model: `logTwins`. The class or function comes first, and then what it is caught by. */
import { emptyLedger, stepAcceptor } from "../../../src/paxos/acceptor.ts";
import { sameBallot } from "../../../src/paxos/ballot.ts";
import type { Ballot } from "../../../src/paxos/ballot.ts";
import { admit } from "../../../src/paxos/enrolment.ts";
import { LOG } from "../../../src/paxos/messages.ts";
import type { ProtocolReply, Vote } from "../../../src/paxos/messages.ts";
import type { AcceptorGroup, Place } from "../../../src/replica/acceptor-group.ts";
import { Log } from "../../../src/replica/log.ts";
import type { LogCall, LogEvent } from "../../../src/replica/log.ts";
import type { ChosenValue } from "../../../src/replica/messages.ts";
import type { Turn } from "../../../src/replica/turn.ts";
import { slot } from "../../../src/support/brand.ts";
import type { Slot } from "../../../src/support/brand.ts";
import { enrolledStorage } from "../../support/memory-acceptor.ts";
import { members, regions } from "./state.ts";
import type { Roles } from "./state.ts";
import { logTwin } from "./twin.ts";
import type { LogTwin } from "./twin.ts";

/** Sends a value for its first open slot when the first promise arrives. */
class ProposesBeforePhaseOneEnds extends Log {
  readonly #group: AcceptorGroup;
  constructor(place: Place, group: AcceptorGroup, incarnation: string, round: number) {
    super(place, group, incarnation, round);
    this.#group = group;
  }
  override answered(turn: Turn, call: LogCall, reply: ProtocolReply | null, applied: Slot): LogEvent {
    const event = super.answered(turn, call, reply, applied);
    if (reply?.type !== "promise" || this.phase !== "preparing") return event;
    const { ballot } = reply;
    const value = `[1,0,["${ballot.round}.${ballot.proposer}.${ballot.incarnation}/1"]]`;
    const body = { type: "accept", subject: LOG, ballot, slot: slot(1), value, stamp: 0, floor: slot(0) } as const;
    for (const region of regions) {
      this.#group.ask(turn, { type: "accept", region, ballot, slot: body.slot }, region, body);
    }
    return event;
  }
}

/** Reads promises wrongly; how is up to the twin. */
abstract class MisreadsPromises extends Log {
  abstract misread(reply: ProtocolReply & { readonly type: "promise" }): ProtocolReply;
  override answered(turn: Turn, call: LogCall, reply: ProtocolReply | null, applied: Slot): LogEvent {
    return super.answered(turn, call, reply?.type === "promise" ? this.misread(reply) : reply, applied);
  }
}

/** For each slot, the vote that is heard first, whatever its ballot. */
class AdoptsTheFirstVote extends MisreadsPromises {
  heard: readonly Vote[] = [];
  heardFor: Ballot | null = null;
  override misread(reply: ProtocolReply & { readonly type: "promise" }): ProtocolReply {
    if (!sameBallot(reply.ballot, this.heardFor)) this.heard = [];
    this.heardFor = reply.ballot;
    const votes = reply.votes.filter((vote) => {
      const first = this.heard.find((other) => other.slot === vote.slot);
      return first === undefined || sameBallot(first.ballot, vote.ballot);
    });
    this.heard = [...this.heard, ...votes];
    return { ...reply, votes };
  }
}

/** Takes over the first slot and forgets that several were under way. */
class IgnoresTheSecondSlot extends MisreadsPromises {
  override misread(reply: ProtocolReply & { readonly type: "promise" }): ProtocolReply {
    const votes = reply.votes.filter((vote) => vote.slot < 2);
    return { ...reply, votes, highest: votes.at(-1)?.slot ?? slot(0) };
  }
}

/** Keeps the last page of a promise alone. */
class ForgetsEarlierPages extends MisreadsPromises {
  override misread(reply: ProtocolReply & { readonly type: "promise" }): ProtocolReply {
    return reply.next === null ? reply : { ...reply, votes: [], highest: slot(0) };
  }
}

/** Puts a client's value where a no-op belongs. */
class FillsHolesWithCommands extends Log {
  override answered(turn: Turn, call: LogCall, reply: ProtocolReply | null, applied: Slot): LogEvent {
    const event = super.answered(turn, call, reply, applied);
    for (const [index, send] of turn.sends.entries()) {
      const { message } = send;
      if (!("address" in message) || message.body.type !== "accept" || message.body.value !== "[1,0,[]]") continue;
      const { ballot, slot: at } = message.body;
      const value = `[1,0,["${ballot.round}.${ballot.proposer}.${ballot.incarnation}/${at}"]]`;
      turn.sends[index] = { ...send, message: { ...message, body: { ...message.body, value } } };
    }
    return event;
  }
}

/** Counts votes for a value together, under whatever ballot they were cast. */
class CountsAcrossBallots extends Log {
  override countVote(acceptor: string, vote: Vote, applied: Slot): void {
    super.countVote(acceptor, { ...vote, ballot: { round: 1, proposer: vote.value, incarnation: "any" } }, applied);
  }
}

/** Counts each vote for two acceptors. */
class CountsAVoteTwice extends Log {
  override countVote(acceptor: string, vote: Vote, applied: Slot): void {
    super.countVote(acceptor, vote, applied);
    super.countVote(regions.find((region) => region !== acceptor) ?? acceptor, vote, applied);
  }
}

/** Applies what is chosen as soon as it is, and not in order. */
class AppliesAcrossHoles extends Log {
  waiting: readonly ChosenValue[] = [];
  override learn(entry: ChosenValue, applied: Slot): void {
    super.learn(entry, applied);
    this.waiting = [...this.waiting, entry];
  }
  override nextChosen(applied: Slot): ChosenValue | null {
    const [next = null, ...rest] = this.waiting;
    this.waiting = rest;
    return next === null ? null : { slot: slot(applied + 1), value: next.value };
  }
}

type NewLog = new (place: Place, group: AcceptorGroup, incarnation: string, round: number) => Log;
const made = (Broken: NewLog): Partial<Roles> => ({ makeLog: (...start) => new Broken(...start) });

export const logTwins: readonly LogTwin[] = [
  logTwin("proposes before phase 1 ended", "P1", "P1 a majority promised first", {}, made(ProposesBeforePhaseOneEnds)),
  logTwin(
    "adopts the first vote it sees",
    "P3",
    "C2 a chosen value never changes",
    { slots: 1, ballots: [2, 1] },
    made(AdoptsTheFirstVote),
  ),
  logTwin("takes over the first slot only", "P3", "P3 new values come last", {}, made(IgnoresTheSecondSlot)),
  logTwin(
    "forgets the earlier pages of a promise",
    "P3",
    "C2 a chosen value never changes",
    { pageRows: 1 },
    made(ForgetsEarlierPages),
  ),
  logTwin("fills a hole with a client's value", "P3, X3", "P3 new values come last", {}, made(FillsHolesWithCommands)),
  logTwin("counts votes across ballots", "C1", "C1 what is learned is chosen", {}, made(CountsAcrossBallots)),
  logTwin("counts a vote for two acceptors", "Q1", "C1 what is learned is chosen", {}, made(CountsAVoteTwice)),
  logTwin("applies across a hole", "L1", "C1 what is learned is chosen", {}, made(AppliesAcrossHoles)),
  logTwin(
    "reuses a ballot after a crash",
    "B2, P4",
    "P4 one value for each slot and ballot",
    { ballots: [2, 1], proposerCrashes: 1 },
    { restart: () => ({ round: 0, incarnation: "start-1" }) },
  ),
  logTwin(
    "accepts without promising",
    "A3",
    "A1-A3 no promise goes down",
    {},
    {
      stepAcceptor(view, request, clock) {
        const outcome = stepAcceptor(view, request, clock);
        return {
          ...outcome,
          persist: outcome.persist.filter((c) => request.type !== "accept" || c.type !== "promised"),
        };
      },
    },
  ),
  logTwin(
    "accepts below its promise",
    "A2",
    "A1-A2 no ballot below the promise is served",
    {},
    {
      stepAcceptor(view, request, clock) {
        if (request.type !== "accept") return stepAcceptor(view, request, clock);
        return stepAcceptor({ ...view, ledger: (of) => ({ ...view.ledger(of), promised: null }) }, request, clock);
      },
    },
  ),
  logTwin(
    "calls its first page the last",
    "A4",
    "P3 new values come last",
    { pageRows: 1 },
    {
      stepAcceptor(view, request, clock) {
        const { persist, reply } = stepAcceptor(view, request, clock);
        if (reply.type !== "promise" || reply.next === null) return { persist, reply };
        return { persist, reply: { ...reply, next: null, highest: reply.votes.at(-1)?.slot ?? slot(0) } };
      },
    },
  ),
  logTwin(
    "promises what it trimmed",
    "L6",
    "C2 a chosen value never changes",
    { oneAtATime: true, refusalsHeard: true },
    {
      stepAcceptor(view, request, clock) {
        if (request.type !== "prepare") return stepAcceptor(view, request, clock);
        const { promised } = view.ledger(request.subject);
        return stepAcceptor({ ...view, ledger: () => ({ ...emptyLedger, promised }) }, request, clock);
      },
    },
  ),
  logTwin(
    "founds itself on a message",
    "F1",
    "A1-A2 no ballot below the promise is served",
    { emptiedAcceptors: 1 },
    {
      admit(enrolment, counter, address) {
        if (enrolment !== null) return admit(enrolment, counter, address);
        return { admitted: true, persist: enrolledStorage(members, address.region).enrolment };
      },
    },
  ),
  logTwin(
    "ignores the counter that others saw",
    "F5",
    "P3 new values come last",
    { slots: 1, ballots: [2, 0], restoredAcceptors: 1, requestsOnce: true },
    { admit: (enrolment, counter, address) => admit(enrolment, counter, { ...address, seen: 0 }) },
  ),
];
