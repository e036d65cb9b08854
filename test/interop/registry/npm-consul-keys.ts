/** The npm package `consul`: its keys, sessions, locks and transactions. */
import type Consul from "consul";
import { setTimeout as pause } from "node:timers/promises";
import { at, holds, listOf } from "./tally.ts";
import type { Tally } from "./tally.ts";

export type Client = InstanceType<typeof Consul>;

export const isUuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** What the package makes of the answer `false`: the layer below it hands on what is true. */
const refused = undefined;
const isIndex = (value: unknown): boolean => typeof value === "number" && value > 0;

export async function keys(t: Tally, { kv }: Client): Promise<void> {
  t.like("kv.set", await kv.set("npm/a", "1"), true);
  t.like("kv.get", await kv.get("npm/a"), { Key: "npm/a", Value: "1", Flags: 0, LockIndex: 0, ModifyIndex: isIndex });
  t.like("kv.get of nothing", await kv.get("npm/nothing"), undefined);
  t.like("kv.set of flags", await kv.set({ key: "npm/flags", value: "f", flags: 42 }), true);
  t.like("kv.get of flags", await kv.get("npm/flags"), { Flags: 42, Value: "f" });
  t.like("kv.set of nothing", await kv.set("npm/empty", ""), true);
  t.like("kv.get of an empty value", await kv.get("npm/empty"), { Value: (v: unknown) => v === null || v === "" });
  t.like("kv.set of what URLs escape", await kv.set("npm/ö %?#&+/x", "é\u0000ü"), true);
  t.like("kv.get of what URLs escape", await kv.get("npm/ö %?#&+/x"), { Key: "npm/ö %?#&+/x", Value: "é\u0000ü" });
  const bytes = Buffer.from(Array.from({ length: 512 }, (_, i) => i % 256));
  t.like("kv.set of bytes", await kv.set("npm/bytes", bytes), true);
  const raw: unknown = await kv.get({ key: "npm/bytes", raw: true });
  t.like("kv.get raw", Buffer.isBuffer(raw) && raw.equals(bytes), true);

  const index = Number(at(await kv.get("npm/a"), "ModifyIndex"));
  t.like("kv.set with a stale cas", await kv.set({ key: "npm/a", value: "no", cas: index - 1 }), refused);
  t.like("kv.set with cas 0 of a key that is there", await kv.set({ key: "npm/a", value: "no", cas: 0 }), refused);
  t.like("kv.set with the right cas", await kv.set({ key: "npm/a", value: "2", cas: index }), true);
  t.like("kv.set with cas 0 of a new key", await kv.set({ key: "npm/new", value: "n", cas: 0 }), true);
  t.like("kv.get after cas", await kv.get("npm/a"), { Value: "2", ModifyIndex: (v: unknown) => Number(v) > index });

  for (const name of ["dir/x", "dir/y", "dir/sub/z"]) await kv.set(`npm/${name}`, name);
  t.like("kv.keys", await kv.keys("npm/dir/"), ["npm/dir/sub/z", "npm/dir/x", "npm/dir/y"]);
  const separated: unknown = await kv.keys({ key: "npm/dir/", separator: "/" });
  t.like("kv.keys with a separator", separated, ["npm/dir/sub/", "npm/dir/x", "npm/dir/y"]);
  t.like("kv.get recurse", await kv.get({ key: "npm/dir/", recurse: true }), [
    { Key: "npm/dir/sub/z", Value: "dir/sub/z" },
    { Key: "npm/dir/x" },
    { Key: "npm/dir/y" },
  ]);
  t.like("kv.del with a stale cas", await kv.del({ key: "npm/a", cas: index }), refused);
  t.like("kv.del", await kv.del("npm/a"), true);
  t.like("kv.del of nothing", await kv.del("npm/a"), true);
  t.like("kv.get after del", await kv.get("npm/a"), undefined);
  t.like("kv.del recurse", await kv.del({ key: "npm/", recurse: true }), true);
  await t.refused("kv.keys of nothing", async () => kv.keys("npm/"), /Not Found|not found/i);
  const tooLarge = async (): Promise<unknown> => kv.set("npm/large", "x".repeat(512 * 1024 + 1));
  await t.refused("kv.set above 512 KiB", tooLarge, /Request Entity Too Large|too large|Payload Too Large/i);
}

