/**
 * What a write of Consul's does to its keys, decided on what they hold now: the rules of its locks, of `cas`, and of what
 * changes nothing. One request is a list of steps, each of which sees what the ones before it did. Pure: reads nothing,
 * writes nothing (`writing.ts`).
 */
import { assertNever } from "../../src/support/assert.ts";
import type { ByteString } from "../../src/support/brand.ts";
import { byteString } from "../../src/support/bytes.ts";
import { shownKey } from "./pairs.ts";
import type { Pair } from "./pairs.ts";
import type { Session } from "./sessions.ts";
import { sessionLease } from "./space.ts";

interface Writes {
  readonly key: ByteString;
  readonly value: Uint8Array;
  readonly flags: string;
}

export type Step =
  | ({ readonly verb: "set" } & Writes)
  /** Index "0": only where there is no such key. */
  | ({ readonly verb: "cas"; readonly index: string } & Writes)
  | ({ readonly verb: "lock" | "unlock"; readonly session: string } & Writes)
  | { readonly verb: "get" | "get-or-empty" | "check-not-exists" | "delete"; readonly key: ByteString }
  | { readonly verb: "get-tree" | "delete-tree"; readonly key: ByteString }
  | { readonly verb: "check-index" | "delete-cas"; readonly key: ByteString; readonly index: string }
  | { readonly verb: "check-session"; readonly key: ByteString; readonly session: string }
  /** What was not understood: fails in its place. */
  | { readonly verb: "fail"; readonly why: string };

/** A key before anything was done. */
export interface Standing {
  readonly pair: Pair | null;
  /** A session that ended keeps the key from others for a while. */
  readonly delayed: boolean;
}

export interface World {
  standing(key: ByteString): Standing;
  session(id: string): Session | null;
  /** The keys that begin with a prefix, in order: read before for every `get-tree`. */
  tree(prefix: ByteString): readonly ByteString[];
}

/** What becomes of a key. */
export interface Change {
  readonly before: Standing;
  readonly after: Pair | null;
  /** No lock-delay is left of whoever held it: it was released, or written by its holder. */
  readonly undelayed: boolean;
}

/** An index that this very write will give. */
export const pending = -1;

export interface Failure {
  readonly step: number;
  readonly what: string;
  /** Whether it is a plain "no": a condition that did not hold. */
  readonly no: boolean;
}

/** What a step answers: keys, with or without their values. */
export interface Told {
  readonly pair: Pair;
  readonly withValue: boolean;
}

export interface Decision {
  readonly told: readonly Told[];
  readonly failures: readonly Failure[];
  readonly changes: ReadonlyMap<ByteString, Change>;
  /** Prefixes of which everything goes, but for what `changes` puts. */
  readonly trees: readonly ByteString[];
}

/** Decides all steps. With failures nothing may be changed. */
export function decide(steps: readonly Step[], world: World): Decision {
  const deciding = new Deciding(world);
  for (const [index, step] of steps.entries()) deciding.take(index, step);
  return deciding;
}

const quoted = (key: ByteString): string => JSON.stringify(shownKey(key));

