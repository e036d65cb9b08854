/**
 * What each operation does to keys and leases, once its command may be carried out. Called by the store's apply, in
 * the log's order. Reads no clock: "now" is log time (SPEC L3).
 */
import { assertNever } from "../support/assert.ts";
import { revision } from "../support/brand.ts";
import type { ByteString, LeaseId, LogTime, Revision, Slot } from "../support/brand.ts";
import type { Operation, Outcome } from "./command.ts";
import type { KeyRow, Keys } from "./keys.ts";
import type { Leases } from "./leases.ts";
import type { StoreRules } from "./rules.ts";
import type { Superseded } from "./superseded.ts";

type Put = Extract<Operation, { type: "put" }>;

/** One batch while it is applied. */
export interface Turn {
  readonly slot: Slot;
  readonly now: LogTime;
  /** The store's revision so far. */
  revision: Revision;
  /** Rows that this batch turned into history. */
  readonly superseded: Superseded[];
}

export class Operations {
  readonly #keys: Keys;
  readonly #leases: Leases;
  readonly #rules: StoreRules;

  constructor(keys: Keys, leases: Leases, rules: StoreRules) {
    this.#keys = keys;
    this.#leases = leases;
    this.#rules = rules;
  }

  carryOut(operation: Operation, turn: Turn): Outcome {
    switch (operation.type) {
      case "put":
        return this.#put(operation, turn);
      case "delete":
        return this.#delete(operation, turn);
      case "expire":
        return this.#expire(operation, turn);
      default:
        return assertNever(operation, "operation");
    }
  }

  #put(operation: Put, turn: Turn): Outcome {
    const { key, value, condition } = operation;
    const current = this.#living(key);
    const modRevision = current?.modRevision ?? null;
    if (!this.#rules.conditionHolds(condition, modRevision)) return { type: "condition-failed", modRevision };
    const lease = operation.lease?.id ?? null;
    if (operation.lease !== undefined) this.#leases.renew(operation.lease.id, operation.lease.ttlMs, turn);
    if (current !== null && this.#isKept(operation, current, lease)) {
      const { version, createRevision } = current;
      return { type: "put", revision: current.modRevision, version, createRevision, renewedOnly: true };
    }
    turn.revision = revision(turn.revision + 1);
    const row: KeyRow = {
      modRevision: turn.revision,
      createRevision: current?.createRevision ?? turn.revision,
      version: (current?.version ?? 0) + 1,
      lease,
    };
    this.#keys.append(key, row, value);
    if (current !== null) turn.superseded.push([key, current.modRevision]);
    this.#tie(key, current?.lease ?? null, lease);
    const { version, createRevision } = row;
    return { type: "put", revision: turn.revision, version, createRevision, renewedOnly: false };
  }

  #isKept(operation: Put, current: KeyRow, lease: LeaseId | null): boolean {
    if (operation.keepIfEqual !== true || current.lease !== lease) return false;
    return equalBytes(operation.value, this.#keys.value(operation.key, current.modRevision));
  }

  /** Moves a key from one lease to another. */
  #tie(key: ByteString, before: LeaseId | null, after: LeaseId | null): void {
    if (before === after) return;
    if (after !== null) this.#leases.attach(after, key);
    if (before !== null) this.#leases.detach(before, key);
  }

  #delete(operation: Extract<Operation, { type: "delete" }>, turn: Turn): Outcome {
    const current = this.#living(operation.key);
    const modRevision = current?.modRevision ?? null;
    if (!this.#rules.conditionHolds(operation.condition, modRevision)) return { type: "condition-failed", modRevision };
    if (current === null) return { type: "deleted", existed: false, revision: turn.revision };
    turn.revision = revision(turn.revision + 1);
    this.#bury(operation.key, current, turn);
    this.#tie(operation.key, current.lease, null);
    return { type: "deleted", existed: true, revision: turn.revision };
  }

  #expire(operation: Extract<Operation, { type: "expire" }>, turn: Turn): Outcome {
    const lease = this.#leases.get(operation.lease);
    if (lease === null || !this.#rules.mayEnd(lease, operation.renewal, turn.now)) {
      return { type: "expired", deletedKeys: 0, revision: turn.revision };
    }
    const keys = this.#leases.keysOf(lease.id);
    // One revision for all of them: who watches sees the lease end as one event.
    if (keys.length > 0) turn.revision = revision(turn.revision + 1);
    for (const key of keys) {
      const current = this.#living(key);
      if (current !== null) this.#bury(key, current, turn);
    }
    this.#leases.end(lease.id);
    return { type: "expired", deletedKeys: keys.length, revision: turn.revision };
  }

  /** A deletion is a row too, so that older revisions stay readable; it is history from its own batch on. */
  #bury(key: ByteString, current: KeyRow, turn: Turn): void {
    const deletion = { modRevision: turn.revision, createRevision: revision(0), version: 0, lease: null };
    this.#keys.append(key, deletion, null);
    turn.superseded.push([key, current.modRevision], [key, turn.revision]);
  }

  #living(key: ByteString): KeyRow | null {
    const newest = this.#keys.newest(key);
    return newest === null || newest.version === 0 ? null : newest;
  }
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
