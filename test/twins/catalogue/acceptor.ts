/** Twins of the acceptor: what it promises, votes for and reports. */
import type { Twin } from "../twin.ts";

const area = "acceptor";
const file = "src/paxos/acceptor.ts";

export const acceptor: readonly Twin[] = [
  {
    name: "promises-below-its-promise",
    area,
    rule: "A1",
    wrong:
      "A lower ballot is promised, and lowers the promise: its proposer settles a past that a higher one is settling.",
    file,
    find: `is settling.
  if (ledger.promised !== null && outranks(ledger.promised, request.ballot)) {`,
    replace: `is settling.
  if (false) {`,
    also: [
      {
        file: "workers/adapters/acceptor-storage.ts",
        find: "higherBallot(ledger.promised, change.ballot)",
        replace: "change.ballot",
      },
    ],
    check: "simulation",
    expected: /\[A1\]/,
  },
  {
    name: "accepts-below-its-promise",
    area,
    rule: "A2",
    wrong: "A vote under a ballot that a majority has already outranked overwrites what the higher one chose.",
    file,
    find: `found this slot empty.
  if (ledger.promised !== null && outranks(ledger.promised, request.ballot)) {`,
    replace: `found this slot empty.
  if (false) {`,
    check: "simulation",
    expected: /\[(A[23]|C2)\]/,
  },
  {
    name: "accepting-promises-nothing",
    area,
    rule: "A3",
    wrong: "After a vote without a prepare, a lower ballot may still be promised and accepted.",
    file,
    find: `if (!sameBallot(ballot, ledger.promised)) persist.push({ type: "promised", subject, ballot });`,
    replace: "",
    check: "simulation",
    expected: /\[A3\]/,
  },
  {
    name: "reports-votes-from-the-next-slot-on",
    area,
    rule: "A4",
    wrong: "The first open slot looks free to a proposer although a value may have been chosen there.",
    file,
    find: "const page = view.votes(request.subject, request.from, limits",
    replace: "const page = view.votes(request.subject, request.from + 1, limits",
    check: "simulation",
    expected: /\[C2\]|P3/,
  },
  {
    name: "reports-votes-under-the-ballot-asked-for",
    area,
    rule: "A4",
    wrong: "All votes seem cast under one ballot, so that a proposer cannot tell which value may have been chosen.",
    file,
    find: 'reply: { type: "promise", ballot: request.ballot, ...page,',
    replace:
      'reply: { type: "promise", ballot: request.ballot, next: page.next, votes: page.votes.map((vote) => ({ ...vote, ballot: request.ballot })),',
    check: "simulation",
    expected: /\[C[12]\]|P4/,
  },
  {
    name: "leaves-its-vote-unwritten",
    area,
    rule: "D1",
    wrong: "The answer says that a vote is durable which is nowhere, so that no later proposer can find it.",
    file,
    find: `persist.push({ type: "voted", subject, vote: { slot: request.slot, ballot, value: request.value } });`,
    replace: "",
    check: "simulation",
    expected: /\[C2\]/,
  },
  {
    name: "votes-at-or-below-its-floor",
    area,
    rule: "L6",
    wrong: "A slot whose votes were deleted can be given a second value.",
    file,
    find: `if (request.slot <= ledger.floor) return refuse({ type: "trimmed", ...extentOf(ledger) });`,
    replace: "",
    check: "simulation",
    expected: /\[L6\]/,
  },
  {
    name: "votes-for-any-stamp",
    area,
    rule: "T2",
    wrong: "One leader whose clock runs hours ahead carries log time along, and every deadline passes at once.",
    file,
    find: "request.stamp > clock + limits.stampAheadMs",
    replace: "false",
    check: "test/unit/paxos/acceptor.test.ts",
    expected: /\[T2\]/,
  },
  {
    name: "promises-at-or-below-its-floor",
    area,
    rule: "L6",
    wrong: "A promise without the votes that were deleted says that nothing was chosen there.",
    file,
    find: `if (request.from <= ledger.floor) return refuse({ type: "trimmed", ...extentOf(ledger) });`,
    replace: "",
    check: "test/unit/paxos/acceptor.test.ts",
    expected: /\[L6\]/,
  },
  {
    name: "nobody-looks-at-the-floor",
    area,
    rule: "L6",
    wrong: "A proposer that is far behind fills trimmed slots as if they were free.",
    file,
    find: `if (request.from <= ledger.floor) return refuse({ type: "trimmed", ...extentOf(ledger) });`,
    replace: "",
    also: [
      {
        file,
        find: `if (request.slot <= ledger.floor) return refuse({ type: "trimmed", ...extentOf(ledger) });`,
        replace: "",
      },
      {
        file: "src/paxos/proposer.ts",
        find: `if (answer.floor >= state.from) return { type: "behind", floor: answer.floor };`,
        replace: "",
      },
    ],
    check: "simulation",
    expected: /\[(L6|C2)\]/,
  },
];
