/**
 * Makes values of the machines: a state of one is the list of inputs that led to it, and a text of all that it remembers.
 * A step builds a fresh machine, gives it those inputs and one more, and reads the text anew; equal texts are one state,
 * and no step is taken twice. So the real class is checked, although it changes in place and cannot be copied.
 */
import type { Ballot } from "../../../src/paxos/ballot.ts";
import type { Leading, Proposer } from "../../../src/paxos/proposer.ts";
import type { ChosenValue } from "../../../src/replica/messages.ts";
import type { Slot } from "../../../src/support/brand.ts";
import { keyOf, Machine } from "./machine.ts";
import type { Asked, Input, Start } from "./machine.ts";
import { privateFields } from "./private-fields.ts";
import { regions } from "./state.ts";
import type { Budgets, Roles } from "./state.ts";

interface Inputs {
  readonly before: Inputs | null;
  readonly input: Input;
}

export interface MachineState {
  readonly number: number;
  readonly start: Start;
  readonly inputs: Inputs | null;
  /** The number of its text under each of the `renamings` of the acceptors. */
  readonly numbers: readonly number[];
  readonly phase: Proposer["phase"];
  readonly ballot: Ballot | null;
  /** The highest round in use: durable. */
  readonly round: number;
  readonly applied: readonly string[];
  /** Every slot whose value it takes to be chosen, with the value. */
  readonly learned: readonly ChosenValue[];
  /** Requests that wait for an answer. */
  readonly open: ReadonlyMap<string, Asked>;
  readonly behind: number;
  readonly seen: ReadonlyMap<string, number>;
  /** Reads answered, and those of them before which something had been acknowledged. */
  readonly served: number;
  readonly binding: number;
  /** Rules that its own answers to readers break. */
  readonly faults: readonly string[];
}

export interface Stepped {
  readonly state: MachineState;
  readonly sends: readonly Asked[];
}

/** Every way to call the three acceptors by each other's names: the first is the way they are called. */
export const renamings: readonly (readonly number[])[] = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];

/** Acceptor i is called by the name of the place that `renamings[r]` gives it. */
const namesUnder = renamings.map((order) => new Map(order.map((old, place) => [regions[old], regions[place] ?? ""])));

export class Replay {
  readonly #roles: Roles;
  readonly #budgets: Budgets;
  readonly #numbers = new Map<string, number>();
  readonly #states = new Map<number, MachineState>();
  readonly #leads = new WeakMap<Input, Leading>();
  readonly #steps = new Map<number, Map<string, Stepped>>();

  constructor(roles: Roles, budgets: Budgets) {
    this.#roles = roles;
    this.#budgets = budgets;
  }

  begin(start: Start): MachineState {
    return this.#enter(this.#build(start, null), start, null);
  }

