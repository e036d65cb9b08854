/**
 * Broken: the first answer counts as a majority, in both phases. Violates P1 and C1: two quorums need not meet, so each
 * proposer settles its own value.
 */
import { stepAttempt } from "../../../src/paxos/decision.ts";
import { twin } from "./twin.ts";

export const quorumOfOne = twin("quorum of one", "P1, C1", "C1 what is believed chosen is chosen", {
  stepAttempt(state, acceptor, reply) {
    const alone = state.members.filter((member) => member.region === acceptor);
    const step = stepAttempt({ ...state, members: alone }, acceptor, reply);
    const send = step.send.flatMap(({ body }) => state.members.map((member) => ({ to: member.region, body })));
    return { ...step, state: { ...step.state, members: state.members }, send };
  },
});
