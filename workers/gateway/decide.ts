/**
 * Decisions: single-decree Paxos run by the gateway itself, straight against the acceptors (Lamport 2001, section 2.2).
 * Each attempt has a fresh proposer id (SPEC B2) and a round above the last refusal (P2). Drives the pure attempt in
 * `src/paxos/decision.ts`: carries its messages, hands back the answers, waits between attempts.
 */
import { slot } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import { randomIdentity } from "../../src/support/random.ts";
import { ballot } from "../../src/paxos/ballot.ts";
import type { Ballot } from "../../src/paxos/ballot.ts";
import { startAttempt, stepAttempt } from "../../src/paxos/decision.ts";
import type { Attempt, AttemptResult, AttemptStep } from "../../src/paxos/decision.ts";
import { countVote } from "../../src/paxos/learner.ts";
import type { Tallies } from "../../src/paxos/learner.ts";
import { majorityOf } from "../../src/paxos/membership.ts";
import { decisionSubject } from "../../src/paxos/messages.ts";
import type { ProtocolReply } from "../../src/paxos/messages.ts";
import { askAcceptor, knownSet } from "./acceptors.ts";
import { decodeProposal, encodeProposal } from "./decision-value.ts";
import type { Decided, Proposal } from "./decision-value.ts";
import type { KnownSet } from "./memory.ts";
import { Problem } from "./problems.ts";
import { pause } from "./visit.ts";
import type { Visit } from "./visit.ts";

type Chosen = Extract<AttemptResult, { type: "chosen" }>;
type Inquired = Chosen | { readonly type: "nothing" } | { readonly type: "open" };

export const decisionDeadline = (visit: Visit): number => visit.now() + limits.decisionMs;

/**
 * @returns what was chosen, now or earlier: the proposal or another one.
 * @throws {Problem} when no majority took part in time; says whether the proposal may yet be chosen (SPEC U1).
 */
export async function propose(visit: Visit, id: string, proposal: Proposal, until: number): Promise<Decided> {
  const decided = await attempts(visit, id, encodeProposal(proposal), "found", until);
  if (decided !== null) return decided;
  throw new Error("an attempt that proposes a value ends with one");
}

/** @returns what was chosen, completing what it finds half done, or null when nothing was. */
export async function inquire(visit: Visit, id: string, until: number): Promise<Decided | null> {
  const set = await knownSet(visit, "look", until);
  if (set === null) return null;
  const found = await votes(visit, set, id, until);
  if (found.type === "chosen") return decidedBy(found);
  return found.type === "nothing" ? null : attempts(visit, id, null, "look", until);
}

async function attempts(
  visit: Visit,
  id: string,
  own: string | null,
  mode: "look" | "found",
  until: number,
): Promise<Decided | null> {
  let above: Ballot | null = null;
  /** The value may have reached an acceptor: from then on it can be chosen at any later time. */
  let left = false;
  for (let backOffMs: number = limits.backOffMinMs; visit.now() < until; backOffMs *= 2) {
    const set = await knownSet(visit, mode, until).catch((error: unknown) => {
      throw left && error instanceof Problem ? new Problem(error.code, error.message, { outcome: "unknown" }) : error;
    });
    if (set === null) return null;
    const fresh = randomIdentity(visit.random);
    const first = startAttempt(decisionSubject(id), set.members, ballot((above?.round ?? 0) + 1, fresh, fresh), own);
    const end = await run(visit, set, first, until, (value) => {
      left ||= value === own;
    });
    if (end.type === "chosen") return decidedBy(end);
    if (end.type === "nothing") return null;
    above = end.above ?? above;
    const jittered = Math.min(limits.backOffMaxMs, backOffMs) * (0.5 + visit.random.next());
    await pause(visit, Math.min(jittered, until - visit.now()));
    if (end.above === null) continue;
    // Whoever outranked this attempt may have ended it all: to ask disturbs nobody, one more ballot disturbs everybody.
    const found = await votes(visit, set, id, until);
    if (found.type === "chosen") return decidedBy(found);
  }
  const detail = `no majority of the acceptors took part within ${limits.decisionMs} ms`;
  throw new Problem("no-quorum", detail, { outcome: left ? "unknown" : "not-applied" });
}

/** One attempt from its first message to its end. @param onValue told each value before it leaves. */
async function run(
  visit: Visit,
  set: KnownSet,
  first: AttemptStep,
  until: number,
  onValue: (value: string) => void,
): Promise<AttemptResult> {
  const { promise, resolve, reject } = Promise.withResolvers<AttemptResult>();
  let state: Attempt = first.state;
  let phase = 0;
  let over = false;
  const follow = (step: AttemptStep): void => {
    ({ state } = step);
    if (step.send.length > 0) phase += 1;
    const sentIn = phase;
    for (const { to, body } of step.send) {
      if (body.type === "accept") onValue(body.value);
      void askAcceptor(visit, set, to, body, until)
        .then((reply) => answered(to, sentIn, reply))
        .catch(reject);
    }
    if (step.result !== null) {
      over = true;
      resolve(step.result);
    }
  };
  /** Silence in the first phase says nothing about the second. */
  const answered = (acceptor: string, sentIn: number, reply: ProtocolReply | null): void => {
    if (!over && sentIn === phase) follow(stepAttempt(state, acceptor, reply));
  };
  follow(first);
  return promise;
}

/** Asks all acceptors for their votes. `open` when that settles nothing: a proposal is under way, or was left half done. */
async function votes(visit: Visit, set: KnownSet, id: string, until: number): Promise<Inquired> {
  const { promise, resolve, reject } = Promise.withResolvers<Inquired>();
  const { members } = set;
  let tallies: Tallies = new Map();
  let heard = 0;
  let without = 0;
  let silent = 0;
  const answered = (acceptor: string, reply: ProtocolReply | null): void => {
    if (reply?.type !== "standing") silent += 1;
    else {
      heard += 1;
      const [vote] = reply.votes;
      if (vote === undefined) without += 1;
      else {
        const counted = countVote(tallies, members, acceptor, vote);
        ({ tallies } = counted);
        if (counted.chosen !== null) resolve({ type: "chosen", ...counted.chosen });
      }
    }
    const majority = majorityOf(members.length);
    if (without >= majority) resolve({ type: "nothing" });
    if (heard + silent === members.length) resolve({ type: "open" });
    // Whoever is proposing right now gets a moment to finish before phase 1 cuts in.
    else if (heard >= majority) void pause(visit, limits.openSlotWaitMs).then(() => resolve({ type: "open" }));
  };
  for (const { region } of members) {
    const body = { type: "inquire", subject: decisionSubject(id), above: slot(0) } as const;
    void askAcceptor(visit, set, region, body, until)
      .then((reply) => answered(region, reply))
      .catch(reject);
  }
  return promise;
}

function decidedBy({ value, ballot, acceptors }: Chosen): Decided {
  const proposal = decodeProposal(value);
  if (proposal === null) throw new Error("a chosen value that no gateway wrote");
  const { round, proposer } = ballot;
  return { proposal, ballot: { round, proposer }, acceptors: acceptors.toSorted() };
}
