/** Watches at a replica: what is told when, and to whom. What events are is the store's: `test/unit/store/events.test.ts`. */
import { beforeEach, describe, expect, it } from "vitest";
import { encodeBatch } from "../../../src/store/batch-codec.ts";
import type { Operation } from "../../../src/store/command.ts";
import type { EventPlace } from "../../../src/store/events.ts";
import type { ClientReply, WatchRequest } from "../../../src/replica/messages.ts";
import { Turn } from "../../../src/replica/turn.ts";
import { Watches } from "../../../src/replica/watches.ts";
import { instant, revision, slot } from "../../../src/support/brand.ts";
import { limits } from "../../../src/support/limits.ts";
import { seededRandom } from "../../../src/support/random.ts";
import { compact, Driver, loadFrom, put, remove, smallLimits, txn } from "../store/driver.ts";
import { putStep, rangeFrom, transaction } from "../store/transactions.ts";
import { Bench, members, read } from "./bench.ts";

const place = (at: number, index = 0): EventPlace => ({ revision: revision(at), index });

/** Of one key, from a revision on. */
const watch = (name: string, from: EventPlace, parts: Partial<WatchRequest> = {}): WatchRequest => ({
  type: "watch",
  query: { range: rangeFrom(name), from, puts: true, deletes: true, previous: false },
  maxBytes: limits.watchBytes,
  waitMs: 1_000,
  ...parts,
});

/** `a@2` for a put of `a` at revision 2, `-a@3` for a deletion; what the answer says instead of events; null for none yet. */
function told(reply: ClientReply | null): readonly [string, EventPlace] | string | null {
  if (reply === null) return null;
  if (reply.type === "failed") return reply.failure;
  if (reply.type !== "result") return reply.type;
  const { result } = reply;
  if (result.type === "compacted") return `compacted ${result.compactedRevision}`;
  if (result.type !== "events") return result.type;
  const shown = result.events.map(
    ({ type, entry }) => `${type === "put" ? "" : "-"}${entry.key.slice(1)}@${entry.modRevision}`,
  );
  return [shown.join(" "), result.next];
}

let bench: Bench;
/** Makes the batches that the bench learns, under the very same store. */
let source: Driver;

/** So many commands in one batch, chosen and learned. */
function chosen(...operations: readonly Operation[]): void {
  source.now = bench.now;
  const text = source.batch(operations.map((operation) => source.command(operation)));
  source.applyText(text);
  bench.learn(text);
}
const answered = (handle: number) => told(bench.answer(handle));
const passes = (ms: number) => {
  bench.now += ms;
  return bench.step({ type: "wake" });
};

beforeEach(() => {
  bench = new Bench(seededRandom(1), members);
  source = new Driver();
});

