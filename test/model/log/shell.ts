/**
 * The shell of the log's model: everything that can happen in a state, and the state after it. Carries messages as JSON
 * text, keeps storage, starts machines and writes the observer's notes. Has no opinion about the protocol: what an
 * acceptor or a replica does with a message is asked of the code under test. What was asked once is not asked again.
 */
import { outranks } from "../../../src/paxos/ballot.ts";
import type { ProtocolReply, ProtocolRequest } from "../../../src/paxos/messages.ts";
import type { ChosenValue } from "../../../src/replica/messages.ts";
import { addressOf, emptyStorage, enrolledStorage, persist, viewOf } from "../../support/memory-acceptor.ts";
import type { Successor } from "../explorer.ts";
import { keyOf } from "./machine.ts";
import type { Asked, Start } from "./machine.ts";
import { majority, Observer } from "./observer.ts";
import type { Judgement, Rule } from "./observer.ts";
import { Reader } from "./readings.ts";
import type { Readings, Waiting } from "./readings.ts";
import { Replay } from "./replay.ts";
import type { MachineState } from "./replay.ts";
import { members, regions } from "./state.ts";
import type { AcceptorState, Answer, Budgets, Request, Roles, SetOf, State } from "./state.ts";
import { saysOf, titleOf } from "./titles.ts";

type Draft = { -readonly [Field in keyof State]: State[Field] };
type AcceptorParts = Omit<AcceptorState, "number">;

interface Outcome {
  readonly after: AcceptorState;
  /** Null: it refused to be spoken to. */
  readonly answer: Answer | null;
  /** The answer says no more than that the acceptor did nothing. */
  readonly refused: boolean;
  readonly broken: Rule | null;
}

const names = ["p1", "p2", "r"];
const readerIndex = 2;

export class Shell {
  readonly observer: Observer;
  readonly replay: Replay;
  readonly #budgets: Budgets;
  readonly #roles: Roles;
  readonly #reader: Reader;
  readonly #requests = new Map<string, Request>();
  readonly #requestSets = new Map<string, SetOf<Request>>();
  readonly #answers = new Map<string, Answer>();
  readonly #nameless = new Map<string, number>();
  readonly #answerSets = new Map<string, SetOf<Answer>>();
  readonly #acceptors = new Map<string, AcceptorState>();
  readonly #acceptorNumbers = new Map<string, number>();
  readonly #outcomes = new WeakMap<AcceptorState, Map<number, Outcome>>();

  constructor(budgets: Budgets, roles: Roles) {
    this.#budgets = budgets;
    this.#roles = roles;
    this.observer = new Observer(budgets.slots);
    this.replay = new Replay(roles, budgets);
    this.#reader = new Reader(this.replay);
  }