  /** @param key names the input among all that this state may be given. */
  step(state: MachineState, key: string, input: Input): Stepped {
    let steps = this.#steps.get(state.number);
    if (steps === undefined) {
      steps = new Map();
      this.#steps.set(state.number, steps);
    }
    const known = steps.get(key);
    if (known !== undefined) return known;
    const machine = this.#build(state.start, state.inputs);
    const sends = machine.take(input);
    const stepped = { state: this.#enter(machine, state.start, { before: state.inputs, input }), sends };
    steps.set(key, stepped);
    return stepped;
  }

  #build(start: Start, inputs: Inputs | null): Machine {
    const machine = new Machine(this.#roles.makeLog, this.#roles.makeBarriers, this.#budgets, start, this.#leads);
    const list: Input[] = [];
    for (let at = inputs; at !== null; at = at.before) list.push(at.input);
    for (const input of list.toReversed()) machine.take(input);
    return machine;
  }

  #enter(machine: Machine, start: Start, inputs: Inputs | null): MachineState {
    const log = fieldsOf(machine.log);
    const proposer = log.get("#proposer") as Proposer;
    // Read only until a majority has promised, and cleared before the next attempt.
    if (proposer.phase !== "preparing") for (const field of ["#leads", "#clocks", "#refusing"]) log.delete(field);
    const barriers = machine.asks ? fieldsOf(machine.barriers) : new Map<string, unknown>();
    // Nothing in the model asks for them.
    for (const field of ["#reported", "#stuck"]) barriers.delete(field);
    const { applied, behind, waited } = machine;
    const { clocks, restoredAcceptors } = this.#budgets;
    const faults = faultsOf(machine);
    const binding = machine.served.filter(({ atLeast }) => atLeast > 0);
    const whole = [
      start,
      [...log],
      [...barriers],
      [
        applied,
        behind,
        waited,
        machine.round,
        machine.served.length,
        binding.length,
        faults,
        clocks ? machine.confirmed : null,
      ],
      new Set([...machine.open.values()].map(({ asked }) => [asked.region, asked.text])),
      restoredAcceptors > 0 ? machine.seen : null,
    ];
    const [asCalled = new Map<string, string>(), ...renamed] = namesUnder;
    const number = this.#number(render(whole, asCalled));
    const known = this.#states.get(number);
    if (known !== undefined) return known;
    const numbers = [number, ...renamed.map((names) => this.#number(render(whole, names)))];
    const chosen = [...(log.get("#chosen") as ReadonlyMap<Slot, string>)].map(([slot, value]) => ({ slot, value }));
    const state: MachineState = {
      number,
      start,
      inputs,
      numbers,
      phase: proposer.phase,
      ballot: proposer.phase === "idle" ? null : proposer.ballot,
      round: machine.round,
      applied: [...applied],
      learned: [...applied.map((value, index) => ({ slot: (index + 1) as Slot, value })), ...chosen],
      open: new Map([...machine.open.values()].map(({ asked }) => [keyOf(asked), asked])),
      behind,
      seen: restoredAcceptors > 0 ? (machine.seen as ReadonlyMap<string, number>) : new Map(),
      served: machine.served.length,
      binding: binding.length,
      faults,
    };
    this.#states.set(number, state);
    return state;
  }

  #number(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    this.#numbers.set(text, this.#numbers.size);
    return this.#numbers.size - 1;
  }
}

/** The clock shows the highest slot acknowledged, so a claim to be current as of then is one about slots. */
function faultsOf({ served, confirmed }: Machine): readonly string[] {
  const faults = new Set<string>();
  for (const read of served) {
    if (read.at < read.atLeast) faults.add("R1 a read finds all that was acknowledged before it");
    if (read.at < read.startedAt) faults.add("R4 a state is as current as it says");
  }
  if (confirmed !== null && confirmed[0] < confirmed[1]) faults.add("R4 a state is as current as it says");
  return [...faults].toSorted();
}

/** Where a field leads out of the machine's own memory. */
const outside = new Set(["#place", "#group", "#log", "#calls"]);

/** Private fields and public ones. */
function fieldsOf(object: object): Map<string, unknown> {
  return new Map([...Object.entries(object), ...privateFields(object, outside)]);
}

/** Maps and sets are sorted: nothing that they hold here is read in order of arrival, but to send in that order. */
function render(value: unknown, names: ReadonlyMap<string | undefined, string>): string {
  if (typeof value === "string") return names.get(value) ?? value;
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map((item) => render(item, names)).join(";")}]`;
  if (value instanceof Map) {
    return `{${[...value]
      .map(([key, item]) => `${render(key, names)}:${render(item, names)}`)
      .toSorted()
      .join(";")}}`;
  }
  if (value instanceof Set)
    return `<${[...value]
      .map((item) => render(item, names))
      .toSorted()
      .join(";")}>`;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype)
    throw new Error(`the model cannot tell two of these apart: ${Object.keys(value).join()}`);
  return `(${Object.entries(value)
    .map(([key, item]) => `${key}:${render(item, names)}`)
    .join(";")})`;
}
