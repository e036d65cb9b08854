/** Small requests travel together: each is told its own answer, and nobody waits for one that was cut off. */
import { describe, expect, it } from "vitest";
import type { ClientReply, ClientRequest } from "../../../src/replica/messages.ts";
import { userKey } from "../../../src/store/key-space.ts";
import { limits } from "../../../src/support/limits.ts";
import { logTime, requestId, revision } from "../../../src/support/brand.ts";
import { byteString, utf8 } from "../../../src/support/bytes.ts";
import { askTogether } from "../../../workers/gateway/coalescing.ts";
import { askReplicas } from "../../../workers/gateway/replicas.ts";
import { settled, Stage } from "./stage.ts";

const put = (name: string, bytes = 1): ClientRequest => ({
  type: "write",
  id: requestId(name),
  deadline: logTime(1),
  operation: { type: "put", key: userKey(utf8(name)), value: new Uint8Array(bytes), condition: { type: "always" } },
});
const get = (name: string, consistency: "linearizable" | "local" = "linearizable"): ClientRequest => ({
  type: "read",
  consistency: consistency === "local" ? { type: "local", maxAgeMs: null } : { type: consistency },
  query: { type: "get", key: userKey(utf8(name)) },
});

/** Says which request it answers: by the number of characters in its name. */
function answerTo(request: ClientRequest): ClientReply {
  if (request.type === "batch")
    return { type: "batch", replies: request.requests.map((one) => answerTo(one)) } as ClientReply;
  if (request.type === "write") {
    const outcome = {
      type: "put",
      revision: revision(request.id.length),
      version: 1,
      createRevision: revision(1),
      renewedOnly: false,
    } as const;
    return { type: "outcome", outcome, revision: revision(request.id.length) };
  }
  return { type: "failed", failure: "too-large", outcome: "not-applied", detail: "too much at once" };
}

class GatheringStage extends Stage {
  ask(request: ClientRequest): Promise<ClientReply | null> {
    return askTogether(this.visit, "wnam", request, 100);
  }

  async answer(at: number): Promise<void> {
    await this.reply(at, answerTo(this.call(at).request));
  }

  /** How many requests each call carried. */
  get sizes(): readonly number[] {
    return this.calls.map(({ request }) => (request.type === "batch" ? request.requests.length : 1));
  }
}

const revisionIn = (reply: ClientReply | null): number | null => (reply?.type === "outcome" ? reply.revision : null);

/** A call is under way, and calls are known to take 20 ms. */
async function busy(): Promise<GatheringStage> {
  const stage = new GatheringStage();
  for (let i = 0; i < 40; i += 1) {
    const asked = stage.ask(put("warm"));
    await stage.pass(20);
    await stage.answer(stage.calls.length - 1);
    await asked;
  }
  stage.calls.length = 0;
  void stage.ask(put("a"));
  await settled();
  expect(stage.sizes).toEqual([1]);
  return stage;
}

describe("requests to one replica", () => {
  it("leave at once, as long as few are under way", async () => {
    const stage = new GatheringStage();
    const asked = stage.ask(put("abc"));
    await settled();
    await stage.answer(0);
    expect(revisionIn(await asked)).toBe(3);
  });

  it("[U1] gather while one is under way, and each is told its own answer", async () => {
    const stage = await busy();
    const asked = ["b".repeat(3), "b".repeat(4), "b".repeat(5)].map((name) => stage.ask(put(name)));
    await stage.pass(limits.coalescingMs - 1);
    expect(stage.sizes).toEqual([1]);
    await stage.pass(1);
    expect(stage.sizes).toEqual([1, 3]);
    await stage.answer(1);
    expect((await Promise.all(asked)).map((reply) => revisionIn(reply))).toEqual([3, 4, 5]);
  });

  it("gather by kind: an answer waits for no other kind", async () => {
    const stage = await busy();
    void stage.ask(get("a"));
    void stage.ask(get("a", "local"));
    await settled();
    expect(stage.sizes).toEqual([1, 1, 1]);
  });

  it("do not gather when they are large, or may wait, or answer much", async () => {
    const stage = await busy();
    void stage.ask(put("large", limits.coalescedBytes));
    const range = { key: byteString(utf8("ka")), end: null };
    void stage.ask({
      type: "write",
      id: requestId("t"),
      deadline: logTime(1),
      operation: { type: "txn", transaction: { compares: [], success: [], failure: [] } },
    });
    void stage.ask({
      type: "watch",
      query: { range, from: { revision: revision(1), index: 0 }, puts: true, deletes: true, previous: false },
      maxBytes: 1,
      waitMs: 1,
    });
    await settled();
    expect(stage.sizes).toEqual([1, 1, 1, 1]);
  });

  it("leave without waiting any longer once one call can carry no more", async () => {
    const stage = await busy();
    for (let i = 0; i < limits.coalescedRequests; i += 1) void stage.ask(put(`n${i}`));
    await settled();
    expect(stage.sizes).toEqual([1, limits.coalescedRequests]);
  });

  it("are asked again alone, when together they are answered that it is too much", async () => {
    const stage = await busy();
    void stage.ask(get("x"));
    const crowd = ["v", "w"].map((name) => stage.ask(get(name)));
    await stage.pass(limits.coalescingMs);
    const before = stage.calls.length;
    await stage.answer(before - 1);
    expect(stage.sizes.slice(before)).toEqual([1, 1]);
    await stage.answer(before);
    await stage.answer(before + 1);
    expect((await Promise.all(crowd)).map((reply) => reply?.type)).toEqual(["failed", "failed"]);
  });

  it("hear nothing when the call fails, and ask elsewhere", async () => {
    const stage = await busy();
    const asked = [stage.ask(put("b")), stage.ask(put("bb"))];
    await stage.pass(limits.coalescingMs);
    stage.call(1).end(null);
    expect(await Promise.all(asked)).toEqual([null, null]);
  });

  it("are given up in their own time, when whoever took them along was cut off", async () => {
    const stage = await busy();
    const asked = askReplicas({ ...stage.visit, regions: ["wnam"] }, put("b"));
    const problem = asked.catch((error: unknown) => error);
    await stage.pass(limits.coalescingMs);
    expect(stage.sizes).toEqual([1, 1]);
    await stage.pass(limits.gatewayMs);
    expect(await problem).toMatchObject({ code: "no-quorum", particulars: { outcome: "unknown" } });
  });

  it("are taken along by the next, when the first of them was cut off before it left", async () => {
    const stage = await busy();
    const asked = [stage.ask(put("b")), stage.ask(put("bb"))];
    // The first one's timer never rings.
    stage.cutOff(limits.coalescingMs);
    await stage.pass(limits.coalescingWaitMs + 1);
    expect(stage.sizes).toEqual([1]);
    const next = stage.ask(put("bbb"));
    await settled();
    expect(stage.sizes).toEqual([1, 3]);
    await stage.answer(1);
    expect((await Promise.all([...asked, next])).map((reply) => revisionIn(reply))).toEqual([1, 2, 3]);
  });

  it("go on at once, when calls that never ended are long past their time", async () => {
    const stage = await busy();
    await stage.pass(101);
    void stage.ask(put("b"));
    await settled();
    expect(stage.sizes).toEqual([1, 1]);
  });
});
