/**
 * `/watch` as a WebSocket, through the real objects: the same guarantees as a stream, asleep and awake, with clients that
 * do not acknowledge, talk nonsense, or come from where they may not.
 */
import {
  createExecutionContext,
  evictDurableObject,
  runDurableObjectAlarm,
  runInDurableObject,
  waitOnExecutionContext,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { limits } from "../../src/support/limits.ts";
import type { Bindings } from "../../workers/bindings.ts";
import gateway from "../../workers/gateway.ts";
import { expectProblem, freshNamespace, jsonIn, problemIn, put, send } from "./api.ts";
import { upgrade } from "./sockets.ts";
import { compact, removeRange, replicaOf, Socket, transact } from "./watching.ts";
import type { Message } from "./watching.ts";

const remove = async (ns: string, key: string): Promise<Response> => send("DELETE", `${ns}/kv/${key}`);
const revisionsIn = ({ events }: Message): readonly unknown[] =>
  (events as readonly Message[]).map(({ modRevision }) => modRevision);
const keysIn = ({ events }: Message): readonly string[] => (events as readonly Message[]).map(({ key }) => String(key));
/** The replica that holds the sockets: the nearest one, which is the first without a place. */
const sleep = async (ns: string): Promise<void> => evictDurableObject(replicaOf(ns));

afterEach(() => void vi.useRealTimers());

describe("a WebSocket at /watch", () => {
  it("begins with what comes after everything acknowledged, and tells it", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/a`, "before");
    const socket = new Socket(await upgrade(`${ns}/watch`));
    expect(await socket.next()).toEqual({ type: "ready", revision: 2, next: "3" });
    await put(`${ns}/kv/a`, "after");
    expect(await socket.events()).toEqual({
      type: "events",
      events: [{ type: "put", key: "a", value: "after", createRevision: 2, modRevision: 3, version: 2 }],
      next: "4",
    });
    await remove(ns, "a");
    expect(await socket.events()).toMatchObject({ events: [{ type: "delete", key: "a", modRevision: 4 }], next: "5" });
    socket.socket.close(1000, "done");
    expect(await socket.closed).toEqual([1000, "done"]);
  });

  it("goes back to a revision, with filters and what was there before", async () => {
    const ns = freshNamespace();
    for (const key of ["a/1", "b", "a/2"]) await put(`${ns}/kv/${key}`, key);
    await remove(ns, "a/1");
    const all = await Socket.open(ns, "?prefix=a/&revision=1");
    const told = await all.events();
    expect([revisionsIn(told), told.next]).toEqual([[2, 4, 5], "6"]);
    const gone = await Socket.open(ns, "?prefix=a/&revision=1&events=delete&previous=true");
    expect(await gone.events()).toMatchObject({ events: [{ type: "delete", previous: { value: "a/1" } }] });
    const one = await Socket.open(ns, "?key=b&place=3");
    expect(await one.events()).toMatchObject({ events: [{ key: "b" }], next: "6" });
  });

  it("waits for the first write of a namespace that was never founded, asleep", async () => {
    const ns = freshNamespace();
    const socket = await Socket.open(ns);
    await sleep(ns);
    await put(`${ns}/kv/a`, "first");
    expect(keysIn(await socket.events())).toEqual(["a"]);
  });

  it("[N2] tells what changed at once in one message, and parts of what is too much for one", async () => {
    const ns = freshNamespace();
    const keys: string[] = [];
    for (let batch = 0; batch < 3; batch += 1) {
      const some = Array.from({ length: 100 }, (_, i) => `k${batch}-${i}`);
      await transact(ns, Object.fromEntries(some.map((key) => [key, "v"])));
      keys.push(...some);
    }
    const socket = await Socket.open(ns, "?revision=1");
    // Two revisions fit: the third begins the next message.
    const first = await socket.events();
    expect([keysIn(first).length, first.next]).toEqual([200, "4"]);
    expect(await socket.events()).toMatchObject({ next: "5" });
    const at = await removeRange(ns, "k", "l");
    const [one, two] = [await socket.events(), await socket.events()];
    expect([one.next, two.next]).toEqual([`${at}.${limits.watchSocketEvents}`, String(at + 1)]);
    expect([...keysIn(one), ...keysIn(two)].toSorted()).toEqual(keys.toSorted());
  });

  it("[N1] [N3] neither loses nor repeats anything, left and taken up, asleep and awake", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/other`, "x");
    const acknowledged: number[] = [];
    const writer = async (name: string): Promise<void> => {
      for (let i = 0; i < 40; i += 1) {
        const response = i % 5 === 4 ? await remove(ns, `w/${name}`) : await put(`${ns}/kv/w/${name}`, String(i));
        acknowledged.push(Number((await jsonIn(response))["revision"]));
        if (i % 7 === 0) await put(`${ns}/kv/other`, String(i));
      }
    };
    let socket = await Socket.open(ns, "?prefix=w/");
    const writers = Promise.all(["a", "b", "c"].map(writer));
    const told: unknown[] = [];
    for (let count = 1; told.length < 120; count += 1) {
      const message = await socket.events();
      told.push(...revisionsIn(message));
      if (told.length >= 120) break;
      if (count % 9 === 0) {
        socket.socket.close();
        socket = await Socket.open(ns, `?prefix=w/&place=${message.next}`);
      } else if (count % 9 === 5) {
        await sleep(ns);
      }
    }
    await writers;
    expect(told).toEqual(acknowledged.toSorted((a, b) => a - b));
  }, 30_000);

  it("says how far it was told, and that nothing acknowledged before is missing", async () => {
    const ns = freshNamespace();
    const socket = await Socket.open(ns, "?key=a");
    for (let i = 0; i < 3; i += 1) await put(`${ns}/kv/b`, String(i));
    expect(await socket.progress()).toEqual({ type: "progress", revision: 4, next: "5", confirmed: true });
    await sleep(ns);
    expect(await socket.progress()).toMatchObject({ next: "5", confirmed: true });
  });

  it("tells many sockets, each all of it, and before it says that it has", async () => {
    const ns = freshNamespace();
    const sockets: Socket[] = [];
    for (let n = 0; n <= limits.watchSocketsToldAtOnce; n += 1) sockets.push(await Socket.open(ns, "?key=a"));
    for (const value of ["1", "2", "3"]) await put(`${ns}/kv/a`, value);
    const last = sockets.at(-1) as Socket;
    last.send({ type: "progress" });
    for (const socket of sockets) {
      const values: unknown[] = [];
      while (values.length < 3) {
        const { events } = await socket.events();
        values.push(...(events as readonly Message[]).map(({ value }) => value));
      }
      expect(values).toEqual(["1", "2", "3"]);
    }
    expect(await last.next()).toEqual({ type: "progress", revision: 4, next: "5", confirmed: true });
  });

  it("[N4] keeps its place over what it was not told of, when that is compacted while it sleeps", async () => {
    const ns = freshNamespace();
    const socket = await Socket.open(ns, "?key=a");
    await put(`${ns}/kv/a`, "1");
    await socket.events();
    for (let i = 0; i < 5; i += 1) await put(`${ns}/kv/b`, String(i));
    await sleep(ns);
    await compact(ns, 7);
    await sleep(ns);
    await put(`${ns}/kv/a`, "2");
    expect(await socket.events()).toMatchObject({ events: [{ key: "a", value: "2" }] });
  });

  it("[N3] is told that history is gone, from where on it is not, and is closed", async () => {
    const ns = freshNamespace();
    for (let i = 0; i < 5; i += 1) await put(`${ns}/kv/a`, String(i));
    await compact(ns, 5);
    const socket = await Socket.open(ns, "?revision=2");
    expect(await socket.next()).toEqual({ type: "compacted", compactedRevision: 5 });
    expect(await socket.closed).toEqual([4410, "compacted; next=5"]);
    const again = await Socket.open(ns, "?revision=5");
    expect(revisionsIn(await again.events())).toEqual([5, 6]);
  });
});

