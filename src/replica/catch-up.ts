/**
 * Catching up: fetches chosen values this replica missed from its peers, one page at a time, and loads a snapshot when a
 * peer no longer keeps them. Applies nothing itself. Upholds L6 and L7.
 */
import { nextSlot } from "../support/brand.ts";
import type { Slot } from "../support/brand.ts";
import { limits } from "../support/limits.ts";
import type { Store } from "../store/store.ts";
import type { Log } from "./log.ts";
import type { PeerReply } from "./messages.ts";
import type { Peers } from "./peers.ts";
import type { Calls, Purpose, Turn } from "./turn.ts";

export class CatchUp {
  readonly #calls: Calls;
  readonly #log: Log;
  readonly #peers: Peers;
  readonly #store: Store;
  #source: string | null = null;
  #loading: { readonly id: string; readonly slot: Slot } | null = null;
  /** Peers that could not help since the last success. */
  readonly #tried = new Set<string>();
  #exhausted = false;
  #notBefore = 0;

  constructor(calls: Calls, log: Log, peers: Peers, store: Store) {
    this.#calls = calls;
    this.#log = log;
    this.#peers = peers;
    this.#store = store;
  }

  /** Every peer was asked since the last success, and none could help. */
  get exhausted(): boolean {
    return this.#exhausted;
  }

  /** Starts to fetch, unless it is being done. @param from a peer known to be ahead, if any. */
  want(turn: Turn, from: string | null): void {
    if (this.#source !== null) return;
    if (turn.now < this.#notBefore) return turn.wakeBy(this.#notBefore);
    const region = from !== null && !this.#tried.has(from) ? from : this.#peers.best(this.#tried);
    if (region === null) {
      // Nobody could help: start over after a pause, if it is still wanted then.
      this.#tried.clear();
      this.#exhausted = true;
      this.#notBefore = turn.now + limits.gossipMs;
      return turn.wakeBy(this.#notBefore);
    }
    this.#ask(turn, region);
  }

  #ask(turn: Turn, region: string): void {
    this.#source = region;
    const message = { type: "catch-up", from: nextSlot(this.#store.appliedSlot) } as const;
    this.#calls.send(turn, { type: "catch-up", region }, { kind: "replica", region }, message, limits.callMs);
  }

  #page(turn: Turn, region: string, id: string | null, cursor: string | null): void {
    this.#source = region;
    this.#calls.send(
      turn,
      { type: "snapshot", region },
      { kind: "replica", region },
      { type: "snapshot", id, cursor },
      2 * limits.callMs,
    );
  }

  #succeeded(): void {
    this.#tried.clear();
    this.#exhausted = false;
  }

  #failed(region: string): void {
    this.#tried.add(region);
    this.#source = null;
    this.#loading = null;
    if (!this.#store.loading) return;
    // L5, L7: half a snapshot counts as nothing; what was here before it does.
    this.#store.abandonLoad();
    this.#log.skipTo(this.#store.appliedSlot);
  }

  /** The answer to a `catch-up` call. Fetched values go to the log; the caller applies and, if still behind, asks `want` again. */
  entriesAnswered(turn: Turn, purpose: Purpose & { readonly type: "catch-up" }, reply: PeerReply | null): void {
    if (this.#source !== purpose.region) return;
    if (reply?.type === "entries" && reply.entries.length > 0) {
      this.#source = null;
      this.#succeeded();
      this.#peers.heard(purpose.region, reply.applied, null);
      for (const entry of reply.entries) this.#log.learn(entry, this.#store.appliedSlot);
    } else if (reply?.type === "gone") this.#page(turn, purpose.region, null, null);
    else this.#failed(purpose.region);
  }

  /** The answer to a `snapshot` call. @returns true when a snapshot is loaded to its end. */
  pageAnswered(turn: Turn, purpose: Purpose & { readonly type: "snapshot" }, reply: PeerReply | null): boolean {
    if (this.#source !== purpose.region) return false;
    if (reply?.type !== "snapshot-page" || (this.#loading !== null && reply.id !== this.#loading.id)) {
      this.#failed(purpose.region);
      return false;
    }
    if (this.#loading === null) {
      if (reply.slot <= this.#store.appliedSlot) {
        this.#failed(purpose.region);
        return false;
      }
      this.#loading = { id: reply.id, slot: reply.slot };
      this.#store.beginLoad();
    }
    if (this.#store.loadPage(reply.rows) !== null) {
      this.#failed(purpose.region);
      return false;
    }
    if (reply.next !== null) {
      this.#page(turn, purpose.region, reply.id, reply.next);
      return false;
    }
    if (this.#store.endLoad() !== null) {
      this.#failed(purpose.region);
      return false;
    }
    this.#loading = null;
    this.#source = null;
    this.#succeeded();
    this.#log.skipTo(this.#store.appliedSlot);
    return true;
  }
}
