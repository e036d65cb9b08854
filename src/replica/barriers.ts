/**
 * Read barriers: how a replica makes sure, without a leader, that it has applied everything acknowledged before a read
 * began. It asks the nearest majority of acceptors, and the others when one of those is late, for the votes above what it
 * has applied; the highest slot a majority reports is the target. Upholds R1, R2, R4.
 */
import { slot } from "../support/brand.ts";
import type { Instant, Slot } from "../support/brand.ts";
import { limits } from "../support/limits.ts";
import { isMajority, majorityOf } from "../paxos/membership.ts";
import { LOG } from "../paxos/messages.ts";
import type { ProtocolReply } from "../paxos/messages.ts";
import type { AcceptorGroup } from "./acceptor-group.ts";
import type { Log } from "./log.ts";
import type { Nearness } from "./nearness.ts";
import type { Turn } from "./turn.ts";

interface Barrier<Reader> {
  readonly id: number;
  readonly startedAt: Instant;
  readonly readers: readonly Reader[];
  readonly answers: Map<string, { readonly highest: Slot; readonly floor: Slot }>;
  readonly failed: Set<string>;
  readonly asked: Set<string>;
  /** When those who were not asked yet are asked too. */
  othersAt: number;
  /** The slot that must be applied; null until a majority has answered. */
  target: Slot | null;
}

/** A barrier that has ended: its readers may be served, or not. */
export interface Completed<Reader> {
  readonly readers: readonly Reader[];
  /** Null: no majority answered. */
  readonly startedAt: Instant | null;
}

export class Barriers<Reader> {
  readonly #group: AcceptorGroup;
  readonly #log: Log;
  readonly #nearness: Nearness;
  #waiting: Reader[] = [];
  #active: Barrier<Reader>[] = [];
  #nextId = 1;
  #reported = 0;
  /** The applied slot at which the oldest unmet target was last seen stuck, and since when. */
  #stuck: { readonly applied: Slot; readonly since: Instant } | null = null;

  constructor(group: AcceptorGroup, log: Log, nearness: Nearness) {
    this.#group = group;
    this.#log = log;
    this.#nearness = nearness;
  }

  /** The highest slot that any acceptor was heard to have voted on. */
  get reported(): number {
    return this.#reported;
  }
  /** Everybody who waits, for a barrier to start or to be met. */
  get readers(): number {
    return this.#active.reduce((sum, b) => sum + b.readers.length, this.#waiting.length);
  }
  /** Barriers that no majority has answered yet. */
  get unanswered(): number {
    return this.#active.filter((b) => b.target === null).length;
  }
  /** Readers that wait for a barrier to start. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** The reader joins the next barrier: one whose first message has not left (R2). */
  join(reader: Reader): void {
    this.#waiting.push(reader);
  }

  takeWaiting(): readonly Reader[] {
    const readers = this.#waiting;
    this.#waiting = [];
    return readers;
  }

