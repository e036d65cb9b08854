/**
 * One turn of a replica: what a step wants done. The shell carries it out in the order of the fields, and the simulator
 * may crash between any two of them.
 */
import { instant } from "../support/brand.ts";
import type { Instant } from "../support/brand.ts";
import type { Members } from "../paxos/membership.ts";
import type { AcceptorReply, AcceptorRequest } from "../paxos/messages.ts";
import type { Ballot } from "../paxos/ballot.ts";
import type { Slot } from "../support/brand.ts";
import type { ClientReply, ClientRequest, PeerReply, PeerRequest } from "./messages.ts";

/** What a call was made for; its answer re-enters as an event and is judged against the state of that moment. */
export type Purpose =
  | { readonly type: "founding"; readonly region: string; readonly round: string }
  | { readonly type: "prepare"; readonly region: string; readonly ballot: Ballot }
  | { readonly type: "accept"; readonly region: string; readonly ballot: Ballot; readonly slot: Slot }
  | { readonly type: "inquire"; readonly region: string; readonly barrier: number }
  | { readonly type: "forward"; readonly region: string; readonly batch: number }
  | { readonly type: "ping"; readonly region: string }
  | { readonly type: "learn"; readonly region: string }
  | { readonly type: "digest"; readonly region: string }
  | { readonly type: "catch-up"; readonly region: string }
  | { readonly type: "snapshot"; readonly region: string };

export type Target = { readonly kind: "acceptor" | "replica"; readonly region: string };

export type Event =
  /** A request that wants an answer under `handle`: from the gateway, or from a peer replica. */
  | { readonly type: "client"; readonly handle: number; readonly request: ClientRequest }
  | { readonly type: "peer"; readonly handle: number; readonly from: string; readonly request: PeerRequest }
  /** A call was answered; null: it failed or took too long, and may or may not have been carried out. */
  | { readonly type: "acceptor-answer"; readonly call: number; readonly reply: AcceptorReply | null }
  | { readonly type: "replica-answer"; readonly call: number; readonly reply: PeerReply | null }
  /** The time asked for by `wakeAt` has come. */
  | { readonly type: "wake" }
  /** The time asked for by `alarmAt` has come, perhaps long after, perhaps twice. */
  | { readonly type: "alarm" };

export interface Send {
  readonly call: number;
  readonly to: Target;
  readonly message: AcceptorRequest | PeerRequest;
  readonly timeoutMs: number;
}

export interface TurnOutcome {
  /** Must be durable before anything is sent. What was applied to the store in this turn is durable with it (one commit). */
  readonly persist: { readonly round: number | null; readonly members: Members | null };
  readonly send: readonly Send[];
  readonly reply: readonly { readonly handle: number; readonly body: ClientReply | PeerReply }[];
  /** Step again with `wake` when the machine's clock shows this, at the latest; null: nothing is waited for. */
  readonly wakeAt: number | null;
  /** Set the durable alarm no later than this; null: none is needed. */
  readonly alarmAt: number | null;
}

/** Collects the outcome of one turn. */
export class Turn {
  /** Never goes back: what waiting times are measured by. May run ahead of `clock`, by what that was set back. */
  readonly now: Instant;
  /** This machine's clock as it stands: what leases and deadlines are compared with. */
  readonly clock: Instant;
  round: number | null = null;
  members: Members | null = null;
  readonly sends: Send[] = [];
  replies: { readonly handle: number; readonly body: ClientReply | PeerReply }[] = [];
  #wakeAt: number | null = null;

  constructor(now: Instant, clock: Instant = now) {
    this.now = now;
    this.clock = clock;
  }

  reply(handle: number, body: ClientReply | PeerReply): void {
    this.replies.push({ handle, body });
  }

  takeReplies(): TurnOutcome["reply"] {
    const { replies } = this;
    this.replies = [];
    return replies;
  }

  wakeBy(at: number): void {
    // Whole milliseconds, never before the time asked for (a clock without fractions would find nothing due), and never
    // this very moment: what can be done now was done now.
    this.#wakeAt = Math.min(Math.max(Math.ceil(at), this.now + 1), this.#wakeAt ?? Infinity);
  }

  outcome(alarmAt: number | null): TurnOutcome {
    return {
      persist: { round: this.round, members: this.members },
      send: this.sends,
      reply: this.replies,
      wakeAt: this.#wakeAt === null ? null : this.#wakeAt - this.now + this.clock,
      alarmAt,
    };
  }
}

/**
 * Time for waiting, made of a machine's clock that may be set back: only its steps forward count. Otherwise a pause that
 * was begun before the clock was set back by an hour would last that hour, and a state would be called younger than it is.
 * A clock that is set to and fro makes it run ahead; stamps that follow it are held by the acceptors' own clocks (T2).
 */
export class SteadyTime {
  #now = 0;
  #clock = 0;
  #setBackAt = 0;

  /** @param clock what the machine's clock shows. @returns never less than before. */
  read(clock: Instant): Instant {
    if (this.#now === 0) this.#now = clock;
    else if (clock >= this.#clock) this.#now += clock - this.#clock;
    else {
      // A moment of its own: what came before is told apart from what comes after.
      this.#now += 1;
      this.#setBackAt = this.#now;
    }
    this.#clock = clock;
    return instant(this.#now);
  }

  /** When the clock was last set back, by this time. How much passed just before then, nobody knows. */
  get setBackAt(): Instant {
    return instant(this.#setBackAt);
  }
}

/** Calls under way, and why each was made. */
export class Calls {
  #next = 1;
  readonly #open = new Map<number, { readonly purpose: Purpose; readonly sentAt: Instant }>();

  send(turn: Turn, purpose: Purpose, to: Target, message: AcceptorRequest | PeerRequest, timeoutMs: number): void {
    const call = this.#next;
    this.#next += 1;
    this.#open.set(call, { purpose, sentAt: turn.now });
    turn.sends.push({ call, to, message, timeoutMs });
  }

  /** Q2: the first answer to a call counts; there is no second. */
  take(call: number): { readonly purpose: Purpose; readonly sentAt: Instant } | null {
    const open = this.#open.get(call) ?? null;
    this.#open.delete(call);
    return open;
  }
}
