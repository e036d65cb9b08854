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
import { LOG } from "../paxos/messages.ts";
import type { ProtocolReply, Vote } from "../paxos/messages.ts";
import { close, idle, propose, receivePromise, startPreparing } from "../paxos/proposer.ts";
import type { Proposer } from "../paxos/proposer.ts";
import { decodeBatch, encodeBatch } from "../store/batch-codec.ts";
import type { AcceptorGroup, Place } from "./acceptor-group.ts";
import type { ChosenValue } from "./messages.ts";
import type { Purpose, Turn } from "./turn.ts";

/** A slot this leader has proposed. */
interface InFlight {
  readonly value: string;
  readonly stamp: number;
  readonly sentAt: Instant;
  /** Acceptors whose call ended without a vote, and when to ask them again, should the slot still be open. */
  readonly missing: Map<string, number>;
}

/** What a message meant for leadership. */
export type LogEvent =
  | { readonly type: "nothing" }
  /** A majority has promised: this replica leads. */
  | { readonly type: "leads" }
  /** Phase 1 or leadership is lost; `to` is the proposer that holds a higher ballot, if that was the reason. */
  | { readonly type: "lost"; readonly to: Ballot | null }
  /** Chosen slots up to here were trimmed before this replica learned them. */
  | { readonly type: "behind"; readonly floor: Slot };

const nothing: LogEvent = { type: "nothing" };

export class Log {
  readonly #place: Place;
  readonly #group: AcceptorGroup;
  readonly #incarnation: string;
  #proposer: Proposer = idle;
  #tallies: Tallies = new Map();
  readonly #chosen = new Map<Slot, string>();
  readonly #inFlight = new Map<Slot, InFlight>();
  readonly #refusing = new Set<string>();
  /** The highest round this replica ever used: persisted before it is sent. */
  #round: number;
  /** The highest ballot anybody was seen to use. */
  #highest: Ballot | null = null;
  /** How far this machine's clock ran ahead of the acceptors' when it began to lead, in ms. */
  #clockLead = 0;
  #lastStamp = 0;
  #floorSent = 0;

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
    let oldest: Instant | null = null;
    for (const { sentAt } of this.#inFlight.values()) if (oldest === null || sentAt < oldest) oldest = sentAt;
    return oldest;
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
  }

  /** Gives leadership, or the attempt at it, up. */
  stepDown(): void {
    this.#reset();
  }

  /** The answer to a `prepare` or `accept` call; null when the call failed. */
  answered(
    turn: Turn,
    purpose: Purpose & { readonly type: "prepare" | "accept" },
    reply: ProtocolReply | null,
    applied: Slot,
  ): LogEvent {
    const current = this.#proposer.phase !== "idle" && sameBallot(purpose.ballot, this.#proposer.ballot);
    switch (reply?.type) {
      case "promise": {
        for (const vote of reply.votes) this.countVote(purpose.region, vote, applied);
        return current ? this.#promised(turn, purpose.region, reply, applied) : nothing;
      }
      case "accepted": {
        const flight = this.#inFlight.get(reply.slot);
        if (!current || flight === undefined || purpose.type !== "accept" || purpose.slot !== reply.slot)
          return nothing;
        this.countVote(purpose.region, { slot: reply.slot, ballot: reply.ballot, value: flight.value }, applied);
        return nothing;
      }
      case "outranked":
        this.noteBallot(reply.promised);
        if (!current) return nothing;
        this.#reset();
        return { type: "lost", to: reply.promised };
      case "trimmed":
        if (!current) return nothing;
        this.#reset();
        return { type: "behind", floor: reply.floor };
      case "stamp-ahead":
      case "standing":
      case undefined:
        return current ? this.#unanswered(turn, purpose) : nothing;
    }
  }