  /** Starts a barrier for all who wait, if one may start. */
  start(turn: Turn, applied: Slot): void {
    const { members } = this.#group;
    if (members === null || this.#waiting.length === 0 || this.unanswered >= limits.barriersInFlight) return;
    const nearest = this.#nearness.nearest(members, turn.now);
    const asksAll = nearest.length === members.length;
    const barrier: Barrier<Reader> = {
      id: this.#nextId,
      startedAt: turn.now,
      readers: this.takeWaiting(),
      answers: new Map(),
      failed: new Set(),
      asked: new Set(nearest),
      othersAt: asksAll ? Infinity : turn.now + this.#nearness.patienceMs(nearest),
      target: null,
    };
    this.#nextId += 1;
    this.#active.push(barrier);
    this.inquire(turn, barrier.id, applied, nearest);
    if (!asksAll) turn.wakeBy(barrier.othersAt);
  }

  /** Asks the other acceptors too, where one of the nearest is late or cannot say. */
  askOthers(turn: Turn, applied: Slot): void {
    for (const barrier of this.#active) {
      if (barrier.target !== null || barrier.othersAt === Infinity) continue;
      if (barrier.othersAt > turn.now) {
        turn.wakeBy(barrier.othersAt);
        continue;
      }
      const late = [...barrier.asked].filter((region) => !barrier.answers.has(region));
      if (barrier.othersAt > -Infinity) for (const region of late) this.#nearness.failed(region);
      const others = this.#everybody.filter((region) => !barrier.asked.has(region));
      for (const region of others) barrier.asked.add(region);
      barrier.othersAt = Infinity;
      this.inquire(turn, barrier.id, applied, others);
    }
  }

  get #everybody(): readonly string[] {
    return (this.#group.members ?? []).map(({ region }) => region);
  }

  /** Asks acceptors, all unless told otherwise; with `barrier` 0 only to count votes again (a rinse). */
  inquire(turn: Turn, barrier: number, applied: Slot, regions: readonly string[] = this.#everybody): void {
    for (const region of regions) {
      this.#group.ask(turn, { type: "inquire", region, barrier }, region, {
        type: "inquire",
        subject: LOG,
        above: applied,
      });
    }
  }

  /**
   * The answer to an `inquire` call; its votes are counted whichever barrier it was for.
   * @returns "answered" when this one made a majority, or the barrier when it can have none any more.
   */
  answered(
    region: string,
    id: number,
    reply: ProtocolReply | null,
    applied: Slot,
  ): "answered" | "nothing" | Completed<Reader> {
    const { members } = this.#group;
    if (reply?.type === "standing") {
      this.#log.noteBallot(reply.promised);
      this.#reported = Math.max(this.#reported, reply.highest, reply.floor);
      for (const vote of reply.votes) this.#log.countVote(region, vote, applied);
    }
    const barrier = this.#active.find((b) => b.id === id);
    if (members === null || barrier === undefined || barrier.target !== null) return "nothing";
    if (reply?.type === "standing") {
      barrier.answers.set(region, { highest: reply.highest, floor: reply.floor });
      if (!isMajority(members, barrier.answers.keys())) return "nothing";
      barrier.target = slot(Math.max(...[...barrier.answers.values()].map((a) => Math.max(a.highest, a.floor))));
      return "answered";
    }
    barrier.failed.add(region);
    if (barrier.othersAt < Infinity) barrier.othersAt = -Infinity;
    if (members.length - barrier.failed.size >= majorityOf(members.length)) return "nothing";
    this.#active = this.#active.filter((b) => b !== barrier);
    return { readers: barrier.readers, startedAt: null };
  }

  /** R1: the barriers whose target is applied. */
  met(applied: Slot): readonly Completed<Reader>[] {
    const met = this.#active.filter((b) => b.target !== null && b.target <= applied);
    if (met.length > 0) this.#active = this.#active.filter((b) => !met.includes(b));
    return met.map(({ readers, startedAt }) => ({ readers, startedAt }));
  }

  /** The highest slot that somebody waits for, or null. */
  get target(): Slot | null {
    const targets = this.#active.map((b) => b.target).filter((t) => t !== null);
    return targets.length === 0 ? null : slot(Math.max(...targets));
  }

  /** How long, in ms, a target has been waited for without the applied slot moving. */
  stuckFor(now: Instant, applied: Slot): number {
    if (this.target === null) this.#stuck = null;
    else if (this.#stuck?.applied !== applied) this.#stuck = { applied, since: now };
    return this.#stuck === null ? 0 : now - this.#stuck.since;
  }

  /** Gives up every reader for which `isOver` holds. */
  drop(isOver: (reader: Reader) => boolean): readonly Reader[] {
    const over: Reader[] = this.#waiting.filter(isOver);
    this.#waiting = this.#waiting.filter((r) => !isOver(r));
    this.#active = this.#active.map((b) => {
      const ended = b.readers.filter(isOver);
      over.push(...ended);
      return ended.length === 0 ? b : { ...b, readers: b.readers.filter((r) => !isOver(r)) };
    });
    this.#active = this.#active.filter((b) => b.readers.length > 0);
    return over;
  }
}
