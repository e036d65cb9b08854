/** A pipeline without a platform: replicas that answer when the test says so, in the order that it wants. */
import { afterEach, describe, expect, it, vi } from "vitest";
import type { ClientReply, ReadRequest, WriteRequest } from "../../../src/replica/messages.ts";
import { limits } from "../../../src/support/limits.ts";
import { revision } from "../../../src/support/brand.ts";
import { textOf } from "../../../src/support/bytes.ts";
import { decodeClientRequest, encodeClientReply } from "../../../src/wire/client-codec.ts";
import { Pipeline } from "../../../workers/gateway/pipeline.ts";
import { visitWith } from "./visit.ts";

type Json = Readonly<Record<string, unknown>>;
type Single = WriteRequest | ReadRequest;

interface Call {
  readonly requests: readonly Single[];
  readonly end: (reply: string | null) => void;
}

const settled = async (): Promise<void> => {
  // Fingerprints are made by other threads.
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** A put is told the number that is its value as its revision; a get finds nothing. */
function answerTo(request: Single): Extract<ClientReply, { type: "outcome" | "result" }> {
  if (request.type === "read") {
    return { type: "result", result: { type: "entry", entry: null }, revision: revision(1), ageMs: 0 };
  }
  const at = revision(request.operation.type === "put" ? Number(textOf(request.operation.value)?.trim()) : 1);
  const outcome = { type: "put", revision: at, version: 1, createRevision: at, renewedOnly: false } as const;
  return { type: "outcome", outcome, revision: at };
}

class Stage {
  readonly calls: Call[] = [];
  readonly frames: Json[] = [];
  closed: number | null = null;
  readonly pipeline: Pipeline;

  constructor() {
    const visit = visitWith(
      async (_port, _to, message) =>
        new Promise((end) => {
          const decoded = decodeClientRequest(message);
          if (!decoded.ok || decoded.body.type !== "batch") throw new Error("not a batch");
          this.calls.push({ requests: decoded.body.requests, end });
        }),
    );
    // One replica, and all the time in the world.
    const patient = { ...visit, regions: ["wnam"] as const, after: () => () => undefined };
    this.pipeline = new Pipeline(patient, {
      send: (text) => this.frames.push(JSON.parse(text) as Json),
      close: (code) => (this.closed = code),
    });
  }

  async take(...requests: readonly Json[]): Promise<void> {
    this.pipeline.take(JSON.stringify({ requests }));
    await settled();
  }

  async answer(at: number): Promise<void> {
    const call = this.calls[at];
    if (call === undefined) throw new Error(`there is no call ${at}`);
    call.end(encodeClientReply({ type: "batch", replies: call.requests.map(answerTo) }));
    await settled();
  }

  /** Answers whatever is asked until nothing is. */
  async answerAll(): Promise<void> {
    for (let at = 0; at < this.calls.length; at += 1) await this.answer(at);
  }

  /** What was told so far: the id and, of what was written, its revision, of what was not, the status. */
  get told(): readonly (readonly [unknown, unknown])[] {
    return this.frames
      .flatMap(({ results }) => results as readonly Json[])
      .map(({ id, revision: at, status }) => [id, at ?? status] as const);
  }

  get sizes(): readonly number[] {
    return this.calls.map(({ requests }) => requests.length);
  }
}

const put = (id: number, value: string | number = id): Json => ({ id, put: { key: `k${id}`, value: String(value) } });
const get = (id: number): Json => ({ id, get: { key: "a" } });

afterEach(() => void vi.restoreAllMocks());

describe("what is under way", () => {
  it("[U1] is told under the id of its own request, whichever is answered first", async () => {
    const stage = new Stage();
    await stage.take(put(7));
    await stage.take(put(9), get(4), put(3));
    expect(stage.sizes).toEqual([1, 2, 1]);
    await stage.answer(1);
    expect(stage.told).toEqual([
      [9, 9],
      [3, 3],
    ]);
    await stage.answer(2);
    await stage.answer(0);
    expect(stage.told.slice(2)).toEqual([
      [4, 404],
      [7, 7],
    ]);
  });

  it("[X1] leaves once and is told once, what comes meanwhile together with the rest", async () => {
    const stage = new Stage();
    for (let id = 0; id < 30; id += 1) await stage.take(put(id));
    expect(stage.sizes).toEqual([1, 1]);
    await stage.answer(0);
    expect(stage.sizes).toEqual([1, 1, 28]);
    await stage.answer(2);
    await stage.answer(1);
    expect(stage.calls.flatMap(({ requests }) => requests)).toHaveLength(30);
    expect(stage.told.map(([id, at]) => [id, at]).toSorted((a, b) => Number(a[0]) - Number(b[0]))).toEqual(
      Array.from({ length: 30 }, (_, id) => [id, id]),
    );
  });

  it("[U1] is unknown of all who left together, when nobody answers", async () => {
    const stage = new Stage();
    await stage.take(put(1), put(2));
    stage.calls[0]?.end(null);
    await settled();
    const [frame] = stage.frames;
    expect(frame?.["results"]).toMatchObject([
      { id: 1, status: 503, problem: { outcome: "unknown" } },
      { id: 2, status: 503, problem: { outcome: "unknown" } },
    ]);
  });

  it("is told to nobody once the client is gone", async () => {
    const stage = new Stage();
    await stage.take(put(1));
    stage.pipeline.end();
    await stage.answerAll();
    expect(stage.frames).toEqual([]);
  });
});

describe("an id", () => {
  it("ends the socket when it comes again before its answer, and neither is told twice", async () => {
    const stage = new Stage();
    await stage.take(put(1));
    await stage.take(put(1, 2));
    expect(stage.closed).toBe(1008);
    await stage.answerAll();
    expect([stage.sizes, stage.frames]).toEqual([[1], []]);
  });

  it("is free again once it was answered, or refused", async () => {
    const stage = new Stage();
    await stage.take(put(1));
    await stage.answer(0);
    await stage.take({ id: 1, put: { key: "k" } });
    await stage.take(put(1, 5));
    await stage.answer(1);
    expect([stage.closed, stage.told]).toEqual([
      null,
      [
        [1, 1],
        [1, 400],
        [1, 5],
      ],
    ]);
  });
});

describe("what waits is bounded", () => {
  it("by its number: one more is refused, and as many are taken again as were answered", async () => {
    vi.spyOn(limits, "pipelineUnanswered" as never, "get" as never).mockReturnValue(3 as never);
    const stage = new Stage();
    await stage.take(put(1), put(2), put(3), put(4));
    expect(stage.told).toEqual([[4, 503]]);
    await stage.answer(0);
    await stage.take(put(5), put(6), put(7), put(8));
    expect(stage.told.slice(1)).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
      [8, 503],
    ]);
  });

  it("by the bytes of its values, for as long as they wait", async () => {
    vi.spyOn(limits, "pipelineBytes" as never, "get" as never).mockReturnValue(1_000 as never);
    const stage = new Stage();
    const large = (id: number): Json => put(id, String(id).padEnd(600));
    await stage.take(large(1), large(2), large(3));
    expect(stage.told).toEqual([[3, 503]]);
    await stage.answer(0);
    await stage.take(large(4), large(5), large(6));
    expect(stage.told.slice(1)).toEqual([
      [1, 1],
      [2, 2],
      [6, 503],
    ]);
  });

  it("by its calls in all: then the client is asked to go on over another socket", async () => {
    vi.spyOn(limits, "pipelineCallsInAll" as never, "get" as never).mockReturnValue(3 as never);
    const stage = new Stage();
    for (let id = 1; id <= 4; id += 1) {
      await stage.take(put(id));
      await stage.answer(id - 1);
    }
    expect(stage.frames.map(({ last }) => last)).toEqual([undefined, undefined, true, true]);
  });
});
