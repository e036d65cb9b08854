/**
 * What can be said beforehand about writes whose outcome nobody knows. Without it each of them might stand anywhere in an
 * order, and a refused history would cost two to their number. Called by `key-value-model.ts`, whose model relies on the
 * rules below; wrong rules here would refuse good histories.
 *
 * If a history has valid orders at all, take one with as few unknown calls as possible. Removing an unknown call from it
 * then never leaves a valid order. (Removing one takes a revision away, which is no harm: gaps are allowed.) It follows:
 *
 * - **M0**: it holds no unknown read, and no unknown write whose condition does not hold at its place: without them all
 *   else is the same.
 * - A put in it is *named* if a call tells its revision before the key changes again, or by changing it: a get, a list, a
 *   refusal, or a write `unchanged-since` that revision which takes effect. The history then holds the revision, together
 *   with this value if it was read, and no acknowledged write has made it. So the revisions a put can be named by are
 *   known: its `names`. Whoever gives a put a name has to see that it is named.
 * - **M1**: an unknown put that is not named has a next call N on its key, or it could go. N reads nothing, or it would
 *   name the put; N takes effect (M0), under `always` or `present`, since `absent` fails and `unchanged-since` would name
 *   it. Before the put the key was absent: otherwise the put could go, and N would fare the same. It was not absent
 *   through an unknown delete: both could go. N is no put under `always`: the put could go. N is no unknown delete: both
 *   could go. So N is a delete that is known to have found the key, or a put under `present`.
 * - **M2**: an unknown delete finds a key whose put is named (M1: otherwise this delete would be its N). It has a next
 *   call N on its key, or it could go. N is no write under `always` that takes effect, known to have found the key or
 *   not: the delete could go. So N shows that the key is absent: a get, a list, a refusal, a put under `absent`, a delete
 *   that found nothing.
 * - **M3**: unknown puts of one key with the same condition and names are equal if none of the names was ever read: their
 *   values are never seen. Without any names `absent` and `always` are the same condition, since such a put stands only
 *   where the key is absent (M1). Unknown deletes of one key with the same condition are equal, and `present` and
 *   `always` are the same (M2). Of equal calls the one called first may stand wherever another may, so there is a smallest
 *   order that uses them in the order in which they were called.
 *
 * Nothing here needs values to be unique. If they are, a put has at most the names it was read under, which is one.
 */
import type { Call } from "./history.ts";
import type { Condition, KeyValueCall, KeyValueInput, KeyValueOutput } from "./key-value-calls.ts";
import { keysOf } from "./key-value-calls.ts";

/** A call, with what matters if its outcome is unknown. */
export interface PreparedInput {
  readonly input: KeyValueInput;
  /** Of a put: the revisions it can be named by. */
  readonly names: readonly number[];
  /** Of a put: whether it may stand without being named (M1). */
  readonly mayBeNameless: boolean;
  /** M3: calls with the same text are equal, */
  readonly equals: string;
  /** and this is its number among them, by their beginnings, from 0. */
  readonly turn: number;
}

export type PreparedCall = Call<PreparedInput, KeyValueOutput>;

