/** etcd's streams through the real objects: watches, keep-alives, elections observed; locks, which wait. */
import { exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { freshNamespace, put, send } from "./api.ts";
import { b64, etcd, etcdError, Lines, post } from "./etcd.ts";

const header = (revision: number) => ({ revision: String(revision) });
const kv = (name: string, created: number, modified: number, version: number, value: string) => ({
  key: b64(name),
  create_revision: String(created),
  mod_revision: String(modified),
  version: String(version),
  value: b64(value),
});

describe("a watch", () => {
  it("tells what happened since a revision, and goes on", async () => {
    const ns = freshNamespace();
    await put(`${ns}/kv/a`, "1");
    const create_request = { key: b64("a"), start_revision: "2", prev_kv: true };
    const watch = await Lines.open(`${ns}/v3/watch`, { create_request });
    expect(await watch.result()).toEqual({ header: header(2), created: true });
    expect(await watch.result()).toEqual({ header: header(2), events: [{ kv: kv("a", 2, 2, 1, "1") }] });
    await put(`${ns}/kv/a`, "2");
    const [before, after] = [kv("a", 2, 2, 1, "1"), kv("a", 2, 3, 2, "2")];
    expect(await watch.result()).toEqual({ header: header(3), events: [{ kv: after, prev_kv: before }] });
    await send("DELETE", `${ns}/kv/a`);
    expect(await watch.result()).toEqual({
      header: header(4),
      events: [{ type: "DELETE", kv: { key: b64("a"), mod_revision: "4" }, prev_kv: after }],
    });
    await watch.close();
  });

  it("takes further messages in a body that stays open", async () => {
    const ns = freshNamespace();
    const watch = await Lines.openBoth(`${ns}/v3/watch`, { create_request: { key: b64("a") } });
    expect(await watch.result()).toEqual({ header: header(1), created: true });
    await watch.send({ create_request: { key: b64("b"), filters: ["NOPUT"] } });
    expect(await watch.result()).toEqual({ header: header(1), watch_id: "1", created: true });
    await put(`${ns}/kv/b`, "1");
    await put(`${ns}/kv/a`, "1");
    expect(await watch.result()).toMatchObject({ events: [{ kv: { key: b64("a") } }] });
    await watch.send({ progress_request: {} });
    expect(await watch.result()).toEqual({ header: header(3), watch_id: "-1" });
    await watch.send({ cancel_request: { watch_id: 0 } });
    expect(await watch.result()).toEqual({ header: header(3), canceled: true });
    await put(`${ns}/kv/a`, "2");
    await send("DELETE", `${ns}/kv/b`);
    expect(await watch.result()).toMatchObject({ watch_id: "1", events: [{ type: "DELETE" }] });
    await watch.close();
  });

  it("ends when what it wants is compacted, and says where to begin", async () => {
    const ns = freshNamespace();
    for (const value of ["1", "2", "3"]) await put(`${ns}/kv/a`, value);
    await etcd(`${ns}/v3/kv/compaction`, { revision: 3 });
    const watch = await Lines.open(`${ns}/v3/watch`, { create_request: { key: b64("a"), start_revision: 2 } });
    expect(await watch.result()).toEqual({ header: header(4), created: true });
    expect(await watch.result()).toEqual({ header: {}, canceled: true, compact_revision: "3" });
    await watch.close();
  });

  it("tells a revision that does not fit one message in one all the same, or in fragments", async () => {
    const ns = freshNamespace();
    const value = b64("v".repeat(160 * 1024));
    const puts = Array.from({ length: 5 }, (_, at) => ({ request_put: { key: b64(`k${at}`), value } }));
    // One transaction holds less than a message tells; what was there before makes it more.
    await etcd(`${ns}/v3/kv/txn`, { success: puts });
    await etcd(`${ns}/v3/kv/txn`, { success: puts });
    const wanted = { key: b64("k"), range_end: b64("l"), start_revision: 3, prev_kv: true };
    const whole = await Lines.open(`${ns}/v3/watch`, { create_request: wanted });
    await whole.result();
    const told = await whole.result();
    expect(told["events"]).toHaveLength(5);
    expect(told).not.toHaveProperty("fragment");
    await whole.close();
    const parts = await Lines.open(`${ns}/v3/watch`, { create_request: { ...wanted, fragment: true } });
    await parts.result();
    const [first, second] = [await parts.result(), await parts.result()];
    expect(first).toMatchObject({ fragment: true });
    expect(second).not.toHaveProperty("fragment");
    expect([...(first["events"] as object[]), ...(second["events"] as object[])]).toEqual(told["events"]);
    await parts.close();
  });

  it("is told nothing twice and misses nothing when it reads slowly", async () => {
    const ns = freshNamespace();
    const create_request = { key: b64("k"), range_end: b64("l") };
    const watch = await Lines.open(`${ns}/v3/watch`, { create_request }, { create_request });
    await watch.result();
    await watch.result();
    const value = new Uint8Array(400 * 1024);
    const count = 14;
    for (let at = 0; at < count; at += 1) await put(`${ns}/kv/k${at}`, value);
    const told = new Map<unknown, unknown[]>();
    const most = (): number => Math.min(...[undefined, "1"].map((id) => told.get(id)?.length ?? 0));
    while (most() < count) {
      const { watch_id: id, events } = await watch.result();
      const revisions = (events as { kv: { mod_revision: string } }[]).map(({ kv: { mod_revision: at } }) =>
        Number(at),
      );
      told.set(id, [...(told.get(id) ?? []), ...revisions]);
    }
    const expected = Array.from({ length: count }, (_, at) => at + 2);
    expect(told).toEqual(
      new Map([
        [undefined, expected],
        ["1", expected],
      ]),
    );
    await watch.close();
  }, 30_000);

  it.each([
    ["garbage", 500, 2, "invalid character 'g' looking for beginning of value"],
    ['{"create_request":{"key":"YQ"}}', 500, 2, "illegal base64 data at input byte 2"],
    ['{"create_request":7}', 500, 2, "json: cannot unmarshal number into Go value of type map[string]json.RawMessage"],
  ])("is not begun by %s", async (body, status, code, text) => {
    expect(await etcdError(await post(`${freshNamespace()}/v3/watch`, body))).toEqual([status, code, text]);
  });

  it("goes on with what it had when garbage follows", async () => {
    const ns = freshNamespace();
    const watch = await Lines.open(`${ns}/v3/watch`, { create_request: { key: b64("a") } }, "garbage", {});
    await watch.result();
    await put(`${ns}/kv/a`, "1");
    expect(await watch.result()).toMatchObject({ events: [{ kv: { key: b64("a") } }] });
    await watch.close();
  });
});

describe("leases", () => {
  it("are granted, kept alive, listed, and revoked with their keys", async () => {
    const ns = freshNamespace();
    const granted = await etcd(`${ns}/v3/lease/grant`, { TTL: "60" });
    const { ID } = granted;
    expect(granted).toMatchObject({ TTL: "60", ID: expect.stringMatching(/^[1-9][0-9]*$/) as unknown });
    await etcd(`${ns}/v3/kv/put`, { key: b64("a"), lease: ID });
    expect(await etcd(`${ns}/v3/lease/timetolive`, { ID, keys: true })).toMatchObject({
      grantedTTL: "60",
      keys: [b64("a")],
    });
    expect(await etcd(`${ns}/v3/lease/leases`)).toMatchObject({ leases: [{ ID }] });
    const kept = await Lines.open(`${ns}/v3/lease/keepalive`, { ID }, { ID: "7" });
    expect(await kept.result()).toEqual({ header: header(2), ID, TTL: "60" });
    expect(await kept.result()).toEqual({ header: header(2), ID: "7" });
    expect(await kept.next()).toBeNull();
    expect(await etcd(`${ns}/v3/kv/lease/revoke`, { ID })).toEqual({ header: header(3) });
    expect(await etcd(`${ns}/v3/kv/lease/timetolive`, { ID })).toEqual({ header: header(3), ID, TTL: "-1" });
    expect(await etcd(`${ns}/v3/kv/lease/leases`)).toEqual({ header: header(3) });
  });

  it.each([
    ["grant", { TTL: "9000000001" }, 400, 11, "etcdserver: too large lease TTL"],
    ["grant", { TTL: 60, ID: "-1" }, 400, 3, "etcdserver: a lease's ID must be above zero"],
    ["grant", { TTL: 1.5 }, 400, 3, "json: cannot unmarshal number 1.5 into Go value of type int64"],
    ["revoke", { ID: "7" }, 404, 5, "etcdserver: requested lease not found"],
  ])("%s %j", async (call, message, status, code, text) => {
    expect(await etcdError(await post(`${freshNamespace()}/v3/lease/${call}`, message))).toEqual([status, code, text]);
  });

  it.each([0, -5, 1])("live 2 s at least, not %i", async (TTL) => {
    expect(await etcd(`${freshNamespace()}/v3/lease/grant`, { TTL })).toMatchObject({ TTL: "2" });
  });

  it("are granted once", async () => {
    const ns = freshNamespace();
    await etcd(`${ns}/v3/lease/grant`, { ID: 7, TTL: 60 });
    const again = await post(`${ns}/v3/lease/grant`, { ID: 7, TTL: 60 });
    expect(await etcdError(again)).toEqual([412, 9, "etcdserver: lease already exists"]);
  });
});

describe("a lock", () => {
  const places = async (ns: string): Promise<unknown> =>
    (await etcd(`${ns}/v3/kv/range`, { key: b64("l/"), range_end: b64("l0"), count_only: true }))["count"];

  it("is handed over in the order of arrival", async () => {
    const ns = freshNamespace();
    for (const ID of [17, 18]) await etcd(`${ns}/v3/lease/grant`, { ID, TTL: 600 });
    const first = await etcd(`${ns}/v3/lock/lock`, { name: b64("l"), lease: 17 });
    expect(first).toEqual({ header: header(2), key: b64("l/11") });
    const waiting = etcd(`${ns}/v3/lock/lock`, { name: b64("l"), lease: 18 });
    await expect.poll(async () => places(ns)).toBe("2");
    await etcd(`${ns}/v3/lock/unlock`, { key: first["key"] });
    expect(await waiting).toEqual({ header: header(4), key: b64("l/12") });
  });

  it("is not waited for any more by who hangs up, and its place is free", async () => {
    const ns = freshNamespace();
    await etcd(`${ns}/v3/lock/lock`, { name: b64("l") });
    const hangUp = new AbortController();
    const waiting = exports.default.fetch(`http://synod.test${ns}/v3/lock/lock`, {
      method: "POST",
      body: JSON.stringify({ name: b64("l") }),
      signal: hangUp.signal,
    });
    await expect.poll(async () => places(ns)).toBe("2");
    hangUp.abort();
    await expect(waiting).rejects.toThrow(/abort/i);
    await expect.poll(async () => places(ns), { timeout: 10_000 }).toBe("1");
  });

  it("is lost with its lease, also while it is waited for", async () => {
    const ns = freshNamespace();
    for (const ID of [17, 18]) await etcd(`${ns}/v3/lease/grant`, { ID, TTL: 600 });
    const first = await etcd(`${ns}/v3/lock/lock`, { name: b64("l"), lease: 17 });
    const waiting = post(`${ns}/v3/lock/lock`, { name: b64("l"), lease: 18 });
    await expect.poll(async () => places(ns)).toBe("2");
    await etcd(`${ns}/v3/lease/revoke`, { ID: 18 });
    await etcd(`${ns}/v3/lock/unlock`, { key: first["key"] });
    expect(await etcdError(await waiting)).toEqual([500, 2, "mutex: session is expired"]);
  });
});

describe("an election", () => {
  it("is won, proclaimed, observed and resigned", async () => {
    const ns = freshNamespace();
    const name = b64("e");
    await etcd(`${ns}/v3/lease/grant`, { ID: 17, TTL: 600 });
    const nobody = await post(`${ns}/v3/election/leader`, { name });
    expect(await etcdError(nobody)).toEqual([500, 2, "election: no leader"]);
    const observer = await Lines.open(`${ns}/v3/election/observe`, { name });
    const won = await etcd(`${ns}/v3/election/campaign`, { name, lease: 17, value: b64("me") });
    const leader = { name, key: b64("e/11"), rev: "2", lease: "17" };
    expect(won).toEqual({ header: header(2), leader });
    expect(await observer.result()).toMatchObject({ kv: { value: b64("me") } });
    await etcd(`${ns}/v3/election/proclaim`, { leader, value: b64("still me") });
    expect(await observer.result()).toMatchObject({ kv: { value: b64("still me"), version: "2" } });
    expect(await etcd(`${ns}/v3/election/leader`, { name })).toMatchObject({ kv: { value: b64("still me") } });
    expect(await etcd(`${ns}/v3/election/resign`, { leader })).toEqual({ header: header(4) });
    const late = await post(`${ns}/v3/election/proclaim`, { leader, value: b64("again") });
    expect(await etcdError(late)).toEqual([500, 2, "election: not leader"]);
    await observer.close();
  });
});
