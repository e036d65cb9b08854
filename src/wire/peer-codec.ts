/** Messages between replicas, as text. Upholds W1. */
import * as v from "valibot";
import { limits } from "../support/limits.ts";
import { packOutcome, readOutcome } from "../store/outcome-codec.ts";
import type { PeerReply, PeerRequest } from "../replica/messages.ts";
import {
  decode,
  encode,
  name,
  outcomeSchema as outcome,
  regionSchema,
  revisionSchema,
  slotSchema,
  text,
  valueSchema,
  whole,
} from "./envelope.ts";
import type { Decoded } from "./envelope.ts";
import { listOf } from "./usual.ts";

const entries = v.pipe(
  v.array(
    v.pipe(
      v.strictTuple([slotSchema, valueSchema]),
      v.transform(([slot, value]) => ({ slot, value })),
    ),
  ),
  v.maxLength(limits.messagePageRows),
);
const leader = v.nullable(regionSchema);

const peerRequest = v.variant("type", [
  v.strictObject({
    type: v.literal("forward"),
    commands: v.pipe(v.array(valueSchema), v.minLength(1), v.maxLength(limits.batchCommands)),
    relay: v.boolean(),
  }),
  v.strictObject({ type: v.literal("ping") }),
  v.strictObject({ type: v.literal("learn"), entries, leader }),
  v.strictObject({ type: v.literal("catch-up"), from: slotSchema }),
  v.strictObject({ type: v.literal("digest"), applied: slotSchema, knows: whole }),
  v.strictObject({ type: v.literal("snapshot"), id: v.nullable(name), cursor: v.nullable(text(8192)) }),
]);

const peerReply = v.variant("type", [
  v.strictObject({
    type: v.literal("results"),
    outcomes: listOf(readOutcome, outcome),
    slot: slotSchema,
    revision: revisionSchema,
    leader,
  }),
  v.strictObject({ type: v.literal("not-leader"), leader }),
  v.strictObject({ type: v.literal("busy") }),
  v.strictObject({ type: v.literal("pong"), leading: v.boolean(), stalled: v.boolean(), leader }),
  v.strictObject({ type: v.literal("progress"), applied: slotSchema, knows: whole }),
  v.strictObject({ type: v.literal("entries"), entries, applied: slotSchema }),
  v.strictObject({ type: v.literal("gone"), applied: slotSchema }),
  v.strictObject({
    type: v.literal("snapshot-page"),
    id: name,
    slot: slotSchema,
    rows: valueSchema,
    next: v.nullable(text(8192)),
  }),
  v.strictObject({ type: v.literal("no-snapshot") }),
]);

const addressedPeerRequest = v.strictObject({ from: regionSchema, request: peerRequest });
export interface FromPeer {
  readonly from: string;
  readonly request: PeerRequest;
}

const packEntries = (body: PeerRequest | PeerReply): object =>
  "entries" in body ? { ...body, entries: body.entries.map((e) => [e.slot, e.value]) } : body;

export const encodePeerRequest = (from: string, request: PeerRequest): string =>
  encode({ from, request: packEntries(request) });
export const decodePeerRequest = (message: unknown): Decoded<FromPeer> => decode(addressedPeerRequest, message);
export const encodePeerReply = (reply: PeerReply): string =>
  encode(reply.type === "results" ? { ...reply, outcomes: reply.outcomes.map(packOutcome) } : packEntries(reply));
export const decodePeerReply = (message: unknown): Decoded<PeerReply> => decode(peerReply, message);
