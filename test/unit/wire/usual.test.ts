/** What is read by hand in a batch is what the schema reads alone, and nothing else is taken. */
import { describe, expect, it } from "vitest";
import type { ClientReply, ClientRequest } from "../../../src/replica/messages.ts";
import { leaseId, logTime, requestId, revision } from "../../../src/support/brand.ts";
import { utf8 } from "../../../src/support/bytes.ts";
import { userKey } from "../../../src/store/key-space.ts";
import { clientMessage, decodeClientReply, decodeClientRequest } from "../../../src/wire/client-codec.ts";
import { encodeClientBody, encodeClientReply } from "../../../src/wire/client-codec.ts";
import { envelope } from "../../../src/wire/envelope.ts";

const key = userKey(utf8("k"));
const put = { type: "put", key, value: utf8("v"), condition: { type: "always" } } as const;

const requests: readonly ClientRequest[] = [
  { type: "write", id: requestId("w"), deadline: logTime(5), operation: put },
  { type: "write", id: requestId("w"), operation: put },
  { type: "read", consistency: { type: "linearizable" }, query: { type: "get", key } },
  { type: "read", consistency: { type: "local", maxAgeMs: null }, query: { type: "get", key } },
  { type: "read", consistency: { type: "local", maxAgeMs: 7 }, query: { type: "get", key } },
  { type: "read", consistency: { type: "session", atLeast: revision(3) }, query: { type: "get", key } },
  { type: "read", consistency: { type: "linearizable" }, query: { type: "leases", after: "", limit: 1 } },
];
const at = revision(9);
const entry = { key, value: utf8("v"), modRevision: at, createRevision: at, version: 1, lease: leaseId("1") };
const replies: readonly ClientReply[] = [
  { type: "outcome", outcome: { type: "deleted", existed: true, revision: at }, revision: at },
  { type: "result", result: { type: "entry", entry }, revision: at, ageMs: 4 },
  { type: "result", result: { type: "entry", entry: null }, revision: at, ageMs: null },
  { type: "result", result: { type: "future" }, revision: at, ageMs: null },
  { type: "failed", failure: "overloaded", outcome: "unknown", detail: "" },
];

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** Each part of `value` left out, under another name, doubled under another name, or replaced by something else. */
function* spoilt(value: Json): Generator<Json> {
  for (const other of [null, true, -1, 0.5, "", "\u0100", [], {}]) yield other;
  if (typeof value !== "object" || value === null) return;
  const parts = Object.entries(value);
  const isList = Array.isArray(value);
  for (const [name, part] of parts) {
    const others = parts.filter(([one]) => one !== name);
    yield isList ? others.map(([, one]) => one) : (Object.fromEntries(others) as Json);
    if (!isList) yield { ...Object.fromEntries(others), other: part } as Json;
    if (!isList) yield { ...(value as object), other: part } as Json;
    for (const wrong of spoilt(part)) {
      yield isList
        ? parts.map(([one, kept]) => (one === name ? wrong : (kept as Json)))
        : ({ ...(value as object), [name]: wrong } as Json);
    }
  }
}

const bodyIn = (message: string): Json => (JSON.parse(message) as { readonly body: Json }).body;
const repliesIn = (body: Json): string => envelope(JSON.stringify({ type: "batch", replies: [body] }));

describe.each(requests)("[W1] a request in a batch: $type", (request) => {
  const body = JSON.parse(encodeClientBody(request)) as Json;

  it.each([...new Set([body, ...spoilt(body)].map((one) => JSON.stringify(one)))])("%s", (text) => {
    const alone = decodeClientRequest(envelope(text));
    const isSingle = alone.ok && (alone.body.type === "write" || alone.body.type === "read");
    // A batch of one travels as itself.
    const first = encodeClientBody(requests[0] as ClientRequest);
    const together = decodeClientRequest(clientMessage([first, text]));
    expect(together.ok).toBe(isSingle);
    if (together.ok && together.body.type === "batch" && alone.ok)
      expect(together.body.requests[1]).toEqual(alone.body);
  });
});

describe.each(replies)("[W1] a reply in a batch: $type", (reply) => {
  const body = bodyIn(encodeClientReply(reply));

  it.each([...new Set([body, ...spoilt(body)].map((one) => JSON.stringify(one)))])("%s", (text) => {
    const alone = decodeClientReply(envelope(text));
    const together = decodeClientReply(repliesIn(JSON.parse(text) as Json));
    expect(together.ok).toBe(alone.ok);
    if (together.ok && alone.ok) expect(together.body).toEqual({ type: "batch", replies: [alone.body] });
  });
});
