/**
 * Is there an order of these calls that explains every answer and contradicts no clock? The search of Wing & Gong
 * ("Testing and Verifying Concurrent Objects", 1993) with Lowe's memory of what was tried ("Testing for
 * linearizability", 2017): two orders of the same calls that end in the same state have the same future, so the second
 * is not followed. Extended by answers that leave the state open (`step` gives several states, each is a branch), and by
 * calls whose outcome nobody knows (`output: null`), which may come late or never.
 *
 * Generic: the calls' meaning is the model's. No recursion: a history may be as long as memory allows.
 */
import type { Call, SequentialModel, Verdict } from "./history.ts";
import { Pending } from "./pending.ts";

export interface Budget {
  /** Calls of the model's `step`, which is what a search costs. */
  readonly maxSteps: number;
}

/** Some hundred steps for each call of the longest histories, and what is remembered of them fits into memory. */
const defaultBudget: Budget = { maxSteps: 2_000_000 };

export function checkLinearizable<State, Input, Output>(
  model: SequentialModel<State, Input, Output>,
  calls: readonly Call<Input, Output>[],
  budget: Budget = defaultBudget,
): Verdict {
  return new Search(model, calls).run(budget.maxSteps);
}

/** A call in the order, and what else could have been done in its place. */
interface Choice<State> {
  readonly turn: number;
  /** Before the call. */
  readonly state: State;
  readonly outcomes: readonly State[];
  /** The outcome after this one. */
  readonly nextOutcome: number;
}

/** The longest order found, kept for the report. */
interface Longest<State> {
  readonly length: number;
  readonly lastTurns: readonly number[];
  readonly state: State;
  readonly nextTurns: readonly number[];
  readonly left: number;
}

/** How many calls a report shows before the place where it went wrong, and after it. */
const REPORTED = 10;

class Search<State, Input, Output> {
  readonly #model: SequentialModel<State, Input, Output>;
  readonly #pending: Pending<Input, Output>;
  readonly #order: Choice<State>[] = [];
  readonly #tried = new Set<string>();
  #state: State;
  #steps = 0;
  #longest: Longest<State> | null = null;

  constructor(model: SequentialModel<State, Input, Output>, calls: readonly Call<Input, Output>[]) {
    this.#model = model;
    this.#pending = new Pending(calls, (output) => model.counter?.lastFor(output) ?? Infinity);
    this.#state = model.initial;
  }

  run(maxSteps: number): Verdict {
    /** The last turn that was tried after the order as it is. */
    let tried = -1;
    while (this.#pending.left > 0) {
      const turn = this.#pending.nextAfter(tried);
      if (turn === -1) {
        this.#remember();
        const back = this.#goBack();
        if (back === null) return { type: "violated", steps: this.#steps, report: this.#report() };
        tried = back;
        continue;
      }
      if (this.#steps >= maxSteps) {
        this.#remember();
        return { type: "undecided", steps: this.#steps, report: this.#report() };
      }
      this.#steps += 1;
      const { input, output } = this.#call(turn);
      tried = this.#follow(turn, this.#model.step(this.#state, input, output), 0) ? -1 : turn;
    }
    return { type: "linearizable", steps: this.#steps };
  }

  /** Puts the call into the order with the first outcome that is new; false when there is none. */
  #follow(turn: number, outcomes: readonly State[], from: number): boolean {
    if (from >= outcomes.length) return false;
    this.#pending.take(turn);
    const calls = this.#pending.text();
    const { lastCounter } = this.#pending;
    const { counter } = this.#model;
    for (const [index, outcome] of outcomes.entries()) {
      if (index < from) continue;
      // Some call that is still pending could never follow.
      if (counter !== undefined && counter.read(outcome) > lastCounter) continue;
      const key = `${calls} ${this.#model.text(outcome)}`;
      if (this.#tried.has(key)) continue;
      this.#tried.add(key);
      this.#order.push({ turn, state: this.#state, outcomes, nextOutcome: index + 1 });
      this.#state = outcome;
      return true;
    }
    this.#pending.putBack(turn);
    return false;
  }

  /** Takes calls off the order until one has another outcome (-1) or can be passed over (its turn). Null: all was tried. */
  #goBack(): number | null {
    const last = this.#order.pop();
    if (last === undefined) return null;
    this.#pending.putBack(last.turn);
    this.#state = last.state;
    return this.#follow(last.turn, last.outcomes, last.nextOutcome) ? -1 : last.turn;
  }

  /** Only where the search cannot go on, so that a long search does not copy its way at every step. */
  #remember(): void {
    const length = this.#pending.known - this.#pending.left;
    if (this.#longest !== null && length <= this.#longest.length) return;
    const nextTurns: number[] = [];
    for (let turn = this.#pending.nextAfter(-1); turn !== -1; turn = this.#pending.nextAfter(turn)) {
      nextTurns.push(turn);
    }
    const lastTurns = this.#order.slice(-REPORTED).map(({ turn }) => turn);
    this.#longest = { length, lastTurns, state: this.#state, nextTurns, left: this.#pending.left };
  }

  #report(): string {
    if (this.#longest === null) return "";
    const { length, lastTurns, state, nextTurns, left } = this.#longest;
    const shown = nextTurns.slice(0, REPORTED);
    return [
      `The longest order holds ${length} of ${length + left} calls with a known outcome. It ends with`,
      ...lastTurns.map((turn) => `  ${this.#describe(turn)}`),
      `in the state ${this.#model.text(state)}. Real time lets these come next:`,
      ...shown.map((turn) => `  ${this.#describe(turn)}: ${this.#whyNot(turn, state)}`),
      ...(nextTurns.length > shown.length ? [`  and ${nextTurns.length - shown.length} more`] : []),
    ].join("\n");
  }

  #whyNot(turn: number, state: State): string {
    const { input, output } = this.#call(turn);
    if (this.#model.step(state, input, output).length > 0) return "possible, but no order goes on after it";
    return output === null ? "would change nothing that a later answer needs" : "not in this state";
  }

  #describe(turn: number): string {
    const { client, input, output, calledAt, returnedAt } = this.#call(turn);
    const until = output === null ? "" : returnedAt;
    return `[${calledAt}..${until}] ${client}: ${this.#model.describe(input, output)}`;
  }

  #call(turn: number): Call<Input, Output> {
    const call = this.#pending.calls[turn];
    if (call === undefined) throw new Error(`no call has the turn ${turn}`);
    return call;
  }
}