describe("a replica with sockets", () => {
  it("sleeps while they stay open, and pings wake nobody", async () => {
    const ns = freshNamespace();
    const sockets = await Promise.all(Array.from({ length: 20 }, async (_, i) => Socket.open(ns, `?prefix=${i % 2}`)));
    await put(`${ns}/kv/0`, "x");
    await Promise.all(sockets.filter((_, i) => i % 2 === 0).map(async (socket) => socket.events()));
    const mark = async (value?: string): Promise<unknown> =>
      runInDurableObject(replicaOf(ns), (instance) => {
        const marked = instance as unknown as { mark?: string };
        if (value !== undefined) marked.mark = value;
        return marked.mark;
      });
    await mark("before");
    await sleep(ns);
    for (const { socket } of sockets) socket.send("ping");
    for (const socket of sockets) expect(await socket.nextText()).toBe("pong");
    // Nothing of the instance before is left, and the sockets are.
    expect(await mark()).toBeUndefined();
    await sleep(ns);
    await put(`${ns}/kv/1`, "x");
    const told = await Promise.all(sockets.filter((_, i) => i % 2 === 1).map(async (socket) => socket.events()));
    expect(new Set(told.map(keysIn).flat())).toEqual(new Set(["1"]));
    for (const socket of sockets) expect(socket.pending).toBe(0);
  });

  it("asks whether it missed something when its alarm rings, and sets it again", async () => {
    const ns = freshNamespace();
    const socket = await Socket.open(ns);
    await put(`${ns}/kv/a`, "1");
    await socket.events();
    const alarm = async (): Promise<number | null> =>
      runInDurableObject(replicaOf(ns), async (_, state) => state.storage.getAlarm());
    const inTime = (at: number | null): boolean => at !== null && at <= Date.now() + limits.watchAlarmMs;
    expect(inTime(await alarm())).toBe(true);
    await sleep(ns);
    expect(await runDurableObjectAlarm(replicaOf(ns))).toBe(true);
    expect(inTime(await alarm())).toBe(true);
    socket.socket.close();
    await socket.closed;
    await runDurableObjectAlarm(replicaOf(ns));
    expect(await alarm()).toBeNull();
  });

  it("takes no more of them than it may", async () => {
    const ns = freshNamespace();
    const most = vi.spyOn(limits, "watchSockets" as never, "get" as never);
    most.mockReturnValue(0 as never);
    await expectProblem(await upgrade(`${ns}/watch`), 503, "too-many-watches");
    most.mockRestore();
  });
});

