/**
 * Commands that wait at a replica: in arrival order, each under its id, with everybody who wants to know what came of it.
 * Decides what a caller may be told when time runs out (U1). Knows neither Paxos nor the network.
 */
import type { Brand, Instant, Revision, Slot } from "../support/brand.ts";
import { limits } from "../support/limits.ts";
import { batchOverheadBytes, commandBytes } from "../store/command-codec.ts";
import type { Command, Outcome } from "../store/command.ts";
import type { Failure } from "./messages.ts";
import type { Turn } from "./turn.ts";

/** Commands that one peer forwarded together: answered together. */
interface Group {
  readonly handle: number;
  /** The peer's region. */
  readonly from: string;
  readonly keys: readonly CommandKey[];
  readonly outcomes: Map<CommandKey, Outcome>;
  answered: boolean;
}

/**
 * Names a command here: its id and what the client asked under it. The same id for another request is another command,
 * which the store will refuse (X1).
 */
export type CommandKey = Brand<string, "CommandKey">;
export const commandKey = ({ id, fingerprint }: Pick<Command, "id" | "fingerprint">): CommandKey =>
  `${fingerprint ?? ""} ${id}` as CommandKey;

export interface Pending {
  readonly key: CommandKey;
  readonly encoded: string;
  readonly bytes: number;
  /** When its callers are told that time ran out. */
  readonly until: Instant;
  /** Handles of clients waiting at this replica. */
  readonly clients: number[];
  readonly groups: Set<Group>;
  /** Waits to be sent; otherwise it is in a batch or with the leader. */
  waiting: boolean;
  /** How often it left this replica: once it did, it may yet be chosen. */
  sends: number;
  /** Came from a peer that cannot reach the leader: not to be relayed once more. */
  relayed: boolean;
}

/** Where the store stands whose outcomes are told, and who leads. */
export interface Stand {
  readonly slot: Slot;
  readonly revision: Revision;
  readonly leader: string | null;
  /** The region to which the leader would hand over, if any (drift). */
  readonly heir?: string | null;
}

export type Admission = "taken" | "full";

export class CommandQueue {
  readonly #pending = new Map<CommandKey, Pending>();
  #order: CommandKey[] = [];
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
  #add(key: CommandKey, encoded: string, until: Instant): Pending {
    const known = this.#pending.get(key);
    if (known !== undefined) return known;
    const pending: Pending = {
      key,
      encoded,
      bytes: commandBytes(encoded),
      until,
      clients: [],
      groups: new Set(),
      waiting: true,
      sends: 0,
      relayed: false,
    };
    this.#pending.set(key, pending);
    this.#order.push(key);
    this.#bytes += pending.bytes;
    this.#waiting += 1;
    return pending;
  }

  addClient(key: CommandKey, encoded: string, until: Instant, handle: number | null): Admission {
    if (!this.#pending.has(key) && !this.hasRoomFor([encoded])) return "full";
    const pending = this.#add(key, encoded, until);
    if (handle !== null) pending.clients.push(handle);
    return "taken";
  }

  /** @param known outcomes the store already remembers. */
  addGroup(
    turn: Turn,
    handle: number,
    commands: readonly { readonly key: CommandKey; readonly encoded: string; readonly known: Outcome | null }[],
    until: Instant,
    relayed: boolean,
    stand: Stand,
    from = "",
  ): Admission {
    if (!this.hasRoomFor(commands.map((c) => c.encoded))) return "full";
    const group: Group = { handle, from, keys: commands.map((c) => c.key), outcomes: new Map(), answered: false };
    for (const { key, encoded, known } of commands) {
      if (known !== null) group.outcomes.set(key, known);
      else {
        const pending = this.#add(key, encoded, until);
        pending.groups.add(group);
        pending.relayed ||= relayed;
      }
    }
    this.#finish(turn, group, stand);
    return "taken";
  }

  #finish(turn: Turn, group: Group, stand: Stand): void {
    if (group.answered) return;
    const outcomes = group.keys.map((key) => group.outcomes.get(key));
    if (outcomes.includes(undefined)) return;
    group.answered = true;
    const { slot, revision, heir } = stand;
    // The heir is told that it leads; it will see to it. Everybody else goes on with the one that does.
    const leader = heir === group.from ? group.from : stand.leader;
    turn.reply(group.handle, {
      type: "results",
      outcomes: outcomes.filter((o) => o !== undefined),
      slot,
      revision,
      leader,
    });
  }

  /** The next waiting commands, at most one batch of them, marked as sent. */
  take(): readonly Pending[] {
    const taken: Pending[] = [];
    let bytes = batchOverheadBytes;
    let at = 0;
    for (; at < this.#order.length && taken.length < limits.batchCommands; at += 1) {
      const key = this.#order[at];
      const pending = key === undefined ? undefined : this.#pending.get(key);
      if (pending === undefined || !pending.waiting) continue;
      if (taken.length > 0 && bytes + pending.bytes + 1 > limits.batchBytes) break;
      bytes += pending.bytes + 1;
      pending.waiting = false;
      pending.sends += 1;
      this.#waiting -= 1;
      taken.push(pending);
    }
    this.#order.splice(0, at);
    return taken;
  }

  /** Everything unanswered waits again, in arrival order: the leader it was with is lost. */
  requeue(keys: Iterable<CommandKey> = this.#pending.keys()): void {
    for (const key of keys) {
      const pending = this.#pending.get(key);
      if (pending === undefined || pending.waiting) continue;
      pending.waiting = true;
      this.#waiting += 1;
    }
    this.#order = [...this.#pending.values()].filter((p) => p.waiting).map((p) => p.key);
  }

  /** Answers everybody who waits for this command. */
  resolve(turn: Turn, key: CommandKey, outcome: Outcome, stand: Stand): void {
    const pending = this.#pending.get(key);
    if (pending === undefined) return;
    if (outcome.type === "past-deadline" && pending.sends > 1) {
      // U1: an earlier copy may have been carried out in time; its outcome is forgotten by now.
      return this.#fail(turn, pending, "deadline-passed", "the log's time has passed the request's deadline");
    }
    this.#remove(pending);
    for (const handle of pending.clients)
      turn.reply(handle, { type: "outcome", outcome, revision: revisionOf(outcome, stand.revision) });
    for (const group of pending.groups) {
      group.outcomes.set(key, outcome);
      this.#finish(turn, group, stand);
    }
  }

  #remove(pending: Pending): void {
    this.#pending.delete(pending.key);
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

  failSome(turn: Turn, keys: Iterable<CommandKey>, failure: Failure, detail: string): void {
    for (const key of keys) {
      const pending = this.#pending.get(key);
      if (pending !== undefined) this.#fail(turn, pending, failure, detail);
    }
  }

  failAll(turn: Turn, failure: Failure, detail: string): void {
    for (const pending of [...this.#pending.values()]) this.#fail(turn, pending, failure, detail);
  }

  #fail(turn: Turn, pending: Pending, failure: Failure, detail: string): void {
    this.#remove(pending);
    const outcome = pending.sends > 0 ? "unknown" : "not-applied";
    for (const handle of pending.clients) turn.reply(handle, { type: "failed", failure, outcome, detail });
    for (const group of pending.groups) this.#refuse(turn, group, null);
  }
}

/** The revision at which a client reads its own write. */
const revisionOf = (outcome: Outcome, current: Revision): Revision =>
  "revision" in outcome ? outcome.revision : current;
