/**
 * The objects themselves, in the real runtime: evicted in mid-work and woken, emptied, looked at row by row. What a
 * client sees of them is tested next door.
 */
import {
  abortAllDurableObjects,
  evictDurableObject,
  listDurableObjectIds,
  runDurableObjectAlarm,
  runInDurableObject,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { Store } from "../../src/store/store.ts";
import { sqlOf } from "../../workers/adapters/sql.ts";
import { expectProblem, freshNamespace, get, jsonIn, put, putJson, valueOf } from "./api.ts";

const regions = ["wnam", "enam", "weur"];
type Kind = "ACCEPTOR" | "REPLICA";
const objectOf = (kind: Kind, ns: string, region: string): DurableObjectStub => {
  const name = `${ns.slice("/ns/".length)}/${region}`;
  return env[kind].get(env[kind].idFromName(name));
};
const rows = async (
  kind: Kind,
  ns: string,
  region: string,
  statement: string,
): Promise<readonly Record<string, unknown>[]> =>
  runInDurableObject(objectOf(kind, ns, region), (_, state) => state.storage.sql.exec(statement).toArray());
const tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'";

/** Takes all rows of an object away, and its memory with them. */
async function empty(kind: Kind, ns: string, region: string): Promise<void> {
  const emptied = runInDurableObject(objectOf(kind, ns, region), async (_, state) => {
    await state.storage.deleteAll();
    state.abort("emptied");
  });
  await emptied.catch(() => null);
}

afterEach(async () => {
  await abortAllDurableObjects();
});

describe("an acceptor", () => {
  it("[D1] keeps promises and votes over an eviction", async () => {
    const ns = freshNamespace();
    await put(`${ns}/decisions/colour`, "red");
    for (const region of regions) await evictDurableObject(objectOf("ACCEPTOR", ns, region));
    expect(await jsonIn(await put(`${ns}/decisions/colour`, "blue"))).toMatchObject({ value: "red", yours: false });
  });

  it("has one row for each batch, and the counter in it", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/a`, "0");
    const before = await rows("ACCEPTOR", ns, "wnam", "SELECT counter FROM acceptor");
    for (let i = 1; i <= 3; i += 1) await put(`${ns}/kv/a`, String(i));
    await expect
      .poll(async () => (await rows("ACCEPTOR", ns, "wnam", "SELECT slot, counter FROM votes ORDER BY slot")).length)
      .toBe(4);
    const after = await rows("ACCEPTOR", ns, "wnam", "SELECT counter FROM acceptor");
    expect(after).toEqual(before);
  });

  it("[F1] [F2] that lost everything is not let in again, and the others go on without it", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/a`, "1");
    await empty("ACCEPTOR", ns, "weur");
    expect((await put(`${ns}/kv/a`, "2")).status).toBe(200);
    expect(await valueOf(await get(`${ns}/kv/a`))).toBe("2");
    expect(await rows("ACCEPTOR", ns, "weur", tables)).toEqual([]);
    expect(JSON.stringify((await jsonIn(await get(`${ns}/status`)))["warnings"])).toContain("weur");
  });

  it(
    "[F1] two of three that lost everything stop the namespace: nothing is chosen twice",
    { timeout: 30_000 },
    async () => {
      const ns = freshNamespace();
      await put(`${ns}/decisions/colour`, "red");
      await put(`${ns}/kv/a`, "1");
      for (const region of ["enam", "weur"]) await empty("ACCEPTOR", ns, region);
      expect((await put(`${ns}/decisions/shape`, "round")).status).toBe(503);
      expect((await put(`${ns}/kv/a`, "2")).status).toBe(503);
    },
  );

  it("[F5] whose rows were copied into another object retires there", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/a`, "1");
    await runInDurableObject(objectOf("ACCEPTOR", ns, "weur"), (_, state) => {
      state.storage.sql.exec("UPDATE acceptor SET object = 'another'");
    });
    await abortAllDurableObjects();
    expect((await put(`${ns}/kv/a`, "2")).status).toBe(200);
    await expect
      .poll(async () => JSON.stringify((await jsonIn(await get(`${ns}/status`)))["acceptors"]))
      .toContain("retired");
  });
});

describe("a replica", () => {
  it("[B2] takes a fresh, higher ballot after every start, the round persisted", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/a`, "1");
    const round = async () => Number((await rows("REPLICA", ns, "wnam", "SELECT round FROM replica"))[0]?.["round"]);
    const first = await round();
    await evictDurableObject(objectOf("REPLICA", ns, "wnam"));
    expect((await put(`${ns}/kv/a`, "2")).status).toBe(200);
    expect(await round()).toBeGreaterThan(first);
  });

  it("[X1] remembers outcomes over an eviction", async () => {
    const ns = freshNamespace();
    const key = { "idempotency-key": "once" };
    expect((await put(`${ns}/kv/a`, "1", key)).status).toBe(201);
    for (const region of regions) await evictDurableObject(objectOf("REPLICA", ns, region));
    expect(await jsonIn(await put(`${ns}/kv/a`, "1", key))).toMatchObject({ revision: 2, version: 1 });
    expect((await get(`${ns}/kv/a`)).headers.get("etag")).toBe('"2"');
  });

  it("that lost everything catches up from its peers", async () => {
    const ns = freshNamespace();
    for (let i = 0; i < 5; i += 1) await put(`${ns}/kv/k${i}`, String(i));
    await empty("REPLICA", ns, "wnam");
    expect(await valueOf(await get(`${ns}/kv/k4`))).toBe("4");
    expect((await put(`${ns}/kv/k4`, "5")).status).toBe(200);
    await expect
      .poll(async () => {
        const { replicas } = (await jsonIn(await get(`${ns}/status?digest=true`))) as {
          replicas: { digest: string }[];
        };
        return new Set(replicas.map((r) => r.digest)).size;
      })
      .toBe(1);
  });

  it("[L8] whose rows were copied from another place begins anew there", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/a`, "1");
    await runInDurableObject(objectOf("REPLICA", ns, "wnam"), (_, state) => {
      state.storage.sql.exec("UPDATE replica SET region = 'enam'");
    });
    await abortAllDurableObjects();
    expect(await valueOf(await get(`${ns}/kv/a`))).toBe("1");
    expect((await put(`${ns}/kv/a`, "2")).status).toBe(200);
    expect(await rows("REPLICA", ns, "wnam", "SELECT region FROM replica")).toEqual([{ region: "wnam" }]);
  });

  it("[L8] whose rows were copied does nothing in the other's name, when its alarm wakes it first", async () => {
    const ns = freshNamespace();
    await putJson(`${ns}/services/web/i1`, { address: "a", port: 1, ttl: 60 });
    await runInDurableObject(objectOf("REPLICA", ns, "wnam"), async (_, state) => {
      state.storage.sql.exec("UPDATE replica SET region = 'enam'");
      await state.storage.setAlarm(Date.now() + 60_000);
    });
    await abortAllDurableObjects();
    await runDurableObjectAlarm(objectOf("REPLICA", ns, "wnam"));
    expect(await rows("REPLICA", ns, "wnam", tables)).toEqual([]);
    expect((await put(`${ns}/kv/a`, "1")).status).toBe(201);
    expect(await rows("REPLICA", ns, "wnam", "SELECT region FROM replica")).toEqual([{ region: "wnam" }]);
  });

  it("[L7] keeps what it has while it loads a snapshot, in the platform's own SQLite", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/a`, "1");
    await runInDurableObject(objectOf("REPLICA", ns, "wnam"), (_, state) => {
      const sql = sqlOf(state.storage.sql);
      const before = new Store(sql).digest();
      state.storage.transactionSync(() => new Store(sql).beginLoad());
      expect(sql.all("SELECT count(*) AS n FROM before_kv")).toEqual([{ n: 1 }]);
      state.storage.transactionSync(() => expect(new Store(sql).digest()).toBe(before));
      expect(sql.all("SELECT name FROM sqlite_master WHERE name GLOB 'before_*'")).toEqual([]);
    });
  });

  it("[F6] leaves nothing behind when it is only looked at", async () => {
    const ns = freshNamespace();
    await expectProblem(await get(`${ns}/kv/a`), 404, "key-not-found");
    await get(`${ns}/status`);
    for (const region of regions) {
      expect(await rows("REPLICA", ns, region, tables)).toEqual([]);
      expect(await rows("ACCEPTOR", ns, region, tables)).toEqual([]);
    }
  });

  it("[E2] ends a lease by its alarm, even one that wakes it from nothing", async () => {
    const ns = freshNamespace();
    await putJson(`${ns}/services/web/i1`, { address: "a", port: 1, ttl: 1 });
    await abortAllDurableObjects();
    const gone = async () =>
      ((await jsonIn(await get(`${ns}/services/web`))) as { instances: unknown[] }).instances.length === 0;
    const deadline = Date.now() + 20_000;
    while (!(await gone()) && Date.now() < deadline) {
      await scheduler.wait(300);
      await runDurableObjectAlarm(objectOf("REPLICA", ns, "wnam"));
    }
    expect(await gone()).toBe(true);
    // With no lease left there is no alarm to pay for.
    await expect
      .poll(async () => runInDurableObject(objectOf("REPLICA", ns, "wnam"), (_, state) => state.storage.getAlarm()))
      .toBeNull();
  });
});

describe("a clock", () => {
  it("never writes", async () => {
    await get("/time?region=weur");
    const [id] = await listDurableObjectIds(env.CLOCK);
    if (id === undefined) throw new Error("no clock was asked");
    expect(await runInDurableObject(env.CLOCK.get(id), (_, state) => state.storage.sql.exec(tables).toArray())).toEqual(
      [],
    );
  });
});
