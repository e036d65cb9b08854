/**
 * Commands that wait at a replica: in arrival order, each under its id, with everybody who wants to know what came of it.
 * Decides what a caller may be told when time runs out (U1). Knows neither Paxos nor the network.
 */
import type { Instant, RequestId, Revision, Slot } from "../support/brand.ts";
import { limits } from "../support/limits.ts";
import { batchOverheadBytes } from "../store/batch-codec.ts";
import { commandBytes } from "../store/command-codec.ts";
import type { Outcome } from "../store/command.ts";
import type { Failure } from "./messages.ts";
import type { Turn } from "./turn.ts";

/** Commands that one peer forwarded together: answered together. */
interface Group {
  readonly handle: number;
  readonly ids: readonly RequestId[];
  readonly outcomes: Map<RequestId, Outcome>;
  answered: boolean;
}

export interface Pending {
  readonly id: RequestId;
  readonly encoded: string;
  readonly bytes: number;
  /** When its callers are told that time ran out. */
  readonly until: Instant;
  /** Handles of clients waiting at this replica. */
  readonly clients: number[];
  readonly groups: Set<Group>;
  /** Waits to be sent; otherwise it is in a batch or with the leader. */
  waiting: boolean;
  /** It may have left this replica, and may yet be chosen. Never becomes false again. */
  sent: boolean;
  /** Came from a peer that cannot reach the leader: not to be relayed once more. */
  relayed: boolean;
}

export type Admission = "taken" | "full";

export class CommandQueue {
  readonly #pending = new Map<RequestId, Pending>();
  #order: RequestId[] = [];
  #bytes = 0;
  #waiting = 0;

  /** Commands not yet proposed or forwarded. */
  get waiting(): number {
    return this.#waiting;
  }
  get size(): number {
    return this.#pending.size;
  }
  get holdsRelayed(): boolean {
    for (const pending of this.#pending.values()) if (pending.relayed) return true;
    return false;
  }

  hasRoomFor(commands: readonly string[]): boolean {
    const bytes = commands.reduce((sum, encoded) => sum + commandBytes(encoded), 0);
    return this.#pending.size + commands.length <= limits.waitingCommands && this.#bytes + bytes <= limits.waitingBytes;
  }

  /** Takes a command in, or joins it to the same one already here. */
  #add(id: RequestId, encoded: string, until: Instant): Pending {
    const known = this.#pending.get(id);
    if (known !== undefined) return known;
    const pending: Pending = {
      id,
      encoded,
      bytes: commandBytes(encoded),
      until,
      clients: [],
      groups: new Set(),
      waiting: true,
      sent: false,
      relayed: false,
    };
    this.#pending.set(id, pending);
    this.#order.push(id);
    this.#bytes += pending.bytes;
    this.#waiting += 1;
    return pending;
  }

  addClient(id: RequestId, encoded: string, until: Instant, handle: number | null): Admission {
    if (!this.#pending.has(id) && !this.hasRoomFor([encoded])) return "full";
    const pending = this.#add(id, encoded, until);
    if (handle !== null) pending.clients.push(handle);
    return "taken";
  }

  /** @param known outcomes the store already remembers. */
  addGroup(
    turn: Turn,
    handle: number,
    commands: readonly { readonly id: RequestId; readonly encoded: string; readonly known: Outcome | null }[],
    until: Instant,
    relayed: boolean,
    slot: Slot,
  ): Admission {
    if (!this.hasRoomFor(commands.map((c) => c.encoded))) return "full";
    const group: Group = { handle, ids: commands.map((c) => c.id), outcomes: new Map(), answered: false };
    for (const { id, encoded, known } of commands) {
      if (known !== null) group.outcomes.set(id, known);
      else {
        const pending = this.#add(id, encoded, until);
        pending.groups.add(group);
        pending.relayed ||= relayed;
      }
    }
    this.#finish(turn, group, slot, null);
    return "taken";
  }

  #finish(turn: Turn, group: Group, slot: Slot, leader: string | null): void {
    if (group.answered) return;
    const outcomes = group.ids.map((id) => group.outcomes.get(id));
    if (outcomes.includes(undefined)) return;
    group.answered = true;
    turn.reply(group.handle, { type: "results", outcomes: outcomes.filter((o) => o !== undefined), slot, leader });
  }

