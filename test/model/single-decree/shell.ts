/**
 * The shell of the single-decree model: everything that can happen in a state, and the state after it. Carries messages
 * as JSON text, keeps storage, gives every attempt its ballot and writes the observer's notes. Has no opinion about the
 * protocol: what an acceptor or a proposer does with a message is asked of the functions under test. They are functions,
 * so an answer that was computed once for the same state and message is not computed again.
 */
import { outranks } from "../../../src/paxos/ballot.ts";
import type { Ballot } from "../../../src/paxos/ballot.ts";
import type { Attempt, AttemptStep } from "../../../src/paxos/decision.ts";
import type { ProtocolReply, ProtocolRequest } from "../../../src/paxos/messages.ts";
import { addressOf, emptyStorage, enrolledStorage, persist, viewOf } from "../../support/memory-acceptor.ts";
import type { Successor } from "../explorer.ts";
import type { Canonical } from "./canonical.ts";
import { chosenValues, members, regions, subject, unlimited } from "./state.ts";
import type { AcceptorState, Budgets, ProposerState, Roles, State } from "./state.ts";

interface Message {
  readonly type: "request" | "answer";
  readonly proposer: number;
  /** The request's id: which of the proposer's attempts asked. */
  readonly attempt: number;
  readonly body: ProtocolRequest | ProtocolReply;
}

/** An event's steps change a draft, and the draft becomes the next state. */
type Draft = { -readonly [Field in keyof State]: State[Field] };

interface Asked {
  readonly after: AcceptorState;
  /** As JSON text; null: it refused to be spoken to. */
  readonly answer: string | null;
}

const names = ["p1", "p2"];

export class Shell {
  readonly #budgets: Budgets;
  readonly #roles: Roles;
  readonly #canonical: Canonical;
  readonly #messages = new Map<string, Message>();
  readonly #asked = new WeakMap<AcceptorState, Map<string, Asked>>();
  readonly #stepped = new WeakMap<Attempt, Map<string, AttemptStep>>();

  constructor(budgets: Budgets, roles: Roles, canonical: Canonical) {
    this.#budgets = budgets;
    this.#roles = roles;
    this.#canonical = canonical;
  }

