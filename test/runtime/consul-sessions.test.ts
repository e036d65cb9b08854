/** Consul's sessions, its locks, and its events, through the real objects. Wire facts verified on Consul 1.10.11. */
import { describe, expect, it } from "vitest";
import { freshNamespace, get, put, send, until } from "./api.ts";
import { blocked, consul, consulError, indexOf, newSession, pairAt, putText } from "./consul.ts";
import { b64 } from "./etcd.ts";

type Json = Readonly<Record<string, unknown>>;
const unknown = "00000000-0000-4000-8000-000000000000";

describe("a session", () => {
  it("is created, shown, renewed, destroyed", async () => {
    const ns = freshNamespace();
    const id = await newSession(ns, { Name: "worker", TTL: "10s", LockDelay: "5s", Behavior: "delete" });
    const shown = {
      ID: id,
      Name: "worker",
      Node: "synod",
      LockDelay: 5_000_000_000,
      Behavior: "delete",
      TTL: "10s",
      NodeChecks: ["serfHealth"],
      ServiceChecks: null,
    };
    const info = await get(`${ns}/v1/session/info/${id}`);
    expect(indexOf(info)).toBeGreaterThan(1);
    expect(await info.json()).toMatchObject([shown]);
    for (const path of [`list`, `node/synod`])
      expect(await consul("GET", `${ns}/v1/session/${path}`)).toMatchObject([shown]);
    expect(await consul("GET", `${ns}/v1/session/node/other`)).toEqual([]);
    expect(await consul("PUT", `${ns}/v1/session/renew/${id}`)).toMatchObject([shown]);
    expect(await consul("PUT", `${ns}/v1/session/destroy/${id}`)).toBe(true);
    expect(await consul("PUT", `${ns}/v1/session/destroy/${id}`)).toBe(true);
    expect(await consul("GET", `${ns}/v1/session/info/${id}`)).toEqual([]);
    expect(await consul("GET", `${ns}/v1/session/list`)).toEqual([]);
    expect(await consulError(await putText(`${ns}/v1/session/renew/${id}`))).toEqual([
      404,
      `Session id '${id}' not found`,
    ]);
  });

  it("has Consul's defaults, and takes names in any case", async () => {
    const ns = freshNamespace();
    const plain = await newSession(ns);
    expect(await consul("GET", `${ns}/v1/session/info/${plain}`)).toMatchObject([
      { Name: "", LockDelay: 15_000_000_000, Behavior: "release", TTL: "", NodeChecks: ["serfHealth"] },
    ]);
    const odd = await newSession(ns, { name: "x", lock_delay: 3, ttl: "1m", behavior: "release", nodechecks: [] });
    expect(await consul("GET", `${ns}/v1/session/info/${odd}`)).toMatchObject([
      { Name: "x", LockDelay: 3_000_000_000, TTL: "1m", NodeChecks: [] },
    ]);
    const long = await newSession(ns, { LockDelay: 90_000_000_000 });
    expect(await consul("GET", `${ns}/v1/session/info/${long}`)).toMatchObject([{ LockDelay: 90_000_000_000 }]);
  });

  it.each([
    [{ TTL: "5s" }, 500, "Invalid Session TTL '5000000000', must be between [10s=24h0m0s]"],
    [{ TTL: "25h" }, 500, "must be between"],
    [{ TTL: "soon" }, 500, 'invalid: time: invalid duration "soon"'],
    [{ TTL: 10 }, 400, "json: cannot unmarshal number into field TTL of type string"],
    [{ Behavior: "explode" }, 500, "Invalid Behavior setting 'explode'"],
    [{ LockDelay: "x" }, 400, "time: invalid duration"],
    [{ LockDelay: "-5s" }, 400, "must not be negative"],
    [{ Node: "elsewhere" }, 500, "Missing node registration"],
    [{ NodeChecks: ["disk"] }, 501, "no health checks but serfHealth"],
    [{ ServiceChecks: [{ ID: "web" }] }, 501, "no health checks but serfHealth"],
    [{ Colour: "red" }, 400, 'json: unknown field "Colour"'],
    [{ Name: "a", name: "b" }, 400, "stands twice"],
    [[], 400, "must be an object"],
    ["{", 400, "Request decode failed"],
  ])("%j is refused", async (body, status, text) => {
    const ns = freshNamespace();
    const response = await putText(`${ns}/v1/session/create`, typeof body === "string" ? body : JSON.stringify(body));
    expect(await consulError(response)).toEqual([status, expect.stringContaining(text)]);
    expect(await consul("GET", `${ns}/v1/session/list`)).toEqual([]);
  });

  it("is named by a UUID", async () => {
    const ns = freshNamespace();
    for (const [method, path] of [
      ["GET", "info"],
      ["PUT", "renew"],
      ["PUT", "destroy"],
    ] as const) {
      const wrong = await consulError(await send(method, `${ns}/v1/session/${path}/short`));
      expect(wrong).toEqual([500, expect.stringContaining("UUID must be 36 characters")]);
      expect((await consulError(await send(method, `${ns}/v1/session/${path}/`)))[0]).toBe(400);
    }
    expect(await consul("GET", `${ns}/v1/session/info/${unknown}`)).toEqual([]);
    expect((await consulError(await putText(`${ns}/v1/session/renew/${unknown}`)))[0]).toBe(404);
  });
});

