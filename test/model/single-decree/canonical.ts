/**
 * When two states of the single-decree model are the same. What concerns one acceptor (its storage, the messages to and
 * from it, what each proposer knows of it) is put together without its name, and the three parts are sorted: acceptors
 * are interchangeable. Left out is what no behaviour of the model depends on (an acceptor's counter, for nobody restores
 * a copy) and what follows from the rest (`chosen`).
 */
import type { Attempt } from "../../../src/paxos/decision.ts";
import type { AcceptorStorage } from "../../support/memory-acceptor.ts";
import { regions } from "./state.ts";
import type { AcceptorState, Flight, ProposerState, State } from "./state.ts";

interface AttemptParts {
  readonly key: string;
  readonly whole: number;
  /** What it knows of each acceptor. */
  readonly of: readonly number[];
}

export class Canonical {
  readonly #numbers = new Map<string, number>();
  readonly #acceptors = new WeakMap<AcceptorState, number>();
  readonly #flights = new WeakMap<Flight, string>();
  readonly #attempts = new WeakMap<Attempt, AttemptParts>();
  readonly #proposers = new WeakMap<ProposerState, number>();
  readonly #sent = new WeakMap<readonly string[], number>();
  /** One object stands for all equal ones, so that what was computed for it need not be computed again. */
  readonly #firstAcceptors = new Map<string, AcceptorState>();
  readonly #firstAttempts = new Map<string, Attempt>();

  textOf(state: State): string {
    const { left, acceptors, proposers } = state;
    let text = `${this.#sentNumber(state.sent)},${left.duplications},${left.proposerCrashes},${left.emptiedAcceptors}`;
    const attempts = proposers.map((p) => (p.attempt === null ? null : this.#attemptParts(p.attempt)));
    for (const proposer of proposers) text += `,${this.#proposerNumber(proposer)}`;
    const parts = acceptors.map((acceptor, index) => {
      let part = `|${this.#acceptorNumber(acceptor)}/${this.#flightText(state.flights[index] ?? [])}`;
      for (const attempt of attempts) part += `/${attempt?.of[index] ?? ""}`;
      return part;
    });
    return text + parts.sort().join("");
  }

  firstAcceptor(region: string, acceptor: AcceptorState): AcceptorState {
    return first(this.#firstAcceptors, `${region}/${this.#acceptorNumber(acceptor)}`, acceptor);
  }

  firstAttempt(attempt: Attempt): Attempt {
    return first(this.#firstAttempts, this.#attemptParts(attempt).key, attempt);
  }

  #number(text: string): number {
    return first(this.#numbers, text, this.#numbers.size);
  }

  #acceptorNumber(acceptor: AcceptorState): number {
    return remember(this.#acceptors, acceptor, () => {
      const { durable, memory, cast, told } = acceptor;
      return this.#number(
        JSON.stringify([storageParts(durable), memory === durable ? "durable" : storageParts(memory), cast, told]),
      );
    });
  }

  #flightText(flight: Flight): string {
    return remember(this.#flights, flight, () => flight.map((text) => this.#number(text)).join(","));
  }

  #sentNumber(sent: readonly string[]): number {
    return remember(this.#sent, sent, () => this.#number(sent.join(" ")));
  }

  #proposerNumber(proposer: ProposerState): number {
    return remember(this.#proposers, proposer, () => {
      const { attempt, ...rest } = proposer;
      return this.#number(JSON.stringify([attempt === null ? null : this.#attemptParts(attempt).whole, rest]));
    });
  }

  #attemptParts(attempt: Attempt): AttemptParts {
    return remember(this.#attempts, attempt, () => {
      const { proposer, tallies, lost, ballot, own, above, proposed } = attempt;
      const role =
        proposer.phase === "preparing"
          ? [proposer.ballot, proposer.from]
          : proposer.phase === "leading"
            ? [proposer.ballot, proposer.next, ...proposer.open]
            : [];
      const tally = [...tallies].map(([slot, t]) => [slot, t.ballot, t.value]);
      const whole = this.#number(JSON.stringify([ballot, own, above, proposed, proposer.phase, role, tally]));
      const of = regions.map((region) => {
        const answer = proposer.phase === "preparing" ? (proposer.answers.get(region) ?? null) : null;
        const counted = [...tallies.values()].map((t) => t.acceptors.has(region));
        return this.#number(JSON.stringify([answer, counted, lost.has(region)]));
      });
      return { key: `${whole}/${of.join("/")}`, whole, of };
    });
  }
}

const storageParts = ({ enrolment, ledgers, votes }: AcceptorStorage): unknown =>
  enrolment === null ? null : [enrolment.open, enrolment.retired, ledgers, votes];

function first<Key, Value>(known: Map<Key, Value>, key: Key, value: Value): Value {
  const before = known.get(key);
  if (before !== undefined) return before;
  known.set(key, value);
  return value;
}

function remember<Key extends object, Value>(known: WeakMap<Key, Value>, key: Key, compute: () => Value): Value {
  const before = known.get(key);
  if (before !== undefined) return before;
  const value = compute();
  known.set(key, value);
  return value;
}
