/**
 * The oracle: what a store is, written down as plainly as possible. Keeps every revision and every change for ever,
 * remembers every command, knows nothing of rows, batches' memory or clearing. Times and limits as the store's tests
 * shrink them; maxima that no small test reaches are left out.
 */
import type {
  Batch,
  Command,
  Condition,
  ExpiryGuard,
  Guard,
  Operation,
  Outcome,
  Refusal,
} from "../../src/store/command.ts";
import type { EventQuery, StoreEvent } from "../../src/store/events.ts";
import { prefixRange } from "../../src/store/transaction.ts";
import type { KeyRange, Transaction, TxnResponse } from "../../src/store/transaction.ts";
import { revision } from "../../src/support/brand.ts";
import type { ByteString, Revision } from "../../src/support/brand.ts";
import { decide, entryOf, inOrder, refusalOf, run, within } from "./transaction-model.ts";
import type { Draft, Kept, Keys } from "./transaction-model.ts";

interface ModelLease {
  readonly ttlMs: number;
  readonly renewal: number;
  readonly renewedAt: number;
  readonly granted: boolean;
  readonly herd: string | null;
  readonly heldUntil: number | null;
}

/** One key, changed once. */
interface Changed {
  readonly at: number;
  readonly key: ByteString;
  /** null: deleted. */
  readonly after: Kept | null;
  readonly before: Kept | null;
}

export interface ModelLimits {
  readonly deadlineAheadMs: number;
  readonly sessionLifeMs: number;
}

type Of<Type extends Operation["type"]> = Extract<Operation, { readonly type: Type }>;

export class StoreModel {
  readonly #limits: ModelLimits;
  #keys: Keys = new Map();
  /** The keys at each revision; 0 and 1 are the empty store. */
  readonly past: Keys[] = [new Map(), new Map()];
  readonly #changed: Changed[] = [];
  readonly leases = new Map<string, ModelLease>();
  readonly #remembered = new Map<
    string,
    { readonly fingerprint: string | undefined; readonly deadline: number; readonly outcome: Outcome }
  >();
  readonly #sessions = new Map<string, { readonly next: number; readonly expires: number }>();
  #compacted = 0;
  #now = 0;
  #slot = 0;

  constructor(limits: ModelLimits) {
    this.#limits = limits;
  }

  get revision(): Revision {
    return revision(this.past.length - 1);
  }

  get now(): number {
    return this.#now;
  }

  /** What commands have compacted it to. */
  get compacted(): number {
    return this.#compacted;
  }

  get keys(): Keys {
    return this.#keys;
  }

