/** Watchers that share a question: each is told what lies after its own place, and nobody depends on whoever asked. */
import { describe, expect, it } from "vitest";
import type { QueryResult, WatchRequest } from "../../../src/replica/messages.ts";
import type { StoreEvent } from "../../../src/store/events.ts";
import { userKey } from "../../../src/store/key-space.ts";
import { revision } from "../../../src/support/brand.ts";
import { utf8 } from "../../../src/support/bytes.ts";
import { limits } from "../../../src/support/limits.ts";
import { happenings } from "../../../workers/gateway/watching.ts";
import type { Followed, Happenings } from "../../../workers/gateway/watching.ts";
import { settled, Stage } from "./stage.ts";

const place = (at: number, index = 0) => ({ revision: revision(at), index });
const follow = (name: string): Followed => ({
  range: { key: userKey(utf8(name)), end: null },
  puts: true,
  deletes: true,
  previous: false,
});
const entryAt = (at: number) => ({
  key: userKey(utf8("k")),
  value: utf8(`v${at}`),
  createRevision: revision(1),
  modRevision: revision(at),
  version: 1,
  lease: null,
});
const events = (from: number, to: number): readonly StoreEvent[] =>
  Array.from({ length: to - from + 1 }, (_, i) => ({ type: "put", entry: entryAt(from + i), previous: null }));
const told = (from: number, to: number, next = place(to + 1)): QueryResult => ({
  type: "events",
  events: events(from, to),
  next,
});
const nothing = (next: number): QueryResult => ({ type: "events", events: [], next: place(next) });
const compacted = (at: number): QueryResult => ({ type: "compacted", compactedRevision: revision(at) });
const heard = ({ events: all }: Happenings): readonly number[] => all.map(({ entry }) => entry.modRevision);

class WatchingStage extends Stage {
  /** Each in a request of its own. */
  async watch(from: ReturnType<typeof place>, name = "k", waitMs: number = limits.watchProgressMs) {
    const asked = happenings({ ...this.visit }, follow(name), from, waitMs);
    asked.catch(() => undefined);
    await settled();
    return { asked };
  }

  get questions(): readonly WatchRequest[] {
    return this.calls.map(({ request }) => {
      if (request.type !== "watch") throw new Error(`a ${request.type}`);
      return request;
    });
  }

  async answer(at: number, result: QueryResult, present = 30): Promise<void> {
    await this.reply(at, { type: "result", result, revision: revision(present), ageMs: 0 });
  }

  /** Every replica says so. */
  async refuse(from: number): Promise<void> {
    for (let at = from; at < this.calls.length; at += 1) {
      await this.reply(at, { type: "failed", failure: "catching-up", outcome: "not-applied", detail: "later" });
    }
  }
}

