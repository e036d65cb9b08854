/**
 * Broken: a vote is reported under the highest ballot promised, not under the ballot in which it was cast, so proposers
 * adopt from the highest promised instead of the highest accepted. Violates P3: an old vote outweighs a chosen one.
 */
import { stepAcceptor } from "../../../src/paxos/acceptor.ts";
import { twin } from "./twin.ts";

export const reportsThePromisedBallot = twin(
  "adopts from the highest promised",
  "P3",
  "C2 agreement",
  {
    stepAcceptor(view, request, clock) {
      const { promised } = view.ledger(request.subject);
      const { persist, reply } = stepAcceptor(view, request, clock);
      if (reply.type !== "promise") return { persist, reply };
      const votes = reply.votes.map((vote) => ({ ...vote, ballot: promised ?? vote.ballot }));
      return { persist, reply: { ...reply, votes } };
    },
  },
  { ballots: [2, 1] },
);
