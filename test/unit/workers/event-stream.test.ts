/** Event streams: framing, signs of life, no reading ahead, and how each kind of end is told. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { limits } from "../../../src/support/limits.ts";
import { eventStream } from "../../../workers/gateway/event-stream.ts";
import type { EventSource, ServerEvent } from "../../../workers/gateway/event-stream.ts";
import { Problem } from "../../../workers/gateway/problems.ts";
import type { Visit } from "../../../workers/gateway/visit.ts";
import { visitWith } from "./visit.ts";

const visit: Visit = {
  ...visitWith(async () => Promise.resolve(null)),
  now: () => Date.now(),
  after(ms, then) {
    const timer = setTimeout(then, ms);
    return () => clearTimeout(timer);
  },
};
const alive = new AbortController().signal;

type Reader = ReadableStreamDefaultReader<Uint8Array>;

/** A stream after its `retry` line, and what its source was asked. */
async function opened(source: EventSource, signal = alive): Promise<Reader> {
  const response = await eventStream(visit, signal, source);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  expect(await textOf(reader)).toMatch(/^retry: \d+\n\n$/);
  return reader;
}
async function textOf(reader: Reader): Promise<string | null> {
  const { value, done } = await reader.read();
  return done ? null : new TextDecoder().decode(value);
}

async function* never(): AsyncGenerator<readonly ServerEvent[], void> {
  yield [{ event: "first", data: 1, id: "7" }];
  await new Promise(() => undefined);
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("an event stream", () => {
  it("frames what it is told, several events to a step and none", async () => {
    async function* source(): EventSource {
      yield [
        { event: "a", data: { text: "one\ntwo" }, id: "1" },
        { event: "b", data: null },
      ];
      yield [];
      yield [{ event: "c", data: [3] }];
    }
    const reader = await opened(source());
    expect(await textOf(reader)).toBe('id: 1\nevent: a\ndata: {"text":"one\\ntwo"}\n\nevent: b\ndata: null\n\n');
    expect(await textOf(reader)).toBe("event: c\ndata: [3]\n\n");
    expect(await textOf(reader)).toBeNull();
  });

  it("is not kept by anybody on the way", async () => {
    const { headers } = await eventStream(visit, alive, never());
    expect(Object.fromEntries(headers)).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
  });

  it("asks for no step that the client has no room for", async () => {
    let steps = 0;
    async function* source(): EventSource {
      for (;;) yield [{ event: "n", data: (steps += 1) }];
    }
    const reader = await opened(source());
    await vi.advanceTimersByTimeAsync(1_000);
    expect(steps).toBe(1);
    for (let read = 0; read < 3; read += 1) await textOf(reader);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(steps).toBe(3);
  });

  it("gives a sign of life when there is nothing to tell, and loses no step by it", async () => {
    const { promise, resolve } = Promise.withResolvers<readonly ServerEvent[]>();
    async function* source(): EventSource {
      yield [{ event: "first", data: 1 }];
      yield await promise;
    }
    const reader = await opened(source());
    await textOf(reader);
    for (let beat = 0; beat < 2; beat += 1) {
      const silent = textOf(reader);
      await vi.advanceTimersByTimeAsync(limits.watchBeatMs);
      expect(await silent).toBe(": still here\n\n");
    }
    const told = textOf(reader);
    resolve([{ event: "late", data: 2 }]);
    expect(await told).toBe("event: late\ndata: 2\n\n");
  });

  it("is no stream when its first step fails", async () => {
    const source = (async function* (): EventSource {
      await Promise.reject(new Problem("revision-compacted", "gone"));
      yield [];
    })();
    await expect(eventStream(visit, alive, source)).rejects.toThrow("gone");
  });

  it("tells a later problem, and from where to go on, and ends", async () => {
    async function* source(): EventSource {
      yield [{ event: "first", data: 1, id: "7.2" }];
      throw new Problem("no-quorum", "nobody answers");
    }
    const reader = await opened(source());
    await textOf(reader);
    const told = await textOf(reader);
    expect(told).toMatch(/^event: error\ndata: .*\n\n$/);
    expect(JSON.parse(told?.split("data: ")[1] ?? "")).toMatchObject({
      code: "no-quorum",
      retryable: true,
      detail: "nobody answers",
      next: "7.2",
    });
    expect(await textOf(reader)).toBeNull();
  });

  it("lets nothing out that was not meant to be seen", async () => {
    const log = vi.spyOn(console, "error").mockImplementation(() => undefined);
    async function* source(): EventSource {
      yield [];
      throw new Error("a secret");
    }
    const told = await textOf(await opened(source()));
    expect(told).toContain('"code":"internal"');
    expect(told).not.toContain("secret");
    expect(log).toHaveBeenCalledWith(expect.stringContaining("a secret"));
    log.mockRestore();
  });

  it.each([
    ["goes away", (_: AbortController, reader: Reader) => reader.cancel()],
    ["is said to be gone", async (gone: AbortController) => Promise.resolve(gone.abort())],
  ])("takes no further step when the client %s", async (_, leave) => {
    let ended = false;
    async function* source(): EventSource {
      try {
        for (;;) yield [{ event: "n", data: 1 }];
      } finally {
        ended = true;
      }
    }
    const gone = new AbortController();
    const reader = await opened(source(), gone.signal);
    await textOf(reader);
    await leave(gone, reader);
    await vi.advanceTimersByTimeAsync(0);
    expect(ended).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("ends when it is not read for long, and says where it was", async () => {
    const reader = await opened(never());
    expect(await textOf(reader)).toContain("event: first");
    const beat = textOf(reader);
    await vi.advanceTimersByTimeAsync(limits.watchBeatMs);
    await beat;
    // Another one shows that it is not read, and waits for it in vain.
    await vi.advanceTimersByTimeAsync(limits.watchBeatMs + limits.watchStallMs);
    expect(await textOf(reader)).toBe(": still here\n\n");
    const told = await textOf(reader);
    expect(told).toMatch(/^event: slow\n/);
    expect(told).toContain('"next":"7"');
    expect(await textOf(reader)).toBeNull();
  });
});
