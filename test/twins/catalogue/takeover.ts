/** Twins of the change of leader. */
import type { Twin } from "../twin.ts";

const area = "takeover";

export const takeover: readonly Twin[] = [
  {
    name: "takes-over-one-slot-late",
    area,
    rule: "P3",
    wrong: "The slot after the last applied one is never closed, whatever was voted for there.",
    file: "src/replica/log.ts",
    find: "this.#proposer = startPreparing(mine, nextSlot(applied));",
    replace: "this.#proposer = startPreparing(mine, nextSlot(nextSlot(applied)));",
    check: "simulation",
    expected: /\[liveness\]/,
  },
  {
    name: "asks-for-votes-one-slot-late",
    area,
    rule: "P3",
    wrong: "The first open slot is filled with a no-op although a value may have been chosen there.",
    file: "src/replica/log.ts",
    find: "for (const { region } of members) this.#askPromise(turn, region, mine, nextSlot(applied));",
    replace: "for (const { region } of members) this.#askPromise(turn, region, mine, nextSlot(nextSlot(applied)));",
    check: "simulation",
    expected: /\[C2\]/,
  },
  {
    name: "leads-on-after-a-refusal",
    area,
    rule: "P2",
    wrong: "A leader that was outranked goes on under a ballot that no majority accepts any more.",
    file: "src/replica/log.ts",
    find: "return current ? this.#lose(reply.promised) : nothing;",
    replace: "return nothing;",
    check: "simulation",
    expected: /\[liveness\]/,
  },
  {
    name: "adopts-and-does-not-propose",
    area,
    rule: "P3",
    wrong: "What the old leader left half done is never finished, and nothing after it can be applied.",
    file: "src/replica/log.ts",
    find: "this.#inFlight.add(outcome.adopted.filter((proposal) => !settled.includes(proposal)));",
    replace: "void settled;",
    check: "simulation",
    expected: /\[liveness\]/,
  },
];
