/**
 * A1-A3, D2, L6, T2: what is durable at an acceptor, turn after turn: the log's promise and floor never go down, not even
 * by a restart; it votes neither below the promise nor at or below the floor, nor for a stamp far ahead of its clock; every
 * answer with authority raises its counter.
 */
import type { Ballot } from "../../../src/paxos/ballot.ts";
import { limits } from "../../../src/support/limits.ts";
import { decodeBatch } from "../../../src/store/batch-codec.ts";
import type { CheckerOf } from "./checker.ts";
import { violated } from "./checker.ts";

interface Known {
  readonly promised: Ballot | null;
  readonly floor: number;
  readonly counter: number;
}

/** B1, written down once more: a judge must not trust what it judges. */
const outranks = (a: Ballot, b: Ballot): boolean =>
  a.round !== b.round
    ? a.round > b.round
    : a.proposer !== b.proposer
      ? a.proposer > b.proposer
      : a.incarnation > b.incarnation;

export const promises: CheckerOf = () => {
  const known = new Map<string, Known>();
  return {
    acceptorTurned({ acceptor, request, reply, after, clock, zombie }) {
      const { region } = acceptor;
      if (reply.type === "protocol" && zombie)
        violated("D2", `a replaced instance in ${region} answered ${reply.body.type} without a write`);
      if (zombie || acceptor.amnesia !== null) return;
      const before = known.get(region) ?? { promised: null, floor: 0, counter: 0 };
      const { promised, floor } = after;
      known.set(region, { promised, floor, counter: reply.type === "protocol" ? reply.counter : before.counter });
      if (before.promised !== null && (promised === null || outranks(before.promised, promised)))
        violated("A1", `the promise in ${region} went down from round ${before.promised.round}`);
      if (floor < before.floor) violated("L6", `the floor in ${region} went down from ${before.floor} to ${floor}`);
      if (reply.type !== "protocol") return;
      if (reply.counter <= before.counter)
        violated("D2", `${region} answered ${reply.body.type} at counter ${reply.counter}, after ${before.counter}`);
      if (request.type !== "protocol" || reply.body.type !== "accepted" || request.body.type !== "accept") return;
      const { ballot, slot, subject, value } = request.body;
      if (subject !== "log") return;
      if (before.promised !== null && outranks(before.promised, ballot))
        violated("A2", `${region} voted under round ${ballot.round}, below its promise ${before.promised.round}`);
      if (promised === null || outranks(ballot, promised))
        violated("A3", `${region} voted under round ${ballot.round} without promising it`);
      if (slot <= before.floor)
        violated("L6", `${region} voted on slot ${slot}, at or below its floor ${before.floor}`);
      const batch = decodeBatch(value);
      if (!("type" in batch) && batch.stamp > clock + limits.stampAheadMs)
        violated("T2", `${region} voted at ${clock} for the stamp ${batch.stamp}`);
    },
  };
};
