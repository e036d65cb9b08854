/**
 * When two states of the log's model are the same. Acceptors are interchangeable: what concerns one of them is put
 * together without its name, the three parts are sorted, and the machines' memories are read with the acceptors renamed
 * to match. Left out is what no future depends on: requests that an acceptor has carried out or must refuse, votes under a
 * ballot that can reach no majority any more, and (where nobody restores a copy) the counters. That a request is refused
 * for ever rests on A1 and A2; the state that is kept still holds it, and the model goes on to deliver it.
 */
import { outranks, sameBallot } from "../../../src/paxos/ballot.ts";
import type { Observer } from "./observer.ts";
import { renamings } from "./replay.ts";
import type { AcceptorState, Answer, Budgets, Request, SetOf, State } from "./state.ts";

export class Canonical {
  readonly #budgets: Budgets;
  readonly #observer: Observer;
  readonly #requests = new WeakMap<SetOf<Request>, Map<number, string>>();
  readonly #answers = new Map<number, string>();

  constructor(budgets: Budgets, observer: Observer) {
    this.#budgets = budgets;
    this.#observer = observer;
  }

  textOf(state: State): string {
    const { acceptors, machines, left, chosen } = state;
    const undecided = this.#observer.undecided(acceptors, chosen);
    const parts = acceptors.map((acceptor, i) => {
      const requests = this.#requestsText(acceptor, state.requests[i]);
      return `|${acceptor.number}/${acceptor.cast & undecided}/${requests}/${this.#answersText(state.answers[i])}`;
    });
    let text = `${state.sent.number},${chosen},${state.acknowledged},${state.used.join(",")}`;
    text += `,${left.proposerCrashes},${left.emptiedAcceptors},${left.restoredAcceptors},${left.asksAgain}`;
    const sorted = parts.toSorted();
    text += sorted.join("");
    let best = "";
    for (const [r, order] of renamings.entries()) {
      if (!order.every((old, place) => parts[old] === sorted[place])) continue;
      let named = "";
      for (const machine of machines) named += `,${machine.numbers[r] ?? 0}`;
      if (best === "" || named < best) best = named;
    }
    return text + best;
  }

  #requestsText(acceptor: AcceptorState, requests: SetOf<Request> | undefined): string {
    if (requests === undefined) return "";
    if (this.#budgets.requestsOnce) return String(requests.number);
    let texts = this.#requests.get(requests);
    if (texts === undefined) {
      texts = new Map();
      this.#requests.set(requests, texts);
    }
    let text = texts.get(acceptor.number);
    if (text === undefined) {
      text = requests.list
        .filter((request) => canChange(acceptor, request))
        .map(({ number }) => number)
        .join(",");
      texts.set(acceptor.number, text);
    }
    return text;
  }

  #answersText(answers: SetOf<Answer> | undefined): string {
    if (answers === undefined) return "";
    let text = this.#answers.get(answers.number);
    if (text === undefined) {
      text = answers.list
        .map(({ nameless }) => nameless)

        .toSorted((x, y) => x - y)
        .join(",");
      this.#answers.set(answers.number, text);
    }
    return text;
  }
}

/** Whether the request can still change what the acceptor stores. */
function canChange({ storage }: AcceptorState, { body }: Request): boolean {
  if (storage.enrolment === null || storage.enrolment.retired !== null || body.type === "inquire") return false;
  const ledger = storage.ledgers[body.subject];
  const promised = ledger?.promised ?? null;
  if (promised === null || outranks(body.ballot, promised)) return true;
  if (outranks(promised, body.ballot) || body.type === "prepare") return false;
  const vote = storage.votes[body.subject]?.find(({ slot }) => slot === body.slot);
  const floored = body.slot <= (ledger?.floor ?? 0);
  return (
    !floored && !(vote !== undefined && sameBallot(vote.ballot, body.ballot) && body.floor <= (ledger?.floor ?? 0))
  );
}
