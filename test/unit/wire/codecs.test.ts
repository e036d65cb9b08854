/** [W1] Every message survives its codec unchanged, and nothing malformed gets through. */
import { describe, expect, it } from "vitest";
import { byteString, utf8 } from "../../../src/support/bytes.ts";
import { leaseId, logTime, requestId, revision, slot } from "../../../src/support/brand.ts";
import { limits } from "../../../src/support/limits.ts";
import { ballot } from "../../../src/paxos/ballot.ts";
import { membersOf } from "../../../src/paxos/membership.ts";
import { decisionSubject, LOG } from "../../../src/paxos/messages.ts";
import type { AcceptorReply, AcceptorRequest } from "../../../src/paxos/messages.ts";
import { lookup, service } from "../registry/examples.ts";
import { registryQueries, registryResults } from "../registry/messages.ts";
import type { ClientReply, ClientRequest, Failure, PeerReply, PeerRequest } from "../../../src/replica/messages.ts";
import type { Outcome } from "../../../src/store/command.ts";
import { lockQueue, userKey } from "../../../src/store/key-space.ts";
import { allOf, rangeStart } from "../../../src/store/ranges.ts";
import type { RangeQuery, RangeResult, Transaction } from "../../../src/store/transaction.ts";
import * as acceptor from "../../../src/wire/acceptor-codec.ts";
import * as client from "../../../src/wire/client-codec.ts";
import * as peer from "../../../src/wire/peer-codec.ts";
import { withoutText } from "./without-text.ts";

const low = ballot(3, "wnam", "inc-a");
const members = membersOf([
  { region: "wnam", incarnation: "a" },
  { region: "enam", incarnation: "b" },
  { region: "weur", incarnation: "c" },
]);
const vote = { slot: slot(4), ballot: low, value: 'a "quoted" value\u0000é' };
const extent = { floor: slot(1), highest: slot(9) };
const address = { namespace: "default", region: "wnam", set: "s", incarnation: "a", seen: 17 };

