/**
 * One replica's part in the model of the log: the real `Log`, `Barriers`, `AcceptorGroup` and `Calls`, and around them
 * what the rest of a replica does with them and no more: it proposes its own values as soon as it leads, applies the
 * contiguous prefix of what is chosen, and remembers which calls are open. It has no opinion about the protocol. Driven
 * only by `replay.ts`, one input at a time; it is never set back, but built anew from its inputs.
 */
import { ballot as ballotOf } from "../../../src/paxos/ballot.ts";
import type { ProtocolReply } from "../../../src/paxos/messages.ts";
import type { Leading } from "../../../src/paxos/proposer.ts";
import { AcceptorGroup } from "../../../src/replica/acceptor-group.ts";
import type { Place } from "../../../src/replica/acceptor-group.ts";
import type { Barriers } from "../../../src/replica/barriers.ts";
import type { Log } from "../../../src/replica/log.ts";
import { Nearness } from "../../../src/replica/nearness.ts";
import type { ChosenValue } from "../../../src/replica/messages.ts";
import { Calls, Turn } from "../../../src/replica/turn.ts";
import { instant, logTime, slot } from "../../../src/support/brand.ts";
import { namespace } from "../../support/memory-acceptor.ts";
import { privateFields } from "./private-fields.ts";
import { members, regions } from "./state.ts";
import type { Budgets } from "./state.ts";

/** A read that waits, and what it must find: the highest slot that was acknowledged when it was asked. */
export interface Reader {
  readonly name: string;
  readonly atLeast: number;
}

/** A read that was answered: at which applied slot, and as of when that state claims to be current (R4). */
export interface Served extends Reader {
  readonly at: number;
  readonly startedAt: number;
}

export type MakeLog = (place: Place, group: AcceptorGroup, incarnation: string, round: number) => Log;
export type MakeBarriers = (...start: ConstructorParameters<typeof Barriers<Reader>>) => Barriers<Reader>;

/** What a replica starts from: what is durable, and a fresh incarnation. */
export interface Start {
  readonly name: string;
  readonly incarnation: string;
  readonly round: number;
  readonly applied: readonly string[];
}

/** What was asked of one acceptor: the message without its address. Repeated, it is the same request. */
export interface Asked {
  readonly region: string;
  readonly text: string;
}

/** `now` is this replica's clock; see `Budgets.reads` for what it counts. */
export type Input =
  | { readonly type: "prepare"; readonly now: number }
  | {
      readonly type: "answer";
      readonly asked: Asked;
      /** As JSON text; null: the call failed. */
      readonly reply: string | null;
      readonly counter: number;
      readonly now: number;
    }
  /** The leader's next value, where it sends one at a time; with it goes the floor (L5). */
  | { readonly type: "go on"; readonly now: number }
  /** Every open call of phase 2 fails, and time passes until they are made again. */
  | { readonly type: "ask again"; readonly now: number }
  /** A peer hands over chosen values. */
  | { readonly type: "learn"; readonly entries: readonly ChosenValue[]; readonly now: number }
  /** A peer hands over the state after these slots, for their values are not kept any more. */
  | { readonly type: "snapshot"; readonly applied: readonly string[]; readonly now: number }
  | { readonly type: "read"; readonly reader: Reader; readonly now: number };

/** Longer than any pause before an acceptor is asked again. */
const aWhile = 10_000;

export class Machine {
  readonly #start: Start;
  readonly #budgets: Budgets;
  readonly #calls = new Calls();
  readonly #group: AcceptorGroup;
  readonly log: Log;
  readonly barriers: Barriers<Reader>;
  readonly applied: string[];
  readonly served: Served[] = [];
  /** R4: the latest confirmation that came of leading, as [the slot applied then, as of when]. */
  confirmed: readonly [number, number] | null = null;
  /** Chosen slots that this replica has not learned were trimmed (L6). */
  behind = 0;
  /** For each request that waits for an answer, the call that waits. */
  readonly open = new Map<string, { readonly asked: Asked; readonly call: number }>();
  /** How long it has waited, in ms, to ask again. */
  waited = 0;
  #barriersStarted = 0;
  /** How an input left a machine that leads: asked of the first one that was given it, for asking takes long. */
  readonly #leads: WeakMap<Input, Leading>;

