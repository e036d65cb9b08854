/**
 * Broken: answers are counted and not acceptors, so a repeated answer makes a majority. Violates Q1 and Q2: a majority
 * of answers from one acceptor meets no other majority.
 */
import { stepAttempt } from "../../../src/paxos/decision.ts";
import { twin } from "./twin.ts";

export const countsAnAcceptorTwice = twin(
  "counts an acceptor twice",
  "Q1, Q2",
  "C1 what is believed chosen is chosen",
  {
    stepAttempt(state, acceptor, reply) {
      const { proposer, tallies, members } = state;
      const counted =
        proposer.phase === "preparing"
          ? new Set(proposer.answers.keys())
          : new Set([...tallies.values()].flatMap((tally) => [...tally.acceptors]));
      // A repeated answer takes the place of one that is still missing.
      const missing = members.find((member) => !counted.has(member.region))?.region;
      return stepAttempt(state, counted.has(acceptor) ? (missing ?? acceptor) : acceptor, reply);
    },
  },
);
