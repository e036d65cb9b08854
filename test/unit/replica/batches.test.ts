/** Several requests in one message, through the whole core: each is answered by itself, all of them together. */
import { beforeEach, describe, expect, it } from "vitest";
import type { ClientReply, ReadRequest, WriteRequest } from "../../../src/replica/messages.ts";
import { requestId, slot } from "../../../src/support/brand.ts";
import { utf8 } from "../../../src/support/bytes.ts";
import { limits } from "../../../src/support/limits.ts";
import { seededRandom } from "../../../src/support/random.ts";
import { rangeStart } from "../../../src/store/ranges.ts";
import { Driver, key, put } from "../store/driver.ts";
import { queryOf, rangeFrom, rangeStep, transaction } from "../store/transactions.ts";
import { Bench, members } from "./bench.ts";

const local = { type: "local", maxAgeMs: null } as const;
const get = (name: string, consistency: ReadRequest["consistency"] = local): ReadRequest => ({
  type: "read",
  consistency,
  query: { type: "get", key: key(name) },
});
const write = (id: string): WriteRequest => ({
  type: "write",
  id: requestId(id),
  operation: { type: "put", key: key(id), value: utf8(id), condition: { type: "always" } },
});

let bench: Bench;
let source: Driver;
const holds = (name: string, bytes: number): void => {
  source.now = bench.now;
  const text = source.batch([source.command(put(name, "x".repeat(bytes)))]);
  source.applyText(text);
  bench.learn(text);
};
const replies = (handle: number): readonly ClientReply[] | null => {
  const reply = bench.answer(handle);
  return reply?.type === "batch" ? reply.replies : null;
};

beforeEach(() => {
  bench = new Bench(seededRandom(1), members);
  source = new Driver();
});

describe("requests in one message", () => {
  it("are answered in their places, at once where all can be", () => {
    holds("a", 3);
    bench.ask(1, { type: "batch", requests: [get("a"), get("b"), get("a")] });
    expect(replies(1)).toMatchObject([
      { result: { type: "entry", entry: { modRevision: 2 } } },
      { result: { type: "entry", entry: null } },
      { result: { type: "entry", entry: { modRevision: 2 } } },
    ]);
    expect(bench.answered.filter((handle) => handle !== 0)).toEqual([1]);
  });

  it("wait for each other, and keep their places however late one is", () => {
    holds("a", 3);
    bench.ask(1, { type: "batch", requests: [get("a", { type: "linearizable" }), get("a")] });
    bench.ask(2, get("a"));
    expect([replies(1), bench.answer(2)?.type]).toEqual([null, "result"]);
    for (const { call } of bench.sent.splice(0)) {
      const body = {
        type: "standing",
        promised: null,
        votes: [],
        floor: slot(0),
        highest: slot(1),
        next: null,
      } as const;
      bench.step({ type: "acceptor-answer", call, reply: { type: "protocol", counter: 1, body } });
    }
    expect(replies(1)).toHaveLength(2);
  });

  it("[X1] [U1] writes among them have outcomes of their own, remembered or unknown", () => {
    source.now = bench.now;
    const command = source.command(write("known").operation, { id: "known" });
    bench.learn(source.batch([command]));
    bench.ask(1, { type: "batch", requests: [write("known"), get("known"), write("new")] });
    expect(replies(1)).toBeNull();
    for (let n = 0; n < 100 && replies(1) === null; n += 1) {
      bench.now += 100;
      for (const { call, to } of bench.sent.splice(0)) {
        bench.step({ type: to.kind === "acceptor" ? "acceptor-answer" : "replica-answer", call, reply: null });
      }
      bench.step({ type: "wake" });
    }
    expect(replies(1)).toMatchObject([
      { type: "outcome", outcome: { type: "put", revision: 2 } },
      { type: "result", result: { entry: { modRevision: 2 } } },
      { type: "failed", failure: "no-quorum" },
    ]);
  });

  it("[X1] the same write twice is one, and both are told", () => {
    bench.ask(1, { type: "batch", requests: [write("once"), write("once")] });
    source.now = bench.now;
    bench.learn(source.batch([source.command(write("once").operation, { id: "once" })]));
    expect(replies(1)).toMatchObject([
      { outcome: { revision: 2, version: 1 } },
      { outcome: { revision: 2, version: 1 } },
    ]);
  });

  it("of two messages are not mixed up, nor with requests that came alone", () => {
    const messages = [1, 2, 3].map((handle) => ({ handle, name: `k${handle}` }));
    for (const { name } of messages) holds(name, 1);
    for (const { handle, name } of messages) {
      bench.ask(handle, { type: "batch", requests: [get(name), get(name, { type: "linearizable" })] });
    }
    bench.ask(4, get("k1", { type: "linearizable" }));
    for (let n = 0; n < 3; n += 1) {
      for (const { call } of bench.sent.splice(0)) {
        const body = {
          type: "standing",
          promised: null,
          votes: [],
          floor: slot(0),
          highest: slot(3),
          next: null,
        } as const;
        bench.step({ type: "acceptor-answer", call, reply: { type: "protocol", counter: 1, body } });
      }
      bench.now += limits.barrierGapMs;
      bench.step({ type: "wake" });
    }
    for (const { handle, name } of messages) {
      const entry = { result: { entry: { key: key(name) } } };
      expect(replies(handle)).toMatchObject([entry, entry]);
    }
    expect(bench.answer(4)).toMatchObject({ type: "result" });
  });
});

describe("what one message may be answered", () => {
  const tooLarge = { type: "failed", failure: "too-large", outcome: "not-applied" };

  it("is bounded: what is read beyond is refused, each by itself", () => {
    holds("large", 500_000);
    holds("small", 10);
    const many = Math.floor(limits.batchResultBytes / 500_000);
    const requests = [...Array.from({ length: many + 2 }, () => get("large")), get("small")];
    bench.ask(1, { type: "batch", requests });
    const answers = replies(1) ?? [];
    expect(answers.slice(0, many)).toMatchObject(Array.from({ length: many }, () => ({ type: "result" })));
    expect(answers.slice(many, many + 2)).toMatchObject([tooLarge, tooLarge]);
    expect(answers.at(-1)).toMatchObject({ type: "result", result: { entry: { key: key("small") } } });
  });

  it.each<[string, ReadRequest["query"]]>([
    ["listings", { type: "list", prefix: key(""), after: null, limit: 9, revision: null }],
    ["ranges", { type: "range", range: queryOf(rangeFrom("a", "z")), place: rangeStart }],
    ["transactions", { type: "transaction", transaction: transaction([], [rangeStep("a", "z")]) }],
  ])("counts %s by what they hold", (_, query) => {
    for (const name of ["a", "b"]) holds(name, 500_000);
    const one: ReadRequest = { type: "read", consistency: local, query };
    bench.ask(1, { type: "batch", requests: Array.from({ length: 9 }, () => one) });
    const failures = (replies(1) ?? []).filter(({ type }) => type === "failed").length;
    expect(failures).toBeGreaterThan(3);
    expect(failures).toBeLessThan(7);
  });
});
