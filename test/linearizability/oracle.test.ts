/**
 * On every small history the checker says what a judge says who tries every order and every revision (`oracle.ts`): in
 * both directions, for one key and for the whole store, and with values that are not unique.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { checkLinearizable } from "./check.ts";
import { keysOf } from "./key-value-calls.ts";
import type { Condition, Got, KeyValueCall, KeyValueInput, KeyValueOutput, Step } from "./key-value-calls.ts";
import { checkRegisters, checkStore, storeModel } from "./key-value-model.ts";
import { apply, emptyStore, isLinearizable } from "./oracle.ts";
import { checkTransactions, named, transactionModel } from "./transaction-model.ts";
import { prepare } from "./unknown-outcomes.ts";

const conditions: fc.Arbitrary<Condition> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Condition>({ type: "always" }) },
  fc.constantFrom<Condition>({ type: "absent" }, { type: "present" }),
  fc.integer({ min: 1, max: 4 }).map((modRevision): Condition => ({ type: "unchanged-since", modRevision })),
);

function inputs(keys: readonly string[]): fc.Arbitrary<KeyValueInput> {
  const key = fc.constantFrom(...keys);
  const value = fc.constantFrom("a", "b");
  return fc.oneof(
    { weight: 3, arbitrary: fc.record({ type: fc.constant("get" as const), key }) },
    { weight: 4, arbitrary: fc.record({ type: fc.constant("put" as const), key, value, condition: conditions }) },
    { weight: 3, arbitrary: fc.record({ type: fc.constant("delete" as const), key, condition: conditions }) },
    ...(keys.length === 1 ? [] : [{ weight: 2, arbitrary: fc.constant<KeyValueInput>({ type: "list" }) }]),
  );
}

const steps: fc.Arbitrary<readonly Step[]> = fc.uniqueArray(
  fc.record({
    type: fc.constantFrom("get", "put", "put", "delete"),
    key: fc.constantFrom("x", "y"),
    value: fc.constantFrom("a", "b"),
  }),
  { maxLength: 3, selector: ({ type, key }) => (type === "get" ? `get ${key}` : key) },
) as fc.Arbitrary<readonly Step[]>;

/** Transactions among other calls. */
function transactional(keys: readonly string[]): fc.Arbitrary<KeyValueInput> {
  const compare = fc.record({ key: fc.constantFrom(...keys), modRevision: fc.nat({ max: 4 }) });
  const transaction = fc.record({
    type: fc.constant("txn" as const),
    compares: fc.array(compare, { maxLength: 2 }),
    success: steps,
    failure: steps,
  });
  return fc.oneof({ weight: 3, arbitrary: transaction }, { weight: 2, arbitrary: inputs(keys) });
}

/** What really happened, one after another; times around it; then perhaps a lie. */
function histories(
  keys: readonly string[],
  inputsOf: (keys: readonly string[]) => fc.Arbitrary<KeyValueInput> = inputs,
): fc.Arbitrary<readonly KeyValueCall[]> {
  const happening = fc.record({
    input: inputsOf(keys),
    fate: fc.constantFrom("known", "known", "known", "unknown", "unknown", "lost"),
    early: fc.integer({ min: 0, max: 25 }),
    late: fc.integer({ min: 0, max: 25 }),
    gap: fc.constantFrom(0, 0, 0, 1),
  });
  const lies = fc.array(fc.record({ at: fc.nat({ max: 4 }), kind: fc.nat({ max: 4 }) }), { maxLength: 4 });
  return fc.tuple(fc.array(happening, { minLength: 2, maxLength: 6 }), lies).map(([happenings, lies]) => {
    let store = emptyStore;
    const calls: KeyValueCall[] = happenings.map(({ input, fate, early, late, gap }, number) => {
      const lost = fate === "lost";
      const applied = lost
        ? null
        : (apply(store, input, store.revision + gap) ?? apply(store, input, store.revision + gap + 1));
      if (applied !== null) [store] = applied;
      const output = fate === "known" && applied !== null ? applied[1] : null;
      const calledAt = number * 10 - early;
      return {
        client: `c${number}`,
        input,
        output,
        calledAt,
        returnedAt: output === null ? Infinity : number * 10 + late,
      };
    });
    for (const { at, kind } of lies) {
      const call = calls[at];
      if (call?.output) calls[at] = { ...call, output: lie(call.output, kind) };
    }
    return calls;
  });
}

