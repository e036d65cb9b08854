/** Messages in few words, for the traces of the log's model. */
import type { ProtocolReply, ProtocolRequest } from "../../../src/paxos/messages.ts";

function brief(value: string): string {
  const [, own = "no-op"] = /^\[\d+,\d+,\[(?:"([^"]*)")?\]\]$/.exec(value) ?? [];
  return own;
}

export function titleOf(name: string, body: ProtocolRequest): string {
  switch (body.type) {
    case "prepare":
      return `${name} prepare ${body.ballot.round}.${body.ballot.proposer} from slot ${body.from}`;
    case "accept":
      return `${name} accept ${body.ballot.round}.${body.ballot.proposer} slot ${body.slot} = ${brief(body.value)}`;
    case "inquire":
      return `${name} inquire above slot ${body.above}`;
  }
}

export function saysOf(reply: ProtocolReply): string {
  switch (reply.type) {
    case "promise": {
      const votes = reply.votes.map((v) => `${v.slot}:${v.ballot.round}.${v.ballot.proposer}=${brief(v.value)}`);
      return `promise ${reply.ballot.round}.${reply.ballot.proposer} {${votes.join(" ")}}`;
    }
    case "accepted":
      return `accepted ${reply.ballot.round}.${reply.ballot.proposer} slot ${reply.slot}`;
    case "standing":
      return `standing, highest slot ${reply.highest}`;
    case "outranked":
      return `outranked by ${reply.promised.round}.${reply.promised.proposer}`;
    case "trimmed":
    case "stamp-ahead":
      return reply.type;
  }
}
