/**
 * Histories for the checker's tests: long ones from a seed, in which everything really happened at one moment between
 * its call and its return; and the same with one answer made wrong.
 */
import { apply, emptyStore } from "./oracle.ts";
import type { Condition, KeyValueCall, KeyValueInput, KeyValueOutput } from "./key-value-calls.ts";

export interface Shape {
  readonly seed: number;
  readonly calls: number;
  readonly clients: number;
  readonly keys: number;
  /** Of all calls, how many lose their answer. Every second one of these takes effect all the same, some much later. */
  readonly unknown: number;
  /** Of all calls, how many read the whole store. */
  readonly lists: number;
  /** Without conditions and deletes, if false. */
  readonly conditions: boolean;
}

interface Intent {
  readonly client: string;
  readonly calledAt: number;
  readonly returnedAt: number;
  readonly effectAt: number;
  readonly isUnknown: boolean;
}

export function generateHistory(shape: Shape): readonly KeyValueCall[] {
  const random = randomOf(shape.seed);
  const intents = intentsOf(shape, random);
  const calls: KeyValueCall[] = [];
  let store = emptyStore;
  for (const [number, intent] of intents.toSorted((a, b) => a.effectAt - b.effectAt).entries()) {
    const key = `k${Math.floor(random() * shape.keys)}`;
    const held = store.entries.get(key)?.modRevision ?? null;
    const input = inputOf(shape, key, `v${number}`, held, random);
    const isRead = input.type === "get" || input.type === "list";
    // Now and then somebody else takes a revision.
    const taken = store.revision + (random() < 0.05 ? 1 : 0) + (isRead ? 0 : 1);
    const isDeleteOfNothing = input.type === "delete" && held === null;
    const applied =
      intent.effectAt === Infinity ? null : apply(store, input, isDeleteOfNothing ? store.revision : taken);
    if (applied !== null) [store] = applied;
    const output = intent.isUnknown || applied === null ? null : applied[1];
    const { client, calledAt, returnedAt } = intent;
    calls.push({ client, input, output, calledAt, returnedAt: output === null ? Infinity : returnedAt });
  }
  return calls;
}

function intentsOf(shape: Shape, random: () => number): readonly Intent[] {
  const intents: Intent[] = [];
  const freeAt = Array.from({ length: shape.clients }, () => Math.floor(random() * 10));
  while (intents.length < shape.calls) {
    const client = intents.length % shape.clients;
    const calledAt = freeAt[client] ?? 0;
    const returnedAt = calledAt + 1 + Math.floor(random() * 20);
    const isUnknown = random() < shape.unknown;
    const takes = random() * (isUnknown ? 300 : returnedAt - calledAt);
    const effectAt = isUnknown && random() < 0.5 ? Infinity : calledAt + takes;
    intents.push({ client: `c${client}`, calledAt, returnedAt, effectAt, isUnknown });
    freeAt[client] = returnedAt + Math.floor(random() * 6);
  }
  return intents;
}

function inputOf(shape: Shape, key: string, value: string, held: number | null, random: () => number): KeyValueInput {
  if (random() < shape.lists) return { type: "list" };
  const kind = random();
  if (kind < 0.5) return { type: "get", key };
  const condition = shape.conditions ? conditionOf(held, random) : ({ type: "always" } as const);
  return kind < 0.6 && shape.conditions ? { type: "delete", key, condition } : { type: "put", key, value, condition };
}

function conditionOf(held: number | null, random: () => number): Condition {
  const kind = random();
  if (kind < 0.6) return { type: "always" };
  if (kind < 0.75) return { type: "absent" };
  if (kind < 0.85) return { type: "present" };
  return { type: "unchanged-since", modRevision: Math.max(1, (held ?? 1) - (random() < 0.3 ? 1 : 0)) };
}

/** One get in the middle shows what an acknowledged put had replaced before it began. Its revision stays. */
export function withStaleRead(calls: readonly KeyValueCall[]): readonly KeyValueCall[] {
  const byCall = calls.toSorted((a, b) => a.calledAt - b.calledAt);
  for (let at = Math.floor(byCall.length / 2); at < byCall.length; at += 1) {
    const read = byCall[at];
    if (read?.input.type !== "get" || read.output?.type !== "value" || read.output.value === null) continue;
    const { key } = read.input;
    const puts = byCall.flatMap(({ input, output, returnedAt }) =>
      input.type === "put" && input.key === key && output?.type === "put" && returnedAt < read.calledAt
        ? [{ value: input.value, modRevision: output.revision }]
        : [],
    );
    const [replaced] = puts.toSorted((a, b) => b.modRevision - a.modRevision).slice(1);
    if (replaced === undefined) continue;
    const output: KeyValueOutput = { type: "value", ...replaced, revision: read.output.revision };
    return byCall.with(at, { ...read, output });
  }
  throw new Error("no read to make stale");
}

/** Mulberry32: small, and the same everywhere. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
