/**
 * What a replica knows of its peers, and how chosen values reach them: the leader pushes to all that answer, the others
 * gossip a digest to one peer at a time after activity, and stop once equal. Knows nothing of clients. Serves L4 and L5.
 */
import { slot } from "../support/brand.ts";
import type { Slot } from "../support/brand.ts";
import { limits } from "../support/limits.ts";
import { integerBetween } from "../support/random.ts";
import type { Random } from "../support/random.ts";
import { majorityOf } from "../paxos/membership.ts";
import { SEMANTICS } from "../store/command.ts";
import type { ChosenValue, PeerReply } from "./messages.ts";
import type { Calls, Turn } from "./turn.ts";

interface Peer {
  /** The highest slot it was heard to have durably applied; null: never heard from. */
  applied: Slot | null;
  knows: number;
  busy: boolean;
  /** When it was last sent values. */
  pushedAt: number;
  failures: number;
  notBefore: number;
}

/** The log as this replica can give it away. */
export interface Source {
  readonly applied: Slot;
  readonly leading: boolean;
  /** Chosen values from a slot on, at most a page; null: not kept any more. */
  entriesFrom(from: Slot): readonly ChosenValue[] | null;
}

/** A peer given up is tried again no sooner than this, and only after new activity. */
const givenUpMs = 60_000;

export class Peers {
  readonly #self: string;
  readonly #calls: Calls;
  readonly #random: Random;
  readonly #peers: ReadonlyMap<string, Peer>;
  #gossipAt: number | null = null;

  constructor(self: string, regions: readonly string[], calls: Calls, random: Random) {
    this.#self = self;
    this.#calls = calls;
    this.#random = random;
    this.#peers = new Map(
      regions
        .filter((region) => region !== self)
        .map((region) => [region, { applied: null, knows: 1, busy: false, pushedAt: 0, failures: 0, notBefore: 0 }]),
    );
  }

  /** L4: the newest semantics that every replica is known to apply. */
  get commonSemantics(): number {
    return Math.min(SEMANTICS, ...[...this.#peers.values()].map((p) => p.knows));
  }

  /** L5: the highest slot that a majority of replicas, this one included, has durably applied. */
  appliedByMajority(own: Slot): Slot {
    const applied = [own, ...[...this.#peers.values()].map((p) => p.applied ?? slot(0))].toSorted((a, b) => b - a);
    return applied[majorityOf(applied.length) - 1] ?? slot(0);
  }

  /** A peer other than those in `except`, the most advanced first. */
  best(except: ReadonlySet<string>): string | null {
    const candidates = [...this.#peers].filter(([region]) => !except.has(region));
    candidates.sort(([, a], [, b]) => (b.applied ?? 0) - (a.applied ?? 0) || a.failures - b.failures);
    return candidates[0]?.[0] ?? null;
  }

  /** A message from a peer, or its answer, says how far it is. */
  heard(region: string, applied: Slot | null, knows: number | null): void {
    const peer = this.#peers.get(region);
    if (peer === undefined) return;
    if (applied !== null) peer.applied = applied;
    if (knows !== null) peer.knows = knows;
    if (peer.failures > 0) peer.notBefore = 0;
    peer.failures = 0;
  }

  /** New slots were applied here: peers should hear of it. */
  activity(turn: Turn): void {
    this.#gossipAt ??= turn.now + limits.gossipMs;
    for (const peer of this.#peers.values()) {
      if (peer.failures > limits.gossipAttempts && turn.now >= peer.notBefore) peer.failures = limits.gossipAttempts;
    }
  }

  drive(turn: Turn, source: Source): void {
    const behind = [...this.#peers].filter(
      ([, p]) => !p.busy && p.failures <= limits.gossipAttempts && (p.applied === null || p.applied < source.applied),
    );
    const ready = behind.filter(([, p]) => p.notBefore <= turn.now);
    for (const [, peer] of behind) if (peer.notBefore > turn.now) turn.wakeBy(peer.notBefore);
    if (source.leading) {
      for (const [region, peer] of ready) {
        // What is told a moment later is told with what follows: each telling costs a call and a commit.
        if (turn.now - peer.pushedAt >= limits.learnGapMs) this.#push(turn, region, peer, source);
        else turn.wakeBy(peer.pushedAt + limits.learnGapMs);
      }
      return;
    }
    if (this.#gossipAt === null) return;
    if (behind.length === 0) this.#gossipAt = null;
    else if (turn.now < this.#gossipAt) turn.wakeBy(this.#gossipAt);
    else if (ready.length > 0) {
      const [region, peer] = ready[integerBetween(this.#random, 0, ready.length - 1)] ?? [null, null];
      if (region !== null) this.#digest(turn, region, peer, source);
      this.#gossipAt = turn.now + limits.gossipMs;
      turn.wakeBy(this.#gossipAt);
    }
  }

  #push(turn: Turn, region: string, peer: Peer, source: Source): void {
    const entries = peer.applied === null ? null : source.entriesFrom(slot(peer.applied + 1));
    if (entries === null || entries.length === 0) return this.#digest(turn, region, peer, source);
    peer.busy = true;
    peer.pushedAt = turn.now;
    const leader = source.leading ? this.#self : null;
    this.#calls.send(
      turn,
      { type: "learn", region },
      { kind: "replica", region },
      { type: "learn", entries, leader },
      limits.callMs,
    );
  }

  #digest(turn: Turn, region: string, peer: Peer, source: Source): void {
    peer.busy = true;
    this.#calls.send(
      turn,
      { type: "digest", region },
      { kind: "replica", region },
      { type: "digest", applied: source.applied, knows: SEMANTICS },
      limits.callMs,
    );
  }

  /** The answer to a `learn` or `digest` call. @returns true when that peer is ahead of `source`. */
  answered(turn: Turn, region: string, reply: PeerReply | null, source: Source): boolean {
    const peer = this.#peers.get(region);
    if (peer === undefined) return false;
    peer.busy = false;
    if (reply?.type !== "progress") {
      peer.failures += 1;
      peer.notBefore =
        turn.now +
        (peer.failures > limits.gossipAttempts ? givenUpMs : limits.gossipMs * 2 ** Math.min(peer.failures, 8));
      return false;
    }
    const moved = peer.applied === null || reply.applied > peer.applied;
    this.heard(region, reply.applied, reply.knows);
    if (reply.applied > source.applied) return true;
    // Who moved is sent more. Who did not, although it was sent values, is fetching something older first, and gets time.
    if (reply.applied < source.applied) {
      if (moved && source.applied - reply.applied > limits.slotsInFlight) this.#push(turn, region, peer, source);
      else if (moved) this.drive(turn, source);
      else peer.notBefore = turn.now + limits.gossipMs;
    }
    return false;
  }
}
