/**
 * Carries out one operation: judges its condition, writes its key rows, keeps leases and their keys together. Knows nothing
 * of ids, deadlines, order or guards; those the store has settled before. Called by the store, within one batch at a time.
 */
import { assert, assertNever } from "../support/assert.ts";
import { revision } from "../support/brand.ts";
import type { ByteString, LeaseId, Revision } from "../support/brand.ts";
import { limits } from "../support/limits.ts";
import type { ExpiryGuard, Guard, Operation, Outcome, OwnLease, Refusal } from "./command.ts";
import type { Compaction } from "./compaction.ts";
import { KeyChanges } from "./key-changes.ts";
import type { Turn } from "./key-changes.ts";
import type { KeyRow } from "./keys.ts";
import type { Lease, Renewal } from "./leases.ts";
import type { StoreParts } from "./parts.ts";
import { placeKey, tokenOf } from "./queues.ts";
import { conditionHolds, holdEnd, isMassExpiry, mayEnd } from "./rules.ts";
import { prefixRange } from "./transaction.ts";
import type { TxnOperation } from "./transaction.ts";
import { carryOut, check, choose, flat, looksAtTooMuch } from "./transactions.ts";
import type { Extent, Ground } from "./transactions.ts";

type Of<Type extends Operation["type"]> = Extract<Operation, { readonly type: Type }>;

export class Operations {
  readonly #parts: StoreParts;
  readonly #changes: KeyChanges;
  readonly #compaction: Compaction;

  constructor(parts: StoreParts) {
    this.#parts = parts;
    this.#changes = new KeyChanges(parts.keys, parts.leases);
    this.#compaction = parts.compaction;
  }

  carryOut(operation: Operation, turn: Turn): Outcome {
    const outcome = this.#carryOut(operation, turn);
    this.#changes.settle();
    return outcome;
  }

