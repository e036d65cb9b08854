/**
 * The checker itself: cases from the textbook, long histories, and wrong checkers that some history tells from the right
 * one. That it agrees with a dumb judge on everything small is in `oracle.test.ts`.
 */
import { expect, test } from "vitest";
import { checkLinearizable } from "./check.ts";
import { generateHistory, withStaleRead } from "./generate.ts";
import type { Call, SequentialModel, Verdict } from "./history.ts";
import type { Condition, KeyValueCall, KeyValueInput, KeyValueOutput } from "./key-value-calls.ts";
import { checkRegisters, checkStore } from "./key-value-model.ts";

const always = { type: "always" } as const;
const get = (key = "x"): KeyValueInput => ({ type: "get", key });
const put = (value: string, condition: Condition = always, key = "x"): KeyValueInput => ({
  type: "put",
  key,
  value,
  condition,
});
const remove = (condition: Condition = always): KeyValueInput => ({ type: "delete", key: "x", condition });
const shown = (value: string | null, modRevision: number, revision = modRevision): KeyValueOutput => ({
  type: "value",
  value,
  modRevision,
  revision,
});
const made = (revision: number): KeyValueOutput => ({ type: "put", revision });

/** A call from one instant to another; without an output nobody knows. */
function call<Input>(from: number, to: number, input: Input): Call<Input, never>;
function call<Input, Output>(from: number, to: number, input: Input, output: Output): Call<Input, Output>;
function call<Input, Output>(
  from: number,
  to: number,
  input: Input,
  output: Output | null = null,
): Call<Input, Output> {
  return { client: `c${from}`, input, output, calledAt: from, returnedAt: output === null ? Infinity : to };
}

function bothSay(calls: readonly KeyValueCall[]): Verdict["type"] {
  const verdict = checkStore(calls);
  expect(checkRegisters(calls).type).toBe(verdict.type);
  return verdict.type;
}

test("a read that overlaps a write may show what was there before, or after", () => {
  const write = call(1, 2, put("a"), made(1));
  expect(bothSay([write, call(3, 9, put("b"), made(2)), call(4, 5, get(), shown("a", 1))])).toBe("linearizable");
  expect(bothSay([write, call(3, 9, put("b"), made(2)), call(4, 5, get(), shown("b", 2))])).toBe("linearizable");
});

test("once a read has shown the new value, a later one must not show the old (new-old inversion)", () => {
  const reads = [call(4, 5, get(), shown("b", 2)), call(6, 7, get(), shown("a", 1, 2))];
  expect(bothSay([call(1, 2, put("a"), made(1)), call(3, 9, put("b"), made(2)), ...reads])).toBe("violated");
});

test("a stale read: the write it misses was over", () => {
  const writes = [call(1, 2, put("a"), made(1)), call(3, 4, put("b"), made(2))];
  expect(bothSay([...writes, call(5, 6, get(), shown("a", 1))])).toBe("violated");
  expect(bothSay([...writes, call(5, 6, get(), shown("a", 1, 2))])).toBe("violated");
});

test("calls that touch at one instant are concurrent", () => {
  const write = call(1, 2, put("a"), made(1));
  expect(bothSay([write, call(2, 3, get(), shown(null, 0))])).toBe("linearizable");
  expect(bothSay([write, call(2.1, 3, get(), shown(null, 0))])).toBe("violated");
});

test("a lost update: two writers are both told that nothing changed since what they read", () => {
  const since: Condition = { type: "unchanged-since", modRevision: 1 };
  const first = [call(1, 2, put("a"), made(1)), call(3, 8, put("b", since), made(2))];
  expect(bothSay([...first, call(4, 9, put("c", since), made(3))])).toBe("violated");
  const refused: KeyValueOutput = { type: "condition-failed", modRevision: 2 };
  expect(bothSay([...first, call(4, 9, put("c", since), refused)])).toBe("linearizable");
});

test("a read of a value that nobody wrote", () => {
  expect(bothSay([call(1, 2, put("a"), made(1)), call(3, 4, get(), shown("z", 2))])).toBe("violated");
});

test("a read shows the right value under another write's revision", () => {
  const writes = [call(1, 2, put("a"), made(1)), call(3, 4, put("a"), made(2))];
  expect(bothSay([...writes, call(5, 6, get(), shown("a", 2))])).toBe("linearizable");
  expect(bothSay([...writes, call(5, 6, get(), shown("a", 1, 2))])).toBe("violated");
});

