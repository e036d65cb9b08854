/**
 * Synod's store with transactions, one call at a time, for the checker (SPEC V1, V2). Simpler than `key-value-model.ts`, and
 * slower: an unknown call may stand anywhere and take any revision that the history mentions and nobody is known to have
 * made, or one that it does not mention: of those the lowest, as it leaves the most room for what follows, and never read.
 */
import { checkLinearizable } from "./check.ts";
import type { Budget } from "./check.ts";
import type { Call, SequentialModel, Verdict } from "./history.ts";
import type { Condition, Got, KeyValueCall, KeyValueInput, KeyValueOutput, Step } from "./key-value-calls.ts";

/** `modRevision` null: a revision that the history does not mention. */
interface Held {
  readonly value: string;
  readonly modRevision: number | null;
}
type Keys = ReadonlyMap<string, Held>;

export interface TransactionState {
  readonly keys: Keys;
  /** The lowest that the store's revision can be. */
  readonly revision: number;
}

/** A call, with the revisions that it may have made if its outcome is unknown. */
interface Named {
  readonly input: KeyValueInput;
  readonly names: readonly number[];
  /** Those that would be noticed: a comparison that fails says that a key's last change was not this one. */
  readonly mentioned: ReadonlySet<number>;
}

/** What a call does in a state, if it makes this revision should it change anything. */
interface Done {
  readonly keys: Keys;
  readonly changed: boolean;
  readonly output: KeyValueOutput;
}

/** A revision that stands for all that are not mentioned, in outputs that are never compared. */
const unmentioned = -1;

export function transactionModel(): SequentialModel<TransactionState, Named, KeyValueOutput> {
  return {
    initial: { keys: new Map(), revision: 0 },
    step: ({ keys, revision }, { input, names, mentioned }, output) =>
      output === null ? unknown(keys, revision, { input, names, mentioned }) : known(keys, revision, input, output),
    text: ({ keys, revision }) => `@${revision} ${JSON.stringify([...keys].toSorted(([a], [b]) => (a < b ? -1 : 1)))}`,
    describe: ({ input }, output) => `${JSON.stringify(input)} -> ${JSON.stringify(output)}`,
    counter: {
      read: ({ revision }) => revision,
      lastFor: (output) => ("revision" in output ? output.revision : Infinity),
    },
  };
}

function known(keys: Keys, at: number, input: KeyValueInput, output: KeyValueOutput): readonly TransactionState[] {
  const revision = "revision" in output ? output.revision : at;
  const done = carryOut(keys, input, revision);
  if (JSON.stringify(sorted(done.output)) !== JSON.stringify(sorted(output))) return [];
  if (done.changed ? revision <= at : revision < at) return [];
  return [{ keys: done.keys, revision }];
}

function unknown(keys: Keys, at: number, { input, names, mentioned }: Named): readonly TransactionState[] {
  const states = names
    .filter((name) => name > at)
    .map((name) => ({ done: carryOut(keys, input, name), revision: name }));
  let unmentionedAfter = at + 1;
  while (mentioned.has(unmentionedAfter)) unmentionedAfter += 1;
  const unnamed = { done: carryOut(keys, input, null), revision: unmentionedAfter };
  // Without an effect it may as well be left out.
  return [...states, unnamed].flatMap(({ done, revision }) => (done.changed ? [{ keys: done.keys, revision }] : []));
}

function carryOut(keys: Keys, input: KeyValueInput, revision: number | null): Done {
  const at = revision ?? unmentioned;
  const read = (output: KeyValueOutput): Done => ({ keys, changed: false, output });
  switch (input.type) {
    case "get":
      return read({ type: "value", ...shown(keys, input.key), revision: at });
    case "list":
      return read({ type: "entries", entries: entriesOf(keys), revision: at });
    case "put":
    case "delete": {
      const held = keys.get(input.key);
      if (!holds(input.condition, held))
        return read({
          type: "condition-failed",
          modRevision: held === undefined ? null : (held.modRevision ?? unmentioned),
        });
      const { type, key } = input;
      if (type === "delete" && held === undefined) return read({ type: "deleted", existed: false, revision: at });
      const after = changed(keys, type === "put" ? { type, key, value: input.value } : { type, key }, revision);
      const output =
        type === "put"
          ? ({ type, revision: at } as const)
          : ({ type: "deleted", existed: true, revision: at } as const);
      return { keys: after, changed: true, output };
    }
    case "txn": {
      // All comparisons are of the state before it.
      const succeeded = input.compares.every(({ key, modRevision }) =>
        modRevision === 0 ? !keys.has(key) : keys.get(key)?.modRevision === modRevision,
      );
      let after = keys;
      const got: Got[] = [];
      for (const step of succeeded ? input.success : input.failure) {
        if (step.type === "get") got.push(shown(after, step.key));
        else after = changed(after, step, revision);
      }
      return { keys: after, changed: after !== keys, output: { type: "txn", succeeded, got, revision: at } };
    }
  }
}

