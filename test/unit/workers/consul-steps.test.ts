/** What a write of Consul's does to its keys: Consul's rules for locks, cas, transactions. Steps are decided one after another. */
import { describe, expect, it } from "vitest";
import type { ByteString } from "../../../src/support/brand.ts";
import { byteString, utf8 } from "../../../src/support/bytes.ts";
import type { Entry } from "../../../src/store/command.ts";
import { revision } from "../../../src/support/brand.ts";
import { encodeMeta, pairOf, wasReleased } from "../../../workers/consul/pairs.ts";
import type { Pair } from "../../../workers/consul/pairs.ts";
import type { Session } from "../../../workers/consul/sessions.ts";
import { decide, pending } from "../../../workers/consul/steps.ts";
import type { Decision, Standing, Step, World } from "../../../workers/consul/steps.ts";

const key = (text: string): ByteString => byteString(utf8(text));
const [one, two] = ["11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"];

const pair = (text: string, more: Partial<Pair> = {}): Pair => ({
  key: key(text),
  value: utf8("v"),
  flags: "0",
  lockIndex: 0,
  session: null,
  lease: null,
  createIndex: 5,
  modifyIndex: 7,
  ...more,
});

const sessionNamed = (id: string, behavior: Session["behavior"] = "release"): Session => ({
  id,
  behavior,
  name: "",
  node: "synod",
  lockDelay: "15000000000",
  ttl: "",
  checks: [],
  createIndex: 1,
  modifyIndex: 1,
});

function world(standings: Readonly<Record<string, Partial<Standing>>>, ...sessions: readonly Session[]): World {
  return {
    standing: (asked) => ({ pair: null, delayed: false, ...standings[asked] }),
    session: (id) => sessions.find((session) => session.id === id) ?? null,
    tree: (prefix) =>
      Object.keys(standings)
        .map(key)
        .filter((one_) => one_.startsWith(prefix))
        .toSorted(),
  };
}

const writes = (text: string, value = "v", flags = "0") => ({ key: key(text), value: utf8(value), flags });
const whats = ({ failures }: Decision): readonly string[] => failures.map(({ what }) => what);
const after = (decision: Decision, text: string): Pair | null | undefined => decision.changes.get(key(text))?.after;

describe("a plain write", () => {
  it("of the same content changes nothing", () => {
    const decision = decide([{ verb: "set", ...writes("a") }], world({ a: { pair: pair("a") } }));
    expect([decision.changes.size, decision.failures]).toEqual([0, []]);
    expect(decision.told).toMatchObject([{ pair: { modifyIndex: 7 }, withValue: false }]);
  });

  it.each([
    ["another value", pair("a", { value: utf8("w") })],
    ["other flags", pair("a", { flags: "1" })],
    ["locks that were counted", pair("a", { lockIndex: 2 })],
  ])("is one that changes %s", (_, before) => {
    const decision = decide([{ verb: "set", ...writes("a") }], world({ a: { pair: before } }));
    expect(after(decision, "a")).toMatchObject({ lockIndex: 0, flags: "0", createIndex: 5, modifyIndex: pending });
  });

  it("keeps the session, and the lease of a session that deletes", () => {
    const held = pair("a", { session: one, lockIndex: 1, lease: "session/x" as Pair["lease"] });
    const decision = decide([{ verb: "set", ...writes("a", "w") }], world({ a: { pair: held } }));
    expect(after(decision, "a")).toMatchObject({ session: one, lockIndex: 0, lease: "session/x" });
    const leased = pair("a", { lease: "17" as Pair["lease"] });
    const plain = decide([{ verb: "set", ...writes("a", "w") }], world({ a: { pair: leased } }));
    expect(after(plain, "a")).toMatchObject({ lease: null });
  });
});

