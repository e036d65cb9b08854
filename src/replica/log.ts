/**
 * The log as one replica sees it: its proposer, the votes it has counted, the chosen values that wait for their
 * predecessors. Phase 1 once for all open slots, then one round trip for each batch, several in flight. Knows nothing of
 * clients. Upholds B2, P1-P4, C1, L1, L6, T2.
 */
import { assert } from "../support/assert.ts";
import { logTime, nextSlot, slot } from "../support/brand.ts";
import type { Instant, LogTime, Slot } from "../support/brand.ts";
import { limits } from "../support/limits.ts";
import { ballot, higherBallot, sameBallot } from "../paxos/ballot.ts";
import type { Ballot } from "../paxos/ballot.ts";
import { countVote, forgetUpTo } from "../paxos/learner.ts";
import type { Tallies } from "../paxos/learner.ts";
import { majorityOf } from "../paxos/membership.ts";
import type { Members } from "../paxos/membership.ts";
import { LOG } from "../paxos/messages.ts";
import type { PromiseReply, ProtocolReply, Vote } from "../paxos/messages.ts";
import { close, idle, propose, receivePromise, startPreparing } from "../paxos/proposer.ts";
import type { Proposer } from "../paxos/proposer.ts";
import { encodeBatch, stampOf } from "../store/batch-codec.ts";
import type { AcceptorGroup, Place } from "./acceptor-group.ts";
import { InFlight } from "./in-flight.ts";
import type { ChosenValue } from "./messages.ts";
import type { Purpose, Turn } from "./turn.ts";

/** What a message meant for leadership. */
export type LogEvent =
  | { readonly type: "nothing" }
  /** A majority has promised: this replica leads. */
  | { readonly type: "leads" }
  /** Phase 1 or leadership is lost; `to` is the proposer that holds a higher ballot, if that was the reason. */
  | { readonly type: "lost"; readonly to: Ballot | null }
  /** Chosen slots up to here were trimmed before this replica learned them. */
  | { readonly type: "behind"; readonly floor: Slot };

/** A call made for the log, and when. */
export interface LogCall {
  readonly purpose: Purpose & { readonly type: "prepare" | "accept" };
  readonly sentAt: Instant;
}

const nothing: LogEvent = { type: "nothing" };

export class Log {
  readonly #place: Place;
  readonly #group: AcceptorGroup;
  readonly #incarnation: string;
  #proposer: Proposer = idle;
  #tallies: Tallies = new Map();
  readonly #chosen = new Map<Slot, string>();
  readonly #inFlight = new InFlight();
  readonly #refusing = new Set<string>();
  /** The highest round this replica ever used: persisted before it is sent. */
  #round: number;
  /** The highest ballot anybody was seen to use. */
  #highest: Ballot | null = null;
  /** How far this machine's clock ran ahead of the acceptors' when it began to lead, in ms. */
  #clockLead = 0;
  /** What the promises of this phase 1 said: how far this clock ran ahead of each acceptor's, and what theirs showed. */
  readonly #leads = new Map<string, number>();
  readonly #clocks = new Map<string, number>();
  #lastStamp = 0;
  #floorSent = 0;
  /** The highest slot that phase 1 found votes for: what was acknowledged before this leadership lies no higher. */
  #adopted = 0;

  constructor(place: Place, group: AcceptorGroup, incarnation: string, round: number) {
    this.#place = place;
    this.#group = group;
    this.#incarnation = incarnation;
    this.#round = round;
  }

  get phase(): Proposer["phase"] {
    return this.#proposer.phase;
  }
  get highestBallot(): Ballot | null {
    return this.#highest;
  }
  get slotsInFlight(): number {
    return this.#inFlight.size;
  }
  /** When the oldest unanswered proposal left, or null. */
  get oldestInFlight(): Instant | null {
    return this.#inFlight.oldest;
  }

  noteBallot(seen: Ballot | null): void {
    this.#highest = higherBallot(this.#highest, seen);
  }