/** The same history without those unknown calls that are in no smallest order. */
export function prepare(calls: readonly KeyValueCall[]): readonly PreparedCall[] {
  const traces = tracesOf(calls);
  const acknowledged = new Set(calls.map(({ output }) => revisionMade(output)));
  const turns = new Map<string, number>();
  const prepared: PreparedCall[] = [];
  for (const call of calls.toSorted((a, b) => a.calledAt - b.calledAt)) {
    const { input, output } = call;
    if (output !== null) {
      prepared.push({ ...call, input: { input, names: [], mayBeNameless: false, equals: "", turn: 0 } });
      continue;
    }
    // M0.
    if (input.type === "get" || input.type === "list" || input.type === "txn") continue;
    const trace = traces.get(input.key);
    if (trace === undefined) continue;
    const { condition } = input;
    const names = input.type === "put" ? trace.namesFor(input.value).filter((name) => !acknowledged.has(name)) : [];
    const mayBeNameless = input.type === "put" && trace.presenceMatters && mayHold(condition, "absent");
    const mayDelete = input.type === "delete" && trace.absenceMatters && mayHold(condition, "present");
    // M0, M1, M2: no place where it could matter.
    if (names.length === 0 && !mayBeNameless && !mayDelete) continue;
    const value = input.type === "put" && names.some((name) => trace.wasRead(name)) ? input.value : null;
    const kind = names.length === 0 && condition.type !== "unchanged-since" ? null : condition;
    const equals = JSON.stringify([input.key, input.type, kind, names, value]);
    const turn = turns.get(equals) ?? 0;
    turns.set(equals, turn + 1);
    prepared.push({ ...call, input: { input, names, mayBeNameless, equals, turn } });
  }
  return prepared;
}

function mayHold(condition: Condition, when: "absent" | "present"): boolean {
  if (condition.type === "always" || condition.type === when) return true;
  return when === "present" && condition.type === "unchanged-since";
}

function revisionMade(output: KeyValueOutput | null): number | null {
  if (output?.type === "put") return output.revision;
  return output?.type === "deleted" && output.existed ? output.revision : null;
}

/** What the history shows of one key, apart from the writes' own answers. */
class Trace {
  /** Every revision that a call names, with the values it was read with: none if it was never read. */
  readonly #named = new Map<number, Set<string>>();
  /** M1: a call's answer may rest on the key being there, without naming the put that made it so. */
  presenceMatters = false;
  /** M2: a call's answer may rest on the key being absent. */
  absenceMatters = false;

  name(modRevision: number, value: string | null): void {
    const values = this.#named.get(modRevision) ?? new Set();
    if (value !== null) values.add(value);
    this.#named.set(modRevision, values);
  }

  wasRead(name: number): boolean {
    return (this.#named.get(name)?.size ?? 0) > 0;
  }

  namesFor(value: string): readonly number[] {
    const named = [...this.#named].filter(([, values]) => values.size === 0 || values.has(value));
    return named.map(([revision]) => revision).toSorted((a, b) => a - b);
  }
}

function tracesOf(calls: readonly KeyValueCall[]): ReadonlyMap<string, Trace> {
  const traces = new Map(keysOf(calls).map((key) => [key, new Trace()]));
  for (const call of calls) {
    const { input, output } = call;
    if (input.type === "txn") continue;
    if (input.type !== "list") {
      const trace = traces.get(input.key);
      if (trace !== undefined) note(trace, input, output);
      continue;
    }
    if (output?.type !== "entries") continue;
    const listed = new Map(output.entries.map((entry) => [entry.key, entry]));
    for (const [key, trace] of traces) {
      const entry = listed.get(key);
      if (entry === undefined) trace.absenceMatters = true;
      else trace.name(entry.modRevision, entry.value);
    }
  }
  return traces;
}

function note(
  trace: Trace,
  input: Exclude<KeyValueInput, { type: "list" | "txn" }>,
  output: KeyValueOutput | null,
): void {
  const condition = input.type === "get" ? null : input.condition.type;
  if (input.type !== "get" && input.condition.type === "unchanged-since" && output?.type !== "condition-failed") {
    trace.name(input.condition.modRevision, null);
  }
  if (input.type === "put" && condition === "present") trace.presenceMatters = true;
  if (input.type === "put" && condition === "absent") trace.absenceMatters = true;
  if (output?.type === "deleted") {
    if (output.existed) trace.presenceMatters = true;
    else trace.absenceMatters = true;
  }
  if (output?.type === "value") {
    if (output.value === null) trace.absenceMatters = true;
    else trace.name(output.modRevision, output.value);
  }
  if (output?.type === "condition-failed") {
    if (output.modRevision === null) trace.absenceMatters = true;
    else trace.name(output.modRevision, null);
  }
}