describe("a client that does not acknowledge", () => {
  const fill = async (ns: string, from: number, to: number): Promise<void> => {
    for (let i = from; i < to; i += 1) await put(`${ns}/kv/a`, String(i));
  };

  it("is sent so many messages, and the rest once it does, asleep or not", async () => {
    const ns = freshNamespace();
    const socket = await Socket.open(ns);
    const most = limits.watchUnackedMessages;
    await fill(ns, 0, most + 5);
    const told: Message[] = [];
    for (let i = 0; i < most; i += 1) told.push(await socket.next());
    expect(await socket.progress()).toMatchObject({ type: "progress", revision: most + 6, next: String(most + 2) });
    await sleep(ns);
    expect(await socket.progress()).toMatchObject({ type: "progress", next: String(most + 2) });
    // All that was left is one message: it was never queued.
    socket.send({ type: "ack", next: told[0]?.["next"] });
    expect(revisionsIn(await socket.events())).toEqual([18, 19, 20, 21, 22]);
  });

  it("is sent so many bytes", async () => {
    const ns = freshNamespace();
    const value = "x".repeat(limits.watchUnackedBytes);
    const socket = await Socket.open(ns);
    for (let i = 0; i < 3; i += 1) await put(`${ns}/kv/a`, value);
    const first = await socket.next();
    expect(await socket.progress()).toMatchObject({ type: "progress", next: first["next"] });
    socket.send({ type: "ack", next: first["next"] });
    expect(revisionsIn(await socket.events())).toEqual([3]);
    expect(revisionsIn(await socket.events())).toEqual([4]);
  });

  it("is cut off at last, and told where it can go on", async () => {
    const ns = freshNamespace();
    const socket = await Socket.open(ns);
    const quick = await Socket.open(ns);
    const most = limits.watchUnackedMessages;
    await fill(ns, 0, 2);
    const first = await socket.next();
    socket.send({ type: "ack", next: first["next"] });
    expect(await socket.next()).toMatchObject({ type: "events" });
    await fill(ns, 2, most + 3);
    for (let told = 0; told < most + 3;) told += revisionsIn(await quick.events()).length;
    for (let i = 0; i < most - 1; i += 1) await socket.next();
    vi.useFakeTimers({ now: Date.now() + limits.watchBehindMs + 1_000, toFake: ["Date"] });
    await fill(ns, 0, 1);
    expect(await socket.closed).toEqual([4408, `no acknowledgement; next=${String(first["next"])}`]);
    expect(revisionsIn(await quick.events())).toEqual([most + 5]);
    const again = await Socket.open(ns, `?place=${String(first["next"])}`);
    expect(revisionsIn(await again.events())[0]).toBe(3);
  });
});