function lie(output: KeyValueOutput, kind: number): KeyValueOutput {
  switch (output.type) {
    case "value":
      if (kind === 0) return { ...output, revision: output.revision + 1 };
      if (kind === 1)
        return { ...output, value: output.value === "a" ? "b" : "a", modRevision: output.modRevision || 1 };
      if (kind === 2) return { ...output, value: null, modRevision: 0 };
      return { ...output, modRevision: output.value === null ? 0 : Math.max(1, output.modRevision + kind * 2 - 7) };
    case "put":
      return { ...output, revision: Math.max(1, output.revision + (kind % 2 === 0 ? 1 : -1)) };
    case "deleted":
      if (kind < 3)
        return { ...output, existed: !output.existed, revision: output.revision + (output.existed ? 0 : 1) };
      return { ...output, revision: Math.max(1, output.revision + kind * 2 - 7) };
    case "condition-failed":
      return {
        ...output,
        modRevision: output.modRevision === null ? kind + 1 : kind < 3 ? output.modRevision + 1 : null,
      };
    case "entries":
      if (kind < 3) return { ...output, entries: output.entries.slice(1) };
      return { ...output, revision: Math.max(0, output.revision + kind * 2 - 7) };
    case "txn":
      if (kind === 0) return { ...output, succeeded: !output.succeeded };
      if (kind === 1)
        return {
          ...output,
          got: output.got.map((one) => ({
            ...one,
            value: one.value === "a" ? "b" : "a",
            modRevision: one.modRevision || 1,
          })),
        };
      if (kind === 2) return { ...output, got: output.got.map(() => ({ value: null, modRevision: 0 })) };
      return { ...output, revision: Math.max(0, output.revision + kind * 2 - 7) };
    default:
      return output;
  }
}

interface Tally {
  linearizable: number;
  violated: number;
  /** Judged linearizable, and would not be without its unknown calls. */
  neededUnknown: number;
}

function compare(
  keys: readonly string[],
  check: typeof checkStore,
  numRuns: number,
  made: fc.Arbitrary<readonly KeyValueCall[]> = histories(keys),
): Tally {
  const tally: Tally = { linearizable: 0, violated: 0, neededUnknown: 0 };
  fc.assert(
    fc.property(made, (calls) => {
      const expected = isLinearizable(calls) ? "linearizable" : "violated";
      const verdict = check(calls);
      expect(verdict.type).toBe(expected);
      tally[expected] += 1;
      const known = calls.filter((call) => call.output !== null);
      if (expected === "linearizable" && !isLinearizable(known)) tally.neededUnknown += 1;
    }),
    { numRuns },
  );
  if (process.env["TALLY"]) console.log(tally);
  return tally;
}

test("one key: the verdicts agree", { timeout: 60_000 }, () => {
  const tally = compare(["x"], checkRegisters, 6000);
  expect(tally.linearizable).toBeGreaterThan(1500);
  expect(tally.violated).toBeGreaterThan(1000);
  expect(tally.neededUnknown).toBeGreaterThan(150);
});

test("two keys and lists: the verdicts on the whole store agree", { timeout: 60_000 }, () => {
  const tally = compare(["x", "y"], checkStore, 4000);
  expect(tally.linearizable).toBeGreaterThan(1000);
  expect(tally.violated).toBeGreaterThan(700);
  expect(tally.neededUnknown).toBeGreaterThan(50);
});

test("two keys and transactions: the verdicts on the whole store agree", { timeout: 60_000 }, () => {
  const keys = ["x", "y"];
  const tally = compare(keys, checkStore, 3000, histories(keys, transactional));
  expect(tally.linearizable).toBeGreaterThan(700);
  expect(tally.violated).toBeGreaterThan(500);
  expect(tally.neededUnknown).toBeGreaterThan(50);
});

test("without transactions the two models of the whole store agree", { timeout: 60_000 }, () => {
  compare(["x", "y"], checkTransactions, 2000);
});

test("the whole-store model by itself agrees, without the keys being judged first", { timeout: 60_000 }, () => {
  compare(["x", "y"], (calls) => checkLinearizable(storeModel(keysOf(calls)), prepare(calls)), 3000);
});

test("the model's counter saves work and changes no verdict", () => {
  fc.assert(
    fc.property(histories(["x", "y"]), (calls) => {
      const { counter, ...without } = storeModel(keysOf(calls));
      expect(counter).toBeDefined();
      const prepared = prepare(calls);
      const quick = checkLinearizable({ ...without, ...(counter && { counter }) }, prepared);
      expect(checkLinearizable(without, prepared).type).toBe(quick.type);
    }),
    { numRuns: 2000 },
  );
});

/** Wrong preparations and models: the comparison above must find each of them. */
const twins: Readonly<Record<string, (calls: readonly KeyValueCall[]) => string>> = {
  "real time is ignored": (calls) =>
    checkStore(calls.map((call) => ({ ...call, calledAt: 0, returnedAt: call.output === null ? Infinity : 1 }))).type,
  "unknown is never": (calls) => checkStore(calls.filter((call) => call.output !== null)).type,
  "the memory forgets the state": (calls) =>
    checkLinearizable({ ...storeModel(keysOf(calls)), text: () => "" }, prepare(calls)).type,
  "puts must be named": (calls) =>
    checkLinearizable(
      storeModel(keysOf(calls)),
      prepare(calls).map((call) => ({ ...call, input: { ...call.input, mayBeNameless: false } })),
    ).type,
  "unknown calls may be repeated": (calls) =>
    checkStore([...calls, ...calls.filter((call) => call.output === null)]).type,
  "the counter excludes a call too early": (calls) => {
    const model = storeModel(keysOf(calls));
    const counter = model.counter && {
      ...model.counter,
      lastFor: (output: KeyValueOutput) => (model.counter ? model.counter.lastFor(output) - 1 : 0),
    };
    return checkLinearizable({ ...model, ...(counter && { counter }) }, prepare(calls)).type;
  },
  "each key by itself is the whole store": (calls) => checkRegisters(calls).type,
};

