/**
 * Who proposes: this replica, or the leader it forwards to. There are no elections and no heartbeats: only a request that
 * finds the leader silent makes a replica take over, by phase 1, with jittered back-off when refused. A leader that this
 * replica cannot reach but another can is reached through that one, so that two regions cut from each other do not duel.
 * Liveness only: nothing here is a safety rule.
 */
import type { Instant, LogTime, Slot } from "../support/brand.ts";
import { backOffMs } from "../support/back-off.ts";
import { limits } from "../support/limits.ts";
import { Pace } from "../support/pace.ts";
import type { Random } from "../support/random.ts";
import type { Outcome } from "../store/command.ts";
import type { Place } from "./acceptor-group.ts";
import type { CommandKey, CommandQueue, Stand } from "./command-queue.ts";
import type { Log, LogEvent } from "./log.ts";
import type { PeerReply } from "./messages.ts";
import { Drift } from "./drift.ts";
import type { DriftRule } from "./drift.ts";
import type { Calls, Purpose, Turn } from "./turn.ts";

/** Commands that are with another replica. */
interface Forwarded {
  readonly region: string;
  readonly keys: readonly CommandKey[];
  readonly relay: boolean;
}

/** What the store knows that deciding needs. */
export interface Reached {
  readonly applied: Slot;
  readonly logTime: LogTime;
  /** The newest semantics that every replica is known to apply (L4). */
  readonly semantics: number;
  /** False while peers are still handing over slots that phase 1 would otherwise have to adopt. */
  readonly caughtUp: boolean;
  /** Somebody waits for a read. */
  readonly wanted: boolean;
}

/** How a forward ended, for the caller to act on. */
export interface ForwardResults {
  readonly keys: readonly CommandKey[];
  readonly outcomes: readonly Outcome[];
  readonly stand: Stand;
}

const forwardsInFlight = 8;
/** How long a detour around a cut link is kept before the direct way is tried again. */
const detourMs = 5_000;

export class Leadership {
  readonly #place: Place;
  readonly #calls: Calls;
  readonly #log: Log;
  readonly #queue: CommandQueue;
  readonly #random: Random;
  readonly #drift: Drift;
  /** The region believed to lead, or null. */
  #leader: string | null = null;
  /** Whether a majority of acceptors has said whom they promised. */
  #search: "not-asked" | "asking" | "answered" = "not-asked";
  #refusals = 0;
  #backOffUntil = 0;
  readonly #forwarded = new Map<number, Forwarded>();
  #nextForward = 1;
  /** The leader that is being asked whether it lives. */
  #suspect: string | null = null;
  #patience = 1;
  /** When the leader last answered. */
  #heardAt = 0;
  /** The leader cannot be reached from here; `tried` could not help either. */
  #unreachable: string | null = null;
  readonly #tried = new Set<string>();
  #detour: { readonly leader: string; readonly via: string; readonly until: number } | null = null;
  readonly #latency = new Map<string, number>();
  readonly #batchPace = new Pace(limits.batchGapMs);
  readonly #forwardPace = new Pace(limits.forwardGapMs);
  /** The leader has just named this replica its heir. */
  #invited = false;

  constructor(place: Place, calls: Calls, log: Log, queue: CommandQueue, random: Random, drift: DriftRule | null) {
    this.#place = place;
    this.#calls = calls;
    this.#log = log;
    this.#queue = queue;
    this.#random = random;
    this.#drift = new Drift(drift, place.region);
  }

  get leader(): string | null {
    return this.#log.phase === "leading" ? this.#place.region : this.#leader;
  }
  get leading(): boolean {
    return this.#log.phase === "leading";
  }
  /** Whom this leader would rather see lead. */
  get heir(): string | null {
    return this.leading ? this.#drift.heir : null;
  }
  /** Commands have arrived, from this region's clients or another one's replica. */
  came(region: string, commands: number, now: Instant): void {
    if (!this.leading) return this.#forwardPace.came(now, commands);
    this.#drift.came(region, commands, now);
    this.#batchPace.came(now, commands);
  }
  /** Its batches have gone unanswered for so long that it must have lost its majority. */
  stalled(now: Instant): boolean {
    const oldest = this.#log.oldestInFlight;
    return oldest !== null && now - oldest > limits.stalledMs;
  }

  /** A majority of acceptors has answered; the highest ballot among them is this region's. */
  located(region: string | null): void {
    this.#search = "answered";
    this.noteLeader(region);
  }

  /** No majority of acceptors answered. */
  notLocated(turn: Turn): void {
    this.#search = "not-asked";
    this.#backOff(turn);
  }

