/**
 * A cluster for scenarios: proposers and acceptors in memory, and a network in which only what the scenario names is
 * delivered. Everything said is written down, one line for each message that arrives.
 */
import { ballot as ballotOf } from "../../src/paxos/ballot.ts";
import type { Ballot } from "../../src/paxos/ballot.ts";
import { startAttempt, stepAttempt } from "../../src/paxos/decision.ts";
import type { Attempt, AttemptStep } from "../../src/paxos/decision.ts";
import { decisionSubject } from "../../src/paxos/messages.ts";
import type { ProtocolReply, ProtocolRequest } from "../../src/paxos/messages.ts";
import { enrolledAcceptors, testMembers } from "../support/memory-acceptor.ts";

const members = testMembers("a", "b", "c");
const subject = decisionSubject("who");

const ballotText = (b: Ballot): string => `${b.round}.${b.proposer}`;

function inWords(body: ProtocolRequest | ProtocolReply): string {
  switch (body.type) {
    case "prepare":
      return `prepare ${ballotText(body.ballot)}`;
    case "promise": {
      const votes = body.votes.map((v) => `${v.value} under ${ballotText(v.ballot)}`);
      return `promise ${ballotText(body.ballot)}, voted ${votes.length === 0 ? "nothing" : votes.join(", ")}`;
    }
    case "accept":
      return `accept ${ballotText(body.ballot)} ${body.value}`;
    case "accepted":
      return `accepted ${ballotText(body.ballot)}`;
    case "outranked":
      return `outranked by ${ballotText(body.promised)}`;
    default:
      return body.type;
  }
}

export class Transcript {
  readonly #acceptors = enrolledAcceptors(members);
  readonly #attempts = new Map<string, Attempt>();
  /** The last request of each proposer to each acceptor. */
  readonly #requests = new Map<string, ProtocolRequest>();
  readonly #lines: string[] = [];

  /** A fresh attempt: a ballot that nobody used. */
  begin(proposer: string, round: number, own: string | null): void {
    this.#lines.push(`# ${proposer} begins ballot ${round}.${proposer}${own === null ? "" : ` with ${own}`}`);
    const ballot = ballotOf(round, proposer, `start-${round}`);
    this.#follow(proposer, startAttempt(subject, members, ballot, own));
  }

  note(text: string): void {
    this.#lines.push(`# ${text}`);
  }

  /** The proposer's last request reaches these acceptors, and their answers come back. */
  exchange(proposer: string, ...regions: readonly string[]): void {
    const sent = regions.map((region) => [region, this.#requests.get(`${proposer} ${region}`)] as const);
    for (const [region, request] of sent) {
      const acceptor = this.#acceptors.find((a) => a.region === region);
      const attempt = this.#attempts.get(proposer);
      if (acceptor === undefined || request === undefined || attempt === undefined) {
        throw new Error(`${proposer} has nothing for ${region}`);
      }
      this.#lines.push(`${proposer} -> ${region}  ${inWords(request)}`);
      const reply = acceptor.ask(members, request);
      this.#lines.push(`${region} -> ${proposer}  ${inWords(reply)}`);
      this.#follow(proposer, stepAttempt(attempt, region, reply));
    }
  }

  #follow(proposer: string, { state, send, result }: AttemptStep): void {
    this.#attempts.set(proposer, state);
    for (const { to, body } of send) this.#requests.set(`${proposer} ${to}`, body);
    if (result === null) return;
    const above = result.type === "refused" && result.above !== null ? ` by ${ballotText(result.above)}` : "";
    this.#lines.push(`= ${proposer}: ${result.type}${above}${result.type === "chosen" ? ` ${result.value}` : ""}`);
  }

  text(): string {
    return this.#lines.join("\n");
  }
}
