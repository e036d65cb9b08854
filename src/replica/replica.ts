/**
 * Replica: proposer and learner of one namespace's log in one region, and the store that the log drives. Stepped only by
 * its shell and by tests: one event in, effects out. Never awaits, never reads a clock, draws only from the randomness it
 * was given. Each concern has a room of its own next door; this file only hands events to them and moves things on.
 */
import { assertNever } from "../support/assert.ts";
import { instant, logTime } from "../support/brand.ts";
import type { Instant } from "../support/brand.ts";
import { limits } from "../support/limits.ts";
import { randomIdentity } from "../support/random.ts";
import type { Random } from "../support/random.ts";
import type { FoundingResult } from "../paxos/founding.ts";
import type { AcceptorReply } from "../paxos/messages.ts";
import { decodeCommand, encodeCommand, fitsBatch } from "../store/command-codec.ts";
import { SEMANTICS } from "../store/command.ts";
import type { Command, Outcome } from "../store/command.ts";
import type { Store } from "../store/store.ts";
import { Applier } from "./applier.ts";
import { AcceptorGroup } from "./acceptor-group.ts";
import type { Place } from "./acceptor-group.ts";
import { Barriers } from "./barriers.ts";
import { Batches } from "./batches.ts";
import { CatchUp } from "./catch-up.ts";
import { commandKey, CommandQueue } from "./command-queue.ts";
import type { Stand } from "./command-queue.ts";
import { Expiry } from "./expiry.ts";
import { Leadership } from "./leadership.ts";
import { Log } from "./log.ts";
import type { ClientRequest, PeerReply, PeerRequest, WriteRequest } from "./messages.ts";
import { Nearness } from "./nearness.ts";
import { Peers } from "./peers.ts";
import type { Source } from "./peers.ts";
import { Readers } from "./readers.ts";
import type { Reader } from "./readers.ts";
import { failed, outcomeReply, refusal } from "./replies.ts";
import { SnapshotShelf } from "./snapshot-shelf.ts";
import type { Start, Trimming } from "./start.ts";
import { Calls, SteadyTime, Turn } from "./turn.ts";
import type { Event, Purpose, TurnOutcome } from "./turn.ts";
import { Watches } from "./watches.ts";

export class Replica {
  readonly #place: Place;
  readonly #store: Store;
  readonly #random: Random;
  readonly #time = new SteadyTime();
  readonly #calls = new Calls();
  readonly #group: AcceptorGroup;
  readonly #log: Log;
  readonly #queue = new CommandQueue();
  readonly #leadership: Leadership;
  readonly #nearness: Nearness;
  readonly #barriers: Barriers<Reader>;
  readonly #peers: Peers;
  readonly #catchUp: CatchUp;
  readonly #expiry: Expiry;
  readonly #shelf: SnapshotShelf;
  readonly #applier: Applier;
  readonly #readers: Readers;
  readonly #watches: Watches;
  readonly #batches = new Batches();
  readonly #trimming: Trimming;
  #lastRinse = 0;

  constructor(start: Start) {
    const { place, store, random } = start;
    this.#place = place;
    this.#store = store;
    this.#random = random;
    this.#group = new AcceptorGroup(place, this.#calls, start.members);
    this.#log = new Log(place, this.#group, randomIdentity(random), start.round);
    this.#leadership = new Leadership(place, this.#calls, this.#log, this.#queue, random, start.drift ?? null);
    this.#nearness = new Nearness(place.region);
    this.#barriers = new Barriers(this.#group, this.#log, this.#nearness);
    this.#peers = new Peers(place.region, place.replicaRegions, this.#calls, random);
    this.#expiry = new Expiry(start.expiryGuard ?? null);
    this.#shelf = new SnapshotShelf(store);
    this.#applier = new Applier(store, this.#log);
    this.#readers = new Readers(store, this.#applier, this.#barriers, this.#leadership, this.#expiry);
    this.#watches = new Watches(store);
    this.#trimming = start.trimming ?? { keptSlots: limits.keptSlots, step: limits.trimStep };
    this.#catchUp = new CatchUp(this.#calls, this.#log, this.#peers, store);
  }