  /** What the acceptors' promises, or a message from the leader, say about who leads. */
  noteLeader(region: string | null): void {
    if (this.leading || region === null || region === this.#place.region) return;
    if (!this.#place.replicaRegions.includes(region) || region === this.#leader) return;
    this.#leader = region;
    this.#unreachable = null;
    this.#tried.clear();
  }

  /**
   * Moves waiting commands on, if they can be moved now.
   * @param closing an open slot must be closed before reads can go on, and its leader has not done it.
   * @returns "locate" when the acceptors must first be asked whom they promised.
   */
  drive(turn: Turn, reached: Reached, closing: boolean): "locate" | "done" {
    if (this.leading) {
      this.#lead(turn, reached);
      return "done";
    }
    const invited = this.#invited;
    this.#invited = false;
    if (this.#log.phase === "preparing") return "done";
    if (invited && reached.caughtUp && turn.now >= this.#backOffUntil) {
      this.#takeOver(turn, reached);
      return "done";
    }
    if (this.#queue.waiting === 0 && !closing) return "done";
    if (turn.now < this.#backOffUntil) {
      turn.wakeBy(this.#backOffUntil);
      return "done";
    }
    if (this.#search !== "answered") {
      const first = this.#search === "not-asked";
      this.#search = "asking";
      return first ? "locate" : "done";
    }
    if (closing) this.#takeOver(turn, reached);
    else if (this.#suspect === null) this.#passOn(turn, reached);
    return "done";
  }

  #lead(turn: Turn, reached: Reached): void {
    if (this.stalled(turn.now)) {
      this.#queue.dropGroups(turn, null, false);
      // Nobody waits any more: what was sent may still be chosen, but this replica need not see to it.
      if (this.#queue.size === 0 && !reached.wanted) return this.#log.stepDown();
    }
    this.#log.drive(turn);
    while (this.#queue.waiting > 0 && this.#log.slotsInFlight < limits.slotsInFlight) {
      if (!this.#mayLeave(turn, this.#batchPace, this.#log.slotsInFlight)) break;
      const commands = this.#queue.take();
      if (commands.length === 0) break;
      this.#batchPace.left(turn.now, commands.length);
      this.#log.propose(
        turn,
        commands.map((c) => c.encoded),
        reached.logTime,
        reached.semantics,
      );
    }
    const oldest = this.#log.oldestInFlight;
    if (oldest !== null) turn.wakeBy(Math.max(oldest, turn.now - limits.askAgainMs) + limits.stalledMs + 1);
  }

  /** What fills a batch need not wait for more. */
  #mayLeave(turn: Turn, pace: Pace, underWay: number): boolean {
    if (this.#queue.waiting >= limits.batchCommands) return true;
    const at = pace.nextAt(underWay, this.#queue.waiting);
    if (at <= turn.now) return true;
    if (at < Infinity) turn.wakeBy(at);
    return false;
  }

  /** @param tookMs since it left, as far as that is known. */
  batchEnded({ now }: Turn, tookMs: number | null): void {
    if (tookMs !== null) this.#batchPace.ended(now, tookMs, this.#queue.waiting);
  }

  #takeOver(turn: Turn, reached: Reached): void {
    if (!reached.caughtUp) return;
    this.#leader = null;
    this.#log.prepare(turn, reached.applied);
  }

  #passOn(turn: Turn, reached: Reached): void {
    const leader = this.#leader;
    if (leader === null) return this.#takeOver(turn, reached);
    if (this.#unreachable === leader) {
      const helper = this.#queue.holdsRelayed ? undefined : this.#helpers(leader).find((r) => !this.#tried.has(r));
      return helper === undefined ? this.#takeOver(turn, reached) : this.#forward(turn, helper, true);
    }
    const detour = this.#detour;
    if (detour !== null && detour.leader === leader && turn.now < detour.until)
      return this.#forward(turn, detour.via, true);
    return this.#forward(turn, leader, false);
  }

  #helpers(leader: string): readonly string[] {
    return this.#place.replicaRegions.filter((r) => r !== this.#place.region && r !== leader);
  }

  #forward(turn: Turn, region: string, relay: boolean): void {
    while (this.#queue.waiting > 0 && this.#forwarded.size < forwardsInFlight) {
      if (!this.#mayLeave(turn, this.#forwardPace, this.#forwarded.size)) return;
      const commands = this.#queue.take();
      if (commands.length === 0) return;
      this.#forwardPace.left(turn.now, commands.length);
      const batch = this.#nextForward;
      this.#nextForward += 1;
      this.#forwarded.set(batch, { region, keys: commands.map((c) => c.key), relay });
      this.#calls.send(
        turn,
        { type: "forward", region, batch },
        { kind: "replica", region },
        { type: "forward", commands: commands.map((c) => c.encoded), relay },
        relay ? limits.callMs : this.#silence(region, this.#patience),
      );
    }
  }

  /** A leader silent this long is suspected: four measured answers, within bounds; longer for one known to be slow. */
  #silence(region: string, patience: number): number {
    const measured = this.#latency.get(region) ?? limits.silenceMaxMs / 8;
    return Math.min(limits.silenceMaxMs, Math.max(limits.silenceMinMs, 4 * measured) * patience);
  }

  /** A peer cannot reach the leader. Unless it was heard a moment ago, find out at once whether this replica can. */
  doubted(turn: Turn): void {
    if (this.#leader !== null && turn.now - this.#heardAt > limits.silenceMinMs)
      this.#suspectLeader(turn, this.#leader);
  }

  /** The answer to a `forward` call. */
  forwardAnswered(
    turn: Turn,
    purpose: Purpose & { readonly type: "forward" },
    reply: PeerReply | null,
    sentAt: Instant,
  ): ForwardResults | null {
    const forwarded = this.#forwarded.get(purpose.batch);
    this.#forwarded.delete(purpose.batch);
    if (forwarded === undefined) return null;
    const { region, keys, relay } = forwarded;
    switch (reply?.type) {
      case "results":
        this.#measure(region, turn.now - sentAt, turn.now);
        this.#arrived(turn, region, relay, reply.leader);
        return {
          keys,
          outcomes: reply.outcomes,
          stand: { slot: reply.slot, revision: reply.revision, leader: this.leader },
        };
      case "busy":
        this.#queue.failSome(turn, keys, "overloaded", "too many requests are waiting at the leader");
        return null;
      case "not-leader":
        this.#queue.requeue(keys);
        if (relay) this.#tried.add(region);
        else this.#disowned(turn, region, reply.leader);
        return null;
      default:
        this.#queue.requeue(keys);
        if (relay) this.#relayFailed(region);
        else this.#suspectLeader(turn, region);
        return null;
    }
  }

  #measure(region: string, ms: number, now: Instant): void {
    this.#forwardPace.ended(now, ms, this.#queue.waiting);
    const before = this.#latency.get(region);
    this.#latency.set(region, before === undefined ? ms : before * 0.8 + ms * 0.2);
  }

  #arrived(turn: Turn, region: string, relay: boolean, leader: string | null): void {
    this.#refusals = 0;
    this.#patience = 1;
    this.#heardAt = turn.now;
    this.#tried.clear();
    if (relay && leader !== null && leader !== region && leader !== this.#place.region) {
      this.#detour = { leader, via: region, until: turn.now + detourMs };
    } else if (!relay) this.#detour = null;
    this.#unreachable = null;
    if (this.leading) return;
    if (this.#drift.enabled && !relay && leader === this.#place.region) this.#invited = true;
    else this.#leader = leader ?? region;
  }

  /** It says that it does not lead. */
  #disowned(turn: Turn, region: string, leader: string | null): void {
    if (this.#leader !== region) return;
    const other = leader !== null && leader !== region && leader !== this.#place.region ? leader : null;
    this.#leader = other;
    this.#backOffUntil = turn.now + (other === null ? this.#random.next() * limits.backOffMinMs : 0);
  }

  #relayFailed(region: string): void {
    this.#tried.add(region);
    if (this.#detour !== null) {
      this.#unreachable = this.#detour.leader;
      this.#detour = null;
    }
  }

  #suspectLeader(turn: Turn, region: string): void {
    if (this.#suspect !== null || this.#leader !== region) return;
    this.#suspect = region;
    this.#calls.send(
      turn,
      { type: "ping", region },
      { kind: "replica", region },
      { type: "ping" },
      this.#silence(region, 1),
    );
  }