describe("a lock", () => {
  it("is held by one session, counted, and given back", async () => {
    const ns = freshNamespace();
    const [one, two] = [await newSession(ns), await newSession(ns)];
    expect(await consul("PUT", `${ns}/v1/kv/l?acquire=${one}&flags=9`, "one")).toBe(true);
    expect(await pairAt(ns, "l")).toMatchObject({ LockIndex: 1, Session: one, Value: b64("one"), Flags: 9 });
    expect(await consul("PUT", `${ns}/v1/kv/l?acquire=${two}`, "two")).toBe(false);
    expect(await consul("PUT", `${ns}/v1/kv/l?acquire=${one}`, "again")).toBe(true);
    expect(await pairAt(ns, "l")).toMatchObject({ LockIndex: 1, Session: one, Value: b64("again"), Flags: 0 });
    expect(await consul("PUT", `${ns}/v1/kv/l?release=${two}`, "x")).toBe(false);
    expect(await consul("PUT", `${ns}/v1/kv/l?release=${one}`, "free")).toBe(true);
    const free = await pairAt(ns, "l");
    expect(free).toMatchObject({ LockIndex: 1, Value: b64("free") });
    expect(free).not.toHaveProperty("Session");
    // No lock-delay after a release.
    expect(await consul("PUT", `${ns}/v1/kv/l?acquire=${two}`, "two")).toBe(true);
    expect(await pairAt(ns, "l")).toMatchObject({ LockIndex: 2, Session: two });
    expect(await consul("PUT", `${ns}/v1/kv/none?release=${one}`, "x")).toBe(false);
  });

  it("is taken by one of many", async () => {
    const ns = freshNamespace();
    const sessions = await Promise.all(Array.from({ length: 6 }, async () => newSession(ns)));
    const said = await Promise.all(sessions.map(async (id) => consul("PUT", `${ns}/v1/kv/l?acquire=${id}`, id)));
    expect(said.filter((one) => one === true)).toHaveLength(1);
    expect(await pairAt(ns, "l")).toMatchObject({ Session: sessions[said.indexOf(true)], LockIndex: 1 });
  });

  it("is advisory: a plain PUT keeps the session and counts from 0 again", async () => {
    const ns = freshNamespace();
    const id = await newSession(ns, { LockDelay: "0s" });
    await consul("PUT", `${ns}/v1/kv/l?acquire=${id}`, "x");
    await consul("PUT", `${ns}/v1/kv/l`, "x");
    expect(await pairAt(ns, "l")).toMatchObject({ LockIndex: 0, Session: id });
    await put(`${ns}/kv/l`, "native");
    expect(await pairAt(ns, "l")).toMatchObject({ LockIndex: 0, Session: id, Value: b64("native") });
    await consul("DELETE", `${ns}/v1/kv/l`);
    await consul("PUT", `${ns}/v1/kv/l`, "y");
    expect(await pairAt(ns, "l")).not.toHaveProperty("Session");
    expect(await consul("PUT", `${ns}/v1/kv/l?acquire=${id}`, "x")).toBe(true);
  });

  it("ends with its session: the key is released, at a higher index, and kept from others for the lock-delay", async () => {
    const ns = freshNamespace();
    const [one, two] = [await newSession(ns, { LockDelay: "1s" }), await newSession(ns)];
    await consul("PUT", `${ns}/v1/kv/l?acquire=${one}`, "x");
    const index = indexOf(await get(`${ns}/v1/kv/l`));
    const waiting = blocked(`${ns}/v1/kv/l?index=${index}&wait=10s`);
    await consul("PUT", `${ns}/v1/session/destroy/${one}`);
    const answer = await waiting.answer;
    expect(indexOf(answer)).toBeGreaterThan(index);
    const [pair] = await answer.json<readonly Json[]>();
    expect(pair).toMatchObject({ LockIndex: 1, Value: b64("x"), ModifyIndex: indexOf(answer) });
    expect(pair).not.toHaveProperty("Session");
    expect(await consul("PUT", `${ns}/v1/kv/l?acquire=${two}`, "y")).toBe(false);
    const listed = await get(`${ns}/v1/kv/?recurse`);
    expect(await listed.json()).toEqual([pair]);
    // The released key's index is what cas compares with.
    expect(await consul("PUT", `${ns}/v1/kv/l?cas=${index}`, "z")).toBe(false);
    expect(await consul("PUT", `${ns}/v1/kv/l?cas=${indexOf(answer)}`, "z")).toBe(true);
    expect(await consul("PUT", `${ns}/v1/kv/l?acquire=${two}`, "y")).toBe(false);
    const taken = async () => ((await consul("PUT", `${ns}/v1/kv/l?acquire=${two}`, "y")) === true ? true : null);
    expect(await until("the lock-delay is over", taken)).toBe(true);
    expect(await pairAt(ns, "l")).toMatchObject({ Session: two });
  });

  it("is free at once where the session asked for no lock-delay", async () => {
    const ns = freshNamespace();
    const [one, two] = [await newSession(ns, { LockDelay: "0s" }), await newSession(ns)];
    await consul("PUT", `${ns}/v1/kv/l?acquire=${one}`, "x");
    await consul("PUT", `${ns}/v1/session/destroy/${one}`);
    expect(await consul("PUT", `${ns}/v1/kv/l?acquire=${two}`, "y")).toBe(true);
    expect(await pairAt(ns, "l")).toMatchObject({ LockIndex: 2 });
  });

  it("of a session that deletes takes its key with it", async () => {
    const ns = freshNamespace();
    const id = await newSession(ns, { Behavior: "delete", LockDelay: "0s" });
    await consul("PUT", `${ns}/v1/kv/gone?acquire=${id}&flags=5`, "x");
    await consul("PUT", `${ns}/v1/kv/gone?flags=6`, "y");
    await consul("PUT", `${ns}/v1/kv/kept?acquire=${id}`, "x");
    await consul("PUT", `${ns}/v1/kv/kept?release=${id}`, "x");
    await consul("PUT", `${ns}/v1/session/destroy/${id}`);
    expect(await consul("GET", `${ns}/v1/kv/?keys`)).toEqual(["kept"]);
    await consul("PUT", `${ns}/v1/kv/gone`, "new");
    expect(await pairAt(ns, "gone")).toMatchObject({ Flags: 0, LockIndex: 0 });
  });

  it("cannot be taken for a session that ended", async () => {
    const ns = freshNamespace();
    const id = await newSession(ns);
    await consul("PUT", `${ns}/v1/session/destroy/${id}`);
    const response = await putText(`${ns}/v1/kv/l?acquire=${id}`, "x");
    expect(await consulError(response)).toEqual([500, `raft apply failed: invalid session "${id}"`]);
  });
});

