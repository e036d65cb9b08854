/**
 * Synod's store, one call at a time, for the checker: what `src/store/operations.ts` promises about values, conditions
 * and revisions (SPEC R1), written again from the promise and not from the code. Leases and kept equal values are not
 * part of it; histories with transactions have a model of their own (`transaction-model.ts`).
 *
 * Revisions are one sequence: every change takes a higher one than all before it, a read is served at one that is no
 * lower. Others, who are not in the history, take revisions too, so there are gaps.
 */
import { assertNever } from "../../src/support/assert.ts";
import { checkLinearizable } from "./check.ts";
import type { Budget } from "./check.ts";
import type { SequentialModel, Verdict } from "./history.ts";
import { keysOf, partitionByKey } from "./key-value-calls.ts";
import type { Condition, KeyValueCall, KeyValueInput, KeyValueOutput } from "./key-value-calls.ts";
import { checkTransactions, hasTransactions } from "./transaction-model.ts";
import { prepare } from "./unknown-outcomes.ts";
import type { PreparedInput } from "./unknown-outcomes.ts";

/**
 * `nameless`: there, by an unknown put of which no revision is ever seen (M1). `gone`: absent, by an unknown delete (M2).
 * `isOwed`: by an unknown put that was given this name, and was not named yet.
 */
type Held =
  | { readonly type: "absent" }
  | { readonly type: "gone" }
  | { readonly type: "nameless" }
  | { readonly type: "entry"; readonly value: string; readonly modRevision: number; readonly isOwed: boolean };

export interface StoreState {
  /** All keys of the history, always in the same order. */
  readonly keys: ReadonlyMap<string, Held>;
  /**
   * The lowest that the store's revision can be. A put that is named takes its revision at once; an unknown write that
   * never is takes the lowest, which leaves the most room and so excludes nothing.
   */
  readonly revision: number;
  /** M3: how many unknown calls of each kind are in the order. No part of the state's text: the order tells it. */
  readonly used: ReadonlyMap<string, number>;
}

const absent: Held = { type: "absent" };

/** Of prepared calls only: it leaves out what no smallest order does (`unknown-outcomes.ts`). */
export function storeModel(keys: readonly string[]): SequentialModel<StoreState, PreparedInput, KeyValueOutput> {
  return {
    initial: { keys: new Map(keys.map((key) => [key, absent])), revision: 0, used: new Map() },
    step(state, prepared, output) {
      const { input } = prepared;
      if (output === null) return stepUnknown(state, prepared);
      switch (input.type) {
        case "get":
          return output.type === "value" ? get(state, input.key, output) : [];
        case "put":
          return stepPut(state, input, output);
        case "delete":
          return stepDelete(state, input, output);
        case "list":
          return output.type === "entries" ? list(state, output) : [];
        case "txn":
          throw new Error("transactions are judged by their own model");
        default:
          return assertNever(input, "input");
      }
    },
    text: textOf,
    counter: { read: ({ revision }) => revision, lastFor: lastRevisionFor },
    describe: ({ input }, output) =>
      `${describeInput(input)} -> ${output === null ? "unknown" : describeOutput(output)}`,
  };
}

/** A write that made a revision comes below it, a read that was served at one not above it. */
function lastRevisionFor(output: KeyValueOutput): number {
  switch (output.type) {
    case "put":
      return output.revision - 1;
    case "deleted":
      return output.existed ? output.revision - 1 : output.revision;
    case "value":
    case "entries":
      return output.revision;
    case "condition-failed":
      return Infinity;
    case "txn":
      return output.revision;
    default:
      return assertNever(output, "output");
  }
}

type Put = Extract<KeyValueInput, { type: "put" }>;
type Delete = Extract<KeyValueInput, { type: "delete" }>;
type Output<Type> = Extract<KeyValueOutput, { type: Type }>;
type States = readonly StoreState[];

const impossible: States = [];

function get(state: StoreState, key: string, output: Output<"value">): States {
  const held = heldBy(state, key);
  if (output.revision < state.revision || !shows(held, output.value, output.modRevision)) return impossible;
  return [seen(state, key, output.revision)];
}

