/**
 * The store: the state machine that a namespace's log drives. Its replica applies chosen batches, in order, and reads;
 * peers take snapshots. Knows no Paxos, no clock and no randomness: the same slots give the same logical rows and the
 * same outcomes everywhere, whatever restarts happen in between (SPEC L1-L4, L7, T1, X1-X3, E1, H1). What it keeps in memory is derived
 * from its tables. An empty database reads as an empty store and is not written to.
 */
import { assert } from "../support/assert.ts";
import { logTime, nextSlot, revision, slot } from "../support/brand.ts";
import type { ByteString, Instant, LeaseId, LogTime, RequestId, Revision, Slot } from "../support/brand.ts";
import { prefixEnd } from "../support/bytes.ts";
import type { Sql } from "../support/sql.ts";
import { SEMANTICS } from "./command.ts";
import type { Batch, Command, Entry, Outcome, Refusal } from "./command.ts";
import { ChangeLog, mostTouched } from "./change-log.ts";
import type { Touched } from "./change-log.ts";
import { digestOf } from "./digest.ts";
import { History } from "./history.ts";
import type { KeptBatch } from "./history.ts";
import type { Malformed } from "./json-shape.ts";
import { Keys } from "./keys.ts";
import type { PageBounds, Span } from "./keys.ts";
import { Leases } from "./leases.ts";
import type { Lease } from "./leases.ts";
import { EventReader } from "./events.ts";
import type { EventBounds, EventQuery, Events } from "./events.ts";
import type { Turn } from "./key-changes.ts";
import { Operations } from "./operations.ts";
import { Outcomes } from "./outcomes.ts";
import type { Remembered } from "./outcomes.ts";
import type { StoreParts } from "./parts.ts";
import type { RemoveRow } from "./changes.ts";
import { Compaction } from "./compaction.ts";
import { Forgotten } from "./forgotten.ts";
import { Ranges } from "./ranges.ts";
import type { RangePlace } from "./ranges.ts";
import { isNext } from "./rules.ts";
import {
  createTables,
  dropTables,
  dropTablesAside,
  findTables,
  markLoading,
  putTablesBack,
  setTablesAside,
  unmarkLoading,
} from "./schema.ts";
import { Sessions } from "./sessions.ts";
import { Snapshot } from "./snapshot.ts";
import { SnapshotLoad } from "./snapshot-load.ts";
import { storeLimits } from "./store-limits.ts";
import type { StoreLimits } from "./store-limits.ts";
import type { KeyRange, RangeQuery, RangeResult, Transaction, TxnResponse } from "./transaction.ts";
import { carryOut, check, choose, looksAtTooMuch } from "./transactions.ts";
import type { Ground } from "./transactions.ts";

/** The revision of a store in which nothing was ever written: as in etcd, so that 0 can stand for "none". */
const firstRevision = revision(1);

/** Why a revision cannot be read. */
export type Unreadable =
  /** History before `compactedRevision` is gone; that one and later ones are readable. */
  | { readonly type: "compacted"; readonly compactedRevision: Revision }
  /** This store has not come that far; it stands at `revision`. */
  | { readonly type: "future"; readonly revision: Revision };

export interface Listing {
  /** Keys that begin with this; not empty. */
  readonly prefix: ByteString;
  /** Only keys after this one. */
  readonly after?: ByteString;
  readonly limit: number;
  readonly maxBytes: number;
  /** Defaults to the current one. */
  readonly revision?: Revision;
}

export interface Page {
  readonly type: "page";
  readonly entries: readonly Entry[];
  /** There are further keys after the last of `entries`. */
  readonly more: boolean;
  /** The one revision that all entries were read at. */
  readonly revision: Revision;
}

export interface StoreOptions {
  readonly limits?: Partial<StoreLimits>;
}

export class Store {
  readonly knows = SEMANTICS;
  readonly #sql: Sql;
  readonly #limits: StoreLimits;
  #parts: StoreParts;
  #operations: Operations;
  #exists: boolean;
  #load: SnapshotLoad | null = null;
  #touched: Touched = [];

  constructor(sql: Sql, options: StoreOptions = {}) {
    this.#sql = sql;
    this.#limits = { ...storeLimits, ...options.limits };
    // Half a snapshot is no store (L7): what was there before it is.
    if (findTables(sql) === "half-loaded") putTablesBack(sql);
    this.#exists = findTables(sql) === "store";
    this.#parts = this.#open();
    this.#operations = new Operations(this.#parts);
  }