describe("events", () => {
  it("are told to who asks, in order, and wake who waits", async () => {
    const ns = freshNamespace();
    const fired = await consul<Json>("PUT", `${ns}/v1/event/fire/deploy?service=web&tag=v1`, "now");
    expect(fired).toMatchObject({
      Name: "deploy",
      Payload: b64("now"),
      NodeFilter: "",
      ServiceFilter: "web",
      TagFilter: "v1",
      Version: 1,
      LTime: 0,
    });
    const first = await get(`${ns}/v1/event/list`);
    expect(await first.json()).toMatchObject([{ ID: fired["ID"], Name: "deploy" }]);
    const waiting = blocked(`${ns}/v1/event/list?index=${indexOf(first)}&wait=10s`);
    await consul("PUT", `${ns}/v1/event/fire/other`, "");
    expect(await (await waiting.answer).json()).toMatchObject([{ Name: "deploy" }, { Name: "other", Payload: null }]);
    expect(await consul("GET", `${ns}/v1/event/list?name=other`)).toHaveLength(1);
    expect((await consulError(await putText(`${ns}/v1/event/fire/`)))[0]).toBe(400);
    expect((await consulError(await putText(`${ns}/v1/event/fire/x?tag=a`)))[0]).toBe(400);
    expect((await consulError(await putText(`${ns}/v1/event/fire/x`, "p".repeat(10_000))))[0]).toBe(413);
  });
});