function changed(keys: Keys, step: Exclude<Step, { readonly type: "get" }>, modRevision: number | null): Keys {
  if (step.type === "delete" && !keys.has(step.key)) return keys;
  const after = new Map(keys);
  if (step.type === "delete") after.delete(step.key);
  else after.set(step.key, { value: step.value, modRevision });
  return after;
}

function shown(keys: Keys, key: string): Got {
  const held = keys.get(key);
  return held === undefined
    ? { value: null, modRevision: 0 }
    : { ...held, modRevision: held.modRevision ?? unmentioned };
}

const entriesOf = (keys: Keys) =>
  [...keys.keys()]
    .toSorted()
    .map((key) => ({ key, value: keys.get(key)?.value ?? "", modRevision: shown(keys, key).modRevision }));

function sorted(output: KeyValueOutput): unknown {
  const parts = Object.entries(output).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const plain = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map((one: object) => Object.entries(one).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  const entries = output.type === "entries" ? output.entries.toSorted((a, b) => (a.key < b.key ? -1 : 1)) : null;
  return parts.map(([name, value]) => [name, plain(name === "entries" ? entries : value)]);
}

function holds(condition: Condition, held: Held | undefined): boolean {
  if (condition.type === "always") return true;
  if (condition.type === "absent") return held === undefined;
  if (condition.type === "present") return held !== undefined;
  return held?.modRevision === condition.modRevision;
}

/** Every revision that a call names, of any key, and that no known call has made. */
export function named(calls: readonly KeyValueCall[]): readonly Call<Named, KeyValueOutput>[] {
  const mentioned = new Set<number>();
  const made = new Set<number>();
  for (const { input, output } of calls) {
    if (input.type === "txn") for (const { modRevision } of input.compares) mentioned.add(modRevision);
    else if (input.type === "put" || input.type === "delete") {
      if (input.condition.type === "unchanged-since") mentioned.add(input.condition.modRevision);
    }
    if (output === null) continue;
    if (output.type === "value") mentioned.add(output.modRevision);
    if (output.type === "condition-failed") mentioned.add(output.modRevision ?? 0);
    if (output.type === "entries") for (const { modRevision } of output.entries) mentioned.add(modRevision);
    if (output.type === "txn") for (const { modRevision } of output.got) mentioned.add(modRevision);
    if (input.type === "txn" && output.type === "txn") {
      if ((output.succeeded ? input.success : input.failure).some(({ type }) => type === "put"))
        made.add(output.revision);
    }
    if (output.type === "put" || (output.type === "deleted" && output.existed)) made.add(output.revision);
  }
  const names = [...mentioned].filter((name) => name > 0 && !made.has(name)).toSorted((a, b) => a - b);
  return calls.map((call) => ({
    ...call,
    input: { input: call.input, names: call.output === null ? names : [], mentioned },
  }));
}

/** The whole history, transactions among it. */
export const checkTransactions = (calls: readonly KeyValueCall[], budget?: Budget): Verdict =>
  checkLinearizable(
    transactionModel(),
    named(calls.filter(({ input, output }) => output !== null || changes(input))),
    budget,
  );

const changes = ({ type }: KeyValueInput): boolean => type !== "get" && type !== "list";

/** True when a history needs this model. */
export const hasTransactions = (calls: readonly KeyValueCall[]): boolean =>
  calls.some(({ input }) => input.type === "txn");
