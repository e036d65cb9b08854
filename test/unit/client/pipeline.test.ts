/** The client of pipelines over a socket in the test's hand: frames, windows, lost connections, calls that wait too long. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Pipeline, PipelineError } from "../../../src/client/pipeline.ts";
import type { PipelineOptions, PipelineSocket } from "../../../src/client/pipeline.ts";
import { limits } from "../../../src/support/limits.ts";
import { seededRandom } from "../../../src/support/random.ts";

type Request = { readonly id: number } & Readonly<Record<string, unknown>>;

class FakeSocket implements PipelineSocket {
  readonly frames: (readonly Request[])[] = [];
  /** Of the frames, in characters. */
  readonly lengths: number[] = [];
  isClosed = false;
  onopen: PipelineSocket["onopen"] = null;
  onmessage: PipelineSocket["onmessage"] = null;
  onclose: PipelineSocket["onclose"] = null;
  onerror: PipelineSocket["onerror"] = null;

  send(text: string): void {
    this.lengths.push(text.length);
    this.frames.push((JSON.parse(text) as { readonly requests: readonly Request[] }).requests);
  }
  close(): void {
    this.isClosed = true;
  }
  open(): void {
    this.onopen?.(undefined as never);
  }
  lose(): void {
    this.onclose?.(undefined as never);
  }
  answer(results: readonly object[], more: object = {}): void {
    this.onmessage?.({ data: JSON.stringify({ results, ...more }) });
  }
  get requests(): readonly Request[] {
    return this.frames.flat();
  }
}

let sockets: FakeSocket[];
let addresses: (readonly [string, readonly string[]])[];

function pipeline(options: Partial<PipelineOptions> = {}): Pipeline {
  return new Pipeline({
    url: "https://synod.example",
    random: seededRandom(1),
    open: (url, protocols) => {
      const socket = new FakeSocket();
      sockets.push(socket);
      addresses.push([url, protocols]);
      return socket;
    },
    ...options,
  });
}

const at = (index: number): FakeSocket => {
  const socket = sockets[index];
  if (socket === undefined) throw new Error(`there is no socket ${index}`);
  return socket;
};
const turn = async (): Promise<void> => void (await vi.advanceTimersByTimeAsync(0));
const done = (id: number): object => ({ id, status: 200, key: "k" });
const codeOf = async (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => "answered",
    (error: unknown) => (error instanceof PipelineError ? [error.code, error.outcome] : error),
  );

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
  addresses = [];
});
afterEach(() => void vi.useRealTimers());

