/** `/watch` as an event stream, through the real objects: etcd's guarantees, and every way to ask for it wrongly. */
import { abortAllDurableObjects } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { userRange } from "../../src/store/key-space.ts";
import { eventStream } from "../../workers/gateway/event-stream.ts";
import { told } from "../../workers/gateway/watch-events.ts";
import { expectProblem, freshNamespace, get, jsonIn, put, send } from "./api.ts";
import { compact, removeRange, Stream, transact } from "./watching.ts";
import type { Told } from "./watching.ts";
import { visitWith } from "./visits.ts";

const remove = async (ns: string, key: string): Promise<Response> => send("DELETE", `${ns}/kv/${key}`);
const eventsIn = ({ data }: Told) => data["events"] as readonly Readonly<Record<string, unknown>>[];
const keysIn = (told: Told): readonly string[] => eventsIn(told).map(({ key }) => String(key));

afterEach(async () => {
  // What still waits at a replica goes with it.
  await abortAllDurableObjects();
});

describe("GET /watch", () => {
  it("begins with what comes after everything acknowledged, and says where that is", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/a`, "before");
    const stream = await Stream.open(ns);
    expect(Object.fromEntries(stream.response.headers)).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
    expect(await stream.next()).toEqual({ event: "ready", id: "3", data: { revision: 2, next: "3" } });
    await put(`${ns}/kv/a`, "after");
    expect(await stream.next()).toEqual({
      event: "changes",
      id: "4",
      data: {
        revision: 3,
        events: [{ type: "put", key: "a", value: "after", createRevision: 2, modRevision: 3, version: 2 }],
        more: false,
        next: "4",
      },
    });
    await remove(ns, "a");
    expect((await stream.changes()).data).toEqual({
      revision: 4,
      events: [{ type: "delete", key: "a", modRevision: 4 }],
      more: false,
      next: "5",
    });
    await stream.close();
  });

  it("tells the members that listings have", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/%ff`, Uint8Array.of(0xfe));
    await put(`${ns}/kv/%ff`, Uint8Array.of(0xfd));
    const stream = await Stream.open(ns, "?revision=1");
    await stream.changes();
    const [event] = eventsIn(await stream.changes());
    const { keys } = await jsonIn(await get(`${ns}/kv`));
    expect(event).toEqual({ type: "put", ...(keys as readonly object[])[0] });
    await stream.close();
  });

  it("waits for the first write of a namespace that was never founded", async () => {
    const ns = freshNamespace();
    const stream = await Stream.open(ns);
    expect(await stream.next()).toMatchObject({ event: "ready", id: "2" });
    await put(`${ns}/kv/a`, "first");
    expect(keysIn(await stream.changes())).toEqual(["a"]);
    await stream.close();
  });

  it("goes back to a revision, and waits for one that is still to come", async () => {
    const ns = freshNamespace();
    for (const key of ["a", "b", "c"]) await put(`${ns}/kv/${key}`, "x");
    const past = await Stream.open(ns, "?revision=3");
    expect(await past.next()).toMatchObject({ event: "ready", id: "3" });
    expect([await past.changes(), await past.changes()].map(keysIn)).toEqual([["b"], ["c"]]);
    const future = await Stream.open(ns, "?revision=6");
    await put(`${ns}/kv/d`, "x");
    await put(`${ns}/kv/e`, "x");
    expect(await future.changes()).toMatchObject({ id: "7", data: { revision: 6 } });
    await Promise.all([past.close(), future.close()]);
  });

  it.each([
    ["", ["a", "b", "b/1", "b/2", "c"]],
    ["key=b", ["b"]],
    ["prefix=", ["a", "b", "b/1", "b/2", "c"]],
    ["prefix=b", ["b", "b/1", "b/2"]],
    ["prefix=b%2F", ["b/1", "b/2"]],
    ["from=b/1", ["b/1", "b/2", "c"]],
    ["from=b&to=b/2", ["b", "b/1"]],
    ["from=&to=b", ["a"]],
  ])("%j is told of %j", async (query, keys) => {
    const ns = freshNamespace();
    for (const key of ["c", "b/2", "b", "b/1", "a"]) await put(`${ns}/kv/${key}`, "x");
    const stream = await Stream.open(ns, `?revision=1&${query}`);
    const heard: string[] = [];
    while (heard.length < keys.length) heard.push(...keysIn(await stream.changes()));
    expect(heard.toSorted()).toEqual(keys);
    // Nothing else was told before this.
    await put(`${ns}/kv/${keys[0]}`, "last");
    expect(eventsIn(await stream.changes())).toMatchObject([{ key: keys[0], value: "last" }]);
    await stream.close();
  });

  it("tells only the kinds that are asked for", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/a`, "1");
    await remove(ns, "a");
    await put(`${ns}/kv/a`, "2");
    await remove(ns, "a");
    for (const [kind, revisions] of [
      ["put", [2, 4]],
      ["delete", [3, 5]],
    ] as const) {
      const stream = await Stream.open(ns, `?revision=1&events=${kind}`);
      const told = [await stream.changes(), await stream.changes()];
      expect(told.flatMap(eventsIn).map(({ type, modRevision }) => [type, modRevision])).toEqual(
        revisions.map((at) => [kind, at]),
      );
      await stream.close();
    }
  });

  it("tells what was there before, if asked", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/a`, "1");
    await put(`${ns}/kv/a`, "2");
    await remove(ns, "a");
    const stream = await Stream.open(ns, "?revision=1&previous=true&events=put,delete");
    const told = [await stream.changes(), await stream.changes(), await stream.changes()].flatMap(eventsIn);
    const first = { key: "a", value: "1", createRevision: 2, modRevision: 2, version: 1 };
    expect(told.map(({ previous }) => previous)).toEqual([
      null,
      first,
      { ...first, value: "2", modRevision: 3, version: 2 },
    ]);
    await stream.close();
  });

  it("[N2] tells what changed at once in one event", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/gone`, "x");
    const stream = await Stream.open(ns);
    const puts = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, "v"]));
    const at = await transact(ns, puts, ["gone"]);
    const told = await stream.changes();
    expect(told).toMatchObject({ id: String(at + 1), data: { revision: at, more: false } });
    expect(new Set(keysIn(told))).toEqual(new Set([...Object.keys(puts), "gone"]));
    await stream.close();
  });

  it("[N2] tells a revision that fits no answer in parts that say so, and may be left between them", async () => {
    const ns = freshNamespace();
    const keys: string[] = [];
    for (let batch = 0; batch < 12; batch += 1) {
      const some = Array.from({ length: 100 }, (_, i) => `k${batch}-${i}`);
      await transact(ns, Object.fromEntries(some.map((key) => [key, "v"])));
      keys.push(...some);
    }
    const stream = await Stream.open(ns);
    const at = await removeRange(ns, "k", "l");
    const first = await stream.changes();
    expect(first.data).toMatchObject({ revision: at, more: true });
    expect(first.id).toMatch(new RegExp(`^${at}\\.\\d+$`));
    await stream.close();
    const again = await Stream.open(ns, "", first.id);
    const second = await again.changes();
    expect(second).toMatchObject({ id: String(at + 1), data: { revision: at, more: false } });
    expect([...keysIn(first), ...keysIn(second)].toSorted()).toEqual(keys.toSorted());
    await again.close();
  });

  it("[N1] [N3] neither loses nor repeats anything, however often it is left and taken up", async () => {
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
    let stream = await Stream.open(ns, "?prefix=w/");
    const writers = Promise.all(["a", "b", "c", "d"].map(writer));
    const told: number[] = [];
    for (let count = 1; told.length < 160; count += 1) {
      const { data } = await stream.changes();
      told.push(Number(data["revision"]));
      if (count % 9 !== 0 || told.length === 160) continue;
      await stream.close();
      // The query says where it began; the header says where it goes on.
      stream = await Stream.open(ns, `?prefix=w/${count % 2 === 0 ? "&revision=1" : ""}`, stream.lastId);
    }
    await writers;
    expect(told).toEqual(acknowledged.toSorted((a, b) => a - b));
    await stream.close();
  }, 30_000);

  it("goes on from a place in the query, too", async () => {
    const ns = freshNamespace();
    await transact(ns, { a: "1", b: "2", c: "3" });
    const stream = await Stream.open(ns, "?place=2.1");
    expect(keysIn(await stream.changes())).toHaveLength(2);
    await stream.close();
  });

  it("[N1] a place that the replica has not come to divides its revision still", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/x`, "x");
    const stream = await Stream.open(ns, "?place=3.1");
    const at = await transact(ns, { a: "1", b: "2", c: "3" });
    expect(at).toBe(3);
    const told = await stream.changes();
    expect(keysIn(told)).toHaveLength(2);
    await stream.close();
  });

  it("[N3] says that history is gone, and from where on it is not", async () => {
    const ns = freshNamespace();
    for (let i = 0; i < 5; i += 1) await put(`${ns}/kv/a`, String(i));
    await compact(ns, 5);
    const gone = await get(`${ns}/watch?revision=2`);
    expect(await gone.clone().json()).toMatchObject({ compactedRevision: 5 });
    await expectProblem(gone, 410, "revision-compacted");
    const stream = await Stream.open(ns, "?revision=5");
    expect((await stream.changes()).data).toMatchObject({ revision: 5, events: [{ value: "3" }] });
    await stream.close();
  });

  it("[N3] says so also where it goes on when somebody else compacts", async () => {
    const ns = freshNamespace();
    const followed = { range: userRange, puts: true, deletes: true, previous: false };
    const steps = told(
      visitWith((real) => real, ns),
      followed,
      null,
    );
    expect((await steps.next()).value).toMatchObject([{ event: "ready", id: "2" }]);
    for (let i = 0; i < 2; i += 1) await put(`${ns}/kv/a`, String(i));
    expect((await steps.next()).value).toMatchObject([{ data: { revision: 2 } }, { data: { revision: 3 } }]);
    for (let i = 0; i < 3; i += 1) await put(`${ns}/kv/a`, String(i));
    await compact(ns, 6);
    const { value } = await steps.next();
    expect(value).toEqual([
      { event: "compacted", data: { detail: expect.any(String) as unknown, compactedRevision: 6 } },
    ]);
    expect(await steps.next()).toMatchObject({ done: true });
    await expectProblem(await get(`${ns}/watch`, { "last-event-id": "4" }), 410, "revision-compacted");
  });

  it("asks a replica nothing more once the client is gone", async () => {
    const ns = freshNamespace();
    let asked = 0;
    const visit = visitWith(
      (real) => ({
        async call(port, address, payload, timeoutMs) {
          asked += 1;
          return real.call(port, address, payload, timeoutMs);
        },
      }),
      ns,
    );
    const followed = { range: userRange, puts: true, deletes: true, previous: false };
    const stream = new Stream(await eventStream(visit, new AbortController().signal, told(visit, followed, null)));
    await stream.next();
    await put(`${ns}/kv/a`, "1");
    await stream.changes();
    await stream.close();
    const before = asked;
    for (let i = 0; i < 3; i += 1) await put(`${ns}/kv/a`, "2");
    expect(asked).toBe(before);
  });

  it("answers HEAD like GET, without a stream", async () => {
    const head = await send("HEAD", `${freshNamespace()}/watch`);
    expect([head.status, head.headers.get("content-type"), await head.text()]).toEqual([200, "text/event-stream", ""]);
  });
});