test("writes in the reverse of real time: the later one has the lower revision", () => {
  const later = call(3, 4, put("b"), made(1));
  expect(bothSay([call(1, 2, put("a"), made(2)), later])).toBe("violated");
  expect(bothSay([call(1, 3, put("a"), made(2)), later])).toBe("linearizable");
});

test("an unknown write is read later, and from then on it is there", () => {
  const start = [call(1, 2, put("a"), made(1)), call(3, 4, put("b")), call(5, 6, get(), shown("a", 1))];
  const read = call(7, 8, get(), shown("b", 2));
  expect(bothSay([...start, read, call(9, 10, get(), shown("b", 2))])).toBe("linearizable");
  expect(bothSay([...start, read, call(9, 10, get(), shown("b", 3))])).toBe("violated");
});

test("an unknown write vanishes after having been read", () => {
  const start = [call(1, 2, put("a"), made(1)), call(3, 4, put("b")), call(5, 6, get(), shown("b", 2))];
  expect(bothSay([...start, call(7, 8, get(), shown("a", 1, 2))])).toBe("violated");
  expect(bothSay([...start, call(7, 8, get(), shown("a", 1))])).toBe("violated");
});

test("an unknown write takes effect after its client gave up, and wrote something else", () => {
  const calls = [call(1, 2, put("a")), call(3, 4, put("b"), made(1)), call(5, 6, get(), shown("b", 1))];
  expect(bothSay([...calls, call(7, 8, get(), shown("a", 2))])).toBe("linearizable");
});

test("an unknown write takes effect once", () => {
  const calls = [call(1, 2, put("a")), call(3, 4, get(), shown("a", 1)), call(5, 6, put("b"), made(2))];
  expect(bothSay([...calls, call(7, 8, get(), shown("a", 3))])).toBe("violated");
  expect(bothSay([...calls, call(2.5, 3, put("a")), call(7, 8, get(), shown("a", 3))])).toBe("linearizable");
});

test("an unknown write takes no effect before it was called", () => {
  expect(bothSay([call(1, 2, get(), shown("a", 1)), call(3, 4, put("a"))])).toBe("violated");
});

test("an unknown put that is only known by what it allowed: a delete found it", () => {
  const deleted: KeyValueOutput = { type: "deleted", existed: true, revision: 2 };
  expect(bothSay([call(1, 2, put("a")), call(3, 4, remove(), deleted)])).toBe("linearizable");
  expect(bothSay([call(1, 2, put("a")), call(3, 4, remove(), { ...deleted, revision: 1 })])).toBe("violated");
  const twice = [call(3, 4, remove(), deleted), call(5, 6, remove(), { ...deleted, revision: 4 })];
  expect(bothSay([call(1, 2, put("a")), ...twice])).toBe("violated");
  expect(bothSay([call(1, 2, put("a")), call(1, 2, put("b")), ...twice])).toBe("linearizable");
});

test("an unknown delete is only known by what it allowed: an `absent` put succeeded", () => {
  const again = call(5, 6, put("b", { type: "absent" }), made(3));
  expect(bothSay([call(1, 2, put("a"), made(1)), call(3, 4, remove()), again])).toBe("linearizable");
  expect(bothSay([call(1, 2, put("a"), made(2)), call(3, 4, remove()), again])).toBe("violated");
  expect(bothSay([call(1, 2, put("a"), made(1)), again])).toBe("violated");
});

test("a list shows one moment of all keys", () => {
  const writes = [call(1, 2, put("a"), made(1)), call(1, 2, put("a", always, "y"), made(2))];
  const later = [call(3, 9, put("b"), made(3)), call(3, 9, put("b", always, "y"), made(4))];
  const inOrder: KeyValueOutput = {
    type: "entries",
    entries: [
      { key: "y", value: "a", modRevision: 2 },
      { key: "x", value: "b", modRevision: 3 },
    ],
    revision: 3,
  };
  const torn: KeyValueOutput = {
    type: "entries",
    entries: [
      { key: "x", value: "a", modRevision: 1 },
      { key: "y", value: "b", modRevision: 4 },
    ],
    revision: 4,
  };
  const good = [...writes, ...later, call(4, 5, { type: "list" } as const, inOrder)];
  expect(bothSay(good)).toBe("linearizable");
  const bad = [...writes, ...later, call(4, 5, { type: "list" } as const, torn)];
  expect(bothSay(bad)).toBe("violated");
});