const acceptorRequests: readonly AcceptorRequest[] = [
  { type: "protocol", address, body: { type: "prepare", subject: LOG, ballot: low, from: slot(1) } },
  {
    type: "protocol",
    address,
    body: {
      type: "accept",
      subject: decisionSubject("é"),
      ballot: low,
      slot: slot(1),
      value: "v",
      stamp: 5,
      floor: slot(0),
    },
  },
  { type: "protocol", address, body: { type: "inquire", subject: LOG, above: slot(0) } },
  { type: "founding", namespace: "n", region: "wnam", body: { type: "identify" } },
  { type: "founding", namespace: "n", region: "wnam", body: { type: "mint", cluster: "c", regions: ["wnam", "enam"] } },
  { type: "founding", namespace: "n", region: "wnam", body: { type: "enrol", members } },
  { type: "founding", namespace: "n", region: "wnam", body: { type: "open", members } },
];
const acceptorReplies: readonly AcceptorReply[] = [
  {
    type: "protocol",
    counter: 1,
    body: { type: "promise", ballot: low, votes: [vote], next: slot(5), clock: 9, ...extent },
  },
  { type: "protocol", counter: 2, body: { type: "accepted", ballot: low, slot: slot(4) } },
  { type: "protocol", counter: 3, body: { type: "standing", promised: null, votes: [], next: null, ...extent } },
  { type: "protocol", counter: 3, body: { type: "standing", promised: low, votes: [vote], next: null, ...extent } },
  { type: "protocol", counter: 4, body: { type: "outranked", promised: low, ...extent } },
  { type: "protocol", counter: 5, body: { type: "trimmed", ...extent } },
  { type: "protocol", counter: 6, body: { type: "stamp-ahead", clock: 1 } },
  { type: "not-member", why: "wrong-set" },
  { type: "identity", identity: { type: "empty" } },
  { type: "identity", identity: { type: "minted", incarnation: "a" } },
  { type: "identity", identity: { type: "enrolled", incarnation: "a", members, open: true } },
  { type: "identity", identity: { type: "retired", reason: "restored" } },
];
const peerRequests: readonly PeerRequest[] = [
  { type: "forward", commands: ['["x"]'], relay: true },
  { type: "ping" },
  { type: "learn", entries: [{ slot: slot(1), value: "v" }], leader: "wnam" },
  { type: "catch-up", from: slot(3) },
  { type: "digest", applied: slot(3), knows: 1 },
  { type: "snapshot", id: null, cursor: null },
];
const peerReplies: readonly PeerReply[] = [
  {
    type: "results",
    outcomes: [{ type: "out-of-order", expected: 3 }],
    slot: slot(2),
    revision: revision(1),
    leader: null,
  },
  { type: "not-leader", leader: "enam" },
  { type: "busy" },
  { type: "pong", leading: true, stalled: false, leader: "wnam" },
  { type: "progress", applied: slot(1), knows: 1 },
  { type: "entries", entries: [{ slot: slot(7), value: "[]" }], applied: slot(7) },
  { type: "gone", applied: slot(7) },
  { type: "snapshot-page", id: "i", slot: slot(7), rows: "[]", next: null },
  { type: "no-snapshot" },
];
const key = userKey(new Uint8Array([0, 0xff, 0x2f, ...utf8("😀")]));
const transaction: Transaction = {
  compares: [{ range: { key, end: null }, result: "less", operand: { type: "lease", lease: leaseId("9") } }],
  success: [{ type: "put", key, value: new Uint8Array([0xff]), lease: "keep", previous: true }],
  failure: [{ type: "delete", range: { key, end: userKey(new Uint8Array([1])) }, previous: false }],
};
const range: RangeQuery = { ...allOf({ key, end: null }), limit: 7, sort: { target: "value", descending: true } };
const clientRequests: readonly ClientRequest[] = [
  {
    type: "write",
    id: requestId("key/1"),
    deadline: logTime(99),
    fingerprint: "f",
    order: { session: "s", sequence: 2 },
    operation: {
      type: "put",
      key,
      value: new Uint8Array([0xff, 0]),
      condition: { type: "unchanged-since", modRevision: revision(3) },
      lease: { id: leaseId("l"), ttlMs: 1000 },
      keepIfEqual: true,
    },
  },
  { type: "write", id: requestId("x"), operation: { type: "delete", key, condition: { type: "absent" } } },
  { type: "read", consistency: { type: "linearizable" }, query: { type: "get", key } },
  {
    type: "read",
    consistency: { type: "session", atLeast: revision(4) },
    query: { type: "list", prefix: key, after: null, limit: 3, revision: revision(2) },
  },
  {
    type: "read",
    consistency: { type: "local", maxAgeMs: 5 },
    query: { type: "instances", lookup },
  },
  {
    type: "read",
    consistency: { type: "local", maxAgeMs: null },
    query: { type: "services", after: service, limit: 5 },
  },
  ...registryQueries.map((query) => ({ type: "read", consistency: { type: "linearizable" }, query }) as const),
  {
    type: "write",
    id: requestId("y"),
    guard: { queue: lockQueue(utf8("é")), token: revision(7) },
    operation: { type: "txn", transaction },
  },
  { type: "write", id: requestId("z"), operation: { type: "grant", lease: leaseId("7"), ttlMs: 5 } },
  { type: "read", consistency: { type: "linearizable" }, query: { type: "range", range, place: rangeStart } },
  {
    type: "read",
    consistency: { type: "linearizable" },
    query: { type: "range", range: { ...range, revision: revision(3) }, place: { after: key, skip: 0 } },
  },
  { type: "read", consistency: { type: "linearizable" }, query: { type: "transaction", transaction } },
  { type: "read", consistency: { type: "linearizable" }, query: { type: "lease", lease: leaseId("l"), keys: 10_000 } },
  { type: "read", consistency: { type: "linearizable" }, query: { type: "leases", after: "", limit: 1 } },
  {
    type: "read",
    consistency: { type: "session", atLeast: revision(3) },
    query: {
      type: "last-changes",
      ranges: [
        { key, end: null },
        { key, end: userKey(utf8("z")) },
      ],
    },
  },
  {
    type: "watch",
    query: {
      range: { key, end: null },
      from: { revision: revision(3), index: 7 },
      puts: true,
      deletes: false,
      previous: true,
    },
    maxBytes: 1,
    waitMs: 0,
  },
  {
    type: "batch",
    requests: [
      { type: "write", id: requestId("x"), operation: { type: "delete", key, condition: { type: "absent" } } },
      { type: "read", consistency: { type: "linearizable" }, query: { type: "range", range, place: rangeStart } },
    ],
  },
  { type: "status", digest: true },
];
const entry = { key, value: utf8("v"), createRevision: revision(1), modRevision: revision(2), version: 2, lease: null };
const result = { revision: revision(2), ageMs: 4 };
const someRange: RangeResult = { entries: [entry], more: true, count: 9 };
const lease = { id: leaseId("l"), ttlMs: 9, remainingMs: 0, granted: true };
const answered: Extract<Outcome, { readonly type: "txn" }> = {
  type: "txn",
  revision: revision(3),
  succeeded: false,
  responses: [
    { type: "delete", deleted: 2, previous: [entry] },
    { type: "txn", succeeded: true, responses: [{ type: "range", ...someRange }] },
  ],
};
/** A record, so that none can be left out. */
const eachFailure: Readonly<Record<Failure, true>> = {
  "no-quorum": true,
  "deadline-passed": true,
  overloaded: true,
  "too-large": true,
  "too-stale": true,
  "catching-up": true,
  "too-many-watches": true,
  "revision-in-future": true,
  "wrong-regions": true,
  "founding-incomplete": true,
  "founding-conflict": true,
  "unknown-semantics": true,
};
const failures = Object.keys(eachFailure) as Failure[];
const clientReplies: readonly ClientReply[] = [
  { type: "outcome", outcome: { type: "condition-failed", modRevision: null }, revision: revision(3) },
  { type: "result", result: { type: "entry", entry: { ...entry, lease: leaseId("l") } }, ...result },
  { type: "result", result: { type: "entry", entry: null }, ...result, ageMs: null },
  { type: "result", result: { type: "page", entries: [entry], more: true, revision: revision(2) }, ...result },
  { type: "result", result: { type: "compacted", compactedRevision: revision(1) }, ...result },
  { type: "result", result: { type: "future" }, ...result },
  ...registryResults.map((found) => ({ type: "result", result: found, ...result }) as const),
  {
    type: "status",
    status: {
      region: "wnam",
      applied: slot(1),
      revision: revision(1),
      logTime: 2,
      firstKept: slot(1),
      leading: true,
      leader: "wnam",
      waiting: 0,
      halted: null,
      digest: "d",
    },
  },
  ...failures.map((one): ClientReply => ({ type: "failed", failure: one, outcome: "unknown", detail: "why" })),
  { type: "outcome", outcome: answered, revision: revision(3) },
  { type: "result", result: { type: "range", range: someRange, revision: revision(2) }, ...result },
  { type: "result", result: { type: "transaction", succeeded: true, responses: answered.responses ?? [] }, ...result },
  { type: "result", result: { type: "refused", why: "busy", compactedRevision: revision(0) }, ...result },
  { type: "result", result: { type: "lease", lease: null, keys: [] }, ...result },
  { type: "result", result: { type: "lease", lease, keys: [key] }, ...result },
  { type: "result", result: { type: "leases", leases: [lease], more: true }, ...result },
  { type: "result", result: { type: "last-changes", revisions: [revision(0), revision(9)] }, ...result },
  {
    type: "result",
    result: {
      type: "events",
      events: [
        { type: "put", entry, previous: null },
        { type: "delete", entry: { ...entry, value: new Uint8Array(0), version: 0 }, previous: entry },
      ],
      next: { revision: revision(3), index: 2 },
    },
    ...result,
  },
  {
    type: "batch",
    replies: [
      { type: "outcome", outcome: answered, revision: revision(3) },
      { type: "result", result: { type: "range", range: someRange, revision: revision(2) }, ...result },
      { type: "failed", failure: "too-large", outcome: "not-applied", detail: "" },
    ],
  },
];