describe("many large events", () => {
  it("are listed page by page, in their order", async () => {
    const ns = freshNamespace();
    for (let at = 0; at < 100; at += 20) {
      const some = Array.from({ length: 20 }, async (_, more) =>
        consul("PUT", `${ns}/v1/event/fire/e${at + more}`, "p".repeat(9 * 1024)),
      );
      await Promise.all(some);
    }
    const listed = await consul<readonly { Name: string; Payload: string }[]>("GET", `${ns}/v1/event/list`);
    expect(new Set(listed.map(({ Name }) => Name)).size).toBe(100);
    expect(listed.slice(0, 20).map(({ Name }) => Number(Name.slice(1)) < 20)).not.toContain(false);
  });
});

describe("who is here", () => {
  it("is told as a leader, peers, members, and oneself", async () => {
    const ns = freshNamespace();
    await consul("PUT", `${ns}/v1/kv/a`, "x");
    const peers = await consul<readonly string[]>("GET", `${ns}/v1/status/peers`);
    expect(peers).toEqual(["wnam.synod:8300", "enam.synod:8300", "weur.synod:8300"]);
    const leader = await until("somebody leads", async () => {
      const said = await consul<string>("GET", `${ns}/v1/status/leader`);
      return said === "" ? null : said;
    });
    expect(peers).toContain(leader);
    const members = await consul<readonly Json[]>("GET", `${ns}/v1/agent/members`);
    expect(members.map(({ Name, Status }) => [Name, Status])).toEqual([
      ["wnam", 1],
      ["enam", 1],
      ["weur", 1],
    ]);
    const self = await consul<Readonly<Record<string, Json>>>("GET", `${ns}/v1/agent/self`);
    expect(self["Config"]).toMatchObject({ Datacenter: "synod", NodeName: "synod", Server: true });
    expect(self["Member"]).toMatchObject({ Name: "synod", Addr: "synod.test", Port: 80 });
    expect((await get(`${ns}/v1/status/leader`)).headers.has("x-consul-index")).toBe(false);
  });
});
