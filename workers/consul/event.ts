/** `/v1/event/...`: user events, told to all who ask, kept for a while. There are no agents that act on them. */
import { base64Of, textOf, utf8 } from "../../src/support/bytes.ts";
import { limits } from "../../src/support/limits.ts";
import * as v from "valibot";
import type { Entry } from "../../src/store/command.ts";
import { parseJson } from "../../src/store/json-shape.ts";
import { allOf } from "../../src/store/ranges.ts";
import { freshIdentity } from "../gateway/identity.ts";
import { writeAs } from "../gateway/writes.ts";
import type { Call, Doors } from "./call.ts";
import { ConsulError } from "./errors.ts";
import { blocking } from "./reading.ts";
import { lastChanges, snapshotOf } from "./snapshot.ts";
import { eventKey, eventLease, eventsRange } from "./space.ts";

export const eventDoors: Doors = { "event/fire/": { PUT: fire }, "event/list": { GET: list } };

const schema = v.object({
  name: v.string(),
  payload: v.nullable(v.string()),
  node: v.string(),
  service: v.string(),
  tag: v.string(),
});
type UserEvent = v.InferOutput<typeof schema>;

async function fire(call: Call): Promise<Response> {
  const name = call.name("Missing name");
  const payload = await call.body(limits.consulEventBytes);
  const [node = "", service = "", tag = ""] = ["node", "service", "tag"].map((one) => call.parameter(one) ?? "");
  if (tag !== "" && service === "") throw new ConsulError(400, "Cannot provide tag filter without service filter");
  const texts = [name, node, service, tag];
  if (texts.some((text) => text.length > limits.ownerCharacters)) {
    throw new ConsulError(400, `an event's name and filters have at most ${limits.ownerCharacters} characters`);
  }
  const event = { name, payload: payload.length === 0 ? null : base64Of(payload), node, service, tag };
  const id = crypto.randomUUID();
  const operation = {
    type: "put",
    key: eventKey(id),
    value: utf8(JSON.stringify(event)),
    condition: { type: "always" },
    lease: { id: eventLease(id), ttlMs: limits.consulEventMs },
  } as const;
  const { visit } = call;
  await writeAs(visit, { identity: freshIdentity(visit.random), guard: null, operation }, "put");
  return call.json(shown(id, event, 0));
}

const shown = (id: string, { name, payload, node, service, tag }: UserEvent, time: number): object => ({
  ID: id,
  Name: name,
  Payload: payload,
  NodeFilter: node,
  ServiceFilter: service,
  TagFilter: tag,
  Version: 1,
  LTime: time,
});

/** The newest of them, oldest first. Their index is a revision like any other's; Consul's is a hash. */
async function list(call: Call): Promise<Response> {
  const name = call.parameter("name") ?? "";
  const { visit } = call;
  return blocking(call, [eventsRange], async (consistency) => {
    const newest = {
      ...allOf(eventsRange),
      sort: { target: "create", descending: true },
      limit: name === "" ? limits.consulEvents : 0,
    } as const;
    const { ranges, revision, headers } = await snapshotOf(visit, consistency, [newest]);
    const [index = 0] = await lastChanges(visit, [eventsRange], revision);
    const events = (ranges[0] ?? []).flatMap(eventIn).filter(({ event }) => name === "" || event.name === name);
    const told = events.slice(0, limits.consulEvents).toReversed();
    return { index, revision, headers, body: told.map(({ id, event, time }) => shown(id, event, time)) };
  });
}

function eventIn({ key, value, createRevision }: Entry) {
  const read = v.safeParse(schema, parseJson(textOf(value) ?? ""));
  return read.success ? [{ id: key.slice(2), event: read.output, time: createRevision }] : [];
}