const kinds = [
  ["acceptor request", acceptorRequests, acceptor.encodeAcceptorRequest, acceptor.decodeAcceptorRequest],
  ["acceptor reply", acceptorReplies, acceptor.encodeAcceptorReply, acceptor.decodeAcceptorReply],
  ["peer reply", peerReplies, peer.encodePeerReply, peer.decodePeerReply],
  ["client request", clientRequests, client.encodeClientRequest, client.decodeClientRequest],
  ["client reply", clientReplies, client.encodeClientReply, client.decodeClientReply],
] as const;

describe.each(kinds)("[W1] %s", (_, messages, encode, decode) => {
  const each = messages as readonly { readonly type: string }[];
  const text = (message: unknown): string => (encode as (m: unknown) => string)(message);

  it.each(each.map((m, i) => [i, m.type, m] as const))("%i %s survives", (_i, _type, message) => {
    expect(withoutText(decode(text(message)))).toEqual({ ok: true, body: message });
  });

  it("an unknown version is refused by name, whatever the body", () => {
    for (const message of each) {
      const { body } = JSON.parse(text(message)) as { body: unknown };
      expect(decode(JSON.stringify({ v: 2, body }))).toEqual({
        ok: false,
        why: { type: "unknown-version", version: 2 },
      });
    }
  });

  it("no field may be missing, added, or of another type", () => {
    for (const message of each) {
      const envelope = JSON.parse(text(message)) as { v: number; body: Record<string, unknown> };
      for (const field of Object.keys(envelope.body)) {
        for (const wrong of [undefined, -1, 1.5, { a: 1 }, [[]]]) {
          const body = { ...envelope.body, [field]: wrong };
          expect(decode(JSON.stringify({ ...envelope, body })).ok, `${message.type}.${field}`).toBe(false);
        }
      }
      expect(decode(JSON.stringify({ ...envelope, body: { ...envelope.body, extra: 1 } })).ok).toBe(false);
    }
  });

  it("nor of what a field holds", () => {
    for (const message of each) {
      const { body } = JSON.parse(text(message)) as { body: Record<string, unknown> };
      for (const [name, held] of Object.entries(body)) {
        if (typeof held !== "object" || held === null || Array.isArray(held)) continue;
        for (const field of Object.keys(held)) {
          for (const wrong of [undefined, -1, 1.5, { a: 1 }, [[]]]) {
            if (wrong === undefined && field === "also") continue;
            const other = { ...body, [name]: { ...held, [field]: wrong } };
            expect(decode(JSON.stringify({ v: 1, body: other })).ok, `${message.type}.${name}.${field}`).toBe(false);
          }
        }
        const extra = { ...body, [name]: { ...held, extra: 1 } };
        expect(decode(JSON.stringify({ v: 1, body: extra })).ok, `${message.type}.${name}`).toBe(false);
      }
    }
  });

  it.each([[""], ["null"], ["[]"], ["{}"], ['{"v":1}'], ['{"v":1,"body":null}'], ["{"], [7], [null]])(
    "%j is refused",
    (junk) => {
      expect(decode(junk).ok).toBe(false);
    },
  );

  it("a message over the limit is refused before it is parsed", () => {
    expect(decode("x".repeat(limits.messageBytes + 1))).toMatchObject({ ok: false, why: { type: "malformed" } });
  });
});

