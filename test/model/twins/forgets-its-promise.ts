/**
 * Broken: a promise is answered but not stored; only accepting stores the ballot. Violates A1-A3: the acceptor goes on
 * accepting below what it promised, so a value can be chosen behind the back of a proposer that found nothing.
 */
import { stepAcceptor } from "../../../src/paxos/acceptor.ts";
import { twin } from "./twin.ts";

export const forgetsItsPromise = twin("forgets its promise", "A1", "A1-A3 no promise goes down", {
  stepAcceptor(view, request, clock) {
    const outcome = stepAcceptor(view, request, clock);
    return request.type === "prepare" ? { ...outcome, persist: [] } : outcome;
  },
});
