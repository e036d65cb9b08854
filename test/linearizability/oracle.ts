/**
 * Dumb twins of the checker's two halves, for its tests. A store that computes answers (the model only judges them), and
 * a judge that tries every order and every revision. It shares no code and no reasoning with either.
 */
import type { Condition, Got, KeyValueCall, KeyValueInput, KeyValueOutput } from "./key-value-calls.ts";

export interface DumbStore {
  readonly revision: number;
  readonly entries: ReadonlyMap<string, { readonly value: string; readonly modRevision: number }>;
}

export const emptyStore: DumbStore = { revision: 0, entries: new Map() };

/** What happens if the store's revision is `revision` when it is read, or becomes it when it changes. Null: it cannot. */
export function apply(store: DumbStore, input: KeyValueInput, revision: number): [DumbStore, KeyValueOutput] | null {
  const read = revision >= store.revision ? { ...store, revision } : null;
  if (input.type === "list") {
    const entries = [...store.entries].map(([key, entry]) => ({ key, ...entry }));
    return read && [read, { type: "entries", entries: entries.toSorted((a, b) => (a.key < b.key ? -1 : 1)), revision }];
  }
  if (input.type === "txn") return transact(store, input, revision);
  const entry = store.entries.get(input.key);
  if (input.type === "get") {
    return (
      read && [read, { type: "value", value: entry?.value ?? null, modRevision: entry?.modRevision ?? 0, revision }]
    );
  }
  if (!conditionHolds(input.condition, entry?.modRevision ?? null)) {
    return [store, { type: "condition-failed", modRevision: entry?.modRevision ?? null }];
  }
  if (input.type === "delete" && entry === undefined)
    return read && [read, { type: "deleted", existed: false, revision }];
  if (revision <= store.revision) return null;
  const entries = new Map(store.entries);
  if (input.type === "delete") {
    entries.delete(input.key);
    return [
      { revision, entries },
      { type: "deleted", existed: true, revision },
    ];
  }
  entries.set(input.key, { value: input.value, modRevision: revision });
  return [
    { revision, entries },
    { type: "put", revision },
  ];
}

function transact(
  store: DumbStore,
  { compares, success, failure }: Extract<KeyValueInput, { type: "txn" }>,
  revision: number,
): [DumbStore, KeyValueOutput] | null {
  const succeeded = compares.every(
    ({ key, modRevision }) => (store.entries.get(key)?.modRevision ?? 0) === modRevision,
  );
  const entries = new Map(store.entries);
  const got: Got[] = [];
  let changes = 0;
  for (const step of succeeded ? success : failure) {
    const entry = entries.get(step.key);
    if (step.type === "get") got.push({ value: entry?.value ?? null, modRevision: entry?.modRevision ?? 0 });
    else if (step.type === "put") entries.set(step.key, { value: step.value, modRevision: revision });
    else if (!entries.delete(step.key)) continue;
    if (step.type !== "get") changes += 1;
  }
  if (changes === 0 ? revision < store.revision : revision <= store.revision) return null;
  return [
    { revision, entries: changes === 0 ? store.entries : entries },
    { type: "txn", succeeded, got, revision },
  ];
}

function conditionHolds(condition: Condition, modRevision: number | null): boolean {
  if (condition.type === "always") return true;
  if (condition.type === "absent") return modRevision === null;
  if (condition.type === "present") return modRevision !== null;
  return modRevision === condition.modRevision;
}

/** Tries everything: for a handful of calls. */
export function isLinearizable(calls: readonly KeyValueCall[]): boolean {
  const revisions = calls.flatMap(({ output }) => revisionsOf(output));
  // Unknown writes may take revisions that nobody mentions: at most one each.
  const unknown = calls.filter(({ output }) => output === null).length;
  return isOrdered(calls, Math.max(0, ...revisions) + unknown, emptyStore);
}

function revisionsOf(output: KeyValueOutput | null): readonly number[] {
  if (output === null) return [];
  const own = "revision" in output ? output.revision : 0;
  if (output.type === "txn") return [own, ...output.got.map(({ modRevision }) => modRevision)];
  return "modRevision" in output ? [own, output.modRevision ?? 0] : [own];
}

function isOrdered(calls: readonly KeyValueCall[], maxRevision: number, store: DumbStore): boolean {
  if (calls.every((call) => call.output === null)) return true;
  return calls.some((call) => {
    if (calls.some((other) => other.output !== null && other.returnedAt < call.calledAt)) return false;
    const rest = calls.filter((other) => other !== call);
    for (let revision = 0; revision <= maxRevision; revision += 1) {
      const applied = apply(store, call.input, revision);
      if (applied === null) continue;
      const [after, output] = applied;
      if (call.output !== null && JSON.stringify(sorted(call.output)) !== JSON.stringify(output)) continue;
      // An unknown call without an effect may as well be left out.
      if (call.output === null && after.entries === store.entries) continue;
      if (isOrdered(rest, maxRevision, after)) return true;
    }
    return false;
  });
}

function sorted(output: KeyValueOutput): KeyValueOutput {
  if (output.type !== "entries") return output;
  return { ...output, entries: output.entries.toSorted((a, b) => (a.key < b.key ? -1 : 1)) };
}
