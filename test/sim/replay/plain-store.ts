/**
 * The whole store, written down as plainly as possible from SPEC and from what a command says: one map of keys for each
 * revision there ever was, one map of leases, no rows, no clearing. Shares no code with the store that it judges.
 */
import type {
  Batch,
  Command,
  Condition,
  Entry,
  ExpiryGuard,
  Guard,
  Operation,
  Outcome,
  Refusal,
} from "../../../src/store/command.ts";
import { leaseId, revision } from "../../../src/support/brand.ts";
import type { ByteString, LeaseId, Revision } from "../../../src/support/brand.ts";
import type { Transaction, TxnResponse } from "../../../src/store/transaction.ts";
import { entriesIn, firstPlace, lexical } from "./plain-keys.ts";
import type { Keys } from "./plain-keys.ts";
import { branchOf, flat, rangeOf } from "./plain-transactions.ts";
import type { Step } from "./plain-transactions.ts";

/** One change of one key; `entry` null: it was deleted. */
export interface PlainChange {
  readonly key: ByteString;
  readonly revision: number;
  readonly entry: Entry | null;
  readonly previous: Entry | null;
}

export interface PlainLease {
  readonly ttlMs: number;
  readonly renewal: number;
  readonly renewedAt: number;
  readonly granted: boolean;
  readonly herd: string | null;
  /** A suspect is held until then. */
  readonly heldUntil: number | null;
}

/** A lease that was held instead of ended (H1). */
export interface LeaseHold {
  readonly lease: string;
  readonly slot: number;
  readonly heldUntil: number;
}

/** A lease that ended, and from which log time on it might have. */
export interface LeaseEnd {
  readonly lease: string;
  readonly by: "expire" | "revoke";
  readonly slot: number;
  readonly dueAt: number;
  readonly revision: number;
  readonly keys: number;
  /** It was held before its end. */
  readonly held: boolean;
  /** How many its herd was then, and how many of them were missing; null: it had none. */
  readonly herd: { readonly leases: number; readonly missing: number } | null;
}

export interface PlainLimits {
  readonly deadlineAheadMs: number;
  readonly sessionLifeMs: number;
}

interface Remembered {
  readonly fingerprint: string | undefined;
  readonly deadline: number;
  readonly outcome: Outcome;
}

/** Places that a queue takes; written down once more. */
const queuePlaces = 1000;

export class PlainStore {
  readonly #limits: PlainLimits;
  /** By revision: the keys after it. None at 0; nothing at 1, where every store begins. */
  readonly past: Keys[] = [new Map(), new Map()];
  /** By revision: the leases that are suspect after it (H1). Whoever becomes suspect, or is it no more, makes one. */
  readonly suspects: ReadonlySet<string>[] = [new Set(), new Set()];
  /** By revision: what it changed, in order. */
  readonly changes: (readonly PlainChange[])[] = [[], []];
  readonly leases = new Map<string, PlainLease>();
  readonly ends: LeaseEnd[] = [];
  readonly holds: LeaseHold[] = [];
  /** The revision that commands have compacted to. */
  compacted = revision(0);
  now = 0;
  slot = 0;
  #keys = new Map<ByteString, Entry>();
  /** Of the command being carried out. */
  #changed: PlainChange[] = [];
  readonly #remembered = new Map<string, Remembered>();
  readonly #sessions = new Map<string, { readonly next: number; readonly expires: number }>();

  constructor(limits: PlainLimits) {
    this.#limits = limits;
  }

  get revision(): Revision {
    return revision(this.past.length - 1);
  }

  /** The keys as they are now. */
  get keys(): Keys {
    return this.#keys;
  }

  /** @param each told after every command. */
  apply(batch: Batch, each: (command: Command, outcome: Outcome) => void = () => {}): readonly Outcome[] {
    this.now = Math.max(this.now, batch.stamp);
    this.slot += 1;
    return batch.commands.map((command) => {
      const outcome = this.#command(command);
      each(command, outcome);
      return outcome;
    });
  }