test("only the whole store sees revisions go back between keys", () => {
  const calls = [call(1, 2, put("a"), made(2)), call(3, 4, put("a", always, "y"), made(1))];
  expect(checkRegisters(calls).type).toBe("linearizable");
  expect(checkStore(calls).type).toBe("violated");
});

test("a report names the key, the last calls, the state, and what could not follow", () => {
  const calls = [call(1, 2, put("a"), made(1)), call(3, 4, put("b"), made(2)), call(5, 6, get(), shown("a", 1, 2))];
  const verdict = checkRegisters([...calls, call(1, 2, put("a", always, "other"), made(7))]);
  expect(verdict).toMatchObject({ type: "violated" });
  expect("report" in verdict ? verdict.report : "").toBe(
    `key "x": The longest order holds 2 of 3 calls with a known outcome. It ends with
  [1..2] c1: put "x" "a" (always) -> revision 1
  [3..4] c3: put "x" "b" (always) -> revision 2
in the state @2 "x"="b"@2. Real time lets these come next:
  [5..6] c5: get "x" -> "a"@1 at revision 2: not in this state`,
  );
});

test("a spent budget is no verdict", () => {
  const calls = [call(1, 2, put("a"), made(1)), call(3, 4, get(), shown("a", 1))];
  expect(checkRegisters(calls, { maxSteps: 1 })).toMatchObject({ type: "undecided", steps: 1 });
  expect(checkRegisters(calls, { maxSteps: 2 })).toMatchObject({ type: "linearizable", steps: 2 });
});

test("a call that returned before it began is a mistake of the recorder", () => {
  expect(() => checkRegisters([call(2, 1, get(), shown(null, 0))])).toThrow(/returned at 1/);
});

const long = { calls: 5000, clients: 8, unknown: 0.05 };

test.each([
  { ...long, seed: 1, keys: 1, lists: 0, conditions: false },
  { ...long, seed: 2, keys: 3, lists: 0, conditions: true },
  { ...long, seed: 3, keys: 10, lists: 0, conditions: true },
  { ...long, calls: 20_000, seed: 4, keys: 1, lists: 0, conditions: false },
])("registers, one by one: $calls calls to $keys keys, conditions $conditions", (shape) => {
  const history = generateHistory(shape);
  const unknown = history.filter((call) => call.output === null).length;
  expect(unknown).toBeGreaterThan(shape.calls * 0.04);
  expect(checkRegisters(history)).toMatchObject({ type: "linearizable" });
  expect(checkRegisters(withStaleRead(history))).toMatchObject({ type: "violated" });
});

test.each([
  { ...long, seed: 5, keys: 1, lists: 0.02, conditions: false },
  { ...long, seed: 6, keys: 10, lists: 0.02, conditions: false },
  { ...long, seed: 7, keys: 10, lists: 0.02, conditions: true },
])("the whole store: $calls calls to $keys keys, conditions $conditions", (shape) => {
  const history = generateHistory(shape);
  expect(history.filter((call) => call.input.type === "list").length).toBeGreaterThan(shape.calls * 0.01);
  expect(checkStore(history)).toMatchObject({ type: "linearizable" });
  expect(checkStore(withStaleRead(history))).toMatchObject({ type: "violated" });
});

// Broken twins of the checker, on a plain register that knows nothing of revisions: these find the answer elsewhere.

type CellInput = { readonly type: "write"; readonly value: string } | { readonly type: "read" } | Swap;
interface Swap {
  readonly type: "swap";
  readonly from: string;
  readonly to: string;
}
/** Of a read the value; of a write or a successful swap nothing. */
type CellOutput = string;

const cell: SequentialModel<string, CellInput, CellOutput> = {
  initial: "",
  step(state, input, output) {
    if (input.type === "read") return output === null || output === state ? [state] : [];
    if (input.type === "write") return [input.value];
    return state === input.from ? [input.to] : [];
  },
  text: (state) => state,
  describe: (input, output) => `${JSON.stringify(input)} -> ${output}`,
};
const write = (value: string): CellInput => ({ type: "write", value });
const read: CellInput = { type: "read" };

