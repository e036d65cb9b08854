/**
 * Drives a store as a replica would: every batch goes through its encoded form, so that nothing is shared between the
 * test and the store. Used by the store's and the registry's tests.
 */
import { decodeBatch, encodeBatch } from "../../../src/store/batch-codec.ts";
import { encodeCommand } from "../../../src/store/command-codec.ts";
import type {
  Command,
  Condition,
  ExpiryGuard,
  Guard,
  NeededLease,
  Operation,
  Outcome,
} from "../../../src/store/command.ts";
import { lockQueue, userKey } from "../../../src/store/key-space.ts";
import { Store } from "../../../src/store/store.ts";
import type { Page, StoreOptions } from "../../../src/store/store.ts";
import type { Transaction } from "../../../src/store/transaction.ts";
import { leaseId, logTime, requestId, revision, slot } from "../../../src/support/brand.ts";
import type { ByteString } from "../../../src/support/brand.ts";
import { textOf, utf8 } from "../../../src/support/bytes.ts";
import { NodeSql } from "../../support/node-sql.ts";

export const startTime = 1_000_000;

/** Limits under which a few batches are a long history. */
export const smallLimits = {
  commandLifeMs: 100,
  stampAheadMs: 50,
  deadlineAheadMs: 10_000,
  sessionLifeMs: 1_000,
  historyMs: 200,
  historyRevisions: 5,
  keptSlots: 4,
  clearedBatchesPerApply: 4,
  clearedOutcomesPerApply: 2,
  snapshotPageRows: 3,
  snapshotPageBytes: 300,
  maxSkewMs: 10,
};

export const key = (name: string): ByteString => userKey(utf8(name));
const always: Condition = { type: "always" };

export interface PutParts {
  readonly condition?: Condition;
  readonly lease?: string;
  readonly ttlMs?: number;
  /** A lease that must have been granted. */
  readonly tie?: string;
  readonly herd?: string;
  /** Names of keys that all of the lease's must begin with. */
  readonly within?: readonly string[];
  readonly needs?: { readonly lease: string; readonly renew: boolean; readonly within?: readonly string[] };
  readonly keepIfEqual?: boolean;
}

export function put(name: string, value: string, parts: PutParts = {}): Operation {
  const { condition = always, lease, ttlMs = 1_000, tie, herd, within, needs, keepIfEqual } = parts;
  const bounds = {
    ...(herd === undefined ? {} : { herd }),
    ...(within === undefined ? {} : { within: within.map(key) }),
  };
  return {
    type: "put",
    key: key(name),
    value: utf8(value),
    condition,
    ...(lease === undefined ? {} : { lease: { id: leaseId(lease), ttlMs, ...bounds } }),
    ...(needs === undefined ? {} : { needs: neededBy(needs) }),
    ...(tie === undefined ? {} : { tie: leaseId(tie) }),
    ...(keepIfEqual === undefined ? {} : { keepIfEqual }),
  };
}

const neededBy = ({ lease, renew: renewed, within }: NonNullable<PutParts["needs"]>): NeededLease => ({
  lease: leaseId(lease),
  renew: renewed,
  ...(within === undefined ? {} : { within: within.map(key) }),
});

export const remove = (name: string, condition: Condition = always): Operation => ({
  type: "delete",
  key: key(name),
  condition,
});

export const expire = (lease: string, renewal: number, guard?: ExpiryGuard): Operation => ({
  type: "expire",
  lease: leaseId(lease),
  renewal,
  ...(guard === undefined ? {} : { guard }),
});

export const txn = (transaction: Transaction): Operation => ({ type: "txn", transaction });
export const grant = (lease: string, ttlMs = 1_000): Operation => ({ type: "grant", lease: leaseId(lease), ttlMs });
export const renew = (lease: string, within?: readonly string[]): Operation => ({
  type: "renew",
  lease: leaseId(lease),
  ...(within === undefined ? {} : { within: within.map(key) }),
});
export const revoke = (lease: string): Operation => ({ type: "revoke", lease: leaseId(lease) });
export const compact = (to: number): Operation => ({ type: "compact", revision: revision(to) });

/** A lock's queue. */
export const queue = (name: string): ByteString => lockQueue(utf8(name));

export const enqueue = (name: string, lease: string, { ttlMs = 1_000, value = "" } = {}): Operation => ({
  type: "enqueue",
  queue: queue(name),
  value: utf8(value),
  lease: { id: leaseId(lease), ttlMs },
});

export interface CommandParts {
  readonly id?: string;
  readonly deadline?: number;
  readonly fingerprint?: string;
  readonly order?: { readonly session: string; readonly sequence: number };
  readonly guard?: Guard;
}

export class Driver {
  readonly sql: NodeSql;
  readonly options: StoreOptions;
  store: Store;
  /** The stamp of the next batch. */
  now = startTime;
  #lastId = 0;

  constructor(options: StoreOptions = {}, sql: NodeSql = new NodeSql()) {
    this.sql = sql;
    this.options = options;
    this.store = new Store(sql, options);
  }

  command(operation: Operation, parts: CommandParts = {}): Command {
    const { id = `generated-${(this.#lastId += 1)}`, deadline = this.now + 50, fingerprint, order, guard } = parts;
    return {
      id: requestId(id),
      deadline: logTime(deadline),
      ...(fingerprint === undefined ? {} : { fingerprint }),
      ...(order === undefined ? {} : { order }),
      ...(guard === undefined ? {} : { guard }),
      operation,
    };
  }

  batch(commands: readonly Command[]): string {
    return encodeBatch(logTime(this.now), commands.map(encodeCommand));
  }

  applyText(text: string): readonly Outcome[] {
    const batch = decodeBatch(text);
    if ("type" in batch) throw new Error(`batch refused: ${JSON.stringify(batch)}`);
    return this.store.apply(slot(this.store.appliedSlot + 1), text, batch);
  }

  apply(...commands: readonly Command[]): readonly Outcome[] {
    return this.applyText(this.batch(commands));
  }

  /** One command in a batch of its own. */
  one(operation: Operation, parts: CommandParts = {}): Outcome {
    const [outcome] = this.apply(this.command(operation, parts));
    if (outcome === undefined) throw new Error("no outcome");
    return outcome;
  }

  /** The process dies and another takes over the same database. */
  reopen(): void {
    this.store = new Store(this.sql, this.options);
  }

  value(name: string): string | null {
    const entry = this.store.get(key(name));
    return entry === null ? null : textOf(entry.value);
  }

  page(prefix: string, limit = 100): Page {
    const page = this.store.list({ prefix: key(prefix), limit, maxBytes: 1_000_000 });
    if (page.type !== "page") throw new Error(page.type);
    return page;
  }

  /** Rows written by `work`. */
  rowsWritten(work: () => void): number {
    const before = this.sql.changes;
    work();
    return this.sql.changes - before;
  }
}

/** Carries a snapshot over. @returns a driver over the loaded store. */
export function loadFrom(source: Driver, whileReading: (page: number) => void = () => undefined): Driver {
  const snapshot = source.store.openSnapshot();
  const target = new Driver(source.options);
  target.now = source.now;
  target.store.beginLoad();
  let cursor: string | null = null;
  for (let number = 0; ; number += 1) {
    const page = snapshot.page(cursor);
    if (page.type !== "page") throw new Error(page.type);
    const refused = target.store.loadPage(page.rows);
    if (refused !== null) throw new Error(refused.reason);
    whileReading(number);
    cursor = page.next;
    if (cursor === null) break;
  }
  const refused = target.store.endLoad();
  if (refused !== null) throw new Error(refused.reason);
  return target;
}