describe("a lock", () => {
  const lock = (session: string): Step => ({ verb: "lock", session, ...writes("a") });
  const unlock = (session: string): Step => ({ verb: "unlock", session, ...writes("a") });

  it("is counted when it is taken, not when its holder takes it again", () => {
    const sessions = [sessionNamed(one), sessionNamed(two)];
    expect(after(decide([lock(one)], world({}, ...sessions)), "a")).toMatchObject({ session: one, lockIndex: 1 });
    const held = { a: { pair: pair("a", { session: one, lockIndex: 3, value: utf8("old") }) } };
    expect(after(decide([lock(one)], world(held, ...sessions)), "a")).toMatchObject({ lockIndex: 3, session: one });
    expect(whats(decide([lock(two)], world(held, ...sessions)))).toEqual([
      'failed to lock key "a", lock is already held',
    ]);
    const again = decide([unlock(one), lock(two)], world(held, ...sessions));
    expect(after(again, "a")).toMatchObject({ session: two, lockIndex: 4 });
  });

  it("taken again with the same content changes nothing", () => {
    const held = { a: { pair: pair("a", { session: one, lockIndex: 3 }) } };
    expect(decide([lock(one)], world(held, sessionNamed(one))).changes.size).toBe(0);
  });

  it("is kept from all for the lock-delay", () => {
    const delayed = { a: { pair: pair("a"), delayed: true } };
    const decision = decide([lock(two)], world(delayed, sessionNamed(two)));
    expect(decision.failures).toEqual([{ step: 0, what: 'failed to lock key "a" due to lock delay', no: true }]);
    expect(whats(decide([lock(two)], world({ a: { delayed: true } }, sessionNamed(two))))).toHaveLength(1);
  });

  it("needs a session that is there", () => {
    expect(decide([lock(one), lock("")], world({})).failures).toEqual([
      { step: 0, what: `invalid session "${one}"`, no: false },
      { step: 1, what: "missing session", no: false },
    ]);
  });

  it("ties the key to a session that deletes, and lets go of it", () => {
    const sessions = [sessionNamed(one, "delete")];
    const locked = decide([lock(one)], world({}, ...sessions));
    expect(after(locked, "a")?.lease).toBe(`session/${one}`);
    expect(after(decide([lock(one), unlock(one)], world({}, ...sessions)), "a")).toMatchObject({
      lease: null,
      session: null,
      lockIndex: 1,
    });
  });
});

describe("a transaction", () => {
  it("sees what its earlier steps did", () => {
    const steps: readonly Step[] = [
      { verb: "check-not-exists", key: key("a") },
      { verb: "set", ...writes("a") },
      { verb: "get", key: key("a") },
      { verb: "delete", key: key("a") },
      { verb: "check-not-exists", key: key("a") },
      { verb: "cas", index: "0", ...writes("a", "w") },
      { verb: "check-index", key: key("a"), index: "7" },
    ];
    const decision = decide(steps, world({}));
    expect(whats(decision)).toEqual(['failed index check for key "a", current modify index -1 != 7']);
    expect(after(decision, "a")).toMatchObject({ createIndex: pending });
  });

  it("takes a tree away but for what it sets afterwards", () => {
    const found = world({ "t/a": { pair: pair("t/a") }, "t/b": { pair: pair("t/b") } });
    const steps: readonly Step[] = [
      { verb: "get-tree", key: key("t/") },
      { verb: "delete-tree", key: key("t/") },
      { verb: "get-tree", key: key("t/") },
      { verb: "set", ...writes("t/b", "new") },
      { verb: "get-tree", key: key("t/") },
    ];
    const decision = decide(steps, found);
    expect(decision.told.map(({ pair: told, withValue }) => [told.key, withValue])).toEqual([
      ["t/a", true],
      ["t/b", true],
      ["t/b", false],
      ["t/b", true],
    ]);
    expect(decision.trees).toEqual(["t/"]);
    expect([...decision.changes.keys()]).toEqual(["t/b"]);
  });
});

describe("a key put together from its rows", () => {
  const row = (value: Uint8Array, create: number, mod: number): Entry => ({
    key: key("x"),
    value,
    createRevision: revision(create),
    modRevision: revision(mod),
    version: 1,
    lease: null,
  });
  const meta = (mod: number, held = true) => row(encodeMeta({ flags: "9", lockIndex: 2, held }), 3, mod);

  it("has nothing of what was written for an earlier one", () => {
    const rows = { pair: row(utf8("v"), 10, 10), meta: meta(8), holder: row(utf8(one), 8, 8) };
    expect(pairOf(key("a"), rows)).toMatchObject({ flags: "0", lockIndex: 0, session: null, modifyIndex: 10 });
    expect(wasReleased(rows)).toBe(false);
  });

  it("changed last when its holder went", () => {
    const rows = { pair: row(utf8("v"), 5, 8), meta: meta(8), holder: null };
    expect(wasReleased(rows)).toBe(true);
    expect(pairOf(key("a"), rows, 11)).toMatchObject({ flags: "9", lockIndex: 2, session: null, modifyIndex: 11 });
    expect(wasReleased({ ...rows, meta: meta(8, false) })).toBe(false);
    expect(wasReleased({ ...rows, holder: row(utf8(one), 8, 8) })).toBe(false);
    expect(pairOf(key("a"), { pair: null, meta: meta(8), holder: null })).toBeNull();
  });
});