describe("a pipeline", () => {
  it("sends what is called in one turn in one frame, once it is open", async () => {
    const client = pipeline({ namespace: "team", token: "secret" });
    const calls = [client.put("a", "1"), client.get("b", "local"), client.delete("c", { if: "present" })];
    await turn();
    expect(addresses).toEqual([["wss://synod.example/ns/team/pipeline", ["synod", "bearer.secret"]]]);
    expect(at(0).frames).toEqual([]);
    at(0).open();
    expect(at(0).frames).toEqual([
      [
        { id: 1, put: { key: "a", value: "1" } },
        { id: 2, get: { key: "b" }, consistency: "local" },
        { id: 3, delete: { key: "c", if: "present" } },
      ],
    ]);
    at(0).answer([done(3), done(1)]);
    at(0).answer([{ id: 2, status: 404, problem: { code: "key-not-found", detail: "no" } }]);
    expect(await Promise.all(calls.map(codeOf))).toEqual(["answered", ["key-not-found", "not-applied"], "answered"]);
    expect(client.unanswered).toBe(0);
    client.close();
  });

  it("sends bytes as base64", async () => {
    const client = pipeline();
    void client.put(new Uint8Array([255]), new Uint8Array([0, 1])).catch(() => undefined);
    await turn();
    at(0).open();
    expect(at(0).requests).toEqual([
      { id: 1, put: { key: "/w==", keyEncoding: "base64", value: "AAE=", encoding: "base64" } },
    ]);
    client.close();
  });

  it("has no more unanswered than its window, and refuses what cannot wait", async () => {
    const client = pipeline({ window: 2, mostWaiting: 3 });
    const calls = [1, 2, 3, 4].map(async (n) => codeOf(client.put(`k${n}`, "v")));
    expect(await calls[3]).toEqual(["too-many-waiting", "not-applied"]);
    at(0).open();
    expect(at(0).requests.map(({ id }) => id)).toEqual([1, 2]);
    at(0).answer([done(1)]);
    expect(at(0).requests.map(({ id }) => id)).toEqual([1, 2, 3]);
    client.close();
    expect(await Promise.all(calls.slice(1, 3))).toEqual([
      ["closed", "unknown"],
      ["closed", "unknown"],
    ]);
  });

  it("splits frames before they are too large for the gateway", async () => {
    const client = pipeline();
    for (const key of ["a", "b", "c"]) void client.put(key, "x".repeat(400_000)).catch(() => undefined);
    await turn();
    at(0).open();
    expect(at(0).frames.map((frame) => frame.length)).toEqual([2, 1]);
    client.close();
  });

  it("fills frames up to what the gateway takes, and refuses what none can carry", async () => {
    const most = limits.operationsBodyBytes;
    const lengthOf = (...calls: readonly [key: string, characters: number][]): number =>
      JSON.stringify({
        requests: calls.map(([key, length], at) => ({ id: at + 1, put: { key, value: "x".repeat(length) } })),
      }).length;
    // One that fills a frame, two that do together, and two that are too large by one character.
    const half = Math.floor(most / 2);
    for (const [lengths, frames] of [
      [[most - lengthOf(["k", 0])], [1]],
      [[half, most - lengthOf(["k", half], ["k", 0])], [2]],
      [
        [half, most - lengthOf(["k", half], ["k", 0]) + 1],
        [1, 1],
      ],
    ] as const) {
      const client = pipeline();
      for (const length of lengths) void client.put("k", "x".repeat(length)).catch(() => undefined);
      await turn();
      const socket = sockets.at(-1);
      socket?.open();
      expect(socket?.frames.map((frame) => frame.length)).toEqual(frames);
      expect(Math.max(...(socket?.lengths ?? []))).toBeLessThanOrEqual(most);
      client.close();
    }
    const client = pipeline();
    const tooLong = client.put("k", "x".repeat(most - lengthOf(["k", 0]) + 1));
    expect(await codeOf(tooLong)).toEqual(["too-large", "not-applied"]);
    client.close();
  });

  it("puts no more requests into a frame than the gateway takes", async () => {
    const client = pipeline({ window: limits.pipelineUnanswered });
    for (let n = 0; n <= limits.batchOperations; n += 1) void client.get(`k${n}`).catch(() => undefined);
    await turn();
    at(0).open();
    expect(at(0).frames.map((frame) => frame.length)).toEqual([limits.batchOperations, 1]);
    client.close();
  });

  it("[U1] says of a write that its connection was lost, and asks again for what was read", async () => {
    const client = pipeline();
    const [write, read] = [codeOf(client.put("a", "1")), codeOf(client.get("a"))];
    await turn();
    at(0).open();
    at(0).lose();
    expect(await write).toEqual(["connection-lost", "unknown"]);
    await vi.advanceTimersByTimeAsync(100);
    at(1).open();
    expect(at(1).requests).toEqual([{ id: 2, get: { key: "a" } }]);
    at(1).answer([done(2)]);
    expect(await read).toBe("answered");
    client.close();
  });

  it("[X1] sends unanswered writes again under the same keys, where that was asked for", async () => {
    const client = pipeline({ resend: true });
    const calls = [codeOf(client.put("a", "1")), codeOf(client.put("b", "2"))];
    await turn();
    at(0).open();
    at(0).answer([done(1)]);
    at(0).lose();
    await vi.advanceTimersByTimeAsync(100);
    at(1).open();
    expect(at(1).requests).toEqual(at(0).requests.slice(1));
    expect(at(1).requests[0]?.["idempotencyKey"]).toMatch(/^[0-9a-z]{26}-2$/);
    at(1).answer([done(2)]);
    expect(await Promise.all(calls)).toEqual(["answered", "answered"]);
    client.close();
  });

  it("waits longer and longer for a gateway that is not there", async () => {
    const client = pipeline();
    const call = codeOf(client.get("a"));
    await turn();
    const waits: number[] = [];
    for (let n = 0; n < 6; n += 1) {
      const before = Date.now();
      at(n).lose();
      while (sockets.length === n + 1) await vi.advanceTimersByTimeAsync(5);
      waits.push(Date.now() - before);
    }
    expect(waits.every((wait, n) => wait >= 25 * 2 ** n && wait <= 50 * 2 ** n + 5)).toBe(true);
    client.close();
    expect(await call).toEqual(["closed", "not-applied"]);
  });

  it("gives a call up that has waited too long: what was never sent was never done", async () => {
    const client = pipeline({ timeoutMs: 1_000, window: 1 });
    const calls = [codeOf(client.put("a", "1")), codeOf(client.put("b", "2"))];
    await turn();
    at(0).open();
    await vi.advanceTimersByTimeAsync(1_500);
    expect(await Promise.all(calls)).toEqual([
      ["timed-out", "unknown"],
      ["timed-out", "not-applied"],
    ]);
    // A late answer is nobody's.
    at(0).answer([done(1)]);
    expect(vi.getTimerCount()).toBe(0);
    client.close();
  });

  it("goes on over another socket when it is asked to, and lets the old one end in peace", async () => {
    const client = pipeline();
    const calls = [codeOf(client.put("a", "1")), codeOf(client.put("b", "2"))];
    await turn();
    at(0).open();
    at(0).answer([done(1)], { last: true });
    const third = codeOf(client.put("c", "3"));
    await turn();
    at(1).open();
    expect(at(1).requests.map(({ id }) => id)).toEqual([3]);
    expect(at(0).isClosed).toBe(false);
    at(0).answer([done(2)], { last: true });
    expect(at(0).isClosed).toBe(true);
    at(0).lose();
    at(1).answer([done(3)]);
    expect(await Promise.all([...calls, third])).toEqual(["answered", "answered", "answered"]);
    expect(sockets).toHaveLength(2);
    client.close();
    expect(await codeOf(client.get("a"))).toEqual(["closed", "not-applied"]);
  });
});
