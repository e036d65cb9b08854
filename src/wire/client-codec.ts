/** Messages between the gateway and a replica, as text. Upholds W1. */
import * as v from "valibot";
import { leaseId, logTime } from "../support/brand.ts";
import { packBytes, textOf, utf8 } from "../support/bytes.ts";
import { limits } from "../support/limits.ts";
import type { Instance } from "../registry/lookup.ts";
import { decodeRegistration, encodeRegistration } from "../registry/registration.ts";
import type { ClientReply, ClientRequest, QueryResult, WriteRequest } from "../replica/messages.ts";
import { decodeCommand, encodeCommand } from "../store/command-codec.ts";
import type { Entry } from "../store/command.ts";
import { packOutcome } from "../store/outcome-codec.ts";
import {
  byteStringSchema,
  bytesSchema,
  decode,
  encode,
  instanceNameSchema,
  name,
  outcomeSchema,
  readBy,
  regionNameSchema,
  regionSchema,
  revisionSchema,
  serviceNameSchema,
  slotSchema,
  text,
  whole,
} from "./envelope.ts";
import type { Decoded } from "./envelope.ts";

const consistency = v.variant("type", [
  v.strictObject({ type: v.literal("linearizable") }),
  v.strictObject({ type: v.literal("session"), atLeast: revisionSchema }),
  v.strictObject({ type: v.literal("local"), maxAgeMs: v.nullable(whole) }),
]);
const pageLimit = v.pipe(whole, v.minValue(1), v.maxValue(limits.pageKeys));

const query = v.variant("type", [
  v.strictObject({ type: v.literal("get"), key: byteStringSchema }),
  v.strictObject({
    type: v.literal("list"),
    prefix: byteStringSchema,
    after: v.nullable(byteStringSchema),
    limit: pageLimit,
    revision: v.nullable(revisionSchema),
  }),
  v.strictObject({
    type: v.literal("instances"),
    service: serviceNameSchema,
    tag: v.nullable(text(limits.tagCharacters)),
    region: v.nullable(regionNameSchema),
  }),
  v.strictObject({ type: v.literal("services"), after: v.nullable(serviceNameSchema), limit: pageLimit }),
]);

/** A write travels as the command it will become; deadline 0 says that its replica is to give it one. */
const write = readBy((value): Omit<WriteRequest, "type"> | null => {
  const command = typeof value === "string" ? decodeCommand(value) : null;
  if (command === null || "type" in command) return null;
  const { deadline, ...rest } = command;
  return deadline === 0 ? rest : { ...rest, deadline };
}, "a command");

const requestSchema = v.pipe(
  v.variant("type", [
    v.strictObject({ type: v.literal("write"), command: write }),
    v.strictObject({ type: v.literal("read"), consistency, query }),
    v.strictObject({ type: v.literal("status"), digest: v.boolean() }),
  ]),
  v.transform((request): ClientRequest => (request.type === "write" ? { type: "write", ...request.command } : request)),
);

export function encodeClientRequest(request: ClientRequest): string {
  if (request.type !== "write") return encode(request);
  const { type, ...rest } = request;
  return encode({ type, command: encodeCommand({ ...rest, deadline: rest.deadline ?? logTime(0) }) });
}
export const decodeClientRequest = (message: unknown): Decoded<ClientRequest> => decode(requestSchema, message);

const entry = v.pipe(
  v.strictTuple([byteStringSchema, bytesSchema, revisionSchema, revisionSchema, whole, v.nullable(text(4096))]),
  v.transform(([key, value, createRevision, modRevision, version, lease]): Entry => ({
    key,
    value,
    createRevision,
    modRevision,
    version,
    lease: lease === null ? null : leaseId(lease),
  })),
);
const registrationSchema = readBy(
  (value) => (typeof value === "string" ? decodeRegistration(utf8(value)) : null),
  "a registration",
);
const instance = v.pipe(
  v.strictTuple([serviceNameSchema, instanceNameSchema, registrationSchema, revisionSchema, revisionSchema]),
  v.transform(([service, id, registration, createRevision, modRevision]): Instance => ({
    service,
    instance: id,
    ...registration,
    createRevision,
    modRevision,
  })),
);

const result = v.variant("type", [
  v.strictObject({ type: v.literal("entry"), entry: v.nullable(entry) }),
  v.strictObject({ type: v.literal("page"), entries: v.array(entry), more: v.boolean(), revision: revisionSchema }),
  v.strictObject({ type: v.literal("compacted"), compactedRevision: revisionSchema }),
  v.strictObject({ type: v.literal("future") }),
  v.strictObject({ type: v.literal("instances"), instances: v.array(instance), more: v.boolean() }),
  v.strictObject({
    type: v.literal("services"),
    services: v.array(v.strictObject({ name: serviceNameSchema, instances: whole })),
    more: v.boolean(),
  }),
]);

const failure = v.picklist([
  "no-quorum",
  "deadline-passed",
  "overloaded",
  "too-stale",
  "catching-up",
  "revision-in-future",
  "wrong-regions",
  "founding-incomplete",
  "founding-conflict",
  "unknown-semantics",
]);

const status = v.strictObject({
  region: regionSchema,
  applied: slotSchema,
  revision: revisionSchema,
  logTime: whole,
  firstKept: slotSchema,
  leading: v.boolean(),
  leader: v.nullable(regionSchema),
  waiting: whole,
  halted: v.nullable(text(1024)),
  digest: v.nullable(name),
});

const replySchema = v.variant("type", [
  v.strictObject({ type: v.literal("outcome"), outcome: outcomeSchema, revision: revisionSchema }),
  v.strictObject({ type: v.literal("result"), result, revision: revisionSchema, ageMs: v.nullable(whole) }),
  v.strictObject({ type: v.literal("status"), status }),
  v.strictObject({
    type: v.literal("failed"),
    failure,
    outcome: v.picklist(["not-applied", "unknown"]),
    detail: text(1024),
  }),
]);

const packEntry = (e: Entry) => [e.key, packBytes(e.value), e.createRevision, e.modRevision, e.version, e.lease];
const packInstance = (i: Instance) => [
  i.service,
  i.instance,
  textOf(encodeRegistration(i)),
  i.createRevision,
  i.modRevision,
];

function packResult(answer: QueryResult): object {
  switch (answer.type) {
    case "entry":
      return { ...answer, entry: answer.entry === null ? null : packEntry(answer.entry) };
    case "page":
      return { ...answer, entries: answer.entries.map(packEntry) };
    case "instances":
      return { ...answer, instances: answer.instances.map(packInstance) };
    case "compacted":
    case "future":
    case "services":
      return answer;
  }
}

export function encodeClientReply(reply: ClientReply): string {
  if (reply.type === "outcome") return encode({ ...reply, outcome: packOutcome(reply.outcome) });
  return encode(reply.type === "result" ? { ...reply, result: packResult(reply.result) } : reply);
}
export const decodeClientReply = (message: unknown): Decoded<ClientReply> => decode(replySchema, message);