test.each(Object.keys(twins))("broken twin: %s", (name) => {
  const twin = twins[name];
  const found = fc.check(
    fc.property(histories(["x", "y"]), (calls) => twin?.(calls) === checkStore(calls).type),
    { numRuns: 20_000 },
  );
  expect(found.failed).toBe(true);
  // Where they differ, the right one is right.
  const [calls] = found.counterexample ?? [[]];
  expect(checkStore(calls).type).toBe(isLinearizable(calls) ? "linearizable" : "violated");
});

/** Wrong models of transactions, told from the right one by some history. */
const transactionTwins: Readonly<Record<string, (calls: readonly KeyValueCall[]) => string>> = {
  "comparisons are ignored": (calls) => checkTransactions(calls.map((call) => rewritten(call, { compares: [] }))).type,
  "only the first step is done": (calls) =>
    checkTransactions(
      calls.map((call) =>
        call.input.type === "txn"
          ? rewritten(call, { success: call.input.success.slice(0, 1), failure: call.input.failure.slice(0, 1) })
          : call,
      ),
    ).type,
  "each change is a call of its own": (calls) => checkTransactions(calls.flatMap(apart)).type,
  "an unknown transaction never happened": (calls) =>
    checkTransactions(calls.filter(({ input, output }) => output !== null || input.type !== "txn")).type,
  "an unknown call makes no revision that is mentioned": (calls) =>
    checkLinearizable(
      transactionModel(),
      named(calls).map((call) => ({ ...call, input: { ...call.input, names: [] } })),
    ).type,
};

/** Broken twin, too rare to be found by chance: whatever revision is next counts as one that nobody mentions. */
const careless = (calls: readonly KeyValueCall[]) =>
  named(calls).map((call) => ({ ...call, input: { ...call.input, mentioned: new Set<number>() } }));

function rewritten(call: KeyValueCall, parts: Partial<Extract<KeyValueInput, { type: "txn" }>>): KeyValueCall {
  return call.input.type === "txn" ? { ...call, input: { ...call.input, ...parts } } : call;
}

/** What an unknown transaction would do, one step after another. */
function apart(call: KeyValueCall): readonly KeyValueCall[] {
  const { input, output } = call;
  if (input.type !== "txn" || output !== null || input.compares.length > 0) return [call];
  return input.success.flatMap((step): readonly KeyValueCall[] =>
    step.type === "get" ? [] : [{ ...call, input: { ...step, condition: { type: "always" } } }],
  );
}

test("a comparison that fails says which revision an unknown write did not make", () => {
  const put = (key: string): Step => ({ type: "put", key, value: "a" });
  const txn = (compares: readonly [string, number][], success: readonly Step[], failure: readonly Step[] = []) => ({
    type: "txn" as const,
    compares: compares.map(([key, modRevision]) => ({ key, modRevision })),
    success,
    failure,
  });
  const done = (at: number, input: KeyValueInput, succeeded: boolean, revision: number, got: readonly Got[] = []) => ({
    client: `c${at}`,
    input,
    output: { type: "txn" as const, succeeded, got, revision },
    calledAt: at,
    returnedAt: at,
  });
  const lost = (at: number, input: KeyValueInput) => ({
    client: `c${at}`,
    input,
    output: null,
    calledAt: at,
    returnedAt: Infinity,
  });
  // Revision 3 is the put's or the deletion's. The put's: the comparison with 3 would hold. The deletion's: 4 is the put's, of x too.
  const calls = [
    done(1, txn([["x", 1]], [], [put("x"), put("y")]), false, 2),
    lost(2, txn([], [put("y"), put("x")])),
    lost(3, txn([], [{ type: "delete", key: "x" }])),
    done(4, txn([["x", 3]], []), false, 3),
    done(5, txn([["y", 2]], [], [{ type: "get", key: "x" }]), false, 4, [{ value: null, modRevision: 0 }]),
  ];
  expect(isLinearizable(calls)).toBe(false);
  expect(checkTransactions(calls).type).toBe("violated");
  expect(checkLinearizable(transactionModel(), careless(calls)).type).toBe("linearizable");
});

test.each(Object.keys(transactionTwins))("broken twin of transactions: %s", (name) => {
  const twin = transactionTwins[name];
  const found = fc.check(
    fc.property(histories(["x", "y"], transactional), (calls) => twin?.(calls) === checkTransactions(calls).type),
    { numRuns: 20_000 },
  );
  expect(found.failed).toBe(true);
  const [calls] = found.counterexample ?? [[]];
  expect(checkTransactions(calls).type).toBe(isLinearizable(calls) ? "linearizable" : "violated");
});