describe("watchers that follow the same keys", () => {
  it("share one question, and are all handed the very same answer", async () => {
    const stage = new WatchingStage();
    const all = [];
    for (let i = 0; i < 5; i += 1) all.push((await stage.watch(place(10))).asked);
    expect(stage.questions).toMatchObject([{ waitMs: limits.sharedWatchMs, query: { from: place(10) } }]);
    await stage.answer(0, told(12, 13));
    const [first, ...others] = await Promise.all(all);
    expect(first === undefined ? [] : heard(first)).toEqual([12, 13]);
    for (const other of others) expect(other).toBe(first);
  });

  it("share it with nobody who follows something else, or in another namespace", async () => {
    const stage = new WatchingStage();
    await stage.watch(place(10));
    await stage.watch(place(10), "other");
    void happenings({ ...stage.visit, namespace: "elsewhere" }, follow("k"), place(10), limits.watchProgressMs);
    void happenings(stage.visit, { ...follow("k"), previous: true }, place(10), limits.watchProgressMs);
    void happenings(stage.visit, { ...follow("k"), also: [{ key: userKey(utf8("m")), end: null }] }, place(10));
    await settled();
    expect(stage.calls.length).toBe(5);
  });

  it("[N1] are told nothing that lies before their own place", async () => {
    const stage = new WatchingStage();
    const early = await stage.watch(place(10));
    const late = await stage.watch(place(13));
    const ahead = await stage.watch(place(15));
    expect(stage.calls.length).toBe(1);
    await stage.answer(0, told(12, 14));
    expect(heard(await early.asked)).toEqual([12, 13, 14]);
    expect(heard(await late.asked)).toEqual([13, 14]);
    // It goes on waiting, from where it stood.
    expect(stage.questions[1]).toMatchObject({ query: { from: place(15) } });
    await stage.answer(1, told(15, 15));
    expect(heard(await ahead.asked)).toEqual([15]);
  });

  it("[N2] ask alone for what lies before the question, and then join", async () => {
    const stage = new WatchingStage();
    await stage.watch(place(10));
    const behind = await stage.watch(place(5));
    expect(stage.questions[1]).toMatchObject({ waitMs: 0, query: { from: place(5) } });
    await stage.answer(1, told(6, 7, place(11)));
    expect(heard(await behind.asked)).toEqual([6, 7]);
    const quiet = await stage.watch(place(8));
    await stage.answer(2, nothing(11));
    await stage.answer(0, told(12, 12));
    expect(heard(await quiet.asked)).toEqual([12]);
    expect(stage.calls.length).toBe(3);
  });

  it("ask the question that others join, when nothing lies before one that begins in the future", async () => {
    const stage = new WatchingStage();
    await stage.watch(place(1_000));
    const first = await stage.watch(place(10));
    await stage.answer(1, nothing(10));
    expect(stage.questions[2]).toMatchObject({ waitMs: limits.sharedWatchMs, query: { from: place(10) } });
    const second = await stage.watch(place(10));
    await stage.answer(2, told(10, 10));
    expect([heard(await first.asked), heard(await second.asked)]).toEqual([[10], [10]]);
    expect(stage.calls.length).toBe(3);
  });

  it("[N2] are handed a part of a revision only if they asked from that very place", async () => {
    const stage = new WatchingStage();
    const first = await stage.watch(place(10));
    const second = await stage.watch(place(12));
    await stage.answer(0, told(11, 12, place(12, 1)));
    expect((await first.asked).next).toEqual(place(12, 1));
    expect(stage.questions[1]).toMatchObject({ query: { from: place(12) } });
    await stage.answer(1, told(12, 12));
    expect(heard(await second.asked)).toEqual([12]);
    const within = await stage.watch(place(12, 1));
    expect(stage.questions[2]).toMatchObject({ query: { from: place(12, 1) } });
    await stage.answer(2, told(12, 12));
    expect(heard(await within.asked)).toEqual([12]);
  });

  it("are handed what others were told from the same place a little earlier", async () => {
    const stage = new WatchingStage();
    await stage.watch(place(10));
    await stage.answer(0, told(12, 12));
    expect(heard(await (await stage.watch(place(10))).asked)).toEqual([12]);
    expect(stage.calls.length).toBe(1);
  });

  it("[N4] are all told up to where nothing happened", async () => {
    const stage = new WatchingStage();
    const all = [await stage.watch(place(10)), await stage.watch(place(12))];
    await stage.answer(0, nothing(20));
    for (const { asked } of all) expect(await asked).toMatchObject({ events: [], next: place(20) });
  });

  it("ask anew when the question failed, each at most once for itself", async () => {
    const stage = new WatchingStage();
    const all = [await stage.watch(place(10)), await stage.watch(place(10)), await stage.watch(place(10))];
    await stage.refuse(0);
    // Three replicas were asked three times.
    expect(stage.calls.length).toBe(9);
    for (const { asked } of all) await expect(asked).rejects.toMatchObject({ code: "catching-up" });
  });

  it("[N3] are told that history is gone only where it is gone", async () => {
    const stage = new WatchingStage();
    const gone = [await stage.watch(place(10)), await stage.watch(place(11))];
    const kept = await stage.watch(place(20));
    await stage.answer(0, compacted(20));
    for (const { asked } of gone) await expect(asked).rejects.toMatchObject({ code: "revision-compacted" });
    expect(stage.calls.length).toBe(2);
    await stage.answer(1, told(20, 20));
    expect(heard(await kept.asked)).toEqual([20]);
  });

  it("look for themselves when their time is over, and ask anew when whoever asked is long past its own", async () => {
    const stage = new WatchingStage();
    await stage.watch(place(10));
    await stage.pass(5_000);
    const brief = await stage.watch(place(10), "k", 300);
    await stage.pass(300);
    expect(stage.questions[1]).toMatchObject({ waitMs: 0, query: { from: place(10) } });
    await stage.answer(1, nothing(11));
    expect(await brief.asked).toMatchObject({ events: [], next: place(11) });
    const patient = await stage.watch(place(10), "k", limits.watchWaitMs);
    expect(stage.calls.length).toBe(2);
    await stage.pass(limits.sharedWatchMs + limits.gatewayMs - 5_300);
    const before = stage.questions.length;
    expect(stage.questions[before - 1]).toMatchObject({ waitMs: limits.sharedWatchMs, query: { from: place(10) } });
    await stage.answer(before - 1, told(12, 12));
    expect(heard(await patient.asked)).toEqual([12]);
  });

  it("ask for what follows together, when telling all of them takes a while", async () => {
    const stage = new WatchingStage();
    const all = [];
    for (let i = 0; i < 50; i += 1) all.push(await stage.watch(place(10)));
    await stage.answer(0, told(12, 12));
    await Promise.all(all.map(async ({ asked }) => asked));
    const next = await stage.watch(place(13));
    await stage.pass(50 / limits.sharedWatchTellsPerMs - 1);
    expect(stage.calls.length).toBe(1);
    await stage.pass(1);
    expect(stage.questions[1]).toMatchObject({ query: { from: place(13) } });
    await stage.answer(1, told(13, 15));
    expect(heard(await next.asked)).toEqual([13, 14, 15]);
    // One alone is told at once.
    await stage.watch(place(16));
    expect(stage.calls.length).toBe(3);
  });

  it("look for themselves first when the answer is overdue", async () => {
    const stage = new WatchingStage();
    await stage.watch(place(10));
    await stage.pass(limits.watchProgressMs + 1);
    const before = stage.questions.length;
    const asked = await stage.watch(place(10));
    expect(stage.questions[before]).toMatchObject({ waitMs: 0, query: { from: place(10) } });
    await stage.answer(before, told(12, 12));
    expect(heard(await asked.asked)).toEqual([12]);
    const waits = await stage.watch(place(13));
    await stage.answer(before + 1, nothing(13));
    await stage.answer(0, told(12, 14));
    expect(heard(await waits.asked)).toEqual([13, 14]);
  });

  it("who wait briefly ask alone: their question is too short for others", async () => {
    const stage = new WatchingStage();
    await stage.watch(place(10), "k", 300);
    await stage.watch(place(10), "k", 300);
    expect(stage.questions.map(({ waitMs }) => waitMs)).toEqual([300, 300]);
  });

  it("each ask alone where the runtime settles nothing across requests", async () => {
    const stage = new WatchingStage();
    const visit = { ...stage.visit, gathers: false };
    void happenings(visit, follow("k"), place(10));
    void happenings(visit, follow("k"), place(10));
    await settled();
    expect(stage.questions.map(({ waitMs }) => waitMs)).toEqual([limits.watchWaitMs, limits.watchWaitMs]);
  });
});
