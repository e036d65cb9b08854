/**
 * Broken: rounds are counted in memory and the incarnation is a constant, so the first ballot after a crash is the first
 * ballot before it. Violates B2 (and so P4): acceptors cannot tell the two values of that ballot apart.
 */
import { ballot } from "../../../src/paxos/ballot.ts";
import { twin } from "./twin.ts";

export const reusesABallot = twin(
  "reuses a ballot after a crash",
  "B2, P4",
  "P4 one value for each ballot",
  { freshBallot: (proposer, _lastRound, _starts, above) => ballot((above?.round ?? 0) + 1, proposer, "constant") },
  { ballots: [2, 1], proposerCrashes: 1 },
);