describe("a watch at a replica", () => {
  it("[N1] is told at once what happened since its place", () => {
    chosen(put("a", "1"));
    chosen(put("b", "1"), put("a", "2"), remove("a"));
    bench.ask(1, watch("a", place(1)));
    expect(answered(1)).toEqual(["a@2 a@4 -a@5", place(6)]);
    bench.ask(2, watch("a", place(5)));
    expect(answered(2)).toEqual(["-a@5", place(6)]);
  });

  it("[N1] [N4] waits for the first batch that touches its range, and is told all of it that does", () => {
    bench.ask(1, watch("a", place(2)));
    bench.ask(2, watch("a", place(2), { query: { ...watch("a", place(2)).query, range: rangeFrom("b", "d") } }));
    chosen(put("x", "1"));
    chosen(put("y", "1"));
    expect([answered(1), answered(2)]).toEqual([null, null]);
    chosen(put("a", "1"), put("a", "2"));
    expect([answered(1), answered(2)]).toEqual([["a@4 a@5", place(6)], null]);
    chosen(put("c", "1"));
    expect(answered(2)).toEqual(["c@6", place(7)]);
  });

  it("[N1] of several ranges is woken by each of them, and told a key once however many it lies in", () => {
    const also = [rangeFrom("c", "d"), rangeFrom("a"), rangeFrom("c1")];
    const query = { range: rangeFrom("a"), also, from: place(2), puts: true, deletes: true, previous: false };
    bench.ask(1, watch("a", place(2), { query }));
    chosen(put("b", "1"), put("d", "1"));
    expect(answered(1)).toBeNull();
    chosen(put("b", "2"), put("c1", "1"), put("a", "1"));
    expect(answered(1)).toEqual(["c1@5 a@6", place(7)]);
  });

  it("[N4] is answered with nothing when its time is over, and up to where that is", () => {
    const { wakeAt } = bench.ask(1, watch("a", place(2), { waitMs: 500 }));
    expect(wakeAt).toBeLessThanOrEqual(bench.now + 500);
    chosen(put("b", "1"));
    passes(499);
    expect(answered(1)).toBeNull();
    passes(1);
    expect(answered(1)).toEqual(["", place(3)]);
  });

  it("[N4] that does not want to wait is answered at once", () => {
    chosen(put("b", "1"));
    bench.ask(1, watch("a", place(1), { waitMs: 0 }));
    expect(answered(1)).toEqual(["", place(3)]);
    bench.ask(2, watch("a", place(9), { waitMs: 0 }));
    expect(answered(2)).toEqual(["", place(9)]);
  });

  it("[N2] asks for a kind it is not told of, and is not woken by the other", () => {
    const onlyDeletes = watch("a", place(2));
    bench.ask(1, { ...onlyDeletes, query: { ...onlyDeletes.query, puts: false } });
    chosen(put("a", "1"));
    expect(answered(1)).toBeNull();
    chosen(remove("a"));
    expect(answered(1)).toEqual(["-a@3", place(4)]);
  });

  it("[N2] is told a large revision in parts, each of which says where the next begins", () => {
    const names = Array.from({ length: 7 }, (_, n) => `k${n}`);
    const request = watch("k", place(2));
    const wide = { ...request, query: { ...request.query, range: rangeFrom("k", "l") }, maxBytes: 200 };
    bench.ask(1, wide);
    chosen(
      txn(
        transaction(
          [],
          names.map((name) => putStep(name, "1")),
        ),
      ),
    );
    const parts: string[] = [];
    for (let handle = 1; handle < 9; handle += 1) {
      const answer = answered(handle);
      if (answer === null || typeof answer === "string") throw new Error(String(answer));
      parts.push(answer[0]);
      if (answer[1].revision > 2) break;
      expect(answer[1].index).toBeGreaterThan(0);
      bench.ask(handle + 1, { ...wide, query: { ...wide.query, from: answer[1] } });
    }
    expect(parts.length).toBeGreaterThan(2);
    expect(parts.join(" ")).toBe(names.map((name) => `${name}@2`).join(" "));
  });

  it("[N3] goes on at another replica from where this one ended, and hears nothing twice", () => {
    chosen(put("a", "1"));
    bench.ask(1, watch("a", place(1)));
    const [, next] = answered(1) ?? [];
    const other = new Bench(seededRandom(2), members);
    // It is behind: what was told there it has not seen.
    other.ask(1, watch("a", next as EventPlace));
    const first = source.store.batchesFrom(slot(1), 1_000_000, 10);
    if (first === "gone") throw new Error("gone");
    other.learn(...first.map(({ value }) => value));
    expect(told(other.answer(1))).toBeNull();
    const text = source.batch([source.command(put("a", "2"))]);
    source.applyText(text);
    other.learn(text);
    expect(told(other.answer(1))).toEqual(["a@3", place(4)]);
  });

  it("[N3] from a place that is compacted is told so, with the first that is not", () => {
    for (let n = 0; n < 5; n += 1) chosen(put("a", String(n)));
    chosen(compact(4));
    bench.ask(1, watch("a", place(3)));
    expect(answered(1)).toBe("compacted 4");
    bench.ask(2, watch("a", place(4)));
    expect(answered(2)).toEqual(["a@4 a@5 a@6", place(7)]);
  });

  it("[N3] that waits has missed nothing, though what lay between be compacted", () => {
    chosen(put("a", "1"));
    bench.ask(1, watch("a", place(3)));
    for (let n = 0; n < 5; n += 1) chosen(put("b", String(n)));
    chosen(compact(7));
    expect(answered(1)).toBeNull();
    chosen(put("a", "2"));
    expect(answered(1)).toEqual(["a@8", place(9)]);
  });

  it("looks at so much in one go, and then lets others have their turn", () => {
    for (let n = 0; n < 11; n += 1) chosen(...Array.from({ length: 1000 }, (_, i) => put(`b${i}`, String(n))));
    bench.ask(1, watch("a", place(1)));
    expect(answered(1)).toEqual(["", place(10_002)]);
    bench.ask(2, watch("a", place(10_002), { waitMs: 0 }));
    expect(answered(2)).toEqual(["", place(11_002)]);
  });

  it("is refused where as many wait as a replica takes", () => {
    const watches = new Watches(bench.store);
    const turn = new Turn(instant(1));
    for (let handle = 1; handle <= limits.waitingWatches; handle += 1)
      watches.ask(turn, handle, watch("a", place(2)), 0);
    expect([watches.size, turn.replies]).toEqual([limits.waitingWatches, []]);
    watches.ask(turn, 0, watch("a", place(2)), 0);
    expect(turn.replies).toMatchObject([{ handle: 0, body: { type: "failed", failure: "too-many-watches" } }]);
    // One that has something to be told needs no room.
    source.one(put("a", "1"));
    const other = new Watches(source.store);
    other.ask(turn, 7, watch("a", place(1)), 0);
    expect([other.size, turn.replies.length]).toEqual([0, 2]);
  });
});

