/** Messages to and from acceptors, as text. Used by whoever calls an acceptor, and by its shell. Upholds W1. */
import * as v from "valibot";
import { limits } from "../support/limits.ts";
import type { Ballot } from "../paxos/ballot.ts";
import type { AcceptorReply, AcceptorRequest, Subject, Vote } from "../paxos/messages.ts";
import {
  ballotSchema,
  decode,
  encode,
  membersSchema,
  name,
  regionSchema,
  slotSchema,
  text,
  valueSchema,
  voteSchema,
  whole,
} from "./envelope.ts";
import type { Decoded } from "./envelope.ts";

const subjectSchema = v.pipe(
  text(limits.decisionIdBytes + 16),
  v.check((s) => s === "log" || s.startsWith("decision/"), "not a subject"),
  v.transform((s) => s as Subject),
);

const protocolRequest = v.variant("type", [
  v.strictObject({ type: v.literal("prepare"), subject: subjectSchema, ballot: ballotSchema, from: slotSchema }),
  v.strictObject({
    type: v.literal("accept"),
    subject: subjectSchema,
    ballot: ballotSchema,
    slot: slotSchema,
    value: valueSchema,
    stamp: whole,
    floor: slotSchema,
  }),
  v.strictObject({ type: v.literal("inquire"), subject: subjectSchema, above: slotSchema }),
]);

const foundingRequest = v.variant("type", [
  v.strictObject({ type: v.literal("identify") }),
  v.strictObject({ type: v.literal("mint"), cluster: name, regions: v.pipe(v.array(regionSchema), v.maxLength(9)) }),
  v.strictObject({ type: v.literal("enrol"), members: membersSchema }),
  v.strictObject({ type: v.literal("open"), members: membersSchema }),
]);

const address = v.strictObject({ namespace: name, region: regionSchema, set: name, incarnation: name, seen: whole });

const requestSchema = v.variant("type", [
  v.strictObject({ type: v.literal("protocol"), address, body: protocolRequest }),
  v.strictObject({ type: v.literal("founding"), namespace: name, region: regionSchema, body: foundingRequest }),
]);

const extent = { floor: slotSchema, highest: slotSchema };
const page = { votes: v.array(voteSchema), next: v.nullable(slotSchema) };

const protocolReply = v.variant("type", [
  v.strictObject({ type: v.literal("promise"), ballot: ballotSchema, clock: whole, ...page, ...extent }),
  v.strictObject({ type: v.literal("accepted"), ballot: ballotSchema, slot: slotSchema }),
  v.strictObject({ type: v.literal("standing"), promised: v.nullable(ballotSchema), ...page, ...extent }),
  v.strictObject({ type: v.literal("outranked"), promised: ballotSchema, ...extent }),
  v.strictObject({ type: v.literal("trimmed"), ...extent }),
  v.strictObject({ type: v.literal("stamp-ahead"), clock: whole }),
]);

const identity = v.variant("type", [
  v.strictObject({ type: v.literal("empty") }),
  v.strictObject({ type: v.literal("minted"), incarnation: name }),
  v.strictObject({ type: v.literal("enrolled"), incarnation: name, members: membersSchema, open: v.boolean() }),
  v.strictObject({ type: v.literal("retired"), reason: text(1024) }),
]);

const replySchema = v.variant("type", [
  v.strictObject({ type: v.literal("protocol"), counter: whole, body: protocolReply }),
  v.strictObject({
    type: v.literal("not-member"),
    why: v.picklist(["unfounded", "wrong-address", "wrong-set", "wrong-incarnation", "retired"]),
  }),
  v.strictObject({ type: v.literal("identity"), identity }),
]);

const packBallot = (b: Ballot) => [b.round, b.proposer, b.incarnation];
const packVote = (vote: Vote) => [vote.slot, packBallot(vote.ballot), vote.value];

/** Ballots and votes travel as short arrays; everything else as it is. */
function packFields(body: object): object {
  const fields: Record<string, unknown> = { ...body };
  if ("ballot" in body) fields["ballot"] = packBallot(body.ballot as Ballot);
  if ("promised" in body && body.promised !== null) fields["promised"] = packBallot(body.promised as Ballot);
  if ("votes" in body) fields["votes"] = (body.votes as readonly Vote[]).map(packVote);
  return fields;
}

export const encodeAcceptorRequest = (request: AcceptorRequest): string =>
  encode({ ...request, body: packFields(request.body) });
export const decodeAcceptorRequest = (message: unknown): Decoded<AcceptorRequest> => decode(requestSchema, message);
export const encodeAcceptorReply = (reply: AcceptorReply): string =>
  encode(reply.type === "protocol" ? { ...reply, body: packFields(reply.body) } : reply);
export const decodeAcceptorReply = (message: unknown): Decoded<AcceptorReply> => decode(replySchema, message);