describe("[W1] peer request", () => {
  it.each(peerRequests.map((m) => [m.type, m] as const))("%s survives, with its sender", (_type, request) => {
    expect(peer.decodePeerRequest(peer.encodePeerRequest("weur", request))).toEqual({
      ok: true,
      body: { from: "weur", request },
    });
  });

  it("a page of more entries than allowed is refused", () => {
    const entries = Array.from({ length: limits.messagePageRows + 1 }, (_, i) => ({ slot: slot(i + 1), value: "" }));
    expect(peer.decodePeerRequest(peer.encodePeerRequest("weur", { type: "learn", entries, leader: null })).ok).toBe(
      false,
    );
  });
});

describe("[W1] bounds of a client's request", () => {
  const decoded = (request: ClientRequest): boolean =>
    client.decodeClientRequest(client.encodeClientRequest(request)).ok;
  const [read] = clientRequests.filter((one) => one.type === "read");
  const [watch] = clientRequests.filter((one) => one.type === "watch");
  if (read === undefined || watch === undefined) throw new Error("no such requests");

  it("a batch of none, or of too many, is refused", () => {
    const batch = (count: number): ClientRequest => ({
      type: "batch",
      requests: Array.from({ length: count }, () => read),
    });
    expect([0, 1, limits.batchCommands, limits.batchCommands + 1].map((n) => decoded(batch(n)))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  it("a watch for nothing, for too much, or for too long is refused", () => {
    expect(decoded({ ...watch, maxBytes: 0 })).toBe(false);
    expect(decoded({ ...watch, maxBytes: limits.watchBytes + 1 })).toBe(false);
    expect(decoded({ ...watch, waitMs: limits.watchWaitMs + 1 })).toBe(false);
    expect(decoded({ ...watch, maxBytes: limits.watchBytes, waitMs: limits.watchWaitMs })).toBe(true);
  });

  it("a batch or a watch within a batch is refused", () => {
    for (const inner of [watch, { type: "status", digest: false }, { type: "batch", requests: [read] }]) {
      const requests = [read, inner] as unknown as (typeof read)[];
      expect(decoded({ type: "batch", requests })).toBe(false);
    }
  });

  it("[V1] a transaction that may change a key twice is refused", () => {
    const twice = { ...transaction, success: [...transaction.success, ...transaction.success] };
    expect(decoded({ ...read, query: { type: "transaction", transaction: twice } })).toBe(false);
    expect(decoded({ type: "write", id: requestId("x"), operation: { type: "txn", transaction: twice } })).toBe(false);
  });
});

describe("ballots on the wire", () => {
  it("[B1] come back frozen and equal", () => {
    const decoded = acceptor.decodeAcceptorReply(
      acceptor.encodeAcceptorReply({
        type: "protocol",
        counter: 4,
        body: { type: "outranked", promised: low, ...extent },
      }),
    );
    const body = decoded.ok && decoded.body.type === "protocol" ? decoded.body.body : null;
    expect(body?.type === "outranked" && Object.isFrozen(body.promised)).toBe(true);
  });

  it("a key is bytes, not text", () => {
    expect(byteString(utf8("😀"))).toHaveLength(4);
  });
});