  /** The token of the queue's first place; null when nobody has one. */
  firstOf(queue: ByteString): number | null {
    return firstPlace(this.#keys, queue)?.createRevision ?? null;
  }

  #command(command: Command): Outcome {
    const { id, deadline, fingerprint } = command;
    const known = this.#remembered.get(id);
    if (known !== undefined && known.deadline >= this.now) {
      this.#remembered.set(id, { ...known, deadline: Math.max(known.deadline, deadline) });
      return known.fingerprint === fingerprint ? known.outcome : { type: "id-reused" };
    }
    if (deadline < this.now) return { type: "past-deadline" };
    const outcome = this.#judge(command);
    this.#remembered.set(id, { fingerprint, deadline, outcome });
    return outcome;
  }

  #judge({ deadline, order, guard, operation }: Command): Outcome {
    if (deadline > this.now + this.#limits.deadlineAheadMs) return { type: "deadline-too-far" };
    if (order !== undefined) {
      const session = this.#sessions.get(order.session);
      const expected = session === undefined || session.expires < this.now ? 1 : session.next;
      if (order.sequence !== expected) return { type: "out-of-order", expected };
      this.#sessions.set(order.session, { next: expected + 1, expires: this.now + this.#limits.sessionLifeMs });
    }
    if (guard !== undefined && !this.#isHeld(guard)) return this.#refused("lock-lost");
    return this.#operation(operation);
  }

  #isHeld({ queue, token }: Guard): boolean {
    return this.firstOf(queue) === token;
  }