class Deciding implements Decision {
  readonly #world: World;
  readonly told: Told[] = [];
  readonly failures: Failure[] = [];
  readonly changes = new Map<ByteString, Change>();
  readonly trees: ByteString[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  take(index: number, step: Step): void {
    const fail = (what: string, no = true): void => {
      this.failures.push({ step: index, what, no });
    };
    switch (step.verb) {
      case "fail":
        return fail(step.why);
      case "set":
        return this.#set(step, {});
      case "cas":
        return this.#cas(step, fail);
      case "lock":
        return this.#lock(step, fail);
      case "unlock":
        return this.#unlock(step, fail);
      case "delete":
        return this.#remove(step.key);
      case "delete-cas": {
        const pair = this.#now(step.key);
        if (pair === null) return undefined;
        if (isAt(pair, step.index)) return this.#remove(step.key);
        return fail(`failed to delete key ${quoted(step.key)}, index is stale`);
      }
      case "delete-tree":
        return this.#removeTree(step.key);
      case "get-tree":
        return this.#tellTree(step.key);
      case "check-not-exists":
        return this.#now(step.key) === null ? undefined : fail(`key ${quoted(step.key)} exists`);
      case "get-or-empty":
        return this.#tell(this.#now(step.key) ?? emptyPair(step.key));
      case "get":
        return this.#ofPair(step.key, fail, (pair) => this.#tell(pair));
      case "check-index":
        return this.#ofPair(step.key, fail, (pair) => {
          if (isAt(pair, step.index)) return this.#tell(pair, false);
          const current = `current modify index ${pair.modifyIndex} != ${step.index}`;
          return fail(`failed index check for key ${quoted(step.key)}, ${current}`);
        });
      case "check-session":
        return this.#ofPair(step.key, fail, (pair) => {
          const session = pair.session ?? "";
          if (session === step.session) return this.#tell(pair, false);
          const current = `current session ${JSON.stringify(session)} != ${JSON.stringify(step.session)}`;
          return fail(`failed session check for key ${quoted(step.key)}, ${current}`);
        });
      default:
        return assertNever(step, "step");
    }
  }

  #ofPair(key: ByteString, fail: (what: string) => void, then: (pair: Pair) => void): void {
    const pair = this.#now(key);
    return pair === null ? fail(`key ${quoted(key)} doesn't exist`) : then(pair);
  }

  #cas(step: Extract<Step, { verb: "cas" }>, fail: (what: string) => void): void {
    const pair = this.#now(step.key);
    const holds = BigInt(step.index) === 0n ? pair === null : pair !== null && isAt(pair, step.index);
    return holds ? this.#set(step, {}) : fail(`failed to set key ${quoted(step.key)}, index is stale`);
  }

  #lock(step: Extract<Step, { verb: "lock" | "unlock" }>, fail: (what: string, no?: boolean) => void): void {
    const { key, session: id } = step;
    if (id === "") return fail("missing session", false);
    const session = this.#world.session(id);
    if (session === null) return fail(`invalid session ${JSON.stringify(id)}`, false);
    const pair = this.#now(key);
    const holder = pair?.session ?? null;
    if (holder === null && this.#world.standing(key).delayed) {
      return fail(`failed to lock key ${quoted(key)} due to lock delay`);
    }
    if (holder !== null && holder !== id) return fail(`failed to lock key ${quoted(key)}, lock is already held`);
    const lockIndex = (pair?.lockIndex ?? 0) + (holder === id ? 0 : 1);
    const lease = session.behavior === "delete" ? sessionLease(id) : null;
    return this.#set(step, { session: id, lockIndex, lease });
  }

  #unlock(step: Extract<Step, { verb: "lock" | "unlock" }>, fail: (what: string, no?: boolean) => void): void {
    const pair = this.#now(step.key);
    if (step.session === "") return fail("missing session", false);
    if (pair === null || pair.session !== step.session) {
      return fail(`failed to unlock key ${quoted(step.key)}, lock isn't held, or is held by another session`);
    }
    return this.#set(step, { session: null, lockIndex: pair.lockIndex, lease: null });
  }

  /** A plain write keeps who holds the key, and counts its locks from 0 again. */
  #set({ key, value, flags }: Writes, lock: Partial<Pick<Pair, "session" | "lockIndex" | "lease">>): void {
    const now = this.#now(key);
    const { session = now?.session ?? null, lockIndex = 0 } = lock;
    const lease = lock.lease === undefined ? (session === null ? null : (now?.lease ?? null)) : lock.lease;
    const same =
      now !== null &&
      now.flags === flags &&
      now.lockIndex === lockIndex &&
      now.session === session &&
      byteString(now.value) === byteString(value);
    if (same) return this.#tell(now, false);
    const createIndex = this.#world.standing(key).pair?.createIndex ?? pending;
    const after = { key, value, flags, lockIndex, session, lease, createIndex, modifyIndex: pending };
    this.#change(key, after, session !== null || lock.session === null);
    return this.#tell(after, false);
  }

  #remove(key: ByteString): void {
    if (this.#now(key) === null) return;
    this.#change(key, null, this.#now(key)?.session !== null);
  }

  #removeTree(prefix: ByteString): void {
    for (const [key, { after }] of this.changes) if (after !== null && key.startsWith(prefix)) this.#remove(key);
    this.trees.push(prefix);
  }

  #tellTree(prefix: ByteString): void {
    const made = [...this.changes.keys()].filter((key) => key.startsWith(prefix));
    const keys = [...new Set([...this.#world.tree(prefix), ...made])].toSorted((a, b) => (a < b ? -1 : 1));
    for (const key of keys) {
      const pair = this.#now(key);
      if (pair !== null) this.#tell(pair);
    }
  }

  #tell(pair: Pair, withValue = true): void {
    this.told.push({ pair, withValue });
  }

  #change(key: ByteString, after: Pair | null, undelayed: boolean): void {
    const earlier = this.changes.get(key);
    const before = this.#world.standing(key);
    this.changes.set(key, { before, after, undelayed: undelayed || (earlier?.undelayed ?? false) });
  }

  /** As the steps so far have left it. */
  #now(key: ByteString): Pair | null {
    const change = this.changes.get(key);
    if (change !== undefined) return change.after;
    return this.trees.some((prefix) => key.startsWith(prefix)) ? null : this.#world.standing(key).pair;
  }
}

const isAt = ({ modifyIndex }: Pair, index: string): boolean => BigInt(index) === BigInt(modifyIndex);

const emptyPair = (key: ByteString): Pair => ({
  key,
  value: new Uint8Array(0),
  flags: "0",
  lockIndex: 0,
  session: null,
  lease: null,
  createIndex: 0,
  modifyIndex: 0,
});
