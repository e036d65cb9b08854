/** Consul's keys and values through the real objects. Wire facts verified on Consul 1.10.11. */
import { describe, expect, it } from "vitest";
import { freshNamespace, get, put, send, valueOf } from "./api.ts";
import { blocked, consul, consulError, indexOf, newSession, pairAt, putText } from "./consul.ts";
import { b64, etcd } from "./etcd.ts";

describe("a key", () => {
  it("is written and read in Consul's shape", async () => {
    const ns = freshNamespace();
    expect(await consul("PUT", `${ns}/v1/kv/a?flags=18446744073709551615`, "hello")).toBe(true);
    const response = await get(`${ns}/v1/kv/a`);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("x-consul-knownleader")).toBe("true");
    expect(response.headers.get("x-consul-lastcontact")).toBe("0");
    expect(response.headers.get("vary")).toBe("Accept-Encoding");
    expect(indexOf(response)).toBe(2);
    expect(await response.text()).toBe(
      '[{"LockIndex":0,"Key":"a","Flags":18446744073709551615,"Value":"aGVsbG8=","CreateIndex":2,"ModifyIndex":2}]',
    );
  });

  it("without a value has null, and a PUT without flags resets them", async () => {
    const ns = freshNamespace();
    await consul("PUT", `${ns}/v1/kv/a?flags=7`, "x");
    await consul("PUT", `${ns}/v1/kv/a`, "");
    expect(await pairAt(ns, "a")).toEqual({
      LockIndex: 0,
      Key: "a",
      Flags: 0,
      Value: null,
      CreateIndex: 2,
      ModifyIndex: 3,
    });
  });

  it("that is absent is a 404 without a body, with an index of at least 1", async () => {
    const response = await get(`${freshNamespace()}/v1/kv/nothing`);
    expect([response.status, await response.text(), indexOf(response)]).toEqual([404, "", 1]);
  });

  it("is given as bytes with raw, and indented with pretty", async () => {
    const ns = freshNamespace();
    await consul("PUT", `${ns}/v1/kv/a/b%20c`, "bytes\n");
    const raw = await get(`${ns}/v1/kv/a/b%20c?raw`);
    expect(raw.headers.get("content-type")).toBe("text/plain");
    expect(raw.headers.get("x-content-type-options")).toBe("nosniff");
    expect(raw.headers.get("content-security-policy")).toBe("sandbox");
    expect(await raw.text()).toBe("bytes\n");
    const pretty = await (await get(`${ns}/v1/kv/a/b%20c?pretty`)).text();
    expect(pretty).toMatch(/^\[\n {4}\{\n {8}"LockIndex": 0,/);
    expect(pretty.endsWith("]\n")).toBe(true);
  });

  it("is the same one at every door", async () => {
    const ns = freshNamespace();
    await consul("PUT", `${ns}/v1/kv/one?flags=3`, "consul");
    expect(await valueOf(await get(`${ns}/kv/one`))).toBe("consul");
    await put(`${ns}/kv/one`, "native");
    expect(await pairAt(ns, "one")).toMatchObject({ Value: b64("native"), Flags: 3, CreateIndex: 2, ModifyIndex: 3 });
    await etcd(`${ns}/v3/kv/put`, { key: b64("two"), value: b64("etcd") });
    expect(await pairAt(ns, "two")).toMatchObject({ Value: b64("etcd"), CreateIndex: 4 });
    // What stood beside the old key is not the new one's.
    await send("DELETE", `${ns}/kv/one`);
    await put(`${ns}/kv/one`, "again");
    expect(await pairAt(ns, "one")).toMatchObject({ Flags: 0, CreateIndex: 6 });
    const shown = await etcd(`${ns}/v3/kv/range`, { key: "AA==", range_end: "AA==", keys_only: true });
    expect(shown["count"]).toBe("2");
  });

  it("whose content stays the same keeps its index, and wakes nobody", async () => {
    const ns = freshNamespace();
    await consul("PUT", `${ns}/v1/kv/a?flags=1`, "x");
    expect(await consul("PUT", `${ns}/v1/kv/a?flags=1`, "x")).toBe(true);
    expect(await pairAt(ns, "a")).toMatchObject({ ModifyIndex: 2 });
    await consul("PUT", `${ns}/v1/kv/a?flags=2`, "x");
    expect(await pairAt(ns, "a")).toMatchObject({ ModifyIndex: 3, Flags: 2 });
  });

  it("that many write at once is written by all of them", async () => {
    const ns = freshNamespace();
    const said = await Promise.all(
      Array.from({ length: 12 }, async (_, at) => consul("PUT", `${ns}/v1/kv/hot?flags=${at}`, `v${at}`)),
    );
    expect(said.every((one) => one === true)).toBe(true);
    const { Flags, Value } = await pairAt(ns, "hot");
    expect(atob(String(Value))).toBe(`v${String(Flags)}`);
  });
});

describe("cas", () => {
  it("with 0 only creates, with an index only changes what is at it", async () => {
    const ns = freshNamespace();
    expect(await consul("PUT", `${ns}/v1/kv/a?cas=5`, "x")).toBe(false);
    expect(await consul("PUT", `${ns}/v1/kv/a?cas=0`, "x")).toBe(true);
    expect(await consul("PUT", `${ns}/v1/kv/a?cas=0`, "y")).toBe(false);
    expect(await consul("PUT", `${ns}/v1/kv/a?cas=2`, "y")).toBe(true);
    expect(await consul("PUT", `${ns}/v1/kv/a?cas=2`, "z")).toBe(false);
    expect(await pairAt(ns, "a")).toMatchObject({ Value: b64("y"), ModifyIndex: 3 });
  });

  it("lets one of many through", async () => {
    const ns = freshNamespace();
    const said = await Promise.all(
      Array.from({ length: 8 }, async (_, at) => consul("PUT", `${ns}/v1/kv/a?cas=0`, `${at}`)),
    );
    expect(said.filter((one) => one === true)).toHaveLength(1);
  });

  it("counts what many add to one key", async () => {
    const ns = freshNamespace();
    await consul("PUT", `${ns}/v1/kv/count`, "0");
    const add = async (): Promise<void> => {
      const { Value, ModifyIndex } = await pairAt(ns, "count");
      const next = Number(atob(String(Value))) + 1;
      if ((await consul("PUT", `${ns}/v1/kv/count?cas=${String(ModifyIndex)}`, `${next}`)) !== true) await add();
    };
    await Promise.all(Array.from({ length: 5 }, async () => add().then(add).then(add)));
    expect(await pairAt(ns, "count")).toMatchObject({ Value: btoa("15"), ModifyIndex: 17 });
  });

  it("makes a deletion conditional: 0 never matches", async () => {
    const ns = freshNamespace();
    await consul("PUT", `${ns}/v1/kv/a`, "x");
    expect(await consul("DELETE", `${ns}/v1/kv/a?cas=0`)).toBe(false);
    expect(await consul("DELETE", `${ns}/v1/kv/a?cas=1`)).toBe(false);
    expect(await consul("DELETE", `${ns}/v1/kv/a?cas=2`)).toBe(true);
    expect((await get(`${ns}/v1/kv/a`)).status).toBe(404);
  });
});

describe("a prefix", () => {
  it("gives its keys bytewise, their names, and rolls them up", async () => {
    const ns = freshNamespace();
    for (const key of ["a/c/d", "a/b", "ab", "a/c/e", "b"]) await consul("PUT", `${ns}/v1/kv/${key}`, key);
    const all = await consul<readonly { Key: string; Value: string }[]>("GET", `${ns}/v1/kv/a?recurse`);
    expect(all.map(({ Key }) => Key)).toEqual(["a/b", "a/c/d", "a/c/e", "ab"]);
    expect(all.map(({ Value }) => atob(Value))).toEqual(["a/b", "a/c/d", "a/c/e", "ab"]);
    expect(await consul("GET", `${ns}/v1/kv/?keys`)).toEqual(["a/b", "a/c/d", "a/c/e", "ab", "b"]);
    expect(await consul("GET", `${ns}/v1/kv/?keys&separator=/`)).toEqual(["a/", "ab", "b"]);
    expect(await consul("GET", `${ns}/v1/kv/a/?keys&separator=/`)).toEqual(["a/b", "a/c/"]);
    for (const query of ["recurse", "keys"]) {
      const none = await get(`${ns}/v1/kv/zzz?${query}`);
      expect([none.status, await none.text()]).toEqual([404, ""]);
    }
  });

  it("is put together from as many pages as it takes", async () => {
    const ns = freshNamespace();
    const value = "v".repeat(400 * 1024);
    for (let at = 0; at < 4; at += 1) await consul("PUT", `${ns}/v1/kv/big/${at}?flags=${at}`, value);
    const all = await consul<readonly { Flags: number; Value: string }[]>("GET", `${ns}/v1/kv/big/?recurse`);
    expect(all.map(({ Flags }) => Flags)).toEqual([0, 1, 2, 3]);
    expect(all.every(({ Value }) => Value.length === 4 * Math.ceil(value.length / 3))).toBe(true);
  });

  it("goes altogether, with what stood beside its keys", async () => {
    const ns = freshNamespace();
    const session = await newSession(ns);
    await consul("PUT", `${ns}/v1/kv/t/a?acquire=${session}`, "x");
    await consul("PUT", `${ns}/v1/kv/t/b?flags=4`, "x");
    const index = indexOf(await get(`${ns}/v1/kv/t/?recurse`));
    expect(await consul("DELETE", `${ns}/v1/kv/t/?recurse`)).toBe(true);
    const gone = await get(`${ns}/v1/kv/t/?recurse`);
    expect(gone.status).toBe(404);
    expect(indexOf(gone)).toBeGreaterThan(index);
    expect(await consul("PUT", `${ns}/v1/kv/t/a`, "y")).toBe(true);
    expect(await pairAt(ns, "t/a")).not.toHaveProperty("Session");
  });
});

describe("a blocking query", () => {
  it("on one key is woken by that key only", async () => {
    const ns = freshNamespace();
    await consul("PUT", `${ns}/v1/kv/a`, "1");
    await consul("PUT", `${ns}/v1/kv/ab`, "1");
    const index = indexOf(await get(`${ns}/v1/kv/a`));
    const waiting = blocked(`${ns}/v1/kv/a?index=${index}&wait=10s`);
    await consul("PUT", `${ns}/v1/kv/ab`, "2");
    await consul("PUT", `${ns}/v1/kv/a`, "1");
    expect(waiting.isOver()).toBe(false);
    await consul("PUT", `${ns}/v1/kv/a`, "2");
    const answer = await waiting.answer;
    expect(indexOf(answer)).toBe(5);
    expect(await answer.json()).toMatchObject([{ Value: b64("2") }]);
  });

  it("on an absent key is woken when it is made, and when it goes", async () => {
    const ns = freshNamespace();
    const made = blocked(`${ns}/v1/kv/a?index=1&wait=10s`);
    await consul("PUT", `${ns}/v1/kv/other`, "1");
    expect(made.isOver()).toBe(false);
    await consul("PUT", `${ns}/v1/kv/a`, "1");
    const index = indexOf(await made.answer);
    const gone = blocked(`${ns}/v1/kv/a?index=${index}&wait=10s`);
    await consul("DELETE", `${ns}/v1/kv/a`);
    const answer = await gone.answer;
    expect([answer.status, indexOf(answer)]).toEqual([404, index + 1]);
    // The same again waits: nothing is newer than the deletion.
    const timed = await get(`${ns}/v1/kv/a?index=${index + 1}&wait=10ms`);
    expect([timed.status, indexOf(timed)]).toEqual([404, index + 1]);
  });

  it("on a prefix is woken by a deletion in it", async () => {
    const ns = freshNamespace();
    await consul("PUT", `${ns}/v1/kv/p/a`, "1");
    await consul("PUT", `${ns}/v1/kv/p/b`, "1");
    const index = indexOf(await get(`${ns}/v1/kv/p/?keys`));
    const waiting = blocked(`${ns}/v1/kv/p/?keys&index=${index}&wait=10s`);
    await consul("PUT", `${ns}/v1/kv/q`, "1");
    expect(waiting.isOver()).toBe(false);
    await consul("DELETE", `${ns}/v1/kv/p/a`);
    const answer = await waiting.answer;
    expect(indexOf(answer)).toBeGreaterThan(index);
    expect(await answer.json()).toEqual(["p/b"]);
  });

  it("whose time is over answers the same", async () => {
    const ns = freshNamespace();
    await consul("PUT", `${ns}/v1/kv/a`, "1");
    const answer = await get(`${ns}/v1/kv/a?index=2&wait=20ms`);
    expect([answer.status, indexOf(answer)]).toEqual([200, 2]);
    expect(await answer.json()).toMatchObject([{ Key: "a" }]);
  });

  it("of a stale reader is woken, too", async () => {
    const ns = freshNamespace();
    await consul("PUT", `${ns}/v1/kv/a`, "1");
    const stale = await get(`${ns}/v1/kv/a?stale`);
    expect(stale.headers.get("x-consul-effective-consistency")).toBe("stale");
    const waiting = blocked(`${ns}/v1/kv/a?stale&index=${indexOf(stale)}&wait=10s`);
    await consul("PUT", `${ns}/v1/kv/a`, "2");
    expect(await (await waiting.answer).json()).toMatchObject([{ Value: b64("2") }]);
  });
});

describe("bad input", () => {
  it.each([
    ["GET", "/v1/kv/", 400, "Missing key name"],
    ["PUT", "/v1/kv/", 400, "Missing key name"],
    ["DELETE", "/v1/kv/", 400, "Missing key name"],
    ["PUT", "/v1/kv/a?acquire=x&cas=1", 400, "Conflicting flags: acquire=x&cas=1"],
    ["DELETE", "/v1/kv/a?recurse&cas=1", 400, "Conflicting flags: recurse&cas=1"],
    ["PUT", "/v1/kv/a?flags=-1", 400, 'strconv.ParseUint: parsing "-1": invalid syntax'],
    ["PUT", "/v1/kv/a?flags=18446744073709551616", 400, "strconv.ParseUint"],
    ["PUT", "/v1/kv/a?cas=x", 400, "strconv.ParseUint"],
    ["PUT", "/v1/kv/a?acquire=nobody", 500, 'raft apply failed: invalid session "nobody"'],
    ["PUT", "/v1/kv/a?acquire=", 500, "missing session"],
    ["PUT", `/v1/kv/${"k".repeat(1025)}`, 400, "a key has at most 1024 bytes here, not 1025"],
    ["GET", "/v1/kv/a?index=x", 400, "Invalid index"],
    ["GET", "/v1/kv/a?index=-1", 400, "Invalid index"],
    ["GET", "/v1/kv/a?index=1&wait=soon", 400, "Invalid wait time"],
    ["GET", "/v1/kv/a?stale&consistent", 400, "Cannot specify ?stale with ?consistent, conflicting semantics."],
    ["GET", "/v1/kv/a?max_stale=x", 400, "Invalid max_stale"],
    ["GET", "/v1/kv/a?dc=elsewhere", 500, "No path to datacenter"],
    ["GET", "/v1/kv/a?ns=team", 400, "Namespaces are a Consul Enterprise feature"],
    ["GET", "/v1/kv/a?partition=team", 400, "Partitions are a Consul Enterprise feature"],
    ["POST", "/v1/kv/a", 405, "method POST not allowed"],
    ["GET", "/v1/kv", 404, "no such endpoint"],
    ["GET", "/v1/nothing/here", 404, "no such endpoint"],
    ["GET", "/v1/query", 501, "prepared queries"],
    ["GET", "/v1/coordinate/nodes", 501, "network coordinates"],
    ["GET", "/v1/acl/tokens", 501, "ACLs"],
  ])("%s %s is %i: %s", async (method, path, status, text) => {
    const ns = freshNamespace();
    const [code, said] = await consulError(await send(method, `${ns}${path}`));
    expect([code, said]).toEqual([status, expect.stringContaining(text)]);
    expect((await get(`${ns}/v1/kv/?keys`)).status).toBe(404);
  });

  it("tells the methods that a path takes", async () => {
    expect((await send("POST", "/v1/kv/a")).headers.get("allow")).toBe("GET,PUT,DELETE");
    expect((await send("OPTIONS", "/v1/kv/a")).headers.get("allow")).toBe("GET,PUT,DELETE");
  });

  it("is a value of more than 512 KiB", async () => {
    const ns = freshNamespace();
    const most = "v".repeat(524_288);
    expect(await consul("PUT", `${ns}/v1/kv/a`, most)).toBe(true);
    const [status, text] = await consulError(await putText(`${ns}/v1/kv/a`, `${most}v`));
    expect(status).toBe(413);
    expect(text).toContain("Request body(524289 bytes) too large, max size: 524288 bytes.");
  });

  it("is a namespace that is none, and a page of another origin", async () => {
    expect(await consulError(await get("/ns/-/v1/kv/a"))).toEqual([400, expect.stringContaining("a namespace has")]);
    const foreign = await send("PUT", "/v1/kv/a", { body: "x", headers: { origin: "http://evil.test" } });
    expect(await consulError(foreign)).toEqual([403, expect.stringContaining("Permission denied")]);
  });

  it("is an Idempotency-Key, which this door could not keep", async () => {
    const response = await send("PUT", `${freshNamespace()}/v1/kv/a`, { headers: { "idempotency-key": "k" } });
    expect((await consulError(response))[0]).toBe(400);
  });

  it("takes its own datacenter, the default namespace, and what it does not know", async () => {
    const ns = freshNamespace();
    expect(await consul("PUT", `${ns}/v1/kv/a?dc=synod&ns=default&token=t&what=ever`, "x")).toBe(true);
  });
});