  #promised(turn: Turn, region: string, reply: ProtocolReply & { readonly type: "promise" }, applied: Slot): LogEvent {
    const { members } = this.#group;
    if (members === null || this.#proposer.phase !== "preparing") return nothing;
    const mine = this.#proposer.ballot;
    const hole = encodeBatch(logTime(0), []);
    const outcome = receivePromise(this.#proposer, members, region, reply, hole);
    switch (outcome.type) {
      case "ignored":
        return nothing;
      case "waiting":
        this.#proposer = outcome.state;
        return nothing;
      case "next-page":
        this.#proposer = outcome.state;
        this.#askPromise(turn, region, mine, outcome.from);
        return nothing;
      case "behind":
        this.#reset();
        return { type: "behind", floor: outcome.floor };
      case "leading": {
        this.#proposer = outcome.state;
        this.#refusing.clear();
        const median =
          outcome.clocks.toSorted((a, b) => a - b)[Math.floor((outcome.clocks.length - 1) / 2)] ?? turn.now;
        this.#clockLead = Math.max(0, turn.now - median);
        for (const { slot: at, value } of outcome.adopted) {
          // What the promises already showed to be chosen need not be proposed again.
          if (at <= applied || this.#chosen.has(at)) this.#proposer = close(this.#proposer, at);
          else this.#sendAccept(turn, at, value, stampOf(value));
        }
        return { type: "leads" };
      }
    }
  }

  /** A call failed: phase 1 gives up without a majority; phase 2 asks again later. */
  #unanswered(turn: Turn, purpose: Purpose & { readonly type: "prepare" | "accept" }): LogEvent {
    const { members } = this.#group;
    if (members === null) return nothing;
    if (purpose.type === "accept") {
      this.#inFlight.get(purpose.slot)?.missing.set(purpose.region, turn.now + limits.askAgainMs);
      return nothing;
    }
    this.#refusing.add(purpose.region);
    if (this.#proposer.phase !== "preparing" || members.length - this.#refusing.size >= majorityOf(members.length))
      return nothing;
    this.#reset();
    return { type: "lost", to: null };
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
    this.#sendAccept(turn, proposal.slot, proposal.value, stamp);
    return proposal.slot;
  }

  #sendAccept(turn: Turn, at: Slot, value: string, stamp: number): void {
    this.#inFlight.set(at, { value, stamp, sentAt: turn.now, missing: new Map() });
    for (const { region } of this.#group.members ?? []) this.#askVote(turn, region, at, value, stamp);
  }

  #askVote(turn: Turn, region: string, at: Slot, value: string, stamp: number): void {
    if (this.#proposer.phase !== "leading") return;
    const mine = this.#proposer.ballot;
    this.#group.ask(turn, { type: "accept", region, ballot: mine, slot: at }, region, {
      type: "accept",
      subject: LOG,
      ballot: mine,
      slot: at,
      value,
      stamp,
      floor: slot(this.#floorSent),
    });
  }

  /** Asks again, for open slots, the acceptors whose calls failed a while ago. */
  askAgain(turn: Turn): void {
    for (const [at, flight] of this.#inFlight) {
      for (const [region, notBefore] of flight.missing) {
        if (notBefore > turn.now) {
          turn.wakeBy(notBefore);
          continue;
        }
        flight.missing.delete(region);
        this.#askVote(turn, region, at, flight.value, flight.stamp);
      }
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
    if (counted.chosen !== null) this.learn({ slot: counted.chosen.slot, value: counted.chosen.value }, applied);
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

  /** @returns when this leader first sent the slot's value, if it did: the start of a confirmation (R4). */
  applied(at: Slot): Instant | null {
    this.#chosen.delete(at);
    if (this.#tallies.has(at)) this.#tallies = forgetUpTo(this.#tallies, at);
    const sentAt = this.#inFlight.get(at)?.sentAt ?? null;
    this.#inFlight.delete(at);
    if (this.#proposer.phase === "leading") this.#proposer = close(this.#proposer, at);
    return sentAt;
  }

  /** Forgets what a loaded snapshot covers. */
  skipTo(applied: Slot): void {
    for (const at of [...this.#chosen.keys()]) if (at <= applied) this.#chosen.delete(at);
    this.#tallies = forgetUpTo(this.#tallies, applied);
  }
}

function stampOf(value: string): number {
  const batch = decodeBatch(value);
  return "type" in batch ? 0 : batch.stamp;
}
