/** Consul's transactions through the real objects. Texts verified on Consul 1.10.11. */
import { describe, expect, it } from "vitest";
import { freshNamespace, get, send } from "./api.ts";
import { consul, consulError, newSession, pairAt, putText } from "./consul.ts";
import { b64 } from "./etcd.ts";

type Op = Readonly<Record<string, unknown>>;
interface Answer {
  readonly Results: readonly { readonly KV: Op }[] | null;
  readonly Errors: readonly { readonly OpIndex: number; readonly What: string }[] | null;
}

const body = (...ops: readonly Op[]): string => JSON.stringify(ops.map((KV) => ({ KV })));
const txn = async (ns: string, ...ops: readonly Op[]): Promise<Answer> =>
  consul<Answer>("PUT", `${ns}/v1/txn`, body(...ops));

async function failures(ns: string, ...ops: readonly Op[]): Promise<Answer["Errors"]> {
  const response = await putText(`${ns}/v1/txn`, body(...ops));
  const said = await response.text();
  expect([response.status, said]).toEqual([409, expect.any(String)]);
  const answer = JSON.parse(said) as Answer;
  expect(answer.Results).toBeNull();
  return answer.Errors;
}

describe("a transaction", () => {
  it("writes altogether, under one index, and answers without values", async () => {
    const ns = freshNamespace();
    await consul("PUT", `${ns}/v1/kv/old`, "x");
    const answer = await txn(
      ns,
      { Verb: "set", Key: "a", Value: b64("1"), Flags: 42 },
      { Verb: "cas", Key: "b", Value: b64("2"), Index: 0 },
      { Verb: "delete", Key: "old" },
      { Verb: "check-not-exists", Key: "old" },
      { Verb: "get", Key: "a" },
    );
    const at = { CreateIndex: 3, ModifyIndex: 3, LockIndex: 0 };
    expect(answer).toEqual({
      Results: [
        { KV: { Key: "a", Flags: 42, Value: null, ...at } },
        { KV: { Key: "b", Flags: 0, Value: null, ...at } },
        { KV: { Key: "a", Flags: 42, Value: b64("1"), ...at } },
      ],
      Errors: null,
    });
    expect(await consul("GET", `${ns}/v1/kv/?keys`)).toEqual(["a", "b"]);
    expect(await pairAt(ns, "a")).toMatchObject({ Flags: 42, ModifyIndex: 3 });
    expect(await txn(ns, { Verb: "delete", Key: "a" })).toEqual({ Results: null, Errors: null });
  });

  it("that fails changes nothing, and tells all that failed", async () => {
    const ns = freshNamespace();
    await consul("PUT", `${ns}/v1/kv/a`, "1");
    const session = await newSession(ns);
    const other = "00000000-0000-4000-8000-000000000000";
    const found = await pairAt(ns, "a");
    const errors = await failures(
      ns,
      { Verb: "set", Key: "new", Value: b64("x") },
      { Verb: "get", Key: "none" },
      { Verb: "cas", Key: "a", Value: "", Index: 99 },
      { Verb: "check-not-exists", Key: "a" },
      { Verb: "check-index", Key: "a", Index: 1 },
      { Verb: "check-session", Key: "a", Session: "abc" },
      { Verb: "lock", Key: "a", Session: other },
      { Verb: "unlock", Key: "a", Session: session },
      { Verb: "delete-cas", Key: "a", Index: 99 },
      { Verb: "bogus", Key: "a" },
      { Verb: "set", Key: "" },
    );
    expect(errors).toEqual([
      { OpIndex: 1, What: `key "none" doesn't exist` },
      { OpIndex: 2, What: `failed to set key "a", index is stale` },
      { OpIndex: 3, What: `key "a" exists` },
      { OpIndex: 4, What: `failed index check for key "a", current modify index 2 != 1` },
      { OpIndex: 5, What: `failed session check for key "a", current session "" != "abc"` },
      { OpIndex: 6, What: `invalid session "${other}"` },
      { OpIndex: 7, What: `failed to unlock key "a", lock isn't held, or is held by another session` },
      { OpIndex: 8, What: `failed to delete key "a", index is stale` },
      { OpIndex: 9, What: `unknown KV verb "bogus"` },
      { OpIndex: 10, What: "Must provide key" },
    ]);
    expect(await pairAt(ns, "a")).toEqual(found);
    expect((await get(`${ns}/v1/kv/new`)).status).toBe(404);
  });

  it("locks and unlocks", async () => {
    const ns = freshNamespace();
    const [one, two] = [await newSession(ns), await newSession(ns)];
    const locked = await txn(ns, { Verb: "lock", Key: "l", Value: b64("x"), Session: one });
    expect(locked.Results).toMatchObject([{ KV: { Key: "l", LockIndex: 1, Session: one, Value: null } }]);
    expect(await failures(ns, { Verb: "lock", Key: "l", Session: two })).toEqual([
      { OpIndex: 0, What: `failed to lock key "l", lock is already held` },
    ]);
    await txn(ns, { Verb: "check-session", Key: "l", Session: one }, { Verb: "unlock", Key: "l", Session: one });
    await txn(ns, { Verb: "lock", Key: "l", Session: one });
    await consul("PUT", `${ns}/v1/session/destroy/${one}`);
    expect(await failures(ns, { Verb: "lock", Key: "l", Session: two })).toEqual([
      { OpIndex: 0, What: `failed to lock key "l" due to lock delay` },
    ]);
  });

  it("deletes trees around what it sets", async () => {
    const ns = freshNamespace();
    for (const key of ["t/a", "t/b", "t/c", "u"]) await consul("PUT", `${ns}/v1/kv/${key}?flags=1`, "old");
    const answer = await txn(
      ns,
      { Verb: "delete-tree", Key: "t/" },
      { Verb: "get-tree", Key: "t/" },
      { Verb: "set", Key: "t/b", Value: b64("new") },
      { Verb: "get-tree", Key: "t/" },
    );
    expect(answer.Results?.map(({ KV }) => [KV["Key"], KV["Value"]])).toEqual([
      ["t/b", null],
      ["t/b", b64("new")],
    ]);
    expect(await consul("GET", `${ns}/v1/kv/?keys`)).toEqual(["t/b", "u"]);
    expect(await pairAt(ns, "t/b")).toMatchObject({ Flags: 0, Value: b64("new") });
  });

  it("changes a key more than once: what is last counts", async () => {
    const ns = freshNamespace();
    await txn(
      ns,
      { Verb: "set", Key: "a", Value: b64("1") },
      { Verb: "set", Key: "a", Value: b64("2") },
      { Verb: "set", Key: "b", Value: b64("1") },
      { Verb: "delete", Key: "b" },
    );
    expect(await consul("GET", `${ns}/v1/kv/?keys`)).toEqual(["a"]);
    expect(await pairAt(ns, "a")).toMatchObject({ Value: b64("2"), CreateIndex: 2, ModifyIndex: 2 });
  });

  it("that only reads says how fresh it is", async () => {
    const ns = freshNamespace();
    await consul("PUT", `${ns}/v1/kv/t/a`, "1");
    const get1 = { Verb: "get", Key: "t/a" };
    const answer = await txn(ns, get1, { Verb: "get-or-empty", Key: "none" }, { Verb: "get-tree", Key: "t/" });
    expect(answer).toMatchObject({
      Results: [
        { KV: { Key: "t/a", Value: b64("1") } },
        { KV: { Key: "none", Value: null, CreateIndex: 0, ModifyIndex: 0 } },
        { KV: { Key: "t/a", Value: b64("1") } },
      ],
      Errors: null,
      Index: 2,
      KnownLeader: true,
      LastContact: 0,
      NotModified: false,
    });
    expect(await consul("PUT", `${ns}/v1/txn?stale`, body(get1))).toMatchObject({ Errors: null });
    expect(await failures(ns, { Verb: "get", Key: "none" })).toHaveLength(1);
  });

  it("is refused when it is not understood", async () => {
    const ns = freshNamespace();
    const set = { Verb: "set", Key: "a", Value: b64("x") };
    const many = body(...Array.from({ length: 65 }, () => set));
    const refused: readonly (readonly [string, number, string])[] = [
      [many, 413, "Transaction contains too many operations (65 > 64)"],
      ["{", 400, "Failed to parse body: "],
      ["{}", 400, "Failed to parse body: "],
      [body({ ...set, Value: "???" }), 400, "illegal base64 data"],
      [body({ ...set, Flags: -1 }), 400, "Failed to parse body: "],
      [body({ ...set, Index: "7" }), 400, "Failed to parse body: "],
      [body({ ...set, Colour: "red" }), 400, 'unknown field "0.KV.Colour"'],
      ['[{"KV":{"Verb":"set","Key":"a"},"X":1}]', 400, "unknown field"],
      ["[{}]", 400, "an operation has a member KV"],
      ['[{"Node":{"Verb":"get"}}]', 501, "takes KV operations only"],
      [body({ ...set, Key: "k".repeat(1025) }), 400, "at most 1024 bytes"],
    ];
    for (const [sent, status, text] of refused) {
      expect(await consulError(await putText(`${ns}/v1/txn`, sent))).toEqual([status, expect.stringContaining(text)]);
    }
    expect((await send("GET", `${ns}/v1/txn`)).status).toBe(405);
    expect((await get(`${ns}/v1/kv/?keys`)).status).toBe(404);
  });
});