  pingAnswered(region: string, reply: PeerReply | null): void {
    if (this.#suspect !== region) return;
    this.#suspect = null;
    if (this.#leader !== region) return;
    if (reply?.type !== "pong") this.#unreachable = region;
    else if (reply.leading && !reply.stalled) this.#patience = Math.min(8, this.#patience * 2);
    else
      this.#leader =
        reply.leader !== null && reply.leader !== region && reply.leader !== this.#place.region ? reply.leader : null;
  }

  /** What happened to this replica's own phase 1 or leadership. */
  handle(turn: Turn, event: LogEvent): void {
    switch (event.type) {
      case "nothing":
        return;
      case "leads":
        this.#drift.begin(turn.now);
        // Refusals still count: a duel is won by who ends phase 2, not phase 1.
        this.#leader = null;
        this.#unreachable = null;
        this.#tried.clear();
        // What was passed on may be waiting for this very replica: two that helped each other would wait in a circle. X1 makes it safe.
        this.#queue.requeue();
        return;
      case "lost":
      case "behind": {
        const winner = event.type === "lost" ? (event.to?.proposer ?? null) : null;
        const other =
          winner !== null && winner !== this.#place.region && this.#place.replicaRegions.includes(winner)
            ? winner
            : null;
        this.#leader = other;
        this.#unreachable = null;
        this.#tried.clear();
        this.#backOff(turn);
        this.#queue.dropGroups(turn, other, true);
        this.#queue.requeue();
        return;
      }
    }
  }

  /** Slots were applied: whoever leads gets on, and the next refusal is the first of another duel. */
  progressed(): void {
    this.#refusals = 0;
  }

  /** Twice as long after each refusal, and never the same for two: so that duelling proposers settle. */
  #backOff(turn: Turn): void {
    this.#refusals += 1;
    const { backOffMinMs, backOffMaxMs } = limits;
    this.#backOffUntil = turn.now + Math.ceil(backOffMs(this.#refusals, backOffMinMs, backOffMaxMs, this.#random));
  }
}
