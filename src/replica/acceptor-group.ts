/**
 * A replica's correspondence with its namespace's acceptors: who they are (looked up or founded on demand), what each
 * must be told with every message, and the highest counter seen from each. Used by the log and the read barrier.
 * Upholds F3-F6 and P1's "only to members".
 */
import { limits } from "../support/limits.ts";
import { startFounding, stepFounding } from "../paxos/founding.ts";
import type { Founding, FoundingResult, FoundingStep } from "../paxos/founding.ts";
import { incarnationOf, setDigest } from "../paxos/membership.ts";
import type { Members } from "../paxos/membership.ts";
import type { AcceptorReply, ProtocolRequest } from "../paxos/messages.ts";
import type { Calls, Purpose, Turn } from "./turn.ts";

export interface Place {
  readonly cluster: string;
  readonly namespace: string;
  /** Where this replica stands. */
  readonly region: string;
  readonly acceptorRegions: readonly string[];
  readonly replicaRegions: readonly string[];
}

export class AcceptorGroup {
  readonly #place: Place;
  readonly #calls: Calls;
  readonly #seen = new Map<string, number>();
  #members: Members | null;
  #founding: Founding | null = null;
  #round = 0;

  constructor(place: Place, calls: Calls, members: Members | null) {
    this.#place = place;
    this.#calls = calls;
    this.#members = members;
  }

  get members(): Members | null {
    return this.#members;
  }

  /** True while the set is being looked up or founded. */
  get searching(): Founding["mode"] | null {
    return this.#founding?.mode ?? null;
  }

  /** Begins to look the set up, or to found it; a search already under way in a weaker mode is replaced. */
  search(turn: Turn, mode: Founding["mode"]): void {
    if (this.#founding !== null && (this.#founding.mode === mode || mode === "look")) return;
    this.#follow(turn, startFounding(mode, this.#place.cluster, this.#place.acceptorRegions));
  }

  /** The answer to a `founding` call. @returns the end of the search, if this was it. */
  answered(
    turn: Turn,
    purpose: Purpose & { readonly type: "founding" },
    reply: AcceptorReply | null,
  ): FoundingResult | null {
    if (this.#founding === null || purpose.round !== String(this.#round)) return null;
    const identity = reply?.type === "identity" ? reply.identity : null;
    return this.#follow(turn, stepFounding(this.#founding, purpose.region, identity));
  }

  #follow(turn: Turn, step: FoundingStep): FoundingResult | null {
    this.#founding = step.result === null ? step.state : null;
    if (step.send.length > 0) this.#round += 1;
    for (const { to, body } of step.send) {
      this.#calls.send(
        turn,
        { type: "founding", region: to, round: String(this.#round) },
        { kind: "acceptor", region: to },
        { type: "founding", namespace: this.#place.namespace, region: to, body },
        limits.callMs,
      );
    }
    if (step.result?.type === "founded") {
      this.#members = step.result.members;
      turn.members = step.result.members;
    }
    return step.result;
  }

  /** Sends one protocol message to one member; strangers get nothing. */
  ask(turn: Turn, purpose: Purpose, region: string, body: ProtocolRequest): void {
    const incarnation = this.#members === null ? null : incarnationOf(this.#members, region);
    if (this.#members === null || incarnation === null) return;
    this.#calls.send(
      turn,
      purpose,
      { kind: "acceptor", region },
      {
        type: "protocol",
        address: {
          namespace: this.#place.namespace,
          region,
          set: setDigest(this.#members),
          incarnation,
          seen: this.#seen.get(region) ?? 0,
        },
        body,
      },
      limits.callMs,
    );
  }

  /** F5: remembers how far this acceptor has counted. */
  note(region: string, counter: number): void {
    this.#seen.set(region, Math.max(counter, this.#seen.get(region) ?? 0));
  }
}
