/**
 * The observer: what was sent, voted and chosen, kept apart from the code under test, and the judgements that need no
 * more than that. Pairs of a slot and a ballot are numbered, so that a set of them is one number.
 */
import { outranks } from "../../../src/paxos/ballot.ts";
import type { Ballot } from "../../../src/paxos/ballot.ts";
import type { ChosenValue } from "../../../src/replica/messages.ts";
import type { Slot } from "../../../src/support/brand.ts";
import { originOf } from "./machine.ts";
import type { AcceptorState, Sent } from "./state.ts";

export interface Pair {
  readonly slot: Slot;
  readonly ballot: Ballot;
}

/** The rules that are judged from the notes. */
export type Rule =
  | "C2 a chosen value never changes"
  | "P1 a majority promised first"
  | "P4 one value for each slot and ballot"
  /** A slot is closed by a no-op only where the same ballot found a vote above it. */
  | "P3 a no-op stands only below a voted slot"
  /**
   * What X3 rests on: a ballot sends a value that nobody sent before only above every slot that is chosen under a lower
   * ballot. So once a later value of a client is chosen, no earlier one can still appear below it.
   */
  | "P3 new values come last"
  | "validity"
  | "A1-A2 no ballot below the promise is served";

/** What can be said of the values sent and chosen. */
export interface Judgement {
  /** Of chosen pairs, each value once for its slot. */
  readonly chosen: readonly ChosenValue[];
  /** The first rule broken, or null. */
  readonly broken: Rule | null;
  readonly noOpChosen: boolean;
  readonly noOpSent: boolean;
  /** Two ballots sent different values for one slot. */
  readonly contested: boolean;
}

const ballotText = (b: Ballot): string => `${b.round}.${b.proposer}.${b.incarnation}`;
const has = (set: number, member: number): boolean => ((set >> member) & 1) === 1;

export class Observer {
  readonly #slots: number;
  readonly #pairs: Pair[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #sent = new Map<string, Sent>();
  readonly #judgements = new Map<number, Map<number, Judgement>>();

  /** @param slots a value for a later slot is a mistake of the model. */
  constructor(slots: number) {
    this.#slots = slots;
  }

  readonly nothingSent: Sent = this.#sentOf(new Map());

  pair(slot: Slot, ballot: Ballot): number {
    const text = `${slot}/${ballotText(ballot)}`;
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    if (slot > this.#slots) throw new RangeError(`slot ${slot} is not part of the model`);
    const number = this.#pairs.push({ slot, ballot }) - 1;
    if (number > 30) throw new RangeError("more slots and ballots than a set can hold");
    this.#numbers.set(text, number);
    return number;
  }

  /** @returns null when another value was sent for that slot and ballot before (P4). */
  send(sent: Sent, pair: number, value: string): Sent | null {
    const before = sent.values.get(pair);
    if (before !== undefined) return before === value ? sent : null;
    return this.#sentOf(new Map(sent.values).set(pair, value));
  }

  #sentOf(values: ReadonlyMap<number, string>): Sent {
    const text = [...values]
      .map(([pair, value]) => `${pair}=${value}`)
      .toSorted()
      .join(" ");
    const known = this.#sent.get(text);
    if (known !== undefined) return known;
    const sent = { number: this.#sent.size, values };
    this.#sent.set(text, sent);
    return sent;
  }

  /** The pairs whose votes may still matter: not chosen, but they can be. Rests on A1 and A2, which are judged. */
  undecided(acceptors: readonly AcceptorState[], chosen: number): number {
    let all = 0;
    for (const acceptor of acceptors) all |= acceptor.cast;
    let open = 0;
    for (let rest = all & ~chosen; rest !== 0; rest &= rest - 1) {
      const pair = 31 - Math.clz32(rest & -rest);
      const ballot = this.#pairs[pair]?.ballot;
      let possible = 0;
      for (const acceptor of acceptors) {
        if (has(acceptor.cast, pair) || (ballot !== undefined && mayVote(acceptor, ballot))) possible += 1;
      }
      if (possible >= 2) open |= 1 << pair;
    }
    return open;
  }

  judge(sent: Sent, chosen: number): Judgement {
    let known = this.#judgements.get(sent.number);
    if (known === undefined) {
      known = new Map();
      this.#judgements.set(sent.number, known);
    }
    const before = known.get(chosen);
    if (before !== undefined) return before;
    const judgement = this.#judge(sent, chosen);
    known.set(chosen, judgement);
    return judgement;
  }

  #judge(sent: Sent, chosen: number): Judgement {
    const entries = [...sent.values].flatMap(([number, value]) => {
      const pair = this.#pairs[number];
      return pair === undefined ? [] : [{ ...pair, value, chosen: has(chosen, number) }];
    });
    const settled = entries.filter((entry) => entry.chosen);
    const values = new Map(settled.map(({ slot, value }) => [`${slot}=${value}`, { slot, value }]));
    const slots = new Set(settled.map(({ slot }) => slot));
    let broken: Rule | null = values.size > slots.size ? "C2 a chosen value never changes" : null;
    for (const { slot, ballot, value } of entries) {
      const origin = originOf(value);
      const sameBefore = entries.some((e) => e.slot === slot && e.value === value && outranks(ballot, e.ballot));
      if (origin === null) {
        // A no-op of its own: only below a value that this ballot adopted.
        const adopts = entries.some((e) => {
          const from = originOf(e.value);
          const own = from === null || ballotText(from) === ballotText(ballot);
          const adopted = ballotText(e.ballot) === ballotText(ballot) && !own;
          // What is known to be chosen is adopted without being sent again.
          return e.slot > slot && (adopted || (e.chosen && outranks(ballot, e.ballot)));
        });
        if (!sameBefore && !adopts) broken ??= "P3 a no-op stands only below a voted slot";
      } else if (ballotText(origin) === ballotText(ballot)) {
        // A value of its own: above all that may have been chosen before.
        if (settled.some((e) => e.slot >= slot && outranks(ballot, e.ballot))) broken ??= "P3 new values come last";
      } else if (!sameBefore) broken ??= "validity";
    }
    const isNoOp = (e: { readonly value: string }): boolean => originOf(e.value) === null;
    const contested = entries.some((e) => entries.some((other) => other.slot === e.slot && other.value !== e.value));
    const noOps = { noOpChosen: settled.some(isNoOp), noOpSent: entries.some(isNoOp) };
    return { chosen: [...values.values()], broken, contested, ...noOps };
  }
}

function mayVote({ storage }: AcceptorState, ballot: Ballot): boolean {
  if (storage.enrolment === null || storage.enrolment.retired !== null) return false;
  const promised = storage.ledgers.log?.promised ?? null;
  return promised === null || !outranks(promised, ballot);
}

/** Two of three: counted here, and not by the code under test. */
export function majority([a, b, c]: readonly AcceptorState[]): number {
  const [x, y, z] = [a?.cast ?? 0, b?.cast ?? 0, c?.cast ?? 0];
  return (x & y) | (x & z) | (y & z);
}