  /** @param clock this machine's clock, read once for the event. It may stand still, run on, or have been set back. */
  step(event: Event, clock: Instant): TurnOutcome {
    const turn = new Turn(this.#time.read(clock), clock);
    this.#applier.forgetBefore(this.#time.setBackAt);
    this.#take(turn, event);
    this.#moveOn(turn);
    this.#watches.drive(turn, this.#applier.ageAt(turn.now));
    this.#batches.collect(turn);
    return turn.outcome(this.#expiry.alarmAt(this.#store, this.#leadership.leading, turn));
  }

  #take(turn: Turn, event: Event): void {
    switch (event.type) {
      case "client":
        return this.#client(turn, event.handle, event.request);
      case "peer":
        return this.#fromPeer(turn, event.handle, event.from, event.request);
      case "acceptor-answer":
        return this.#acceptorAnswered(turn, event.call, event.reply);
      case "replica-answer":
        return this.#replicaAnswered(turn, event.call, event.reply);
      case "wake":
        return;
      case "alarm":
        return this.#expiry.rang();
      default:
        return assertNever(event, "event");
    }
  }

  // --- clients ---

  #client(turn: Turn, handle: number, request: ClientRequest): void {
    switch (request.type) {
      case "write":
        return this.#write(turn, handle, request);
      case "read":
        return this.#readers.ask(turn, handle, request);
      case "watch":
        if (this.#watches.ask(turn, handle, request, this.#applier.ageAt(turn.now))) {
          this.#barriers.join({ type: "watches" });
        }
        return;
      case "batch":
        for (const [own, one] of this.#batches.open(handle, request)) this.#client(turn, own, one);
        return;
      case "status":
        return turn.reply(handle, { type: "status", status: this.#status(request.digest) });
      default:
        return assertNever(request, "client request");
    }
  }

  #write(turn: Turn, handle: number, request: WriteRequest): void {
    const { id, fingerprint, order, guard, operation } = request;
    const known = this.#known(id, fingerprint ?? null);
    if (known !== null) return turn.reply(handle, outcomeReply(known, this.#store.revision));
    const life = fingerprint === undefined ? limits.commandLifeMs : limits.idempotencyLifeMs;
    const command: Command = {
      id,
      deadline: request.deadline ?? logTime(Math.max(turn.clock, this.#store.logTime) + life),
      operation,
      ...(fingerprint === undefined ? {} : { fingerprint }),
      ...(order === undefined ? {} : { order }),
      ...(guard === undefined ? {} : { guard }),
    };
    const encoded = request.encoded ?? encodeCommand(command);
    if (!fitsBatch(encoded)) {
      return turn.reply(handle, failed("too-large", "not-applied", "a command must fit one batch of the log"));
    }
    const until = instant(turn.now + limits.writeMs);
    this.#leadership.came(this.#place.region, 1, turn.now);
    if (this.#queue.addClient(commandKey(command), encoded, until, handle) === "full") {
      turn.reply(handle, failed("overloaded", "not-applied", "too many writes are waiting at this replica"));
    }
  }

  /** X1: an outcome that the store remembers. */
  #known(id: WriteRequest["id"], fingerprint: string | null): Outcome | null {
    const known = this.#store.remembered(id);
    if (known === null) return null;
    return known.fingerprint === fingerprint ? known.outcome : { type: "id-reused" };
  }

  #status(digest: boolean) {
    const { leading, leader } = this.#leadership;
    return {
      region: this.#place.region,
      applied: this.#store.appliedSlot,
      revision: this.#store.revision,
      logTime: this.#store.logTime,
      firstKept: this.#store.firstKeptSlot,
      leading,
      leader,
      waiting: this.#queue.size,
      halted: this.#applier.halted,
      digest: digest ? this.#store.digest() : null,
    };
  }

  // --- peers ---

  #fromPeer(turn: Turn, handle: number, from: string, request: PeerRequest): void {
    const reply = this.#peer(turn, handle, from, request);
    if (reply !== null) turn.reply(handle, reply);
  }

  /** @returns the answer, or null when it comes later, once the commands are applied. */
  #peer(turn: Turn, handle: number, from: string, request: PeerRequest): PeerReply | null {
    switch (request.type) {
      case "forward":
        return this.#forwarded(turn, handle, from, request.commands, request.relay);
      case "ping": {
        const { leading, leader } = this.#leadership;
        return { type: "pong", leading, stalled: this.#leadership.stalled(turn.now), leader };
      }
      case "learn":
        this.#leadership.noteLeader(request.leader);
        for (const entry of request.entries) this.#log.learn(entry, this.#store.appliedSlot);
        this.#applyChosen(turn);
        if (request.entries.some((entry) => entry.slot > this.#store.appliedSlot)) this.#catchUp.want(turn, from);
        return this.#progress();
      case "catch-up": {
        const entries = this.#source().entriesFrom(request.from);
        const applied = this.#store.appliedSlot;
        return entries === null ? { type: "gone", applied } : { type: "entries", entries, applied };
      }
      case "digest":
        this.#peers.heard(from, request.applied, request.knows);
        if (request.applied > this.#store.appliedSlot) this.#catchUp.want(turn, from);
        return this.#progress();
      case "snapshot":
        return this.#shelf.page(request.id, request.cursor, turn.now, this.#random);
      default:
        return assertNever(request, "peer request");
    }
  }

  #stand(): Stand {
    const { leader, heir } = this.#leadership;
    return { slot: this.#store.appliedSlot, revision: this.#store.revision, leader, heir };
  }

  #progress(): PeerReply {
    return { type: "progress", applied: this.#store.appliedSlot, knows: SEMANTICS };
  }

  #forwarded(turn: Turn, handle: number, from: string, encoded: readonly string[], relay: boolean): PeerReply | null {
    const { leader } = this.#leadership;
    if (!relay && this.#log.phase === "idle") return { type: "not-leader", leader };
    const commands = [];
    for (const one of encoded) {
      const command = decodeCommand(one);
      if ("type" in command || !fitsBatch(one)) return { type: "not-leader", leader: null };
      commands.push({
        key: commandKey(command),
        encoded: one,
        known: this.#known(command.id, command.fingerprint ?? null),
      });
    }
    if (relay) this.#leadership.doubted(turn);
    else this.#leadership.came(from, commands.length, turn.now);
    const until = instant(turn.now + limits.writeMs);
    const taken = this.#queue.addGroup(turn, handle, commands, until, relay, this.#stand(), relay ? "" : from);
    return taken === "full" ? { type: "busy" } : null;
  }

  #source(): Source {
    const store = this.#store;
    return {
      applied: store.appliedSlot,
      leading: this.#leadership.leading,
      entriesFrom(from) {
        const kept = store.batchesFrom(from, limits.messagePageBytes, limits.messagePageRows);
        return kept === "gone" ? null : kept;
      },
    };
  }

  // --- answers ---

  #acceptorAnswered(turn: Turn, call: number, reply: AcceptorReply | null): void {
    const taken = this.#calls.take(call);
    if (taken === null) return;
    const { purpose, sentAt } = taken;
    if (purpose.type === "founding") return this.#searched(turn, this.#group.answered(turn, purpose, reply));
    if (purpose.type !== "prepare" && purpose.type !== "accept" && purpose.type !== "inquire") return;
    const body = reply?.type === "protocol" ? reply.body : null;
    if (reply?.type === "protocol") this.#group.note(purpose.region, reply.counter);
    const applied = this.#store.appliedSlot;
    if (purpose.type === "inquire") {
      const barrier = this.#barriers.answered(purpose.region, purpose.barrier, body, applied);
      if (body === null) this.#nearness.failed(purpose.region);
      else this.#nearness.answered(purpose.region, turn.now - sentAt);
      if (barrier === "answered") this.#leadership.located(this.#log.highestBallot?.proposer ?? null);
      else if (barrier !== "nothing") this.#readers.without(turn, barrier);
    } else {
      const event = this.#log.answered(turn, { purpose, sentAt }, body, applied);
      this.#leadership.handle(turn, event);
      if (event.type === "behind") this.#catchUp.want(turn, null);
    }
  }

  #replicaAnswered(turn: Turn, call: number, reply: PeerReply | null): void {
    const taken = this.#calls.take(call);
    if (taken === null) return;
    const { purpose, sentAt } = taken;
    switch (purpose.type) {
      case "forward":
        return this.#forwardAnswered(turn, purpose, reply, sentAt);
      case "ping":
        return this.#leadership.pingAnswered(purpose.region, reply);
      case "learn":
      case "digest":
        if (this.#peers.answered(turn, purpose.region, reply, this.#source())) this.#catchUp.want(turn, purpose.region);
        return;
      case "catch-up":
        return this.#catchUp.entriesAnswered(turn, purpose, reply);
      case "snapshot":
        if (this.#catchUp.pageAnswered(turn, purpose, reply)) this.#peers.activity(turn);
        return;
      case "founding":
      case "prepare":
      case "accept":
      case "inquire":
        return;
    }
  }

  #forwardAnswered(
    turn: Turn,
    purpose: Purpose & { readonly type: "forward" },
    reply: PeerReply | null,
    sentAt: Instant,
  ): void {
    const results = this.#leadership.forwardAnswered(turn, purpose, reply, sentAt);
    if (results === null) return;
    results.keys.forEach((key, i) => {
      const outcome = results.outcomes[i];
      if (outcome !== undefined) {
        this.#queue.resolve(turn, key, outcome, results.stand);
      }
    });
  }

  #searched(turn: Turn, result: FoundingResult | null): void {
    if (result === null) return;
    if (result.type === "founded") return this.#readers.rejoin();
    if (result.type === "unfounded") return this.#readers.serveUnfounded(turn);
    const [failure, detail] = refusal(result);
    if (this.#queue.size > 0) this.#queue.failAll(turn, failure, detail);
    this.#readers.failAside(turn, result.type === "wrong-regions" ? failure : "no-quorum", detail);
  }

  // --- moving on ---

  /** After every event: whatever can be done now is done now. */
  #moveOn(turn: Turn): void {
    this.#applyChosen(turn);
    this.#readers.finish(turn);
    this.#queue.expire(turn, "no-quorum", "no majority of acceptors took part in time");
    this.#readers.expire(turn);
    if (this.#applier.halted !== null) return this.#stop(turn, this.#applier.halted);
    this.#findMembers(turn);
    this.#readers.start(turn);
    this.#endLeases(turn);
    const closing = this.#chaseTarget(turn);
    // Half a snapshot is nothing to lead with; others' leaders can still be asked.
    if (this.#store.loading && this.#log.phase !== "idle") this.#log.stepDown();
    if (this.#group.members !== null) {
      const reached = {
        applied: this.#store.appliedSlot,
        logTime: this.#store.logTime,
        semantics: this.#peers.commonSemantics,
        caughtUp: this.#caughtUp(turn),
        wanted: this.#barriers.readers > 0,
      };
      if (this.#leadership.drive(turn, reached, closing) === "locate") this.#barriers.join({ type: "locate" });
      this.#readers.start(turn);
    }
    this.#peers.drive(turn, this.#source());
  }

  /** Whether phase 1 would not have to adopt a long tail of slots that peers can simply hand over. */
  #caughtUp(turn: Turn): boolean {
    if (this.#store.loading) return false;
    if (this.#barriers.reported - this.#store.appliedSlot <= limits.slotsInFlight) return true;
    if (this.#leadership.leading || this.#catchUp.exhausted) return true;
    this.#catchUp.want(turn, this.#leadership.leader);
    return false;
  }

  #findMembers(turn: Turn): void {
    if (this.#group.members !== null) return;
    if (this.#queue.size > 0) return this.#group.search(turn, "found");
    if (this.#barriers.waiting === 0 || this.#group.searching !== null) return;
    // R2: who comes after the question has left is not served by its answer.
    this.#readers.setAside(turn.now);
    this.#group.search(turn, "look");
  }

  #applyChosen(turn: Turn): void {
    const applied = this.#applier.apply((command, outcome) => {
      this.#queue.resolve(turn, commandKey(command), outcome, this.#stand());
    });
    if (!applied) return;
    this.#leadership.progressed();
    this.#peers.activity(turn);
    if (this.#leadership.leading) {
      this.#leadership.batchEnded(turn, this.#applier.ageAt(turn.now));
      this.#log.raiseFloor(
        this.#peers.appliedByMajority(this.#store.appliedSlot) - this.#trimming.keptSlots,
        this.#trimming.step,
      );
    }
  }

  #stop(turn: Turn, why: string): void {
    this.#queue.failAll(turn, "unknown-semantics", why);
    this.#readers.failEverybody(turn, "unknown-semantics", why);
    this.#watches.failAll(turn, "unknown-semantics", why);
  }

  /** Somebody waits for a slot that is not applied yet. @returns true when phase 1 must close it. */
  #chaseTarget(turn: Turn): boolean {
    const { target } = this.#barriers;
    const applied = this.#store.appliedSlot;
    const stuckMs = this.#barriers.stuckFor(turn.now, applied);
    if (target === null || target <= applied || this.#store.loading) return false;
    if (target - applied > limits.slotsInFlight) this.#catchUp.want(turn, this.#leadership.leader);
    turn.wakeBy(turn.now + limits.openSlotWaitMs / 3);
    if (stuckMs < limits.openSlotWaitMs / 3) return false;
    if (turn.now - this.#lastRinse >= limits.openSlotWaitMs / 3) {
      this.#lastRinse = turn.now;
      this.#barriers.inquire(turn, 0, applied);
      this.#catchUp.want(turn, this.#leadership.leader);
    }
    if (stuckMs < Math.max(limits.openSlotWaitMs, limits.silenceMinMs)) return false;
    if (!this.#leadership.leading) return true;
    this.#log.fillTo(turn, target, this.#store.logTime, this.#peers.commonSemantics);
    return false;
  }

  /** E2: once up to date, proposes the end of leases that are past due. */
  #endLeases(turn: Turn): void {
    const next = this.#expiry.next(this.#leadership.leading);
    if (next === "confirm") this.#barriers.join({ type: "expiry" });
    if (next !== "propose") return;
    for (const lease of this.#expiry.take(turn.now, this.#store, turn.clock)) {
      const command = this.#expiry.commandFor(lease, turn.clock, this.#store, this.#random);
      this.#queue.addClient(commandKey(command), encodeCommand(command), instant(turn.now + limits.writeMs), null);
    }
  }
}