  /** Both proposers have begun: that their messages may wait covers every later beginning. */
  initial(): State {
    const { ballots, reads, proposerCrashes, emptiedAcceptors, restoredAcceptors, asksAgain } = this.#budgets;
    const begin = (name: string): MachineState => this.replay.begin(this.#startOf(name, 0, 1, []));
    const draft: Draft = {
      acceptors: regions.map((region, i) => {
        const storage = enrolledStorage(members, region);
        return this.#acceptor(i, { storage, copy: null, restored: false, cast: 0, told: null });
      }),
      requests: regions.map(() => this.#requestSet([])),
      answers: regions.map(() => this.#answerSet([])),
      machines: names.slice(0, reads > 0 ? 3 : 2).map(begin),
      used: reads > 0 ? [0, 0, 0] : [0, 0],
      sent: this.observer.nothingSent,
      chosen: 0,
      acknowledged: 0,
      left: { proposerCrashes, emptiedAcceptors, restoredAcceptors, asksAgain },
      broken: null,
    };
    for (const [p, count] of ballots.entries()) if (count > 0) this.#prepare(draft, p, at(draft.machines, p));
    return draft;
  }

  #startOf(name: string, round: number, starts: number, applied: readonly string[]): Start {
    return { name, ...this.#roles.restart(round, starts), applied };
  }

  judge(state: State): Judgement {
    return this.observer.judge(state.sent, state.chosen);
  }

  *successors(state: State): Generator<Successor<State>> {
    for (const i of regions.keys()) yield* this.#acceptorEvents(state, i);
    for (const p of [0, 1]) if (at(state.used, p) > 0) yield* this.#proposerEvents(state, p);
    if (state.machines.length > readerIndex && at(state.used, readerIndex) < this.#budgets.reads) {
      for (const { state: machine, titles } of this.readings(state, readerIndex).quiet) {
        yield this.#event(state, `r reads [${titles}] and starts a barrier`, (draft) =>
          this.#startBarrier(draft, machine),
        );
      }
    }
  }

  #event(state: State, event: string, change: (draft: Draft) => void): Successor<State> {
    const draft: Draft = { ...state };
    change(draft);
    return { event, state: draft };
  }

  // --- acceptors ---

  *#acceptorEvents(state: State, i: number): Generator<Successor<State>> {
    const acceptor = at(state.acceptors, i);
    const { requestsOnce, refusalsHeard } = this.#budgets;
    for (const request of at(state.requests, i).list) {
      const { after, answer, refused, broken } = this.#ask(acceptor, i, request);
      const waiting = answer !== null && at(state.machines, request.from).open.has(answer.key);
      const before = at(state.answers, i);
      // A barrier's question is carried out once: a later answer to it would say no less.
      if (request.body.type === "inquire" && (!waiting || before.list.some(({ key }) => key === answer.key))) continue;
      const kept = waiting && (!refused || (requestsOnce && refusalsHeard)) && !before.list.includes(answer);
      if (!requestsOnce && after === acceptor && !kept && broken === null) continue;
      yield this.#event(
        state,
        `${at(regions, i)} ${request.title}${answer === null ? "" : `: ${answer.says}`}`,
        (draft) => {
          if (requestsOnce) {
            const rest = at(state.requests, i).list.filter((other) => other !== request);
            draft.requests = state.requests.with(i, this.#requestSet(rest));
          }
          if (kept) draft.answers = state.answers.with(i, this.#answerSet([...before.list, answer]));
          this.#keep(draft, i, after);
          draft.broken = broken;
        },
      );
    }
    yield* this.#losses(state, i, acceptor);
  }

  *#losses(state: State, i: number, acceptor: AcceptorState): Generator<Successor<State>> {
    const { left } = state;
    if (left.emptiedAcceptors > 0 && acceptor.storage !== emptyStorage) {
      yield this.#event(state, `${at(regions, i)} is emptied`, (draft) => {
        draft.left = { ...left, emptiedAcceptors: left.emptiedAcceptors - 1 };
        this.#keep(draft, i, this.#acceptor(i, { ...acceptor, storage: emptyStorage }));
      });
    }
    if (left.restoredAcceptors === 0) return;
    const { copy, storage } = acceptor;
    if (copy === null && state.acceptors.every((other) => other.copy === null)) {
      yield this.#event(state, `${at(regions, i)} is copied`, (draft) => {
        this.#keep(draft, i, this.#acceptor(i, { ...acceptor, copy: storage }));
      });
    }
    // F5 promises nothing where nobody can notice: here everybody has seen more, and nothing sent before still arrives.
    const noticed = state.machines.every(
      (m, p) => at(state.used, p) === 0 || (m.seen.get(at(regions, i)) ?? 0) > (copy?.counter ?? Infinity),
    );
    if (copy === null || !noticed) return;
    yield this.#event(state, `${at(regions, i)} is set back to its copy`, (draft) => {
      draft.left = { ...left, restoredAcceptors: left.restoredAcceptors - 1 };
      draft.requests = state.requests.with(i, this.#requestSet([]));
      this.#keep(draft, i, this.#acceptor(i, { ...acceptor, storage: copy, restored: true }));
    });
  }

  #keep(draft: Draft, i: number, after: AcceptorState): void {
    draft.acceptors = draft.acceptors.with(i, after);
    draft.chosen = majority(draft.acceptors) | draft.chosen;
  }

  #acceptor(i: number, parts: AcceptorParts): AcceptorState {
    const { storage, copy, restored, cast, told } = parts;
    const copied = copy === null ? null : this.#storageParts(copy);
    const text = JSON.stringify([this.#storageParts(storage), copied, restored, told]);
    const number = numberOf(this.#acceptorNumbers, text);
    const key = `${i}/${number}/${cast}`;
    const known = this.#acceptors.get(key);
    if (known !== undefined) return known;
    const acceptor = { ...parts, number };
    this.#acceptors.set(key, acceptor);
    return acceptor;
  }

  #storageParts({ enrolment, counter, ledgers, votes }: AcceptorState["storage"]): unknown {
    if (enrolment === null) return null;
    return [enrolment.retired !== null, ledgers, votes, this.#budgets.restoredAcceptors > 0 ? counter : 0];
  }

  /** An acceptor's event: admit, step, persist, answer. */
  #ask(acceptor: AcceptorState, i: number, request: Request): Outcome {
    let outcomes = this.#outcomes.get(acceptor);
    if (outcomes === undefined) {
      outcomes = new Map();
      this.#outcomes.set(acceptor, outcomes);
    }
    const known = outcomes.get(request.number);
    if (known !== undefined) return known;
    const outcome = this.#askAnew(acceptor, i, request);
    outcomes.set(request.number, outcome);
    return outcome;
  }

  #askAnew(acceptor: AcceptorState, i: number, request: Request): Outcome {
    const { storage, told } = acceptor;
    const { body } = request;
    const admission = this.#roles.admit(
      storage.enrolment,
      storage.counter,
      addressOf(members, at(regions, i), request.seen),
    );
    if (!admission.admitted) {
      const after =
        admission.persist === null
          ? acceptor
          : this.#acceptor(i, { ...acceptor, storage: persist(storage, admission.persist, []) });
      return { after, answer: null, refused: true, broken: null };
    }
    const asked = JSON.parse(JSON.stringify(body)) as ProtocolRequest;
    const { reply, persist: changes } = this.#roles.stepAcceptor(viewOf(storage, this.#budgets.pageRows), asked, 0);
    const next = persist(storage, admission.persist, changes);
    const says = reply.type === "promise" || reply.type === "accepted" ? reply.ballot : null;
    const broken: Rule | null =
      says !== null && told !== null && outranks(told, says) ? "A1-A2 no ballot below the promise is served" : null;
    const voted = reply.type === "accepted" && body.type === "accept";
    const after = this.#acceptor(i, {
      ...acceptor,
      // Repeated answers are counted too, but only where counters are followed does that make another state.
      storage: this.#budgets.restoredAcceptors > 0 ? next : { ...next, counter: 0 },
      cast: acceptor.cast | (voted ? 1 << this.observer.pair(body.slot, body.ballot) : 0),
      told: says !== null && outranks(says, told) ? says : told,
    });
    const refused = reply.type !== "promise" && reply.type !== "accepted" && reply.type !== "standing";
    return { after, answer: this.#answer(i, request, reply, next.counter), refused, broken };
  }

  #answer(i: number, request: Request, reply: ProtocolReply, counter: number): Answer {
    const seen = this.#budgets.restoredAcceptors > 0 ? counter : 0;
    // The reader proposes nothing: whom an acceptor promised is of no use to it.
    const told = reply.type !== "standing" ? reply : { ...reply, promised: null, ...this.#uncounted() };
    const text = JSON.stringify(told);
    const key = `${i}/${request.number}/${text}/${seen}`;
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const asked = { region: at(regions, i), text: request.text };
    const says = saysOf(reply);
    const answer: Answer = {
      number: this.#answers.size,
      nameless: numberOf(this.#nameless, `${request.number}/${text}/${seen}`),
      from: request.from,
      asked,
      key: keyOf(asked),
      reply: text,
      counter: seen,
      says,
      title: `${at(regions, i)}: ${says}`,
    };
    this.#answers.set(key, answer);
    return answer;
  }

  #uncounted(): { readonly votes?: [] } {
    return this.#budgets.readerCounts ? {} : { votes: [] };
  }

  // --- machines ---

  /** What a machine can make of its answers in this state. */
  readings(state: State, p: number): Readings {
    const machine = at(state.machines, p);
    const waiting: Waiting[] = [];
    for (const [i, answers] of state.answers.entries()) {
      for (const answer of answers.list) if (answer.from === p) waiting.push(answer);
      if (!this.#budgets.refusalsHeard || this.#budgets.requestsOnce) continue;
      // A refusal leaves nothing behind at the acceptor: it is asked for when it is read.
      for (const request of at(state.requests, i).list) {
        if (request.from !== p || !machine.open.has(`${at(regions, i)} ${request.text}`)) continue;
        const { answer, refused } = this.#ask(at(state.acceptors, i), i, request);
        if (refused && answer !== null) waiting.push(answer);
      }
    }
    const handedOver = p === readerIndex ? this.judge(state).chosen : [];
    return this.#reader.readings(machine, waiting, handedOver, this.#now(state, p));
  }

  #now(state: State, p: number): number {
    return p === readerIndex || this.#budgets.clocks ? state.acknowledged : 0;
  }

  *#proposerEvents(state: State, p: number): Generator<Successor<State>> {
    const { quiet, acted } = this.readings(state, p);
    const name = at(names, p);
    for (const { state: machine, sends, titles } of acted) {
      yield this.#event(state, `${name} reads [${titles}] and acts`, (draft) => this.#follow(draft, p, machine, sends));
    }
    const { left } = state;
    for (const { state: machine, titles } of quiet) {
      const reads = `${name} reads [${titles}] and`;
      const now = this.#now(state, p);
      if (this.#budgets.readingIsAStep && machine !== at(state.machines, p)) {
        yield this.#event(state, `${name} reads [${titles}]`, (draft) => this.#follow(draft, p, machine, []));
      }
      if (at(state.used, p) < at(this.#budgets.ballots, p)) {
        yield this.#event(state, `${reads} prepares`, (draft) => this.#prepare(draft, p, machine));
        if (left.proposerCrashes > 0) {
          yield this.#event(state, `${reads} crashes`, (draft) => {
            draft.left = { ...left, proposerCrashes: left.proposerCrashes - 1 };
            const starts = Number(machine.start.incarnation.split("-").at(-1)) + 1;
            const { round, applied } = machine;
            this.#prepare(draft, p, this.replay.begin(this.#startOf(name, round, starts, applied)));
          });
        }
      }
      if (left.asksAgain > 0 && machine.phase === "leading") {
        const { state: after, sends } = this.replay.step(machine, `again,${now}`, { type: "ask again", now });
        if (sends.length > 0) {
          yield this.#event(state, `${reads} asks again`, (draft) => {
            draft.left = { ...left, asksAgain: left.asksAgain - 1 };
            this.#follow(draft, p, after, sends);
          });
        }
      }
      if (this.#budgets.oneAtATime) yield* this.#oneAtATime(state, p, machine, reads, now);
      if ((this.#budgets.reads > 0 || this.#budgets.clocks) && machine.applied.length > state.acknowledged) {
        yield this.#event(state, `${reads} acknowledges up to slot ${machine.applied.length}`, (draft) => {
          draft.acknowledged = machine.applied.length;
          this.#follow(draft, p, machine, []);
        });
      }
    }
  }

  *#oneAtATime(state: State, p: number, machine: MachineState, reads: string, now: number) {
    if (machine.phase === "leading") {
      const { state: after, sends } = this.replay.step(machine, `on,${now}`, { type: "go on", now });
      if (sends.length > 0) {
        yield this.#event(state, `${reads} proposes the next`, (draft) => this.#follow(draft, p, after, sends));
      }
    }
    if (machine.behind <= machine.applied.length) return;
    const applied = valuesUpTo(this.judge(state).chosen, machine.behind);
    const input = { type: "snapshot", applied, now } as const;
    const { state: after } = this.replay.step(machine, `snapshot ${applied.join()},${now}`, input);
    yield this.#event(state, `${reads} loads a snapshot`, (draft) => this.#follow(draft, p, after, []));
  }

  #prepare(draft: Draft, p: number, machine: MachineState): void {
    draft.used = draft.used.with(p, at(draft.used, p) + 1);
    const now = this.#now(draft, p);
    const { state, sends } = this.replay.step(machine, `prepare,${now}`, { type: "prepare", now });
    this.#follow(draft, p, state, sends);
  }

  #startBarrier(draft: Draft, machine: MachineState): void {
    const { acknowledged } = draft;
    const started = at(draft.used, readerIndex) + 1;
    draft.used = draft.used.with(readerIndex, started);
    const reader = { name: `read-${started}`, atLeast: acknowledged };
    const input = { type: "read", reader, now: acknowledged } as const;
    const { state, sends } = this.replay.step(machine, `read ${started},${acknowledged}`, input);
    this.#follow(draft, readerIndex, state, sends);
  }

  /** A machine has a new state, and sent something. */
  #follow(draft: Draft, p: number, machine: MachineState, sends: readonly Asked[]): void {
    draft.machines = draft.machines.with(p, machine);
    for (const [i, answers] of draft.answers.entries()) {
      const open = answers.list.filter((answer) => answer.from !== p || machine.open.has(answer.key));
      if (open.length < answers.list.length) draft.answers = draft.answers.with(i, this.#answerSet(open));
    }
    for (const asked of sends) {
      const i = regions.indexOf(asked.region);
      const request = this.#request(p, asked);
      const before = at(draft.requests, i);
      if (!before.list.includes(request)) {
        draft.requests = draft.requests.with(i, this.#requestSet([...before.list, request]));
      }
      if (request.body.type === "accept") this.#noteSent(draft, request.body);
    }
  }

  #noteSent(draft: Draft, { slot, ballot, value }: ProtocolRequest & { readonly type: "accept" }): void {
    // Less than P1 asks, but enough: who promised this ballot has said yes to it, or to a higher one since.
    const promised = draft.acceptors.filter(({ told }) => told !== null && !outranks(ballot, told));
    if (promised.length < 2) draft.broken ??= "P1 a majority promised first";
    const sent = this.observer.send(draft.sent, this.observer.pair(slot, ballot), value);
    if (sent === null) draft.broken ??= "P4 one value for each slot and ballot";
    else draft.sent = sent;
  }

  #request(from: number, { text }: Asked): Request {
    const known = this.#requests.get(text);
    if (known !== undefined) return known;
    const { body, seen } = JSON.parse(text) as { readonly body: ProtocolRequest; readonly seen: number };
    const number = this.#requests.size;
    const request = { number, from, text, body, seen, title: titleOf(at(names, from), body) };
    this.#requests.set(text, request);
    return request;
  }

  #requestSet(list: readonly Request[]): SetOf<Request> {
    return setOf(this.#requestSets, list);
  }

  #answerSet(list: readonly Answer[]): SetOf<Answer> {
    return setOf(this.#answerSets, list);
  }
}

function setOf<Item extends { readonly number: number }>(
  known: Map<string, SetOf<Item>>,
  items: readonly Item[],
): SetOf<Item> {
  const list = items.toSorted((a, b) => a.number - b.number);
  const text = list.map(({ number }) => number).join(",");
  const before = known.get(text);
  if (before !== undefined) return before;
  const set = { number: known.size, list };
  known.set(text, set);
  return set;
}

function numberOf(known: Map<string, number>, text: string): number {
  const before = known.get(text);
  if (before !== undefined) return before;
  known.set(text, known.size);
  return known.size - 1;
}

function valuesUpTo(chosen: readonly ChosenValue[], last: number): readonly string[] {
  return Array.from({ length: last }, (_, index) => {
    const entry = chosen.find(({ slot }) => slot === index + 1);
    if (entry === undefined) throw new Error(`L5 only chosen slots are trimmed: ${index + 1}`);
    return entry.value;
  });
}

function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new Error(`nothing at ${index}`);
  return item;
}
