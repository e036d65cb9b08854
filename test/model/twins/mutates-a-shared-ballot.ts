/**
 * Broken: a refused proposer raises the round of the ballot object that it holds, and asks again. The promises that it
 * has collected share that object, so they now read as promises of a ballot that nobody promised. Violates B1 and P1.
 * (The attempt is copied first, only so that the explorer's other branches are left alone.)
 */
import type { Ballot } from "../../../src/paxos/ballot.ts";
import { stepAttempt } from "../../../src/paxos/decision.ts";
import { twin } from "./twin.ts";

export const mutatesASharedBallot = twin("mutates a shared ballot", "B1, P1", "C2 agreement", {
  stepAttempt(state, acceptor, reply) {
    if (reply?.type !== "outranked" || state.proposer.phase !== "preparing") {
      return stepAttempt(state, acceptor, reply);
    }
    const own = structuredClone(state);
    const shared: { -readonly [Part in keyof Ballot]: Ballot[Part] } = own.ballot;
    shared.round = reply.promised.round + 1;
    const body = { type: "prepare", subject: own.subject, ballot: shared, from: state.proposer.from } as const;
    return { state: own, send: own.members.map((member) => ({ to: member.region, body })), result: null };
  },
});