  /** Phase 1a, for all slots from the first unapplied on. The round is persisted before it leaves (B2). */
  prepare(turn: Turn, applied: Slot): void {
    const { members } = this.#group;
    assert(members !== null, "F3 phase 1 needs the founded set");
    this.#round = Math.max(this.#round, this.#highest?.round ?? 0) + 1;
    turn.round = this.#round;
    const mine = ballot(this.#round, this.#place.region, this.#incarnation);
    this.noteBallot(mine);
    this.#reset();
    this.#proposer = startPreparing(mine, nextSlot(applied));
    for (const { region } of members) this.#askPromise(turn, region, mine, nextSlot(applied));
  }

  #askPromise(turn: Turn, region: string, mine: Ballot, from: Slot): void {
    this.#group.ask(turn, { type: "prepare", region, ballot: mine }, region, {
      type: "prepare",
      subject: LOG,
      ballot: mine,
      from,
    });
  }

  #reset(): void {
    this.#proposer = idle;
    this.#inFlight.clear();
    this.#refusing.clear();
    this.#leads.clear();
    this.#clocks.clear();
    this.#adopted = 0;
  }

  /** Gives leadership, or the attempt at it, up. */
  stepDown(): void {
    this.#reset();
  }

  /** The answer to a `prepare` or `accept` call; null when the call failed. */
  answered(turn: Turn, call: LogCall, reply: ProtocolReply | null, applied: Slot): LogEvent {
    const { purpose } = call;
    const current = this.#proposer.phase !== "idle" && sameBallot(purpose.ballot, this.#proposer.ballot);
    switch (reply?.type) {
      case "promise":
        for (const vote of reply.votes) this.countVote(purpose.region, vote, applied);
        return current ? this.#promised(turn, call, reply, applied) : nothing;
      case "accepted": {
        const flight = this.#inFlight.get(reply.slot);
        if (!current || flight === undefined || purpose.type !== "accept" || purpose.slot !== reply.slot)
          return nothing;
        this.countVote(purpose.region, { slot: reply.slot, ballot: reply.ballot, value: flight.value }, applied);
        return nothing;
      }
      case "outranked":
        this.noteBallot(reply.promised);
        return current ? this.#lose(reply.promised) : nothing;
      case "trimmed":
        if (!current) return nothing;
        this.#reset();
        return { type: "behind", floor: reply.floor };
      case "stamp-ahead":
        return current ? this.#stampRefused(turn, purpose) : nothing;
      case "standing":
      case undefined:
        return current ? this.#unanswered(turn, purpose) : nothing;
    }
  }

  #lose(to: Ballot | null): LogEvent {
    this.#reset();
    return { type: "lost", to };
  }

  #promised(turn: Turn, { purpose, sentAt }: LogCall, reply: PromiseReply, applied: Slot): LogEvent {
    const { members } = this.#group;
    if (members === null || this.#proposer.phase !== "preparing") return nothing;
    const mine = this.#proposer.ballot;
    this.#clocks.set(purpose.region, reply.clock);
    // Measured from when the question left: never more than the real lead, so that stamps are never set back too far.
    this.#leads.set(purpose.region, Math.max(0, sentAt - reply.clock));
    const latest = median(this.#clocks.values()) + limits.stampAheadMs;
    const hole = encodeBatch(logTime(0), []);
    const outcome = receivePromise(
      this.#proposer,
      members,
      purpose.region,
      reply,
      hole,
      (value) => stampOf(value) > latest,
    );
    switch (outcome.type) {
      case "ignored":
        return nothing;
      case "waiting":
        this.#proposer = outcome.state;
        return this.#allHeard(members) ? this.#lose(null) : nothing;
      case "next-page":
        this.#proposer = outcome.state;
        this.#askPromise(turn, purpose.region, mine, outcome.from);
        return nothing;
      case "behind":
        this.#reset();
        return { type: "behind", floor: outcome.floor };
      case "leading": {
        this.#proposer = outcome.state;
        this.#clockLead = median(this.#leads.values());
        this.#adopted = outcome.adopted.reduce((highest, { slot: at }) => Math.max(highest, at), 0);
        // What the promises already showed to be chosen need not be proposed again.
        const settled = outcome.adopted.filter(({ slot: at }) => at <= applied || this.#chosen.has(at));
        for (const { slot: at } of settled) this.#proposer = close(this.#proposer, at);
        this.#inFlight.add(outcome.adopted.filter((proposal) => !settled.includes(proposal)));
        this.drive(turn);
        return { type: "leads" };
      }
    }
  }

  /** Every acceptor has promised or will not, and no majority came of it. */
  #allHeard(members: Members): boolean {
    if (this.#proposer.phase !== "preparing") return false;
    const complete = [...this.#proposer.answers].filter(([, answer]) => answer.complete).length;
    return complete + this.#refusing.size >= members.length;
  }

  /** A call failed: phase 1 gives up without a majority; phase 2 asks again later. */
  #unanswered(turn: Turn, purpose: LogCall["purpose"]): LogEvent {
    const { members } = this.#group;
    if (members === null) return nothing;
    if (purpose.type === "accept") {
      this.#inFlight.missed(purpose.slot, purpose.region, turn.now);
      return nothing;
    }
    this.#refusing.add(purpose.region);
    if (this.#proposer.phase !== "preparing") return nothing;
    const hopeless = members.length - this.#refusing.size < majorityOf(members.length);
    return hopeless || this.#allHeard(members) ? this.#lose(null) : nothing;
  }

  /** T2: without a majority for this stamp, only a fresh ballot, with a stamp nearer to the acceptors' clocks, can go on. */
  #stampRefused(turn: Turn, purpose: LogCall["purpose"]): LogEvent {
    const { members } = this.#group;
    const flight = purpose.type === "accept" ? this.#inFlight.get(purpose.slot) : undefined;
    if (members === null || flight === undefined) return nothing;
    flight.ahead.add(purpose.region);
    if (members.length - flight.ahead.size < majorityOf(members.length)) return this.#lose(null);
    return this.#unanswered(turn, purpose);
  }

  /** The stamp of the next batch: this clock, brought back to the acceptors' where it runs ahead, and never going back (T1, T2). */
  nextStamp(now: Instant, stored: LogTime): LogTime {
    return logTime(Math.max(this.#lastStamp, stored, now - this.#clockLead));
  }

  /** Phase 2a for a new batch of encoded commands. */
  propose(turn: Turn, commands: readonly string[], stored: LogTime, semantics: number): Slot {
    assert(this.#proposer.phase === "leading", "P1 only a leader proposes");
    const stamp = this.nextStamp(turn.now, stored);
    this.#lastStamp = stamp;
    const { state, proposal } = propose(this.#proposer, encodeBatch(stamp, commands, semantics));
    this.#proposer = state;
    this.#inFlight.add([proposal]);
    this.drive(turn);
    return proposal.slot;
  }

  /** Sends what has room among the slots in flight, and asks again whom it is time to ask. */
  drive(turn: Turn): void {
    const regions = (this.#group.members ?? []).map((m) => m.region);
    this.#inFlight.drive(turn, regions, (region, at, { value, stamp }) => {
      if (this.#proposer.phase !== "leading") return;
      const { ballot: mine } = this.#proposer;
      const floor = slot(this.#floorSent);
      const body = { type: "accept", subject: LOG, ballot: mine, slot: at, value, stamp, floor } as const;
      this.#group.ask(turn, { type: "accept", region, ballot: mine, slot: at }, region, body);
    });
  }

  /** Closes every slot up to `target` that this leader has not used, with no-ops: somebody saw a vote there. */
  fillTo(turn: Turn, target: Slot, stored: LogTime, semantics: number): void {
    while (
      this.#proposer.phase === "leading" &&
      this.#proposer.next <= target &&
      this.slotsInFlight < limits.slotsInFlight
    ) {
      this.propose(turn, [], stored, semantics);
    }
  }

  /** L5: everything up to here is durably applied by a majority of replicas; told to the acceptors with the next batch. */
  raiseFloor(to: number, step: number): void {
    if (to >= this.#floorSent + step) this.#floorSent = to;
  }

  /** C1: counts a vote, whoever asked for it. */
  countVote(acceptor: string, vote: Vote, applied: Slot): void {
    const { members } = this.#group;
    if (members === null || vote.slot <= applied || this.#chosen.has(vote.slot)) return;
    const counted = countVote(this.#tallies, members, acceptor, vote);
    this.#tallies = counted.tallies;
    const { chosen } = counted;
    if (chosen === null) return;
    const flight = this.#inFlight.get(chosen.slot);
    // R4: a state with only some of the adopted slots lacks what was acknowledged long before they were sent again.
    if (
      flight !== undefined &&
      chosen.slot >= this.#adopted &&
      this.#proposer.phase === "leading" &&
      sameBallot(chosen.ballot, this.#proposer.ballot)
    ) {
      flight.confirmed = true;
    }
    this.learn({ slot: chosen.slot, value: chosen.value }, applied);
  }

  /** A value is known to be chosen. */
  learn(entry: ChosenValue, applied: Slot): void {
    if (entry.slot <= applied) return;
    const known = this.#chosen.get(entry.slot);
    assert(known === undefined || known === entry.value, "C2 a chosen value never changes");
    this.#chosen.set(entry.slot, entry.value);
  }

  /** The next chosen value to apply, or null: the prefix ends here. */
  nextChosen(applied: Slot): ChosenValue | null {
    const at = nextSlot(applied);
    const value = this.#chosen.get(at);
    return value === undefined ? null : { slot: at, value };
  }

  /** @returns when this leader sent the slot's value, if votes under its own ballot made it chosen: a confirmation (R4). */
  applied(at: Slot): Instant | null {
    this.#chosen.delete(at);
    if (this.#tallies.has(at)) this.#tallies = forgetUpTo(this.#tallies, at);
    const flight = this.#inFlight.get(at);
    this.#inFlight.close(at);
    if (this.#proposer.phase === "leading") this.#proposer = close(this.#proposer, at);
    return flight?.confirmed === true ? flight.sentAt : null;
  }

  /** Forgets what a loaded snapshot covers, leadership included: its slots are of the past. */
  skipTo(applied: Slot): void {
    this.#reset();
    for (const at of [...this.#chosen.keys()]) if (at <= applied) this.#chosen.delete(at);
    this.#tallies = forgetUpTo(this.#tallies, applied);
  }
}

/** The lower one of the two in the middle, for an even count. @param values at least one. */
function median(values: Iterable<number>): number {
  const sorted = [...values].toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}