  #refused(why: Refusal): Outcome {
    return { type: "refused", why, revision: this.revision, compactedRevision: this.compacted };
  }

  #operation(operation: Operation): Outcome {
    switch (operation.type) {
      case "put":
        return this.#put(operation);
      case "delete":
        return this.#delete(operation.key, operation.condition);
      case "txn":
        return this.#transact(operation.transaction);
      case "grant":
        if (this.leases.has(operation.lease)) return this.#refused("lease-exists");
        this.#renew(operation.lease, { ttlMs: operation.ttlMs, granted: true });
        return { type: "granted", ttlMs: operation.ttlMs, revision: this.revision };
      case "renew": {
        const lease = this.leases.get(operation.lease);
        if (lease === undefined) return this.#refused("lease-not-found");
        if (this.#isElsewhere(operation.lease, operation.within)) return this.#refused("lease-elsewhere");
        const touched = this.#renew(operation.lease);
        this.#change(() => touched.forEach((key) => this.#touch(key)));
        return { type: "renewed", ttlMs: lease.ttlMs, revision: this.revision };
      }
      case "revoke": {
        if (!this.leases.has(operation.lease)) return this.#refused("lease-not-found");
        const deletedKeys = this.#end(operation.lease, "revoke");
        return { type: "revoked", deletedKeys, revision: this.revision };
      }
      case "expire":
        return this.#expire(operation);
      case "compact":
        if (operation.revision > this.revision) return this.#refused("future");
        if (operation.revision <= this.compacted) return this.#refused("compacted");
        this.compacted = operation.revision;
        return { type: "compacted", revision: this.revision };
      case "enqueue":
        return this.#enqueue(operation);
    }
  }

  #put(operation: Extract<Operation, { readonly type: "put" }>): Outcome {
    const current = this.#keys.get(operation.key);
    if (!holds(operation.condition, current))
      return { type: "condition-failed", modRevision: current?.modRevision ?? null };
    const { lease: own, tie, needs } = operation;
    if (tie !== undefined && !this.leases.has(tie)) return this.#refused("lease-not-found");
    if (needs !== undefined && !this.leases.has(needs.lease)) return this.#refused("lease-not-found");
    if (own !== undefined && this.#isElsewhere(own.id, own.within)) return this.#refused("lease-elsewhere");
    if (needs !== undefined && this.#isElsewhere(needs.lease, needs.within)) return this.#refused("lease-elsewhere");
    const touched: ByteString[] = [];
    if (needs?.renew === true) touched.push(...this.#renew(needs.lease));
    if (own !== undefined) touched.push(...this.#renew(own.id, { ttlMs: own.ttlMs, herd: own.herd ?? null }));
    const lease = own?.id ?? tie ?? null;
    const isEqual = current?.lease === lease && equal(current.value, operation.value);
    const isKept = operation.keepIfEqual === true && isEqual && !touched.includes(operation.key);
    this.#change(() => {
      if (!isKept) this.#write(operation.key, operation.value, lease);
      for (const key of touched) if (key !== operation.key) this.#touch(key);
    });
    const { modRevision, version, createRevision } = this.#entry(operation.key);
    return { type: "put", revision: modRevision, version, createRevision, renewedOnly: isKept };
  }

  #delete(key: ByteString, condition: Condition): Outcome {
    const current = this.#keys.get(key);
    if (!holds(condition, current)) return { type: "condition-failed", modRevision: current?.modRevision ?? null };
    if (current === undefined) return { type: "deleted", existed: false, revision: this.revision };
    this.#change(() => this.#remove(key));
    return { type: "deleted", existed: true, revision: this.revision };
  }

  #enqueue({ queue, value, lease }: Extract<Operation, { readonly type: "enqueue" }>): Outcome {
    const places = [...this.#keys.values()].filter(({ key }) => key.startsWith(queue));
    const mine = places.find((place) => place.lease === lease.id);
    if (mine === undefined && places.length >= queuePlaces) return this.#refused("queue-full");
    const touched = this.#renew(lease.id, { ttlMs: lease.ttlMs });
    const token = mine?.createRevision ?? revision(this.revision + 1);
    const key = `${queue}${token.toString(16).padStart(16, "0")}` as ByteString;
    this.#change(() => {
      if (mine === undefined) this.#write(key, value, lease.id);
      for (const one of touched) this.#touch(one);
    });
    return { type: "enqueued", key, token, created: mine === undefined, revision: this.revision };
  }

  // --- transactions ---

  #transact(transaction: Transaction): Outcome {
    const before = new Map(this.#keys);
    const steps = branchOf(before, transaction);
    for (const step of flat(steps)) {
      if (step.type === "put" && (step.value === null || step.lease === "keep") && !before.has(step.key))
        return this.#refused("key-not-found");
      if (step.type === "put" && step.lease !== null && step.lease !== "keep" && !this.leases.has(step.lease))
        return this.#refused("lease-not-found");
      // An outcome may not depend on what a replica happens to keep (V4).
      if (step.type === "range" && step.query.revision !== null) return this.#refused("compacted");
    }
    let responses: readonly TxnResponse[] = [];
    this.#change(() => {
      responses = this.#carryOut(steps.steps);
    });
    return { type: "txn", revision: this.revision, succeeded: steps.succeeded, responses };
  }

  #carryOut(steps: readonly Step[]): readonly TxnResponse[] {
    return steps.map((step): TxnResponse => {
      switch (step.type) {
        case "put": {
          const previous = this.#keys.get(step.key) ?? null;
          const lease = step.lease === "keep" ? (previous?.lease ?? null) : step.lease;
          this.#write(step.key, step.value ?? previous?.value ?? new Uint8Array(0), lease);
          return { type: "put", previous: step.previous ? previous : null };
        }
        case "delete": {
          const found = entriesIn(this.#keys, step.range);
          for (const { key } of found) this.#remove(key);
          return { type: "delete", deleted: found.length, previous: step.previous ? found : [] };
        }
        case "range":
          return { type: "range", ...rangeOf(this.#keys, step.query) };
        case "txn":
          return { type: "txn", succeeded: step.branch.succeeded, responses: this.#carryOut(step.branch.steps) };
      }
    });
  }

  // --- leases and rows ---

  /** @returns the keys that are to be written once more: those of a suspect, which is none any more. */
  #renew(lease: string, said: Partial<PlainLease> = {}): readonly ByteString[] {
    const known = this.leases.get(lease) ?? { ttlMs: 0, granted: false, herd: null, heldUntil: null };
    this.leases.set(lease, { ...known, ...said, renewal: this.slot, renewedAt: this.now, heldUntil: null });
    return known.heldUntil === null ? [] : this.#tiedTo(lease);
  }

  #tiedTo(lease: string): readonly ByteString[] {
    const tied = [...this.#keys.values()].filter((entry) => entry.lease === lease);
    return tied.map(({ key }) => key).toSorted();
  }

  #isElsewhere(lease: string, within: readonly string[] | undefined): boolean {
    if (within === undefined) return false;
    return this.#tiedTo(lease).some((key) => within.every((prefix) => !key.startsWith(prefix)));
  }

  #expire({ lease: id, renewal, guard }: Extract<Operation, { readonly type: "expire" }>): Outcome {
    const lease = this.leases.get(id);
    const isRenewed = lease?.renewal !== renewal;
    if (
      lease === undefined ||
      isRenewed ||
      this.now < lease.renewedAt + lease.ttlMs ||
      this.now < (lease.heldUntil ?? 0) ||
      (lease.heldUntil !== null && guard !== undefined)
    )
      return { type: "expired", deletedKeys: 0, revision: this.revision };
    if (guard !== undefined && this.#isHeldBack(lease, guard)) {
      const heldUntil = this.now + guard.holdTtls * lease.ttlMs;
      this.leases.set(id, { ...lease, heldUntil });
      this.holds.push({ lease: id, slot: this.slot, heldUntil });
      const tied = this.#tiedTo(id);
      this.#change(() => tied.forEach((key) => this.#touch(key)));
      return { type: "suspected", heldUntil, revision: this.revision };
    }
    return { type: "expired", deletedKeys: this.#end(id, "expire"), revision: this.revision };
  }

  /** H1: nobody is held twice, nobody alone, and none unless most of its herd have not renewed for half their time. */
  #isHeldBack({ herd, heldUntil }: PlainLease, { percent, atLeast }: ExpiryGuard): boolean {
    if (herd === null || heldUntil !== null) return false;
    const { leases, missing } = this.#herd(herd);
    return leases >= atLeast && 100 * missing > percent * leases;
  }

  #herd(name: string): NonNullable<LeaseEnd["herd"]> {
    const herded = [...this.leases.values()].filter(({ herd }) => herd === name);
    const missing = herded.filter((lease) => lease.heldUntil !== null || this.now >= lease.renewedAt + lease.ttlMs / 2);
    return { leases: herded.length, missing: missing.length };
  }

  #end(lease: LeaseId, by: LeaseEnd["by"]): number {
    const known = this.leases.get(lease);
    const { renewedAt, ttlMs, heldUntil } = known ?? { renewedAt: 0, ttlMs: 0, heldUntil: null };
    const herd = known === undefined || known.herd === null ? null : this.#herd(known.herd);
    const tied = this.#tiedTo(lease);
    this.leases.delete(lease);
    this.#change(() => tied.forEach((key) => this.#remove(key)));
    this.ends.push({
      lease,
      by,
      slot: this.slot,
      dueAt: Math.max(renewedAt + ttlMs, heldUntil ?? 0),
      revision: this.revision,
      keys: tied.length,
      held: heldUntil !== null,
      herd,
    });
    return tied.length;
  }

  /** All changes of one command are one revision; a lease that nobody granted goes with its last key. */
  #change(edit: () => void): void {
    this.#changed = [];
    edit();
    if (this.#changed.length === 0) return;
    this.changes.push(this.#changed);
    this.past.push(new Map(this.#keys));
    this.suspects.push(new Set([...this.leases].filter(([, { heldUntil }]) => heldUntil !== null).map(([id]) => id)));
    const used = new Set([...this.#keys.values()].map(({ lease }) => lease));
    for (const [id, { granted }] of this.leases) if (!granted && !used.has(leaseId(id))) this.leases.delete(id);
  }

  /** Writes a key once more as it is. */
  #touch(key: ByteString): void {
    const { value, lease } = this.#entry(key);
    this.#write(key, value, lease);
  }

  #write(key: ByteString, value: Uint8Array, lease: LeaseId | null): void {
    const previous = this.#keys.get(key) ?? null;
    const at = revision(this.past.length);
    const entry: Entry = {
      key,
      value,
      createRevision: previous?.createRevision ?? at,
      modRevision: at,
      version: (previous?.version ?? 0) + 1,
      lease,
    };
    this.#keys.set(key, entry);
    this.#changed.push({ key, revision: at, entry, previous });
  }

  #remove(key: ByteString): void {
    this.#changed.push({ key, revision: this.past.length, entry: null, previous: this.#entry(key) });
    this.#keys.delete(key);
  }

  #entry(key: ByteString): Entry {
    const entry = this.#keys.get(key);
    if (entry === undefined) throw new Error(`the model lost the key ${key}`);
    return entry;
  }
}

const equal = (a: Uint8Array, b: Uint8Array): boolean => lexical(a, b) === 0;

function holds(condition: Condition, current: Entry | undefined): boolean {
  if (condition.type === "absent") return current === undefined;
  if (condition.type === "present") return current !== undefined;
  return condition.type === "always" || current?.modRevision === condition.modRevision;
}