describe("what cannot be watched", () => {
  it.each([
    ["unknown=1", "invalid-query"],
    ["key=a&key=b", "invalid-query"],
    ["key=a&prefix=b", "invalid-query"],
    ["key=a&from=b", "invalid-query"],
    ["prefix=a&from=b", "invalid-query"],
    ["key=", "invalid-key"],
    [`key=${"a".repeat(1025)}`, "invalid-key"],
    [`prefix=${"a".repeat(1025)}`, "invalid-key"],
    [`from=a&to=${"a".repeat(1025)}`, "invalid-key"],
    ["to=a", "invalid-query"],
    ["prefix=a&to=b", "invalid-query"],
    ["from=b&to=b", "invalid-query"],
    ["from=b&to=a", "invalid-query"],
    ["key=%zz", "invalid-query"],
    ["revision=0", "invalid-query"],
    ["revision=-1", "invalid-query"],
    ["revision=1.5", "invalid-query"],
    ["revision=01", "invalid-query"],
    ["revision=", "invalid-query"],
    ["revision=9007199254740992", "invalid-query"],
    ["place=0", "invalid-query"],
    ["place=1.0", "invalid-query"],
    ["place=x", "invalid-query"],
    ["place=1&revision=1", "invalid-query"],
    ["events=", "invalid-query"],
    ["events=puts", "invalid-query"],
    ["events=put,put", "invalid-query"],
    ["events=put,", "invalid-query"],
    ["previous=1", "invalid-query"],
    ["previous=", "invalid-query"],
  ])("%s", async (query, code) => {
    const ns = freshNamespace();
    await expectProblem(await get(`${ns}/watch?${query}`), 400, code);
    await expectProblem(await get(`${ns}/watch?${query}`, { upgrade: "websocket" }), 400, code);
  });

  it.each(["0", "x", "1.0", "1 2", "9007199254740992"])("Last-Event-ID: %s", async (id) => {
    await expectProblem(await get(`${freshNamespace()}/watch`, { "last-event-id": id }), 400, "invalid-header");
  });

  it.each(["PUT", "POST", "DELETE", "PATCH"])("by %s", async (method) => {
    const response = await send(method, `${freshNamespace()}/watch`);
    expect(response.headers.get("allow")).toBe("GET, HEAD");
    await expectProblem(response, 405, "method-not-allowed", "not-applied");
  });
});
