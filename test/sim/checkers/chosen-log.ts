/**
 * What has been chosen, found out from outside: by counting the votes that became durable at the acceptors, and by nothing
 * that a proposer, a learner or a store believes. Whoever sees two values chosen for one slot, or for one decision, sees
 * C2 broken.
 */
import type { AcceptorTurn } from "../nodes/acceptor-node.ts";
import type { World } from "../world.ts";
import { violated } from "./checker.ts";

export class ChosenLog {
  readonly #majority: number;
  /** By subject and slot, then by ballot: who voted, and for what. */
  readonly #votes = new Map<
    string,
    Map<string, { readonly value: string; readonly since: number; readonly voters: Set<string> }>
  >();
  readonly #chosen = new Map<string, string>();
  readonly #chosenAt = new Map<string, number>();
  readonly #world: World;
  /** Slots of the log that are chosen. */
  slots = 0;

  constructor(world: World, acceptors: number) {
    this.#world = world;
    // Counted here, and not by the code under test.
    this.#majority = Math.floor(acceptors / 2) + 1;
  }

  /** The value chosen for a slot of the log, as far as that is known. */
  at(slot: number): string | null {
    return this.#chosen.get(`log ${slot}`) ?? null;
  }

  /** When an acceptor first voted for what was chosen for a slot of the log, in virtual ms. */
  votedAt(slot: number): number {
    const ballots = [...(this.#votes.get(`log ${slot}`)?.values() ?? [])];
    return Math.min(...ballots.filter(({ value }) => value === this.at(slot)).map(({ since }) => since));
  }

  /** When the last acceptor of a majority had voted for it, in virtual ms. */
  chosenAt(slot: number): number {
    return this.#chosenAt.get(`log ${slot}`) ?? Infinity;
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
      this.#votes.get(name) ??
      new Map<string, { readonly value: string; readonly since: number; readonly voters: Set<string> }>();
    this.#votes.set(name, ballots);
    const ballot = `${round}/${proposer}/${incarnation}`;
    const known = ballots.get(ballot) ?? { value: body.value, since: this.#world.now, voters: new Set<string>() };
    ballots.set(ballot, known);
    if (known.value !== body.value)
      violated("P4", `${name} under ballot ${ballot} was proposed as ${known.value} and as ${body.value}`);
    known.voters.add(acceptor.region);
    if (known.voters.size < this.#majority) return;
    const chosen = this.#chosen.get(name);
    if (chosen === undefined && body.subject === "log") this.slots += 1;
    if (chosen === undefined) this.#chosenAt.set(name, this.#world.now);
    if (chosen !== undefined && chosen !== body.value)
      violated("C2", `${name} was chosen as ${chosen} and then as ${body.value}, under ${ballot}`);
    this.#chosen.set(name, body.value);
  }
}