  /** Both proposers have begun: that their messages may wait in flight covers every later beginning. */
  initial(): State {
    const acceptors = regions.map((region): AcceptorState => {
      const storage = enrolledStorage(members, region, false);
      return this.#canonical.firstAcceptor(region, { durable: storage, memory: storage, cast: [], told: null });
    });
    const own = [at(names, 0), this.#budgets.secondOnlyAsks ? null : at(names, 1)];
    const { duplications, proposerCrashes, emptiedAcceptors } = this.#budgets;
    const draft: Draft = {
      acceptors,
      flights: regions.map(() => []),
      proposers: own.map((value) => ({
        attempt: null,
        attempts: 0,
        lastRound: 0,
        starts: 1,
        above: null,
        own: value,
        believes: null,
        beganAfterChoice: false,
        missedChoice: false,
      })),
      sent: [],
      given: own.filter((value) => value !== null),
      chosen: [],
      left: { duplications, proposerCrashes, emptiedAcceptors },
    };
    this.#begin(draft, 0);
    this.#begin(draft, 1);
    return draft;
  }

  *successors(state: State): Generator<Successor<State>> {
    const { duplications, proposerCrashes, emptiedAcceptors } = state.left;
    for (const [index, flight] of state.flights.entries()) {
      for (const text of flight) {
        // Where duplication has no limit no message has to leave: that it is lost is that it is not delivered again.
        if (duplications !== unlimited) yield* this.#deliveries(state, index, text, true);
        if (duplications > 0) yield* this.#deliveries(state, index, text, false);
      }
    }
    for (const [index, proposer] of state.proposers.entries()) {
      if (proposer.attempt === null || proposer.attempts >= this.#ballotsOf(index)) continue;
      yield* this.#event(state, `${names[index]} gives up`, (draft) => this.#giveUp(draft, index));
      if (proposerCrashes === 0) continue;
      yield* this.#event(state, `${names[index]} crashes`, (draft) => this.#crash(draft, index));
    }
    for (const [index, acceptor] of state.acceptors.entries()) {
      const { durable, memory } = acceptor;
      if (memory !== durable) {
        yield* this.#acceptorEvent(state, index, "writes", { ...acceptor, durable: memory });
        yield* this.#acceptorEvent(state, index, "crashes", { ...acceptor, memory: durable });
      }
      if (emptiedAcceptors === 0) continue;
      const left = { ...state.left, emptiedAcceptors: emptiedAcceptors - 1 };
      const emptied = { ...acceptor, durable: emptyStorage, memory: emptyStorage };
      yield* this.#acceptorEvent({ ...state, left }, index, "is emptied", emptied);
    }
  }

  #ballotsOf(index: number): number {
    return at(this.#budgets.ballots, index);
  }

  *#event(state: State, event: string, change: (draft: Draft) => void): Generator<Successor<State>> {
    const draft: Draft = { ...state };
    change(draft);
    const { acceptors, flights, proposers } = draft;
    if (acceptors === state.acceptors && flights === state.flights && proposers === state.proposers) return;
    yield { event, state: draft };
  }

  *#acceptorEvent(state: State, index: number, what: string, after: AcceptorState): Generator<Successor<State>> {
    yield* this.#event(state, `${regions[index]} ${what}`, (draft) => {
      this.#keep(draft, index, observed(this.#canonical, at(regions, index), after));
    });
  }

  *#deliveries(state: State, index: number, text: string, last: boolean): Generator<Successor<State>> {
    const message = this.#read(text);
    const event = last ? `${regions[index]} ${text}` : `${regions[index]} ${text} (stays in flight)`;
    const receive = (draft: Draft): void => {
      if (last) this.#replaceFlight(draft, index, (flight) => flight.filter((t) => t !== text));
      else draft.left = { ...draft.left, duplications: draft.left.duplications - 1 };
    };
    if (message.type === "answer") {
      yield* this.#event(state, event, (draft) => {
        receive(draft);
        this.#answered(draft, message.proposer, index, bodyText(text));
      });
      return;
    }
    const atOnce = this.#budgets.answers === "at-once";
    for (const arrives of atOnce ? [true, false] : [true]) {
      yield* this.#event(state, arrives ? event : `${event}, answer lost`, (draft) => {
        receive(draft);
        const { after, answer } = this.#ask(at(draft.acceptors, index), index, text);
        this.#keep(draft, index, after);
        if (answer === null || !arrives || !this.#awaited(draft, message)) return;
        if (!this.#budgets.refusalsHeard && answer.startsWith('{"type":"outranked"')) return;
        if (atOnce) this.#answered(draft, message.proposer, index, answer);
        else this.#post(draft, index, "answer", message.proposer, message.attempt, answer);
      });
    }
  }

  #read(text: string): Message {
    const known = this.#messages.get(text);
    if (known !== undefined) return known;
    const message = JSON.parse(text) as Message;
    this.#messages.set(text, message);
    return message;
  }

  /** Q2: an answer reaches only the attempt that asked. */
  #awaited(draft: Draft, message: Message): boolean {
    const { attempt, attempts } = at(draft.proposers, message.proposer);
    return attempt !== null && (this.#budgets.strayAnswers || attempts === message.attempt);
  }

  #post(draft: Draft, index: number, type: string, proposer: number, attempt: number, body: string): void {
    const text = `{"type":"${type}","proposer":${proposer},"attempt":${attempt},"body":${body}}`;
    this.#replaceFlight(draft, index, (flight) => including(flight, text));
  }

  #replaceFlight(draft: Draft, index: number, change: (flight: readonly string[]) => readonly string[]): void {
    const before = at(draft.flights, index);
    const after = change(before);
    if (after !== before) draft.flights = draft.flights.with(index, after);
  }

  /** An acceptor's event: admit, step, persist, answer. */
  #ask(acceptor: AcceptorState, index: number, text: string): Asked {
    const known = this.#asked.get(acceptor)?.get(text);
    if (known !== undefined) return known;
    const asked = this.#askAnew(acceptor, at(regions, index), JSON.parse(bodyText(text)) as ProtocolRequest);
    const cache = this.#asked.get(acceptor) ?? new Map<string, Asked>();
    this.#asked.set(acceptor, cache.set(text, asked));
    return asked;
  }

  #askAnew(acceptor: AcceptorState, region: string, request: ProtocolRequest): Asked {
    const { memory, durable } = acceptor;
    const admission = this.#roles.admit(memory.enrolment, memory.counter, addressOf(members, region));
    if (!admission.admitted) return { after: acceptor, answer: null };
    const outcome = this.#roles.stepAcceptor(viewOf(memory), request, 0);
    const next = persist(memory, admission.persist, outcome.persist);
    const { reply } = outcome;
    const says = reply.type === "promise" || reply.type === "accepted" ? reply.ballot : null;
    const after = observed(this.#canonical, region, {
      ...acceptor,
      memory: next,
      durable: this.#roles.persistsFirst(request) ? next : durable,
      told: says !== null && outranks(says, acceptor.told) ? says : acceptor.told,
    });
    return { after, answer: JSON.stringify(reply) };
  }

  #keep(draft: Draft, index: number, after: AcceptorState): void {
    const before = at(draft.acceptors, index);
    if (after === before) return;
    draft.acceptors = draft.acceptors.with(index, after);
    if (after.cast.length > before.cast.length) draft.chosen = chosenValues(draft.acceptors);
  }

  #answered(draft: Draft, proposer: number, index: number, answer: string | null): void {
    const { attempt } = at(draft.proposers, proposer);
    if (attempt !== null) this.#follow(draft, proposer, this.#step(attempt, at(regions, index), answer));
  }

  #step(attempt: Attempt, region: string, answer: string | null): AttemptStep {
    const key = `${region} ${answer}`;
    const known = this.#stepped.get(attempt)?.get(key);
    if (known !== undefined) return known;
    const reply = answer === null ? null : (JSON.parse(answer) as ProtocolReply);
    const step = this.#roles.stepAttempt(attempt, region, reply);
    const kept = { ...step, state: this.#canonical.firstAttempt(step.state) };
    const cache = this.#stepped.get(attempt) ?? new Map<string, AttemptStep>();
    this.#stepped.set(attempt, cache.set(key, kept));
    return kept;
  }

  /** Nobody who has not answered is waited for any longer: the attempt ends, and the next goes above all it saw. */
  #giveUp(draft: Draft, proposer: number): void {
    const before = at(draft.proposers, proposer).attempts;
    for (const index of regions.keys()) {
      if (at(draft.proposers, proposer).attempts === before) this.#answered(draft, proposer, index, null);
    }
  }

  /** Only the round survives. The client's request is gone too: the next attempt has another value. */
  #crash(draft: Draft, index: number): void {
    const proposer = at(draft.proposers, index);
    const own = proposer.own === null ? null : `${names[index]}-again`;
    if (own !== null) draft.given = including(draft.given, own);
    draft.left = { ...draft.left, proposerCrashes: draft.left.proposerCrashes - 1 };
    this.#update(draft, index, { attempt: null, above: null, starts: proposer.starts + 1, own });
    this.#begin(draft, index);
  }

  #update(draft: Draft, index: number, change: Partial<ProposerState>): void {
    draft.proposers = draft.proposers.with(index, { ...at(draft.proposers, index), ...change });
  }

  #begin(draft: Draft, index: number): void {
    const { attempts, lastRound, starts, above, own } = at(draft.proposers, index);
    const last = attempts >= this.#ballotsOf(index);
    if (last || !this.#budgets.strayAnswers) this.#dropAnswers(draft, index);
    if (last) return;
    const ballot = this.#roles.freshBallot(at(names, index), lastRound, starts, above);
    const beganAfterChoice = own === null && draft.chosen.length > 0;
    this.#update(draft, index, { attempts: attempts + 1, lastRound: ballot.round, beganAfterChoice });
    this.#follow(draft, index, this.#roles.startAttempt(subject, members, ballot, own));
  }

  /** Nobody waits for them any more. */
  #dropAnswers(draft: Draft, index: number): void {
    const prefix = `{"type":"answer","proposer":${index},`;
    for (const region of regions.keys()) {
      this.#replaceFlight(draft, region, (flight) =>
        flight.some((text) => text.startsWith(prefix)) ? flight.filter((text) => !text.startsWith(prefix)) : flight,
      );
    }
  }

  #follow(draft: Draft, index: number, step: AttemptStep): void {
    if (step.state !== at(draft.proposers, index).attempt) this.#update(draft, index, { attempt: step.state });
    const { attempts, beganAfterChoice } = at(draft.proposers, index);
    for (const { to, body } of step.send) {
      this.#post(draft, regions.indexOf(to), "request", index, attempts, JSON.stringify(body));
      if (body.type === "accept") draft.sent = including(draft.sent, `${ballotText(body.ballot)}=${body.value}`);
    }
    const { result } = step;
    if (result === null) return;
    if (result.type === "refused") {
      this.#update(draft, index, { attempt: null, above: result.above });
      this.#begin(draft, index);
      return;
    }
    const chosen = result.type === "chosen";
    this.#update(draft, index, chosen ? { believes: result.value } : { missedChoice: beganAfterChoice });
    this.#update(draft, index, { attempt: null });
    this.#dropAnswers(draft, index);
  }
}

/** The observer notes every vote that is durable now. */
function observed(canonical: Canonical, region: string, acceptor: AcceptorState): AcceptorState {
  let { cast } = acceptor;
  for (const vote of acceptor.durable.votes[subject] ?? []) {
    cast = including(cast, `${ballotText(vote.ballot)}=${vote.value}`);
  }
  return canonical.firstAcceptor(region, { ...acceptor, cast });
}

const ballotText = (b: Ballot): string => `${b.round}.${b.proposer}.${b.incarnation}`;
const bodyText = (text: string): string => text.slice(text.indexOf('"body":') + 7, -1);
const including = (list: readonly string[], text: string): readonly string[] =>
  list.includes(text) ? list : [...list, text].toSorted();

function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new Error(`nothing at ${index}`);
  return item;
}
