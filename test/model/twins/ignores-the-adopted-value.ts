/**
 * Broken: the proposer sends its own value whatever a majority reports. Violates P3: a value that was already chosen is
 * followed by another one.
 */
import { stepAttempt } from "../../../src/paxos/decision.ts";
import { slot } from "../../../src/support/brand.ts";
import { twin } from "./twin.ts";

export const ignoresTheAdoptedValue = twin("ignores the adopted value", "P3", "C2 agreement", {
  stepAttempt(state, acceptor, reply) {
    if (reply?.type !== "promise") return stepAttempt(state, acceptor, reply);
    return stepAttempt(state, acceptor, { ...reply, votes: [], highest: slot(0) });
  },
});
