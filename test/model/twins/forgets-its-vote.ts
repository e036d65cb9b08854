/**
 * Broken: a promise is given without the vote cast before. Violates A4: the next proposer takes the slot for free, and a
 * second value is chosen.
 */
import { emptyLedger, stepAcceptor } from "../../../src/paxos/acceptor.ts";
import { twin } from "./twin.ts";

export const forgetsItsVote = twin("forgets its vote", "A4", "C2 agreement", {
  stepAcceptor(view, request, clock) {
    const { promised } = view.ledger(request.subject);
    const forgetful = {
      ledger: () => ({ ...emptyLedger, promised }),
      votes: () => ({ votes: [], next: null }),
    };
    return stepAcceptor(forgetful, request, clock);
  },
});