function list(state: StoreState, output: Output<"entries">): States {
  if (output.revision < state.revision) return impossible;
  const listed = new Map(output.entries.map((entry) => [entry.key, entry]));
  for (const [key, held] of state.keys) {
    const { value, modRevision } = listed.get(key) ?? { value: null, modRevision: 0 };
    if (!shows(held, value, modRevision)) return impossible;
  }
  let after = { ...state, revision: output.revision };
  for (const key of state.keys.keys()) after = seen(after, key, output.revision);
  return [after];
}

function shows(held: Held, value: string | null, modRevision: number): boolean {
  if (held.type === "entry") return held.value === value && held.modRevision === modRevision;
  return held.type !== "nameless" && value === null && modRevision === 0;
}

/** Somebody was told what the key holds: an unknown call that made it so has mattered. */
function seen(state: StoreState, key: string, revision: number): StoreState {
  const held = heldBy(state, key);
  if (held.type === "gone") return change(state, key, absent, revision);
  if (held.type === "entry" && held.isOwed) return change(state, key, { ...held, isOwed: false }, revision);
  return revision === state.revision ? state : { ...state, revision };
}

function stepPut(state: StoreState, { key, value, condition }: Put, output: KeyValueOutput): States {
  const held = heldBy(state, key);
  if (output.type === "condition-failed") return refuse(state, key, condition, output);
  if (output.type !== "put" || output.revision <= state.revision) return impossible;
  if (!holds(condition, held) || !mayFollow(held, condition)) return impossible;
  const { revision } = output;
  return [change(state, key, { type: "entry", value, modRevision: revision, isOwed: false }, revision)];
}

function stepDelete(state: StoreState, { key, condition }: Delete, output: KeyValueOutput): States {
  const held = heldBy(state, key);
  if (output.type === "condition-failed") return refuse(state, key, condition, output);
  if (output.type !== "deleted" || !holds(condition, held)) return impossible;
  const { existed, revision } = output;
  if (existed !== isPresent(held)) return impossible;
  if (existed ? revision <= state.revision : revision < state.revision) return impossible;
  if (!existed) return [seen(state, key, revision)];
  return isOwedAfter(held, condition) ? impossible : [change(state, key, absent, revision)];
}

function refuse(state: StoreState, key: string, condition: Condition, output: Output<"condition-failed">): States {
  const held = heldBy(state, key);
  if (holds(condition, held) || held.type === "nameless") return impossible;
  if (output.modRevision !== (held.type === "entry" ? held.modRevision : null)) return impossible;
  return [seen(state, key, state.revision)];
}

/** The states in which the call took effect: where it did not, it need not be in the order. */
function stepUnknown(state: StoreState, { input, names, mayBeNameless, equals, turn }: PreparedInput): States {
  if (input.type === "get" || input.type === "list" || input.type === "txn") return impossible;
  const { key, condition } = input;
  const held = heldBy(state, key);
  // M3.
  if ((state.used.get(equals) ?? 0) !== turn || !holds(condition, held)) return impossible;
  const lowest = state.revision + 1;
  const after: StoreState = { ...state, used: new Map(state.used).set(equals, turn + 1) };
  if (input.type === "delete") {
    // M2.
    if (held.type !== "entry" || isOwedAfter(held, condition)) return impossible;
    return [change(after, key, { type: "gone" }, lowest)];
  }
  const { value } = input;
  const possible = mayFollow(held, condition) ? names.filter((name) => name >= lowest) : [];
  const states = possible.map((modRevision) =>
    change(after, key, { type: "entry", value, modRevision, isOwed: true }, modRevision),
  );
  // M1.
  if (mayBeNameless && held.type === "absent") states.push(change(after, key, { type: "nameless" }, lowest));
  return states;
}

/** What an unknown call did must matter to the next change of its key (M1, M2). Asked of puts whose condition holds. */
function mayFollow(held: Held, condition: Condition): boolean {
  if (held.type === "nameless") return condition.type === "present";
  if (held.type === "gone") return condition.type === "absent";
  return !isOwedAfter(held, condition);
}

/** Whether a name that was given away remains untold when the key changes under this condition. */
function isOwedAfter(held: Held, condition: Condition): boolean {
  return held.type === "entry" && held.isOwed && condition.type !== "unchanged-since";
}

