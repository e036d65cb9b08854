/**
 * The oracle: what a store is, written down as plainly as possible. Keeps every revision for ever, remembers every
 * command, knows nothing of rows, batches' memory or clearing. Times and limits as the store's tests shrink them.
 */
import type { Batch, Command, Condition, Operation, Outcome } from "../../src/store/command.ts";
import { revision } from "../../src/support/brand.ts";
import type { ByteString, Revision } from "../../src/support/brand.ts";

interface Kept {
  readonly value: string;
  readonly mod: number;
  readonly created: number;
  readonly version: number;
  readonly lease: string | null;
}

interface ModelLease {
  readonly ttlMs: number;
  readonly renewal: number;
  readonly renewedAt: number;
}

export interface ModelLimits {
  readonly deadlineAheadMs: number;
  readonly sessionLifeMs: number;
}

export class StoreModel {
  readonly #limits: ModelLimits;
  #keys: ReadonlyMap<ByteString, Kept> = new Map();
  /** The keys after each revision, from 0. */
  readonly past: ReadonlyMap<ByteString, Kept>[] = [new Map()];
  readonly leases = new Map<string, ModelLease>();
  readonly #remembered = new Map<
    string,
    { readonly fingerprint: string | undefined; readonly deadline: number; readonly outcome: Outcome }
  >();
  readonly #sessions = new Map<string, { readonly next: number; readonly expires: number }>();
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

  apply(batch: Batch): readonly Outcome[] {
    this.#now = Math.max(this.#now, batch.stamp);
    this.#slot += 1;
    return batch.commands.map((command) => this.#command(command));
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
    return this.#operation(command.operation);
  }

  #operation(operation: Operation): Outcome {
    if (operation.type === "expire") return this.#expire(operation.lease, operation.renewal);
    const current = this.#keys.get(operation.key);
    if (!holds(operation.condition, current)) {
      return { type: "condition-failed", modRevision: current === undefined ? null : revision(current.mod) };
    }
    if (operation.type === "delete") {
      if (current === undefined) return { type: "deleted", existed: false, revision: this.revision };
      this.#change((keys) => keys.delete(operation.key));
      return { type: "deleted", existed: true, revision: this.revision };
    }
    const value = operation.value.join();
    const lease = operation.lease?.id ?? null;
    if (operation.lease !== undefined) {
      const { id, ttlMs } = operation.lease;
      this.leases.set(id, { ttlMs, renewal: this.#slot, renewedAt: this.#now });
    }
    const isKept = operation.keepIfEqual === true && current?.value === value && current.lease === lease;
    const mod = this.past.length;
    const next = {
      value,
      mod,
      created: current?.created ?? mod,
      version: (current?.version ?? 0) + 1,
      lease,
    };
    if (!isKept) this.#change((keys) => keys.set(operation.key, next));
    const put = isKept ? current : next;
    return {
      type: "put",
      revision: revision(put.mod),
      version: put.version,
      createRevision: revision(put.created),
      renewedOnly: isKept,
    };
  }

  #expire(id: string, renewal: number): Outcome {
    const lease = this.leases.get(id);
    if (lease?.renewal !== renewal || this.#now < lease.renewedAt + lease.ttlMs) {
      return { type: "expired", deletedKeys: 0, revision: this.revision };
    }
    const tied = [...this.#keys].filter(([, kept]) => kept.lease === id);
    this.#change((keys) => tied.forEach(([key]) => keys.delete(key)));
    return { type: "expired", deletedKeys: tied.length, revision: this.revision };
  }

  /** One revision; then leases that have no keys left are gone. */
  #change(edit: (keys: Map<ByteString, Kept>) => unknown): void {
    const keys = new Map(this.#keys);
    edit(keys);
    this.#keys = keys;
    this.past.push(keys);
    const used = new Set([...keys.values()].map((kept) => kept.lease));
    for (const id of this.leases.keys()) if (!used.has(id)) this.leases.delete(id);
  }
}

function holds(condition: Condition, current: Kept | undefined): boolean {
  if (condition.type === "absent") return current === undefined;
  if (condition.type === "present") return current !== undefined;
  return condition.type === "always" || current?.mod === condition.modRevision;
}