type CellCalls = readonly Call<CellInput, CellOutput>[];
const right = (calls: CellCalls): string => checkLinearizable(cell, calls).type;

test("broken twin: real time ignored, a stale read passes", () => {
  const stale: CellCalls = [call(1, 2, write("a"), ""), call(3, 4, write("b"), ""), call(5, 6, read, "a")];
  const timeless = stale.map((call) => ({ ...call, calledAt: 0, returnedAt: 1 }));
  expect(checkLinearizable(cell, timeless).type).toBe("linearizable");
  expect(right(stale)).toBe("violated");
});

test("broken twin: equal times taken for an order", () => {
  const touching: CellCalls = [call(1, 2, write("a"), ""), call(2, 3, read, "")];
  const shrunk = touching.map((call) => ({
    ...call,
    calledAt: call.calledAt + 0.1,
    returnedAt: call.returnedAt - 0.1,
  }));
  expect(checkLinearizable(cell, shrunk).type).toBe("violated");
  expect(right(touching)).toBe("linearizable");
});

test("broken twin: an unknown call taken for one that never happened", () => {
  const seen: CellCalls = [call(1, 2, write("a")), call(3, 4, read, "a")];
  const known = seen.filter((call) => call.output !== null);
  expect(checkLinearizable(cell, known).type).toBe("violated");
  expect(right(seen)).toBe("linearizable");
});

test("broken twin: an unknown call taken for one that certainly happened", () => {
  const swap: CellInput = { type: "swap", from: "z", to: "a" };
  const unneeded: CellCalls = [call(1, 2, write("b"), ""), call(3, 4, swap), call(5, 6, read, "b")];
  const certain = unneeded.map((call) => ({ ...call, output: call.output ?? "" }));
  expect(checkLinearizable(cell, certain).type).toBe("violated");
  expect(right(unneeded)).toBe("linearizable");
});

test("broken twin: an unknown call taken to end when its client gave up", () => {
  const late: CellCalls = [call(1, 2, write("a")), call(3, 4, write("b"), ""), call(5, 6, read, "a")];
  const ended = late.map((call) => ({
    ...call,
    output: call.output ?? "",
    returnedAt: Math.min(call.returnedAt, 2 + call.calledAt),
  }));
  expect(
    checkLinearizable(
      cell,
      ended.map((call, at) => (at === 0 ? { ...call, returnedAt: 2 } : call)),
    ).type,
  ).toBe("violated");
  expect(right(late)).toBe("linearizable");
});

test("of two unknown calls that lead to one state, the one that is not needed later is used", () => {
  const swap: CellInput = { type: "swap", from: "", to: "a" };
  const reads: CellCalls = [call(3, 4, read, "a"), call(5, 6, write("c"), ""), call(7, 8, read, "a")];
  // The write is tried first. Were it forgotten that the other way still has it, that way would seem to be tried.
  expect(right([call(1, 2, write("a")), call(2, 3, swap), ...reads])).toBe("linearizable");
  expect(right([call(2, 3, swap), ...reads])).toBe("violated");
});

test("broken twin: the memory keeps which calls were tried, and forgets the state they led to", () => {
  const either: CellCalls = [call(1, 3, write("a"), ""), call(1, 4, write("b"), ""), call(5, 6, read, "a")];
  const forgetful = { ...cell, text: () => "" };
  expect(checkLinearizable(forgetful, either).type).toBe("violated");
  expect(right(either)).toBe("linearizable");
});

test("broken twin: only the first of several possible states is followed", () => {
  const open = {
    ...cell,
    step: (state: string, input: CellInput, output: string | null) =>
      input.type === "swap" ? [input.from, input.to] : cell.step(state, input, output),
  };
  const narrow = { ...open, step: (...of: Parameters<typeof open.step>) => open.step(...of).slice(0, 1) };
  const second: CellCalls = [call(1, 2, { type: "swap", from: "a", to: "b" }, ""), call(3, 4, read, "b")];
  expect(checkLinearizable(narrow, second).type).toBe("violated");
  expect(checkLinearizable(open, second).type).toBe("linearizable");
});