  apply(batch: Batch): readonly Outcome[] {
    this.#now = Math.max(this.#now, batch.stamp);
    this.#slot += 1;
    return batch.commands.map((command) => this.#command(command));
  }

  /** All that happened from a place on. */
  events({ range, also = [], from, puts, deletes, previous }: EventQuery): readonly StoreEvent[] {
    const ranges = [range, ...also];
    const index = (one: Changed): number => this.#changed.filter(({ at }) => at === one.at).indexOf(one);
    return this.#changed
      .filter((one) => one.at > from.revision || (one.at === from.revision && index(one) >= from.index))
      .filter(({ key, after }) => ranges.some((one) => within(one, key)) && (after === null ? deletes : puts))
      .map(({ at, key, after, before }) => ({
        type: after === null ? "delete" : "put",
        entry: entryOf(key, after ?? { value: new Uint8Array(0), mod: at, created: 0, version: 0, lease: null }),
        previous: previous && before !== null ? entryOf(key, before) : null,
      }));
  }

  /** When a range changed last, deletions included. */
  lastChange(range: KeyRange): number {
    return this.#changed.findLast(({ key }) => within(range, key))?.at ?? 0;
  }

  /** A transaction that only reads, with the past as far as `floor`. */
  read(transaction: Transaction, floor: number) {
    const unreadable = (at: number): Refusal | null =>
      at > this.revision ? "future" : at < floor ? "compacted" : null;
    const decided = decide(this.#keys, transaction);
    const refused = refusalOf({ keys: this.#keys, hasLease: () => false, unreadable }, decided);
    return refused ?? { succeeded: decided.succeeded, responses: run(new Changes(this, this.#keys), decided) };
  }

  #command(command: Command): Outcome {
    const { id, deadline, fingerprint } = command;
    const known = this.#remembered.get(id);
    if (known !== undefined && known.deadline >= this.#now) {
      this.#remembered.set(id, { ...known, deadline: Math.max(known.deadline, deadline) });
      return known.fingerprint === fingerprint ? known.outcome : { type: "id-reused" };
    }
    if (deadline < this.#now) return { type: "past-deadline" };
    const outcome = this.#judge(command);
    this.#remembered.set(id, { fingerprint, deadline, outcome });
    return outcome;
  }

  #judge(command: Command): Outcome {
    if (command.deadline > this.#now + this.#limits.deadlineAheadMs) return { type: "deadline-too-far" };
    if (command.order !== undefined) {
      const session = this.#sessions.get(command.order.session);
      const expected = session === undefined || session.expires < this.#now ? 1 : session.next;
      if (command.order.sequence !== expected) return { type: "out-of-order", expected };
      this.#sessions.set(command.order.session, {
        next: expected + 1,
        expires: this.#now + this.#limits.sessionLifeMs,
      });
    }
    if (command.guard !== undefined && !this.#isHeld(command.guard)) return this.#refused("lock-lost");
    return this.#operation(command.operation);
  }

  #isHeld({ queue, token }: Guard): boolean {
    const [first] = inOrder(this.#keys, prefixRange(queue));
    return first?.[1].created === token;
  }

  #operation(operation: Operation): Outcome {
    switch (operation.type) {
      case "put":
        return this.#put(operation);
      case "delete":
        return this.#delete(operation);
      case "expire":
        return this.#expire(operation);
      case "txn":
        return this.#transact(operation.transaction);
      case "grant":
        return this.#grant(operation);
      case "renew":
        return this.#renew(operation);
      case "revoke":
        return this.#revoke(operation.lease);
      case "compact":
        return this.#compact(operation.revision);
      case "enqueue":
        return this.#enqueue(operation);
    }
  }

  #refused(why: Refusal): Outcome {
    return { type: "refused", why, revision: this.revision, compactedRevision: revision(this.#compacted) };
  }

  #put({ key, value, condition, lease: own, tie, needs, keepIfEqual }: Of<"put">): Outcome {
    const current = this.#keys.get(key);
    if (!holds(condition, current)) return failed(current);
    for (const known of [tie, needs?.lease]) {
      if (known !== undefined && !this.leases.has(known)) return this.#refused("lease-not-found");
    }
    if (own?.within !== undefined && this.#isElsewhere(own.id, own.within)) return this.#refused("lease-elsewhere");
    if (needs?.within !== undefined && this.#isElsewhere(needs.lease, needs.within)) {
      return this.#refused("lease-elsewhere");
    }
    const lease = own?.id ?? tie ?? null;
    const renewed = new Set([...(needs?.renew === true ? [needs.lease] : []), ...(own === undefined ? [] : [own.id])]);
    const cleared = [...renewed].filter((id) => (this.leases.get(id)?.heldUntil ?? null) !== null);
    if (needs?.renew === true) this.#renewLease(needs.lease);
    if (own !== undefined) this.#renewLease(own.id, { ttlMs: own.ttlMs, herd: own.herd ?? null });
    const isEqual = current?.lease === lease && current.value.join() === value.join();
    const isKept = keepIfEqual === true && isEqual && !cleared.some((id) => id === lease);
    const touched = cleared.flatMap((id) => this.keysOf(id)).filter((one) => one !== key);
    this.#change((draft) => {
      if (!isKept) draft.put(key, value, lease);
      for (const one of touched) touch(draft, this.#keys, one);
    });
    return putOutcome(this.#keys.get(key), isKept);
  }

  #delete({ key, condition }: Of<"delete">): Outcome {
    const current = this.#keys.get(key);
    if (!holds(condition, current)) return failed(current);
    if (current !== undefined) this.#change((draft) => draft.remove(key));
    return { type: "deleted", existed: current !== undefined, revision: this.revision };
  }

  #transact(transaction: Transaction): Outcome {
    const decided = decide(this.#keys, transaction);
    const before = {
      keys: this.#keys,
      hasLease: (id: string) => this.leases.has(id),
      // V4: an outcome that read the past would rest on what one replica happens to keep.
      unreadable: (): Refusal => "compacted",
    };
    const refused = refusalOf(before, decided);
    if (refused !== null) return this.#refused(refused);
    let responses: readonly TxnResponse[] = [];
    this.#change((draft) => (responses = run(draft, decided)));
    return { type: "txn", revision: this.revision, succeeded: decided.succeeded, responses };
  }

  // --- leases ---

  /** Suspicion ends with it; what is tied to the lease is written once more by the caller. */
  #renewLease(id: string, said: Partial<Pick<ModelLease, "ttlMs" | "granted" | "herd">> = {}): void {
    const known = this.leases.get(id) ?? { ttlMs: 0, granted: false, herd: null };
    this.leases.set(id, { ...known, ...said, renewal: this.#slot, renewedAt: this.#now, heldUntil: null });
  }

  #isElsewhere = (id: string, prefixes: readonly ByteString[]): boolean =>
    this.keysOf(id).some((key) => !prefixes.some((prefix) => key.startsWith(prefix)));

  /** Renews it, and says so to who watches, if it was suspected. @returns false when there is no such lease. */
  #renewAndTell(id: string): void {
    const wasHeld = this.leases.get(id)?.heldUntil !== null;
    this.#renewLease(id);
    if (wasHeld) this.#touchAll(id);
  }

  #touchAll(id: string): void {
    const keys = this.keysOf(id);
    this.#change((draft) => keys.forEach((key) => touch(draft, this.#keys, key)));
  }

  #grant({ lease, ttlMs }: Of<"grant">): Outcome {
    if (this.leases.has(lease)) return this.#refused("lease-exists");
    this.#renewLease(lease, { ttlMs, granted: true });
    return { type: "granted", ttlMs, revision: this.revision };
  }

  #renew({ lease: id, within: prefixes }: Of<"renew">): Outcome {
    const lease = this.leases.get(id);
    if (lease === undefined) return this.#refused("lease-not-found");
    if (prefixes !== undefined && this.#isElsewhere(id, prefixes)) return this.#refused("lease-elsewhere");
    this.#renewAndTell(id);
    return { type: "renewed", ttlMs: lease.ttlMs, revision: this.revision };
  }

  #revoke(id: string): Outcome {
    if (!this.leases.has(id)) return this.#refused("lease-not-found");
    return { type: "revoked", deletedKeys: this.#end(id), revision: this.revision };
  }

  #expire({ lease: id, renewal, guard }: Of<"expire">): Outcome {
    const lease = this.leases.get(id);
    const isOver = lease !== undefined && this.#now >= lease.renewedAt + lease.ttlMs;
    const ends = isOver && lease.renewal === renewal && this.#now >= (lease.heldUntil ?? 0);
    if (ends && guard !== undefined && lease.heldUntil === null && this.#isMassExpiry(lease, guard)) {
      const heldUntil = this.#now + guard.holdTtls * lease.ttlMs;
      this.leases.set(id, { ...lease, heldUntil });
      this.#touchAll(id);
      return { type: "suspected", heldUntil, revision: this.revision };
    }
    return { type: "expired", deletedKeys: ends ? this.#end(id) : 0, revision: this.revision };
  }

  #isMassExpiry({ herd }: ModelLease, { percent, atLeast }: ExpiryGuard): boolean {
    const herded = [...this.leases.values()].filter((one) => herd !== null && one.herd === herd);
    const missing = herded.filter((one) => one.heldUntil !== null || this.#now - one.renewedAt >= one.ttlMs / 2);
    return herded.length >= atLeast && missing.length / herded.length > percent / 100;
  }

  #end(id: string): number {
    const tied = this.keysOf(id);
    this.leases.delete(id);
    this.#change((draft) => tied.forEach((key) => draft.remove(key)));
    return tied.length;
  }

  keysOf(id: string): readonly ByteString[] {
    const all = inOrder(this.#keys, { key: "\0" as ByteString, end: "\u00ff\u00ff\u00ff" as ByteString });
    return all.filter(([, kept]) => kept.lease === id).map(([key]) => key);
  }

  // --- queues, history ---

  #enqueue({ queue, value, lease }: Of<"enqueue">): Outcome {
    const mine = this.keysOf(lease.id).find((key) => key.startsWith(queue) && key.length === queue.length + 16);
    const touched = (this.leases.get(lease.id)?.heldUntil ?? null) === null ? [] : this.keysOf(lease.id);
    this.#renewLease(lease.id, { ttlMs: lease.ttlMs });
    const next = this.past.length;
    const key = mine ?? (`${queue}${next.toString(16).padStart(16, "0")}` as ByteString);
    this.#change((draft) => {
      if (mine === undefined) draft.put(key, value, lease.id);
      for (const one of touched) touch(draft, this.#keys, one);
    });
    const token = revision(this.#keys.get(key)?.created ?? 0);
    return { type: "enqueued", key, token, created: mine === undefined, revision: this.revision };
  }

  #compact(to: Revision): Outcome {
    if (to > this.revision) return this.#refused("future");
    if (to <= this.#compacted) return this.#refused("compacted");
    this.#compacted = to;
    return { type: "compacted", revision: this.revision };
  }

  /** One revision, if anything changes; then leases that came with keys and have none left are gone. */
  #change(edit: (draft: Draft) => unknown): void {
    const changes = new Changes(this, this.#keys);
    edit(changes);
    if (changes.made.length === 0) return;
    this.#keys = changes.keys;
    this.past.push(changes.keys);
    this.#changed.push(...changes.made);
    const used = new Set([...this.#keys.values()].map((kept) => kept.lease));
    for (const [id, { granted }] of [...this.leases]) if (!granted && !used.has(id)) this.leases.delete(id);
  }
}

/** Writes a key once more as it is. */
function touch(draft: Draft, keys: Keys, key: ByteString): void {
  const kept = keys.get(key);
  if (kept !== undefined) draft.put(key, kept.value, kept.lease);
}

/** What the next revision changes. */
class Changes implements Draft {
  readonly made: Changed[] = [];
  readonly keys: Map<ByteString, Kept>;
  readonly #mod: number;
  readonly #model: StoreModel;

  constructor(model: StoreModel, keys: Keys) {
    this.#model = model;
    this.#mod = model.revision + 1;
    this.keys = new Map(keys);
  }

  put(key: ByteString, value: Uint8Array, lease: string | null): void {
    const before = this.keys.get(key) ?? null;
    const [mod, created, version] = [this.#mod, before?.created ?? this.#mod, (before?.version ?? 0) + 1];
    const after = { value, mod, created, version, lease };
    this.keys.set(key, after);
    this.made.push({ at: mod, key, after, before });
  }

  remove(key: ByteString): void {
    const before = this.keys.get(key) ?? null;
    this.keys.delete(key);
    this.made.push({ at: this.#mod, key, after: null, before });
  }

  at(past: number): Keys {
    return this.#model.past[past] ?? new Map();
  }
}

function holds(condition: Condition, current: Kept | undefined): boolean {
  if (condition.type === "absent") return current === undefined;
  if (condition.type === "present") return current !== undefined;
  return condition.type === "always" || current?.mod === condition.modRevision;
}

const failed = (current: Kept | undefined): Outcome => ({
  type: "condition-failed",
  modRevision: current === undefined ? null : revision(current.mod),
});

const putOutcome = (kept: Kept | undefined, renewedOnly: boolean): Outcome => ({
  type: "put",
  revision: revision(kept?.mod ?? 0),
  version: kept?.version ?? 0,
  createRevision: revision(kept?.created ?? 0),
  renewedOnly,
});