  constructor(
    makeLog: MakeLog,
    makeBarriers: MakeBarriers,
    budgets: Budgets,
    start: Start,
    leads: WeakMap<Input, Leading>,
  ) {
    const place = { cluster: "test", namespace, region: start.name, acceptorRegions: regions, replicaRegions: regions };
    this.#start = start;
    this.#budgets = budgets;
    this.#leads = leads;
    this.#group = new AcceptorGroup(place, this.#calls, members);
    this.log = makeLog(place, this.#group, start.incarnation, start.round);
    // Nothing is measured here, so all are asked: who is not is one whose question was lost.
    this.barriers = makeBarriers(this.#group, this.log, new Nearness(start.name));
    this.applied = [...start.applied];
  }

  /** The counters that this replica saw of each acceptor (F5). */
  get seen(): unknown {
    return privateFields(this.#group).get("#seen");
  }
  /** The highest round in use: durable before it is sent (B2). */
  round = 0;

  /** Whether it ever started a barrier: those of all others are as they were made. */
  get asks(): boolean {
    return this.#barriersStarted > 0;
  }

  take(input: Input): readonly Asked[] {
    if (input.type === "ask again") this.waited += aWhile;
    const turn = new Turn(instant(input.now + this.waited));
    this.#act(turn, input);
    this.#applyChosen(turn);
    if (turn.round !== null) this.round = turn.round;
    return this.#sent(turn);
  }

  #act(turn: Turn, input: Input): void {
    switch (input.type) {
      case "prepare":
        if (!this.#budgets.lateAnswers) this.#fail(turn, () => true);
        return this.log.prepare(turn, slot(this.applied.length));
      case "answer":
        return this.#answer(turn, input);
      case "go on":
        this.log.raiseFloor(this.applied.length, 1);
        return this.#proposeOwn(turn, input);
      case "ask again":
        this.#fail(new Turn(instant(turn.now - aWhile)), (type) => type === "accept");
        return this.log.drive(turn);
      case "learn":
        for (const entry of input.entries) this.log.learn(entry, slot(this.applied.length));
        return;
      case "snapshot":
        this.applied.splice(0, this.applied.length, ...input.applied);
        this.behind = 0;
        return this.log.skipTo(slot(this.applied.length));
      case "read":
        this.#barriersStarted += 1;
        this.barriers.join(input.reader);
        return this.barriers.start(turn, slot(this.applied.length));
    }
  }

  /** Q2: the first answer to a call counts; there is no second. */
  #answer(turn: Turn, input: Input & { readonly type: "answer" }): void {
    const { asked, counter } = input;
    const key = keyOf(asked);
    const open = this.open.get(key);
    this.open.delete(key);
    const taken = open === undefined ? null : this.#calls.take(open.call);
    if (taken === null) return;
    const { purpose, sentAt } = taken;
    const reply = input.reply === null ? null : (JSON.parse(input.reply) as ProtocolReply);
    if (counter > 0) this.#group.note(asked.region, counter);
    const applied = slot(this.applied.length);
    if (purpose.type === "inquire") {
      this.barriers.answered(purpose.region, purpose.barrier, reply, applied);
    } else if (purpose.type === "prepare" || purpose.type === "accept") {
      const event = this.log.answered(turn, { purpose, sentAt }, reply, applied);
      if (event.type === "behind") this.behind = event.floor;
      if (event.type !== "leads") return;
      if (!this.#budgets.lateAnswers) this.#fail(turn, (type) => type === "prepare");
      this.#proposeOwn(turn, input);
    }
  }

  /** All slots that are left at once, or (`oneAtATime`) the next when nothing is in flight. */
  #proposeOwn(turn: Turn, input: Input): void {
    if (this.log.phase !== "leading") return;
    const leading = this.#leads.get(input) ?? (privateFields(this.log).get("#proposer") as Leading);
    this.#leads.set(input, leading);
    const { ballot } = leading;
    let next: number = leading.next;
    while (next <= this.#budgets.slots && !(this.#budgets.oneAtATime && this.log.slotsInFlight > 0)) {
      const value = `${ballot.round}.${ballot.proposer}.${ballot.incarnation}/${next}`;
      this.log.propose(turn, [JSON.stringify(value)], logTime(0), 1);
      next += 1;
    }
  }

  /** Nobody answered these calls, and nobody waits for them any more. */
  #fail(turn: Turn, which: (type: string) => boolean): void {
    for (const [key, { asked, call }] of this.open) {
      const { type } = (JSON.parse(asked.text) as { readonly body: { readonly type: string } }).body;
      if (!which(type)) continue;
      this.open.delete(key);
      const taken = this.#calls.take(call);
      if (taken === null || (taken.purpose.type !== "prepare" && taken.purpose.type !== "accept")) continue;
      const { purpose, sentAt } = taken;
      this.log.answered(turn, { purpose, sentAt }, null, slot(this.applied.length));
    }
  }

  /** L1: the contiguous prefix, each once. */
  #applyChosen(turn: Turn): void {
    for (;;) {
      const next = this.log.nextChosen(slot(this.applied.length));
      if (next === null) break;
      this.applied.push(next.value);
      const sentAt = this.log.applied(next.slot);
      if (sentAt !== null) this.confirmed = [this.applied.length, sentAt];
    }
    for (const { readers, startedAt } of this.barriers.met(slot(this.applied.length))) {
      for (const reader of readers) {
        this.served.push({ ...reader, at: this.applied.length, startedAt: startedAt ?? turn.now });
      }
    }
  }

  #sent(turn: Turn): readonly Asked[] {
    return turn.sends.flatMap(({ call, to, message }) => {
      if (!("address" in message)) return [];
      const { body, address } = message;
      // A barrier's question has no number of its own; two of them are two requests.
      const barrier = body.type === "inquire" ? this.#barriersStarted : 0;
      const seen = this.#budgets.restoredAcceptors > 0 ? address.seen : 0;
      const asked = { region: to.region, text: JSON.stringify({ from: this.#start.name, barrier, seen, body }) };
      this.open.set(keyOf(asked), { asked, call });
      return [asked];
    });
  }
}

export const keyOf = ({ region, text }: Asked): string => `${region} ${text}`;

/** The ballot that a value was first sent under, or null for a no-op. */
export function originOf(value: string): ReturnType<typeof ballotOf> | null {
  const [, round, proposer, incarnation] = /"(\d+)\.([^."]+)\.([^/"]+)\//.exec(value) ?? [];
  if (round === undefined || proposer === undefined || incarnation === undefined) return null;
  return ballotOf(Number(round), proposer, incarnation);
}