  get exists(): boolean {
    return this.#exists;
  }

  /** Between `beginLoad` and `endLoad` or `abandonLoad`: reads as empty, applies nothing. */
  get loading(): boolean {
    return this.#load !== null;
  }

  get appliedSlot(): Slot {
    return this.#parts.history.newest?.slot ?? slot(0);
  }

  get revision(): Revision {
    return this.#parts.history.newest?.revision ?? firstRevision;
  }

  get logTime(): LogTime {
    return this.#parts.history.newest?.stamp ?? logTime(0);
  }

  /** The first revision that can be read: 0 as long as all of them can. The present always can. */
  get compactedRevision(): Revision {
    return revision(Math.min(this.#firstTold, this.revision));
  }

  /** The first revision whose events can be told. It may be the next one: how the present came to be may be gone. */
  get #firstTold(): Revision {
    const { history, compaction } = this.#parts;
    return revision(Math.max(history.clearedRevision, compaction.floor));
  }

  /** The first slot that `batchesFrom` can give. */
  get firstKeptSlot(): Slot {
    return this.#parts.history.firstKeptSlot;
  }

  /** Makes the tables, if there are none: before the first write, and never for a read. */
  create(): void {
    if (this.#exists) return;
    createTables(this.#sql);
    this.#exists = true;
    this.#reopen();
  }

  /**
   * Should it throw, the database has refused a statement or a rule is broken: then this object's memory is worth nothing,
   * and its owner rolls back and starts over from the tables.
   *
   * @param encoded the chosen value that `batch` was decoded from: kept as it came, for peers.
   * @returns what came of each command, in order.
   */
  apply(at: Slot, encoded: string, batch: Batch): readonly Outcome[] {
    assert(!this.loading, "L7 nothing is applied to half a snapshot");
    assert(at === nextSlot(this.appliedSlot), `L1 slots are applied in order: ${at} after ${this.appliedSlot}`);
    assert(batch.semantics <= SEMANTICS, "L4 a batch with unknown semantics is not applied");
    this.create();
    const { keys, leases, sessions, outcomes, history, compaction, forgotten } = this.#parts;
    const before = this.revision;
    const now = logTime(Math.max(this.logTime, batch.stamp));
    const changes = new ChangeLog((part, rows) => history.insertPart({ slot: at, part, rows }));
    const turn: Turn = { slot: at, now, revision: before, changes, resultBytes: 0 };
    const results = batch.commands.map((command) => this.#applyOne(command, turn));
    keys.flush();
    leases.flush();
    sessions.flush(now);
    const milestone = { slot: at, stamp: now, before, revision: turn.revision };
    history.append(milestone, outcomes.takeAdded(), changes.end(), encoded);
    const removeRow: RemoveRow = (key, mod, deletion) => {
      keys.remove(key, mod);
      if (deletion) forgotten.note(key, mod);
    };
    history.clear(removeRow);
    compaction.sweep(history, removeRow);
    forgotten.flush();
    this.#touch(changes.touched);
    outcomes.forget(now);
    return results;
  }

  get(key: ByteString): Entry | null {
    return this.#exists ? this.#parts.keys.current(key) : null;
  }

  getAt(key: ByteString, at: Revision): Entry | Unreadable | null {
    return this.#unreadable(at) ?? (this.#exists ? this.#parts.keys.at(key, at) : null);
  }

  list(listing: Listing): Page | Unreadable {
    const at = listing.revision ?? this.revision;
    const unreadable = this.#unreadable(at);
    if (unreadable !== null) return unreadable;
    if (!this.#exists) return { type: "page", entries: [], more: false, revision: at };
    const { rows, more } = this.#parts.keys.page(spanOf(listing.prefix, listing.after), at, listing);
    return { type: "page", entries: rows, more, revision: at };
  }

  /** How many keys begin with `prefix` now; counts no further than `atMost`. */
  count(prefix: ByteString, atMost: number): number {
    return this.#exists ? this.#parts.keys.count(spanOf(prefix), this.revision, atMost) : 0;
  }

  /** One page of a range. @returns also `more` where `bounds` left no room for the rest. */
  range(query: RangeQuery, place: RangePlace, bounds: PageBounds): RangeResult | Unreadable {
    const at = query.revision ?? this.revision;
    const unreadable = this.#unreadable(at);
    if (unreadable !== null) return unreadable;
    return this.#exists ? this.#parts.ranges.read(query, at, bounds, place) : { entries: [], more: false, count: 0 };
  }

  /**
   * The newest change in a range, deletions included: its index, for who asks whether anything happened there. Where
   * history is gone it may be later than that, never earlier (SPEC S5); 0 when nothing happened. Reads no values.
   */
  lastChange(range: KeyRange): Revision {
    const { ranges, forgotten } = this.#parts;
    return revision(Math.max(ranges.lastChange(range), Math.min(forgotten.lastDeletion(range), this.revision)));
  }

  /** Carries out a transaction that only reads. */
  readTransaction(
    transaction: Transaction,
  ): { readonly succeeded: boolean; readonly responses: readonly TxnResponse[] } | Refusal {
    const at = this.revision;
    assert(this.#exists || this.loading === false, "L7 half a snapshot is not read");
    const ground: Ground = {
      ranges: this.#parts.ranges,
      unreadable: (past) => this.#unreadable(past)?.type ?? null,
      leaseExists: () => false,
    };
    if (looksAtTooMuch(ground, at, transaction)) return "too-many-keys";
    const chosen = choose(ground, at, transaction);
    const refused = check(ground, at, chosen);
    if (typeof refused === "string") return refused;
    return { succeeded: chosen.succeeded, responses: carryOut(ground, at, chosen, null) };
  }

  /** What happened from a place on; nothing where the place lies in the future. */
  events(query: EventQuery, bounds: EventBounds): Events | Extract<Unreadable, { type: "compacted" }> {
    const first = this.#firstTold;
    if (query.from.revision < first) return { type: "compacted", compactedRevision: first };
    return new EventReader(this.#parts.keys, this.#parts.history).read(query, this.revision, bounds);
  }

  /** Keys changed since the last call: whoever waits for one of them may look again. */
  takeTouched(): Touched {
    const touched = this.#touched;
    this.#touched = [];
    return touched;
  }

  #touch(keys: Touched): void {
    const known = this.#touched;
    const isKept = known !== null && keys !== null && known.length + keys.length <= mostTouched;
    this.#touched = isKept ? [...known, ...keys] : null;
  }

  /** What came of a command, if that is still remembered. */
  remembered(id: RequestId): Remembered | null {
    return this.#exists ? this.#parts.outcomes.find(id, this.logTime) : null;
  }

  lease(id: LeaseId): Lease | null {
    return this.#exists ? this.#parts.leases.get(id) : null;
  }

  /** Leases after one, in the order of their ids. */
  leases(after: string, limit: number): readonly Lease[] {
    return this.#exists ? this.#parts.leases.after(after, limit) : [];
  }

  /** At most `limit` keys that are tied to a lease, in order. */
  leaseKeys(id: LeaseId, limit: number): readonly ByteString[] {
    return this.#exists ? this.#parts.leases.keysOf(id, limit) : [];
  }

  /** Leases that an `expire` command may now be proposed for: past due by more than clocks may differ. */
  dueLeases(now: Instant, limit: number): readonly Lease[] {
    return this.#exists ? this.#parts.leases.due(now, limit) : [];
  }

  /**
   * No lease is due before this; null when there is none. It may lie in the past: `dueLeases` then looks again, and moves
   * it on unless leases really are due and wait for their `expire` to be applied.
   */
  nextDue(): number | null {
    return this.#exists ? this.#parts.leases.nextDue() : null;
  }

  /** Applied batches for a peer that catches up; empty when it has them all. */
  batchesFrom(from: Slot, maxBytes: number, maxRows: number): readonly KeptBatch[] | "gone" {
    if (from > this.appliedSlot) return [];
    return from < this.firstKeptSlot ? "gone" : this.#parts.history.kept(from, maxBytes, maxRows);
  }

  /** A hash over the logical rows. Reads all of them: for checks and tests, not for every gossip. */
  digest(): string {
    return this.#exists ? digestOf(this.#parts) : "0".repeat(16);
  }

  openSnapshot(): Snapshot {
    assert(this.appliedSlot > 0, "an empty store has nothing to give");
    const parts = this.#parts;
    return new Snapshot(parts, () => this.#parts === parts);
  }

  /**
   * Starts loading a peer's snapshot. What was here is kept until the snapshot is whole: until then others may rely on it
   * that this replica has durably applied it (L5). May be called again to start over.
   */
  beginLoad(): void {
    if (this.loading) dropTables(this.#sql);
    else setTablesAside(this.#sql);
    this.#exists = false;
    createTables(this.#sql);
    markLoading(this.#sql);
    this.#reopen();
    this.#load = new SnapshotLoad(this.#parts);
  }

  /** Gives the snapshot up: the store is again what it was before `beginLoad`. */
  abandonLoad(): void {
    assert(this.#load !== null, "beginLoad comes before abandonLoad");
    this.#load = null;
    putTablesBack(this.#sql);
    this.#exists = findTables(this.#sql) === "store";
    this.#reopen();
  }

  /** @param rows one page, pages in order. @returns null when it was taken. After a rejection start over. */
  loadPage(rows: string): Malformed | null {
    assert(this.#load !== null, "beginLoad comes before loadPage");
    const refused = this.#load.take(rows);
    this.#parts.keys.flush();
    return refused;
  }

  /** @returns null when the store is now what its source was; else loading may start over, or be abandoned. */
  endLoad(): Malformed | null {
    assert(this.#load !== null, "beginLoad comes before endLoad");
    const refused = this.#load.finish();
    if (refused !== null) return refused;
    this.#load = null;
    unmarkLoading(this.#sql);
    dropTablesAside(this.#sql);
    this.#exists = true;
    this.#reopen();
    return null;
  }

  #applyOne(command: Command, turn: Turn): Outcome {
    const { outcomes } = this.#parts;
    const { now } = turn;
    const known = outcomes.find(command.id, now);
    if (known !== null) {
      // This command may come again as long as its own deadline allows, and must find the same answer.
      if (command.deadline > known.deadline) outcomes.prolong(command, known, now);
      return known.fingerprint === (command.fingerprint ?? null) ? known.outcome : { type: "id-reused" };
    }
    // The one refusal that needs no memory: log time never goes back.
    if (command.deadline < now) return { type: "past-deadline" };
    const outcome =
      this.#refused(command, now) ??
      (command.guard === undefined ? null : this.#operations.guardRefuses(command.guard, turn)) ??
      this.#operations.carryOut(command.operation, turn);
    outcomes.remember(command, outcome, now);
    return outcome;
  }

  /** Refusals that a copy of the command might escape later, were they not remembered. */
  #refused({ deadline, order }: Command, now: LogTime): Outcome | null {
    // Remembered until that very deadline, in a row: forgotten any sooner, a copy chosen once log time has come near
    // enough would be carried out. One wild clock fills no memory by it, and no more of the disk than by writing keys.
    if (deadline > now + this.#limits.deadlineAheadMs) return { type: "deadline-too-far" };
    if (order === undefined) return null;
    const { sessions } = this.#parts;
    const expected = sessions.expected(order.session, now);
    if (!isNext(expected, order.sequence)) return { type: "out-of-order", expected };
    sessions.passed(order.session, order.sequence, now);
    return null;
  }

  #unreadable(at: Revision): Unreadable | null {
    if (at > this.revision) return { type: "future", revision: this.revision };
    const { compactedRevision } = this;
    return at < compactedRevision ? { type: "compacted", compactedRevision } : null;
  }

  #reopen(): void {
    this.#touched = null;
    this.#parts = this.#open();
    this.#operations = new Operations(this.#parts);
  }

  #open(): StoreParts {
    const [sql, limits, exists] = [this.#sql, this.#limits, this.#exists];
    const history = new History(sql, limits, exists);
    const outcomes = new Outcomes(sql, limits, exists);
    if (history.newest !== null) history.recentOutcomes(history.newest.stamp).forEach((one) => outcomes.restore(one));
    const leases = new Leases(sql, limits.maxSkewMs);
    const keys = new Keys(sql);
    return {
      sql,
      limits,
      keys,
      ranges: new Ranges(keys, exists),
      leases,
      sessions: new Sessions(sql, limits, exists),
      outcomes,
      history,
      compaction: new Compaction(sql, exists, limits.clearedBatchesPerApply),
      forgotten: new Forgotten(sql, exists),
    };
  }
}

function spanOf(prefix: ByteString, after?: ByteString): Span {
  assert(prefix.length > 0, "a listing stays within one key space");
  const exclusive = after !== undefined && after >= prefix;
  return { from: exclusive ? after : prefix, exclusive, until: prefixEnd(prefix) };
}