  /** The next waiting commands, at most one batch of them, marked as sent. */
  take(): readonly Pending[] {
    const taken: Pending[] = [];
    let bytes = batchOverheadBytes;
    let at = 0;
    for (; at < this.#order.length && taken.length < limits.batchCommands; at += 1) {
      const id = this.#order[at];
      const pending = id === undefined ? undefined : this.#pending.get(id);
      if (pending === undefined || !pending.waiting) continue;
      if (taken.length > 0 && bytes + pending.bytes + 1 > limits.batchBytes) break;
      bytes += pending.bytes + 1;
      pending.waiting = false;
      pending.sent = true;
      this.#waiting -= 1;
      taken.push(pending);
    }
    this.#order.splice(0, at);
    return taken;
  }

  /** Everything unanswered waits again, in arrival order: the leader it was with is lost. */
  requeue(ids: Iterable<RequestId> = this.#pending.keys()): void {
    for (const id of ids) {
      const pending = this.#pending.get(id);
      if (pending === undefined || pending.waiting) continue;
      pending.waiting = true;
      this.#waiting += 1;
    }
    this.#order = [...this.#pending.values()].filter((p) => p.waiting).map((p) => p.id);
  }

  /** Answers everybody who waits for this command. */
  resolve(turn: Turn, id: RequestId, outcome: Outcome, slot: Slot, revision: Revision, leader: string | null): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#remove(pending);
    for (const handle of pending.clients)
      turn.reply(handle, { type: "outcome", outcome, revision: revisionOf(outcome, revision) });
    for (const group of pending.groups) {
      group.outcomes.set(id, outcome);
      this.#finish(turn, group, slot, leader);
    }
  }

  #remove(pending: Pending): void {
    this.#pending.delete(pending.id);
    this.#bytes -= pending.bytes;
    if (pending.waiting) this.#waiting -= 1;
  }

  /** Tells peers that forwarded commands here that this replica does not lead; their commands go unless clients here wait too. */
  dropGroups(turn: Turn, leader: string | null, keepRelayed: boolean): void {
    for (const pending of [...this.#pending.values()]) {
      if (pending.groups.size === 0 || (keepRelayed && pending.relayed)) continue;
      for (const group of pending.groups) this.#refuse(turn, group, leader);
      pending.groups.clear();
      if (pending.clients.length === 0) this.#remove(pending);
    }
  }

  #refuse(turn: Turn, group: Group, leader: string | null): void {
    if (group.answered) return;
    group.answered = true;
    turn.reply(group.handle, { type: "not-leader", leader });
  }

  /** U1: ends what has waited too long. A command that never left is gone for good: `not-applied`. */
  expire(turn: Turn, failure: Failure, detail: string): void {
    for (const pending of [...this.#pending.values()]) {
      if (pending.until > turn.now) turn.wakeBy(pending.until);
      else this.#fail(turn, pending, failure, detail);
    }
  }

  failSome(turn: Turn, ids: Iterable<RequestId>, failure: Failure, detail: string): void {
    for (const id of ids) {
      const pending = this.#pending.get(id);
      if (pending !== undefined) this.#fail(turn, pending, failure, detail);
    }
  }

  failAll(turn: Turn, failure: Failure, detail: string): void {
    for (const pending of [...this.#pending.values()]) this.#fail(turn, pending, failure, detail);
  }

  #fail(turn: Turn, pending: Pending, failure: Failure, detail: string): void {
    this.#remove(pending);
    const outcome = pending.sent ? "unknown" : "not-applied";
    for (const handle of pending.clients) turn.reply(handle, { type: "failed", failure, outcome, detail });
    for (const group of pending.groups) this.#refuse(turn, group, null);
  }
}

/** The revision at which a client reads its own write. */
const revisionOf = (outcome: Outcome, current: Revision): Revision =>
  "revision" in outcome ? outcome.revision : current;