describe("what a client may not say", () => {
  it.each<[string, string | Uint8Array, number]>([
    ["nothing", "", 1008],
    ["no JSON", "hello", 1008],
    ["no message", "{}", 1008],
    ["a place that is none", '{"type":"ack","next":"x"}', 1008],
    ["a place it was never sent", '{"type":"ack","next":"99"}', 1008],
    ["more than was asked", '{"type":"progress","x":1}', 1008],
    ["bytes", Uint8Array.of(1, 2, 3), 1003],
    ["too much", `{"type":"progress","x":"${"x".repeat(limits.watchMessageCharacters)}"}`, 1009],
  ])("%s", async (_, message, code) => {
    const ns = freshNamespace();
    const [socket, other] = [await Socket.open(ns), await Socket.open(ns)];
    socket.socket.send(message);
    expect(await socket.next()).toEqual({ type: "error", detail: expect.stringMatching(/\w+/) as unknown });
    const [closed, reason] = await socket.closed;
    expect([closed, reason]).toEqual([code, expect.stringMatching(/\w+/)]);
    // Nobody else minds.
    expect(await other.progress()).toMatchObject({ type: "progress" });
  });
});

describe("who may open one", () => {
  async function at(bindings: Partial<Bindings>, headers: Readonly<Record<string, string>>): Promise<Response> {
    const context = createExecutionContext();
    const request = new Request(`http://synod.test${freshNamespace()}/watch`, {
      headers: { upgrade: "websocket", ...headers },
    });
    const response = await gateway.fetch(request, { ...env, ...bindings }, context);
    await waitOnExecutionContext(context);
    return response;
  }
  const closed = { SYNOD_OPEN: "", SYNOD_TOKEN: "right" };

  it.each([
    [{ authorization: "Bearer right" }, null],
    [{ "sec-websocket-protocol": "synod, bearer.right" }, "synod"],
    [{ "sec-websocket-protocol": "synod,bearer.right", origin: "https://elsewhere.test" }, "synod"],
  ])("%j may", async (headers, protocol) => {
    const response = await at(closed, headers as Record<string, string>);
    expect([response.status, response.headers.get("sec-websocket-protocol")]).toEqual([101, protocol]);
    response.webSocket?.accept();
    response.webSocket?.close();
  });

  it.each([
    {},
    { authorization: "Bearer wrong" },
    { "sec-websocket-protocol": "synod" },
    { "sec-websocket-protocol": "synod, bearer.wrong" },
    { "sec-websocket-protocol": "bearer.right" },
    { "sec-websocket-protocol": "bearer.right, synod" },
    { "sec-websocket-protocol": "synod, bearer.right, more" },
    { "sec-websocket-protocol": "synod, bearer.right", upgrade: "" },
  ])("%j may not", async (headers) => {
    await expectProblem(await at(closed, headers as Record<string, string>), 401, "unauthorized");
  });

  it("a page of another origin may not, where no token is asked for", async () => {
    const foreign = await at({}, { origin: "https://elsewhere.test" });
    expect((await problemIn(foreign))["code"]).toBe("unauthorized");
    for (const origin of ["http://synod.test", "http://localhost:3000"]) {
      const response = await at({}, { origin });
      expect(response.status).toBe(101);
      response.webSocket?.accept();
      response.webSocket?.close();
    }
  });
});
