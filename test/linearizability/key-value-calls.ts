/**
 * Calls to Synod's store, as the simulator and the chaos runs write them down for the checker, and the part of a history
 * that concerns one key. The meaning of the calls is in `key-value-model.ts`.
 *
 * A write that was told `not-applied` has no place in a history, and one that may or may not have happened has the
 * output null. The history must hold every write to the keys it mentions; what others wrote to other keys shows as gaps
 * between revisions.
 */
import type { Call } from "./history.ts";

/** As in `src/store/command.ts`, without brands. */
export type Condition =
  | { readonly type: "always" }
  | { readonly type: "absent" }
  | { readonly type: "present" }
  | { readonly type: "unchanged-since"; readonly modRevision: number };

export type KeyValueInput =
  | { readonly type: "get"; readonly key: string }
  | { readonly type: "put"; readonly key: string; readonly value: string; readonly condition: Condition }
  | { readonly type: "delete"; readonly key: string; readonly condition: Condition }
  /** All keys at once. */
  | { readonly type: "list" }
  /** Several keys under one revision: the first branch if every comparison holds, else the second. */
  | {
      readonly type: "txn";
      readonly compares: readonly Compared[];
      readonly success: readonly Step[];
      readonly failure: readonly Step[];
    };

/** Holds when the key was last changed by that revision; 0: when it is absent. */
export interface Compared {
  readonly key: string;
  readonly modRevision: number;
}

/** No key is changed twice. A get shows what earlier steps of its transaction did. */
export type Step =
  | { readonly type: "get"; readonly key: string }
  | { readonly type: "put"; readonly key: string; readonly value: string }
  | { readonly type: "delete"; readonly key: string };

/** What a get within a transaction shows; 0 and null when the key is absent. */
export interface Got {
  readonly value: string | null;
  readonly modRevision: number;
}

export interface ListedEntry {
  readonly key: string;
  readonly value: string;
  readonly modRevision: number;
}

/** `revision` is the store's: the one that a write made, or at which a read was served. */
export type KeyValueOutput =
  /** `modRevision` is 0 when the key is absent. */
  | { readonly type: "value"; readonly value: string | null; readonly modRevision: number; readonly revision: number }
  | { readonly type: "put"; readonly revision: number }
  | { readonly type: "deleted"; readonly existed: boolean; readonly revision: number }
  /** Null: the key is absent. */
  | { readonly type: "condition-failed"; readonly modRevision: number | null }
  | { readonly type: "entries"; readonly entries: readonly ListedEntry[]; readonly revision: number }
  /** `revision` is the store's after it, whether it changed anything or not. */
  | { readonly type: "txn"; readonly succeeded: boolean; readonly got: readonly Got[]; readonly revision: number };

export type KeyValueCall = Call<KeyValueInput, KeyValueOutput>;

/** Every key that a call names or shows. */
export function keysOf(calls: readonly KeyValueCall[]): readonly string[] {
  const keys = new Set<string>();
  for (const { input, output } of calls) {
    if (input.type === "txn") {
      for (const { key } of [...input.compares, ...input.success, ...input.failure]) keys.add(key);
    } else if (input.type !== "list") keys.add(input.key);
    if (output?.type === "entries") for (const { key } of output.entries) keys.add(key);
  }
  return [...keys].toSorted();
}

/**
 * What each key saw of the history. A list counts as a get of every key. The history is linearizable only if each part
 * is: an order of the whole, without the other keys' calls, is an order of the part. That the parts suffice is Herlihy &
 * Wing's locality (1990), and holds for values; not for lists, which read many keys at one moment, nor for revisions,
 * which all keys share. Those need the whole history.
 */
export function partitionByKey(calls: readonly KeyValueCall[]): ReadonlyMap<string, readonly KeyValueCall[]> {
  const parts = new Map<string, KeyValueCall[]>(keysOf(calls).map((key) => [key, []]));
  for (const call of calls) {
    // Of transactions no part is a call to one key: `checkStore` judges their histories as a whole.
    if (call.input.type === "txn") continue;
    if (call.input.type !== "list") parts.get(call.input.key)?.push(call);
    else for (const [key, part] of parts) part.push(asGet(call, key));
  }
  return parts;
}

function asGet(call: KeyValueCall, key: string): KeyValueCall {
  const input = { type: "get", key } as const;
  if (call.output?.type !== "entries") return { ...call, input };
  const entry = call.output.entries.find((listed) => listed.key === key);
  const { revision } = call.output;
  const { value, modRevision } = entry ?? { value: null, modRevision: 0 };
  return { ...call, input, output: { type: "value", value, modRevision, revision } };
}