export async function sessions(t: Tally, { kv, session }: Client): Promise<void> {
  const options = { name: "npm", ttl: "60s", lockdelay: "0s", behavior: "delete" } as const;
  const first: string = (await session.create(options)).ID;
  const second: string = (await session.create()).ID;
  t.like("session.create", first, isUuid);
  const shown = { ID: first, Name: "npm", TTL: "60s", Behavior: "delete", LockDelay: 0, CreateIndex: isIndex };
  t.like("session.info", await session.info(first), shown);
  t.like("session.get", await session.get(second), { ID: second, TTL: "", Behavior: "release", LockDelay: 15e9 });
  t.like("session.list", await session.list(), holds(shown));
  const node = String(at(await session.info(first), "Node"));
  t.like("session.node", await session.node(node), holds({ ID: second }));
  t.like("session.renew", await session.renew(first), [shown]);

  t.like("kv.set acquire", await kv.set({ key: "npm/lock", value: "me", acquire: first }), true);
  t.like("kv.set acquire by another", await kv.set({ key: "npm/lock", value: "you", acquire: second }), refused);
  t.like("kv.get of a lock", await kv.get("npm/lock"), { Session: first, LockIndex: 1, Value: "me" });
  t.like("kv.set acquire again", await kv.set({ key: "npm/lock", value: "still", acquire: first }), true);
  t.like("kv.set release by another", await kv.set({ key: "npm/lock", value: "you", release: second }), refused);
  t.like("kv.set release", await kv.set({ key: "npm/lock", value: "done", release: first }), true);
  const free = (value: unknown): boolean => at(value, "Session") === undefined && at(value, "Value") === "done";
  t.like("kv.get of a released lock", await kv.get("npm/lock"), free);
  t.like("kv.set acquire once it is free", await kv.set({ key: "npm/lock", value: "you", acquire: second }), true);
  t.like("kv.get of the next lock", await kv.get("npm/lock"), { Session: second, LockIndex: 2 });

  t.like("kv.set acquire of what goes", await kv.set({ key: "npm/goes", value: "x", acquire: first }), true);
  await session.destroy(first);
  t.like("a key of a session that deletes", await kv.get("npm/goes"), undefined);
  t.like("session.info of one that is gone", await session.info(first), undefined);
  await session.destroy(first);
  await session.destroy(second);
  t.like("a key of a session that releases", await kv.get("npm/lock"), (v: unknown) => at(v, "Session") === undefined);
  const third: string = (await session.create()).ID;
  t.like("acquire within the lock-delay", await kv.set({ key: "npm/lock", value: "3", acquire: third }), refused);
  await session.destroy(third);
  const unknown = async (): Promise<unknown> => kv.set({ key: "npm/lock", value: "4", acquire: first });
  await t.refused("acquire under a session that is gone", unknown, /invalid session|Internal Server Error/i);
  await t.refused("session.renew of one that is gone", async () => session.renew(first), /not found/i);
  await t.refused("a TTL out of bounds", async () => session.create({ ttl: "1s" }), /Invalid Session TTL|Internal/i);
  await kv.del({ key: "npm/", recurse: true });
}

export async function transactions(t: Tally, { kv, transaction }: Client): Promise<void> {
  // The package declares another form than it sends: what it is given, as it is.
  const create = async (operations: readonly unknown[]): Promise<unknown> => transaction.create(operations as never);
  const value = (text: string): string => Buffer.from(text).toString("base64");
  const both = [
    { KV: { Verb: "set", Key: "npm/t1", Value: value("1") } },
    { KV: { Verb: "cas", Key: "npm/t2", Value: value("2"), Index: 0 } },
    { KV: { Verb: "get", Key: "npm/t1" } },
  ];
  const told = await create(both);
  t.like("transaction", told, {
    Results: [{ KV: { Key: "npm/t1" } }, { KV: { Key: "npm/t2" } }, { KV: { Key: "npm/t1", Value: value("1") } }],
    Errors: null,
  });
  const indexes = listOf(at(told, "Results")).map((one) => at(one, "KV", "ModifyIndex"));
  t.like("a transaction has one index", new Set(indexes).size, 1);
  const failing = async (): Promise<unknown> =>
    create([
      { KV: { Verb: "set", Key: "npm/t3", Value: value("3") } },
      { KV: { Verb: "check-not-exists", Key: "npm/t1" } },
    ]);
  await t.refused("a transaction that fails", failing, /Conflict|exists/i);
  t.like("nothing of it", await kv.get("npm/t3"), undefined);
  t.like("transaction get-tree", await create([{ KV: { Verb: "get-tree", Key: "npm/t" } }]), {
    Results: [{ KV: { Key: "npm/t1" } }, { KV: { Key: "npm/t2" } }],
  });
  await create([{ KV: { Verb: "delete-tree", Key: "npm/" } }]);
  t.like("transaction delete-tree", await kv.get("npm/t1"), undefined);
}

/** Several count in one key, each by cas, and under one lock. Nothing is lost. */
export async function contention(
  t: Tally,
  { kv, session }: Client,
  { writers, each }: { writers: number; each: number },
): Promise<void> {
  await kv.set("npm/count", "0");
  let refusals = 0;
  const byCas = async (): Promise<void> => {
    for (let done = 0; done < each;) {
      const seen: unknown = await kv.get("npm/count");
      const next = {
        key: "npm/count",
        value: String(Number(at(seen, "Value")) + 1),
        cas: Number(at(seen, "ModifyIndex")),
      };
      if ((await kv.set(next)) === true) done += 1;
      else refusals += 1;
    }
  };
  await Promise.all(Array.from({ length: writers }, byCas));
  t.like("counted by cas", await kv.get("npm/count"), { Value: String(writers * each) });

  await kv.set("npm/locked", "0");
  const underLock = async (): Promise<void> => {
    const { ID } = await session.create({ lockdelay: "0s", ttl: "60s" });
    for (let done = 0; done < each;) {
      if ((await kv.set({ key: "npm/mutex", value: "", acquire: ID })) !== true) {
        await pause(10);
        continue;
      }
      const seen: unknown = await kv.get("npm/locked");
      await kv.set("npm/locked", String(Number(at(seen, "Value")) + 1));
      await kv.set({ key: "npm/mutex", value: "", release: ID });
      done += 1;
    }
    await session.destroy(ID);
  };
  await Promise.all(Array.from({ length: writers }, underLock));
  t.like("counted under a lock", await kv.get("npm/locked"), { Value: String(writers * each) });
  t.notes.push(`${writers} writers counted to ${writers * each} by cas, ${refusals} refusals, and under a lock`);
  await kv.del({ key: "npm/", recurse: true });
}
