/**
 * What has been chosen, found out from outside: by counting the votes that became durable at the acceptors, and by nothing
 * that a proposer, a learner or a store believes. Whoever sees two values chosen for one slot, or for one decision, sees
 * C2 broken.
 */
import { majorityOf } from "../../../src/paxos/membership.ts";
import type { AcceptorTurn } from "../nodes/acceptor-node.ts";
import { violated } from "./checker.ts";

export class ChosenLog {
  readonly #majority: number;
  /** By subject and slot, then by ballot: who voted, and for what. */
  readonly #votes = new Map<string, Map<string, { readonly value: string; readonly voters: Set<string> }>>();
  readonly #chosen = new Map<string, string>();
  /** Slots of the log that are chosen. */
  slots = 0;

  constructor(acceptors: number) {
    this.#majority = majorityOf(acceptors);
  }

  /** The value chosen for a slot of the log, as far as that is known. */
  at(slot: number): string | null {
    return this.#chosen.get(`log ${slot}`) ?? null;
  }

  decided(subject: string): string | null {
    return this.#chosen.get(`${subject} 1`) ?? null;
  }

  watch({ acceptor, request, reply, zombie }: AcceptorTurn): void {
    if (zombie || request.type !== "protocol" || reply.type !== "protocol" || reply.body.type !== "accepted") return;
    const { body } = request;
    if (body.type !== "accept") return;
    const name = `${body.subject} ${body.slot}`;
    const { round, proposer, incarnation } = body.ballot;
    const ballots =
      this.#votes.get(name) ?? new Map<string, { readonly value: string; readonly voters: Set<string> }>();
    this.#votes.set(name, ballots);
    const ballot = `${round}/${proposer}/${incarnation}`;
    const known = ballots.get(ballot) ?? { value: body.value, voters: new Set<string>() };
    ballots.set(ballot, known);
    if (known.value !== body.value)
      violated("P4", `${name} under ballot ${ballot} was proposed as ${known.value} and as ${body.value}`);
    known.voters.add(acceptor.region);
    if (known.voters.size < this.#majority) return;
    const chosen = this.#chosen.get(name);
    if (chosen === undefined && body.subject === "log") this.slots += 1;
    if (chosen !== undefined && chosen !== body.value)
      violated("C2", `${name} was chosen as ${chosen} and then as ${body.value}, under ${ballot}`);
    this.#chosen.set(name, body.value);
  }
}