  #carryOut(operation: Operation, turn: Turn): Outcome {
    switch (operation.type) {
      case "put":
        return this.#put(operation, turn);
      case "delete":
        return this.#delete(operation, turn);
      case "expire":
        return this.#expire(operation, turn);
      case "txn":
        return this.#transact(operation, turn);
      case "grant":
        return this.#grant(operation, turn);
      case "renew":
        return this.#renew(operation, turn);
      case "revoke":
        return this.#revoke(operation, turn);
      case "compact":
        return this.#compact(operation, turn);
      case "enqueue":
        return this.#enqueue(operation, turn);
      default:
        return assertNever(operation, "operation");
    }
  }

  /** K1: null when the guard's token is that of the queue's first place. */
  guardRefuses({ queue, token }: Guard, turn: Turn): Outcome | null {
    const first = this.#parts.ranges.first(prefixRange(queue), turn.revision);
    return first?.createRevision === token ? null : this.#refused("lock-lost", turn);
  }

  #refused(why: Refusal, turn: Turn): Outcome {
    const { compacted } = this.#compaction;
    return { type: "refused", why, revision: turn.revision, compactedRevision: compacted };
  }

  // --- single keys ---

  #put(operation: Of<"put">, turn: Turn): Outcome {
    const { key, value, condition, lease: own, tie, needs } = operation;
    const { leases } = this.#parts;
    const current = this.#changes.living(key);
    const modRevision = current?.modRevision ?? null;
    if (!conditionHolds(condition, modRevision)) return { type: "condition-failed", modRevision };
    const needed = needs === undefined ? undefined : leases.get(needs.lease);
    if (needed === null || (tie !== undefined && leases.get(tie) === null)) {
      return this.#refused("lease-not-found", turn);
    }
    const isElsewhere = (id: LeaseId, within: OwnLease["within"]): boolean =>
      within !== undefined && !leases.isWithin(id, within);
    if (own !== undefined && isElsewhere(own.id, own.within)) return this.#refused("lease-elsewhere", turn);
    if (needs !== undefined && isElsewhere(needs.lease, needs.within)) return this.#refused("lease-elsewhere", turn);
    const lease = own?.id ?? tie ?? null;
    const cleared = new Set<LeaseId>();
    if (needs?.renew === true && leases.renew(needs.lease, {}, turn)) cleared.add(needs.lease);
    if (own !== undefined && leases.renew(own.id, saidOf(own), turn)) cleared.add(own.id);
    const isKept = current !== null && this.#isKept(operation, current, lease);
    if (isKept && !(lease !== null && cleared.has(lease))) {
      const { version, createRevision } = current;
      this.#touch(cleared, turn);
      return { type: "put", revision: current.modRevision, version, createRevision, renewedOnly: true };
    }
    turn.revision = revision(turn.revision + 1);
    const { version, createRevision } = this.#changes.put(key, current, value, lease, turn.revision, turn);
    this.#touch(cleared, turn, key);
    return { type: "put", revision: turn.revision, version, createRevision, renewedOnly: false };
  }

  #isKept(operation: Of<"put">, current: KeyRow, lease: LeaseId | null): boolean {
    if (operation.keepIfEqual !== true || current.lease !== lease) return false;
    return equalBytes(operation.value, this.#parts.keys.value(operation.key, current.modRevision));
  }

  #delete(operation: Of<"delete">, turn: Turn): Outcome {
    const current = this.#changes.living(operation.key);
    const modRevision = current?.modRevision ?? null;
    if (!conditionHolds(operation.condition, modRevision)) return { type: "condition-failed", modRevision };
    if (current === null) return { type: "deleted", existed: false, revision: turn.revision };
    turn.revision = revision(turn.revision + 1);
    this.#changes.bury(operation.key, current, turn.revision, turn);
    return { type: "deleted", existed: true, revision: turn.revision };
  }

  // --- transactions ---

  #transact({ transaction }: Of<"txn">, turn: Turn): Outcome {
    const ground = this.#ground();
    const before = turn.revision;
    if (looksAtTooMuch(ground, before, transaction)) return this.#refused("too-many-keys", turn);
    const chosen = choose(ground, before, transaction);
    const extent = check(ground, before, chosen);
    if (typeof extent === "string") return this.#refused(extent, turn);
    if (!hasRoom(turn, extent)) return this.#refused("busy", turn);
    turn.resultBytes += extent.answered;
    // Rows of this revision are read back by later steps, whether it comes to be or not.
    const at = revision(before + 1);
    const known = turn.changes.length;
    const responses = carryOut(ground, at, chosen, {
      put: (step) => this.#putStep(step, at, turn),
      remove: (entry) => this.#changes.bury(entry.key, entry, at, turn),
    });
    if (turn.changes.length > known) turn.revision = at;
    else assert(![...flat(chosen)].some((step) => step.type === "put"), "every put is a change");
    return { type: "txn", revision: turn.revision, succeeded: chosen.succeeded, responses };
  }

  #putStep(step: Extract<TxnOperation, { readonly type: "put" }>, at: Revision, turn: Turn): void {
    const current = this.#changes.living(step.key);
    const kept = (): Uint8Array => {
      assert(current !== null, "a value is kept of a key that exists");
      return this.#parts.keys.value(step.key, current.modRevision);
    };
    const lease = step.lease === "keep" ? (current?.lease ?? null) : step.lease;
    this.#changes.put(step.key, current, step.value ?? kept(), lease, at, turn);
  }

  #ground(): Ground {
    const { ranges, leases } = this.#parts;
    return {
      ranges,
      // An outcome may not depend on what this replica happens to keep (L3): the past is for reads alone.
      unreadable: () => "compacted",
      leaseExists: (id) => leases.get(id) !== null,
    };
  }

  // --- leases ---

  #grant({ lease, ttlMs }: Of<"grant">, turn: Turn): Outcome {
    if (this.#parts.leases.get(lease) !== null) return this.#refused("lease-exists", turn);
    this.#parts.leases.renew(lease, { ttlMs, granted: true }, turn);
    return { type: "granted", ttlMs, revision: turn.revision };
  }

  #renew({ lease, within }: Of<"renew">, turn: Turn): Outcome {
    const { leases } = this.#parts;
    const known = leases.get(lease);
    if (known === null) return this.#refused("lease-not-found", turn);
    if (within !== undefined && !leases.isWithin(lease, within)) return this.#refused("lease-elsewhere", turn);
    if (leases.renew(lease, {}, turn)) this.#touch([lease], turn);
    return { type: "renewed", ttlMs: known.ttlMs, revision: turn.revision };
  }

  #revoke({ lease }: Of<"revoke">, turn: Turn): Outcome {
    if (this.#parts.leases.get(lease) === null) return this.#refused("lease-not-found", turn);
    const deletedKeys = this.#end(lease, turn);
    return { type: "revoked", deletedKeys, revision: turn.revision };
  }

  #expire(operation: Of<"expire">, turn: Turn): Outcome {
    const lease = this.#parts.leases.get(operation.lease);
    if (lease === null || !mayEnd(lease, operation.renewal, turn.now)) {
      return { type: "expired", deletedKeys: 0, revision: turn.revision };
    }
    if (wasJudgedBefore(lease, operation)) return { type: "expired", deletedKeys: 0, revision: turn.revision };
    if (operation.guard !== undefined && this.#isProbablyUs(lease, operation.guard, turn)) {
      const heldUntil = holdEnd(lease, operation.guard, turn.now);
      this.#parts.leases.suspect(lease, heldUntil);
      this.#touch([lease.id], turn);
      return { type: "suspected", heldUntil, revision: turn.revision };
    }
    const deletedKeys = this.#end(lease.id, turn);
    return { type: "expired", deletedKeys, revision: turn.revision };
  }

  /** H1: held once only, so that whoever is dead goes in the end. */
  #isProbablyUs({ herd, heldUntil }: Lease, guard: ExpiryGuard, turn: Turn): boolean {
    return herd !== null && heldUntil === null && isMassExpiry(this.#parts.leases.herd(herd, turn.now), guard);
  }

  /**
   * Writes what is tied to these leases once more as it is, for those who watch or keep an index: suspicion is no part of a
   * key. All of it in one revision.
   * @param written a key that the same command has written already, in this revision.
   */
  #touch(leases: Iterable<LeaseId>, turn: Turn, written: ByteString | null = null): void {
    const { keys } = this.#parts;
    let isNew = written === null;
    for (const lease of leases) {
      for (const key of this.#keysOf(lease)) {
        const current = key === written ? null : this.#changes.living(key);
        if (current === null) continue;
        if (isNew) turn.revision = revision(turn.revision + 1);
        isNew = false;
        this.#changes.put(key, current, keys.value(key, current.modRevision), lease, turn.revision, turn);
      }
    }
  }

  *#keysOf(lease: LeaseId): Generator<ByteString, void> {
    const { leases } = this.#parts;
    for (let keys = leases.keysOf(lease, endedAtOnce); keys.length > 0;) {
      yield* keys;
      keys = leases.keysOf(lease, endedAtOnce, keys.at(-1));
    }
  }

  /** One revision for all of its keys: who watches sees the lease end as one event. */
  #end(lease: LeaseId, turn: Turn): number {
    const { leases } = this.#parts;
    let ended = 0;
    let keys = leases.keysOf(lease, endedAtOnce);
    while (keys.length > 0) {
      if (ended === 0) turn.revision = revision(turn.revision + 1);
      for (const key of keys) {
        const current = this.#changes.living(key);
        if (current !== null) this.#changes.bury(key, { ...current, lease: null }, turn.revision, turn);
      }
      ended += keys.length;
      keys = leases.keysOf(lease, endedAtOnce, keys.at(-1));
    }
    leases.end(lease);
    return ended;
  }

  // --- queues, history ---

  #enqueue({ queue, value, lease }: Of<"enqueue">, turn: Turn): Outcome {
    const { leases, ranges } = this.#parts;
    // A lease may hold other keys, and places in other queues.
    const places = leases.keysWithin(lease.id, prefixRange(queue)).map((key) => tokenOf(queue, key));
    const mine = places.find((token) => token !== null) ?? null;
    if (mine === null && ranges.count(prefixRange(queue), turn.revision, limits.queuePlaces) >= limits.queuePlaces) {
      return this.#refused("queue-full", turn);
    }
    const cleared = leases.renew(lease.id, { ttlMs: lease.ttlMs }, turn) ? [lease.id] : [];
    if (mine !== null) {
      this.#touch(cleared, turn);
      return { type: "enqueued", key: placeKey(queue, mine), token: mine, created: false, revision: turn.revision };
    }
    turn.revision = revision(turn.revision + 1);
    const key = placeKey(queue, turn.revision);
    this.#changes.put(key, null, value, lease.id, turn.revision, turn);
    this.#touch(cleared, turn, key);
    return { type: "enqueued", key, token: turn.revision, created: true, revision: turn.revision };
  }

  #compact(operation: Of<"compact">, turn: Turn): Outcome {
    if (operation.revision > turn.revision) return this.#refused("future", turn);
    if (operation.revision <= this.#compaction.compacted) return this.#refused("compacted", turn);
    this.#compaction.compact(operation.revision);
    return { type: "compacted", revision: turn.revision };
  }
}

/** Whether a batch has room for what one more transaction answers and deletes. Whoever comes first always has. */
function hasRoom({ resultBytes, changes }: Turn, { answered, deleted }: Extent): boolean {
  if (resultBytes > 0 && resultBytes + answered > limits.batchResultBytes) return false;
  return changes.length === 0 || deleted === 0 || changes.length + deleted <= batchChanges;
}

/** Changes of one batch beyond which no transaction deletes: bounds the time of one apply. */
const batchChanges = 2 * limits.deletedKeys;

/** Who puts says all of a lease, but for whether it was granted: without a herd it is in none from now on. */
const saidOf = ({ ttlMs, herd }: OwnLease): Renewal => ({ ttlMs, herd: herd ?? null });

/** E2: a command that was proposed before its lease was held, and came late, says nothing of when the hold is over. */
const wasJudgedBefore = ({ heldUntil }: Lease, { guard }: Of<"expire">): boolean =>
  heldUntil !== null && guard !== undefined;

/** Keys of one lease in memory at once. */
const endedAtOnce = 1000;

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