describe("whether a replica with watches is behind", () => {
  const inquiries = (): number =>
    bench.sent.splice(0).filter(({ message }) => message.type === "protocol" && message.body.type === "inquire").length;

  it("is asked of the acceptors once nobody has told it for some time", () => {
    bench.ask(1, watch("a", place(2)));
    expect(inquiries()).toBe(3);
    bench.ask(2, read);
    bench.acceptorsHaveNothing();
    inquiries();
    bench.now += limits.watchConfirmMs + 1;
    bench.ask(3, watch("a", place(2)));
    expect(inquiries()).toBe(3);
  });

  it("is not asked while it was confirmed lately, nor for what is answered at once", () => {
    bench.ask(1, read);
    bench.acceptorsHaveNothing();
    expect(bench.answered).toEqual([1]);
    bench.sent.splice(0);
    bench.ask(2, watch("a", place(2)));
    expect(inquiries()).toBe(0);
    bench.now += limits.watchConfirmMs + 1;
    bench.ask(3, watch("a", place(2), { waitMs: 0 }));
    expect(inquiries()).toBe(0);
  });

  it("[N3] what an acceptor's votes tell is told to who waits, though no peer ever sends it", () => {
    bench.ask(1, watch("a", place(2)));
    const text = source.batch([source.command(put("a", "1"))]);
    const ballot = { round: 1, proposer: "enam", incarnation: "x" };
    const votes = [{ slot: slot(1), ballot, value: text }];
    for (const { call } of bench.sent.splice(0)) {
      const extent = { floor: slot(0), highest: slot(1), next: null };
      const body = { type: "standing", promised: ballot, votes, ...extent } as const;
      bench.step({ type: "acceptor-answer", call, reply: { type: "protocol", counter: 1, body } });
    }
    expect(answered(1)).toEqual(["a@2", place(3)]);
  });

  it("without a majority who waits goes on waiting, to be told what peers send", () => {
    bench.ask(1, watch("a", place(2)));
    for (const { call } of bench.sent.splice(0)) bench.step({ type: "acceptor-answer", call, reply: null });
    expect(answered(1)).toBeNull();
    chosen(put("a", "1"));
    expect(answered(1)).toEqual(["a@2", place(3)]);
  });
});

describe("a watch at a replica that cannot answer", () => {
  it("[L7] is sent elsewhere while a snapshot is loaded, whether it comes or waits", () => {
    bench.ask(1, watch("a", place(2)));
    bench.step({ type: "peer", handle: 0, from: "enam", request: { type: "digest", applied: slot(9), knows: 1 } });
    bench.peerAnswers({ type: "gone", applied: slot(9) });
    bench.peerAnswers({ type: "snapshot-page", id: "s", slot: slot(9), rows: '[["b",9,1,0,1,null]]', next: "more" });
    expect(bench.store.loading).toBe(true);
    expect(answered(1)).toBe("catching-up");
    bench.ask(2, watch("a", place(2)));
    expect(answered(2)).toBe("catching-up");
  });

  it("[N3] after a snapshot is told what its rows tell, and what they do not is compacted", () => {
    const long = new Driver({ limits: smallLimits });
    for (let n = 0; n < 30; n += 1) {
      long.now += 50;
      long.one(put("a", String(n)));
    }
    const { store } = loadFrom(long);
    const watches = new Watches(store);
    const turn = new Turn(instant(1));
    watches.ask(turn, 1, watch("a", place(3)), 0);
    watches.ask(turn, 2, watch("a", place(store.revision)), 0);
    const replies = turn.replies.map(({ body }) => told(body as ClientReply));
    expect(replies).toEqual([`compacted ${store.compactedRevision}`, ["a@31", place(32)]]);
  });

  it("[L4] is told so when the replica stops before a batch that it does not understand", () => {
    bench.ask(1, watch("a", place(2)));
    bench.learn(encodeBatch(source.store.logTime, [], 99));
    expect(answered(1)).toBe("unknown-semantics");
    expect(passes(5_000).wakeAt).toBeNull();
  });
});
