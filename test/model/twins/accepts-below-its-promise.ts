/**
 * Broken: an accept is not compared with the promise. Violates A2: a slow proposer gets its value chosen after a newer
 * ballot found the slot empty and chose another.
 */
import { stepAcceptor } from "../../../src/paxos/acceptor.ts";
import { twin } from "./twin.ts";

export const acceptsBelowItsPromise = twin("accepts below its promise", "A2", "A1-A3 no promise goes down", {
  stepAcceptor(view, request, clock) {
    if (request.type !== "accept") return stepAcceptor(view, request, clock);
    const credulous = { ...view, ledger: () => ({ ...view.ledger(request.subject), promised: null }) };
    return stepAcceptor(credulous, request, clock);
  },
});
