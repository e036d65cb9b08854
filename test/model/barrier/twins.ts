/** Every broken twin of the read barrier's model: `barrierTwins`. The class comes first, and then what it is caught by. */
import { stepAcceptor } from "../../../src/paxos/acceptor.ts";
import type { ProtocolReply } from "../../../src/paxos/messages.ts";
import { Barriers } from "../../../src/replica/barriers.ts";
import type { Completed } from "../../../src/replica/barriers.ts";
import { Log } from "../../../src/replica/log.ts";
import type { LogCall, LogEvent } from "../../../src/replica/log.ts";
import type { Turn } from "../../../src/replica/turn.ts";
import { instant, slot } from "../../../src/support/brand.ts";
import type { Instant, Slot } from "../../../src/support/brand.ts";
import type { Reader } from "../log/machine.ts";
import { regions } from "../log/state.ts";
import type { Budgets, Roles } from "../log/state.ts";
import { logTwin } from "../log/twin.ts";
import type { LogTwin } from "../log/twin.ts";

type Answered = "answered" | "nothing" | Completed<Reader>;

/** Counts each answer for two acceptors. */
class CountsAnAnswerTwice extends Barriers<Reader> {
  override answered(region: string, id: number, reply: ProtocolReply | null, applied: Slot): Answered {
    super.answered(region, id, reply, applied);
    return super.answered(regions.find((other) => other !== region) ?? region, id, reply, applied);
  }
}

/** Waits for the lowest slot that a majority reports. */
class TakesTheLowest extends Barriers<Reader> {
  readonly lowest = new Map<number, number>();
  override answered(region: string, id: number, reply: ProtocolReply | null, applied: Slot): Answered {
    if (reply?.type !== "standing") return super.answered(region, id, reply, applied);
    const before = this.lowest.get(id);
    const lowest = Math.min(before ?? reply.highest, reply.highest);
    this.lowest.set(id, lowest);
    // Only the last report of a majority decides.
    const highest = slot(before === undefined ? 0 : lowest);
    return super.answered(region, id, { ...reply, highest, floor: slot(0) }, applied);
  }
}

/** Lets a reader share the barrier that is under way. */
class LetsLateReadersJoin extends Barriers<Reader> {
  asking = false;
  late: readonly Reader[] = [];
  override inquire(turn: Turn, barrier: number, applied: Slot, regions?: readonly string[]): void {
    this.asking = true;
    super.inquire(turn, barrier, applied, regions);
  }
  override join(reader: Reader): void {
    if (this.asking) this.late = [...this.late, reader];
    else super.join(reader);
  }
  override met(applied: Slot): readonly Completed<Reader>[] {
    const met = super.met(applied);
    if (met.length === 0) return met;
    const { late } = this;
    this.late = [];
    this.asking = false;
    return met.map((completed) => ({ ...completed, readers: [...completed.readers, ...late] }));
  }
}

/** Takes an answer to an earlier barrier for one to the latest. */
class MixesBarriersUp extends Barriers<Reader> {
  latest = 0;
  override inquire(turn: Turn, barrier: number, applied: Slot, regions?: readonly string[]): void {
    this.latest = barrier;
    super.inquire(turn, barrier, applied, regions);
  }
  override answered(region: string, _id: number, reply: ProtocolReply | null, applied: Slot): Answered {
    return super.answered(region, this.latest, reply, applied);
  }
}

/** Serves as soon as it knows what it would have to wait for. */
class ServesBeforeTheTarget extends Barriers<Reader> {
  override met(): readonly Completed<Reader>[] {
    return super.met(slot(Number.MAX_SAFE_INTEGER));
  }
}

/** Calls a state as current as the latest question, whichever was answered. */
class CountsAgeFromTheLatestQuestion extends Barriers<Reader> {
  latest: Instant = instant(0);
  override start(turn: Turn, applied: Slot): void {
    this.latest = turn.now;
    super.start(turn, applied);
  }
  override met(applied: Slot): readonly Completed<Reader>[] {
    return super.met(applied).map((completed) => ({ ...completed, startedAt: this.latest }));
  }
}

/** A leader that calls its state as current as the moment of applying. */
class CountsAgeFromApplying extends Log {
  latest: Instant = instant(0);
  override answered(turn: Turn, call: LogCall, reply: ProtocolReply | null, applied: Slot): LogEvent {
    this.latest = turn.now;
    return super.answered(turn, call, reply, applied);
  }
  override applied(at: Slot): Instant | null {
    return super.applied(at) === null ? null : this.latest;
  }
}

type NewBarriers = new (...start: ConstructorParameters<typeof Barriers<Reader>>) => Barriers<Reader>;
const made = (Broken: NewBarriers): Partial<Roles> => ({ makeBarriers: (...start) => new Broken(...start) });

const readsFindAll = "R1 a read finds all that was acknowledged before it";
const asCurrentAsSaid = "R4 a state is as current as it says";
const oneRead: Partial<Budgets> = { slots: 1, ballots: [1, 0], reads: 1 };
const twoReads: Partial<Budgets> = { ...oneRead, reads: 2 };

export const barrierTwins: readonly LogTwin[] = [
  logTwin("counts an answer for two acceptors", "Q1, R1", readsFindAll, oneRead, made(CountsAnAnswerTwice)),
  logTwin("waits for the lowest report", "R1", readsFindAll, oneRead, made(TakesTheLowest)),
  logTwin("serves before the target is applied", "R1", readsFindAll, oneRead, made(ServesBeforeTheTarget)),
  logTwin("lets late readers join", "R2", readsFindAll, twoReads, made(LetsLateReadersJoin)),
  logTwin("counts answers to an earlier barrier", "R1, Q2", readsFindAll, twoReads, made(MixesBarriersUp)),
  logTwin(
    "counts the age from the latest question",
    "R4",
    asCurrentAsSaid,
    twoReads,
    made(CountsAgeFromTheLatestQuestion),
  ),
  logTwin(
    "counts a leader's age from applying",
    "R4",
    asCurrentAsSaid,
    { ballots: [1, 1], clocks: true },
    { makeLog: (...start) => new CountsAgeFromApplying(...start) },
  ),
  logTwin("reports only what it trimmed", "R1", readsFindAll, oneRead, {
    stepAcceptor(view, request, clock) {
      const { persist, reply } = stepAcceptor(view, request, clock);
      return { persist, reply: reply.type === "standing" ? { ...reply, highest: reply.floor } : reply };
    },
  }),
];
