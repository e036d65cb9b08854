/** Twins of the learner: which votes count, and when they are enough. */
import type { Twin } from "../twin.ts";

const area = "learner";
const file = "src/paxos/learner.ts";

export const learner: readonly Twin[] = [
  {
    name: "learns-from-one-vote",
    area,
    rule: "C1",
    wrong: "One vote chooses nothing: another value may be chosen for the slot.",
    file,
    find: "const chosen = isMajority(members, acceptors)",
    replace: "const chosen = acceptors.size > 0",
    check: "simulation",
    expected: /\[C[12]\]/,
  },
  {
    name: "adds-votes-up-across-ballots",
    area,
    rule: "C1",
    wrong: "Votes under different ballots are for different attempts, of which none may have a majority.",
    file,
    find: "new Set(seen !== undefined && sameBallot(seen.ballot, vote.ballot) ? seen.acceptors : []);",
    replace: "new Set(seen !== undefined ? seen.acceptors : []);",
    check: "simulation",
    expected: /\[C[12]\]/,
  },
  {
    name: "counts-a-repeated-vote",
    area,
    rule: "Q1",
    wrong: "The same acceptor heard twice passes for two, and a minority for a majority.",
    file,
    find: "acceptors.add(acceptor);",
    replace:
      "acceptors.add(acceptors.has(acceptor) ? members.find((m) => !acceptors.has(m.region))?.region ?? acceptor : acceptor);",
    check: "simulation",
    expected: /\[C[12]\]/,
  },
  {
    name: "counts-strangers",
    area,
    rule: "Q1",
    wrong: "An acceptor that the founded set does not name makes up a majority.",
    file: "src/paxos/membership.ts",
    find: "return members.filter((m) => distinct.has(m.region)).length >= majorityOf(members.length);",
    replace: "return distinct.size >= majorityOf(members.length);",
    also: [
      { file, find: "if (incarnationOf(members, acceptor) === null) return { tallies, chosen: null };", replace: "" },
    ],
    check: "test/unit/paxos/learner.test.ts",
    expected: /\[Q1\]/,
  },
  {
    name: "takes-half-for-a-majority",
    area,
    rule: "Q1",
    wrong: "Two halves need not share an acceptor, so that each may choose its own value.",
    file: "src/paxos/membership.ts",
    find: "members.filter((m) => distinct.has(m.region)).length >= majorityOf(members.length)",
    replace: "members.filter((m) => distinct.has(m.region)).length >= Math.floor(members.length / 2)",
    check: "simulation",
    expected: /\[(C1|C2|R1)\]/,
  },
  {
    name: "applies-what-it-has-only-sent",
    area,
    rule: "C1",
    wrong: "A value that was sent need never be chosen, and its client is told that it was.",
    file: "src/replica/log.ts",
    find: "this.#inFlight.add([proposal]);",
    replace: "this.#inFlight.add([proposal]); this.learn(proposal, slot(proposal.slot - 1));",
    check: "simulation",
    expected: /\[C[12]\]/,
  },
];