function holds(condition: Condition, held: Held): boolean {
  switch (condition.type) {
    case "always":
      return true;
    case "absent":
      return !isPresent(held);
    case "present":
      return isPresent(held);
    case "unchanged-since":
      // A revision that a condition names is a name: the key would be an entry.
      return held.type === "entry" && held.modRevision === condition.modRevision;
    default:
      return assertNever(condition, "condition");
  }
}

function isPresent(held: Held): boolean {
  return held.type === "entry" || held.type === "nameless";
}

function heldBy(state: StoreState, key: string): Held {
  return state.keys.get(key) ?? absent;
}

function change(state: StoreState, key: string, held: Held, revision: number): StoreState {
  return { ...state, keys: new Map(state.keys).set(key, held), revision };
}

function textOf({ keys, revision }: StoreState): string {
  let text = `@${revision}`;
  for (const [key, held] of keys) {
    if (held.type !== "absent") text += ` ${JSON.stringify(key)}=${heldText(held)}`;
  }
  return text;
}

function heldText(held: Held): string {
  if (held.type !== "entry") return held.type;
  return `${JSON.stringify(held.value)}@${held.modRevision}${held.isOwed ? ", unread" : ""}`;
}

function describeInput(input: KeyValueInput): string {
  if (input.type === "list") return "list";
  if (input.type === "get") return `get ${JSON.stringify(input.key)}`;
  if (input.type === "txn") return JSON.stringify(input);
  const { condition } = input;
  const since = condition.type === "unchanged-since" ? ` ${condition.modRevision}` : "";
  const value = input.type === "put" ? ` ${JSON.stringify(input.value)}` : "";
  return `${input.type} ${JSON.stringify(input.key)}${value} (${condition.type}${since})`;
}

function describeOutput(output: KeyValueOutput): string {
  switch (output.type) {
    case "value":
      return `${JSON.stringify(output.value)}@${output.modRevision} at revision ${output.revision}`;
    case "put":
      return `revision ${output.revision}`;
    case "deleted":
      return `${output.existed ? "deleted" : "nothing there"} at revision ${output.revision}`;
    case "condition-failed":
      return `condition failed, ${output.modRevision === null ? "absent" : `@${output.modRevision}`}`;
    case "entries": {
      const entries = output.entries.map(({ key, value, modRevision }) => `${key}=${value}@${modRevision}`);
      return `{${entries.join(" ")}} at revision ${output.revision}`;
    }
    case "txn":
      return JSON.stringify(output);
    default:
      return assertNever(output, "output");
  }
}

/**
 * The whole history: values, lists, and revisions as one sequence across all keys. First key by key: what is wrong with
 * one key is found there for a fraction of the steps, and reported without all the others. With transactions, as a whole.
 */
export function checkStore(calls: readonly KeyValueCall[], budget?: Budget): Verdict {
  if (hasTransactions(calls)) return checkTransactions(calls, budget);
  const registers = checkRegisters(calls, budget);
  if (registers.type === "violated") return registers;
  const verdict = checkLinearizable(storeModel(keysOf(calls)), prepare(calls), budget);
  return { ...verdict, steps: verdict.steps + registers.steps };
}

/**
 * Each key by itself, which is fast and leaves out what concerns several keys at once (`partitionByKey`). The worst of
 * their verdicts, with the key in its report; a budget is for each key. Steps are those of all keys.
 */
export function checkRegisters(calls: readonly KeyValueCall[], budget?: Budget): Verdict {
  let steps = 0;
  let undecided: string | null = null;
  for (const [key, part] of partitionByKey(calls)) {
    const verdict = checkLinearizable(registerModel(key), prepare(part), budget);
    steps += verdict.steps;
    if (verdict.type === "linearizable") continue;
    const report = `key ${JSON.stringify(key)}: ${verdict.report}`;
    if (verdict.type === "violated") return { ...verdict, steps, report };
    undecided ??= report;
  }
  return undecided === null ? { type: "linearizable", steps } : { type: "undecided", steps, report: undecided };
}

/** One key, which is a store with one key. */
function registerModel(key: string): SequentialModel<StoreState, PreparedInput, KeyValueOutput> {
  return storeModel([key]);
}
