import { describe, expect, test } from "vitest";
import { checkDefinition, checkState } from "../../../src/registry/checks.ts";
import type { InstanceRecord } from "../../../src/registry/model.ts";
import {
  decodeInstance,
  decodeNode,
  decodeNodeCheck,
  decodeState,
  encodeInstance,
  encodeNode,
  encodeNodeCheck,
  encodeState,
  instanceRecord,
  nodeRecord,
} from "../../../src/registry/records.ts";
import type { Input } from "../../../src/registry/records.ts";
import { utf8 } from "../../../src/support/bytes.ts";
import { checks, input, node, recordOf } from "./examples.ts";

const [ttl, http, tcp, alias, plain] = checks;
const tooMany = (n: number, of: (i: number) => unknown) => Array.from({ length: n }, (_, i) => of(i));
const reason = { type: "rejected", reason: expect.any(String) as string };

describe("instances", () => {
  test("come back as they were stored", () => {
    const record = recordOf({ checks });
    expect(decodeInstance(encodeInstance(record))).toEqual(record);
    expect(decodeInstance(encodeInstance(recordOf({ ttlMs: null, address: "" })))).toMatchObject({ ttlMs: null });
  });

  test("equal ones are equal byte for byte, whatever the order of names", () => {
    const headers = { a: "1", b: "2" };
    const one = recordOf({ meta: { b: "1", a: "2", 10: "3" }, checks: [{ ...http, headers }] });
    const { kind, ...rest } = http;
    const other = { ...rest, headers: { b: "2", a: "1" }, kind };
    const two = recordOf({ meta: { 10: "3", a: "2", b: "1" }, checks: [other] });
    expect(encodeInstance(two)).toEqual(encodeInstance(one));
  });

  test("meta may have any name, also one that objects give a meaning to", () => {
    const meta: unknown = JSON.parse('{"__proto__":"x"}');
    const stored = decodeInstance(encodeInstance(recordOf({ meta })));
    expect(Object.entries(stored?.meta ?? {})).toEqual([["__proto__", "x"]]);
  });

  test.each<Partial<Input<InstanceRecord>>>([
    { address: "a b" },
    { address: "10.0.0.256" },
    { address: 7 },
    { port: -1 },
    { port: 65_536 },
    { port: 1.5 },
    { port: "80" },
    { protocol: "sctp" },
    { tags: "blue" },
    { tags: [""] },
    { tags: [7] },
    { tags: tooMany(65, () => "t") },
    { tags: tooMany(10_000, (i) => `t${i}`) },
    { tags: ["x".repeat(129)] },
    { meta: [] },
    { meta: null },
    { meta: { a: 7 } },
    { meta: { "": "x" } },
    { meta: { a: "x".repeat(513) } },
    { meta: Object.fromEntries(tooMany(65, (n) => [`k${String(n)}`, "v"]) as [string, string][]) },
    { weights: { passing: 1 } },
    { weights: { passing: 1, warning: 65_536 } },
    { weights: { passing: -1, warning: 1 } },
    { weights: { passing: 1, warning: 1, critical: 1 } },
    { ttlMs: 999 },
    { ttlMs: 86_400_001 },
    { ttlMs: Number.NaN },
    { ttlMs: undefined },
    { region: "WEUR" },
    { region: undefined },
    { checks: {} },
    { checks: [plain, plain] },
    { checks: tooMany(17, (i) => ({ ...plain, check: `c${i}` })) },
    { checks: [{ ...ttl, deregisterAfterMs: 60_000 }] },
    { taggedAddresses: { lan: { address: "a b", port: 1 } } },
    { taggedAddresses: { lan: { address: "a", port: 1, more: 1 } } },
    { enableTagOverride: 1 },
  ])("with %j are refused with a reason", (parts) => {
    expect(instanceRecord({ ...input, ...parts })).toMatchObject(reason);
  });

  test.each(["", "7", "null", "[]", "{}", '{"address":"a"}'])("are not read from %s", (text) => {
    expect(decodeInstance(utf8(text))).toBeNull();
  });

  test("are not read with a part too many", () => {
    expect(decodeInstance(utf8(JSON.stringify({ ...recordOf(), extra: 1 })))).toBeNull();
    expect(decodeInstance(new Uint8Array([255]))).toBeNull();
  });
});

describe("checks", () => {
  test.each(checks)("of kind $kind are what they were", (check) => {
    expect(checkDefinition(check)).toEqual(check);
    const state = { status: "warning", output: "slow" } as const;
    expect(decodeNodeCheck(encodeNodeCheck({ definition: check, state }))).toEqual({ definition: check, state });
  });

  test.each<[string, object]>([
    ["an unknown kind", { ...plain, kind: "script" }],
    ["a member of another kind", { ...plain, ttlMs: 1000 }],
    ["a name with a slash", { ...plain, check: "a/b" }],
    ["a name too long", { ...plain, check: "a".repeat(193) }],
    ["notes too long", { ...plain, notes: "n".repeat(513) }],
    ["a negative time until it goes", { ...plain, deregisterAfterMs: -1 }],
    ["no ttl", { ...plain, kind: "ttl" }],
    ["a negative ttl", { ...ttl, ttlMs: -5000 }],
    ["a ttl of nothing", { ...ttl, ttlMs: 0 }],
    ["a negative interval", { ...tcp, intervalMs: -1000 }],
    ["an interval below a second", { ...tcp, intervalMs: 999 }],
    ["an interval above an hour", { ...tcp, intervalMs: 3_600_001 }],
    ["a timeout above its interval", { ...tcp, timeoutMs: 10_001 }],
    ["no timeout at all", { ...tcp, timeoutMs: 0 }],
    ["a threshold too high", { ...tcp, failuresBeforeCritical: 101 }],
    ["a host that is none", { ...tcp, host: "a b" }],
    ["port 0", { ...tcp, port: 0 }],
    ["no url", { ...http, url: "" }],
    ["a url too long", { ...http, url: `https://${"a".repeat(2048)}` }],
    ["a method that is none", { ...http, method: "get it" }],
    ["a header that is none", { ...http, headers: { "a b": "c" } }],
    ["a header of two lines", { ...http, headers: { a: "b\r\nc: d" } }],
    ["a body too long", { ...http, body: "b".repeat(4097) }],
    ["an alias of nobody", { ...alias, instance: "" }],
    ["an alias of no node", { ...alias, node: null }],
  ])("with %s are refused with a reason", (_, check) => {
    expect(checkDefinition(check)).toMatchObject(reason);
  });

  test("say one of three things, and a word on it", () => {
    const state = { status: "critical", output: "é" } as const;
    expect(decodeState(encodeState(state))).toEqual(state);
    for (const bad of [{ status: "bad", output: "" }, { status: "passing" }, { ...state, more: 1 }, [], null]) {
      expect(checkState(bad)).toMatchObject(reason);
    }
    expect(checkState({ ...state, output: "o".repeat(4097) })).toMatchObject(reason);
  });
});

describe("nodes", () => {
  const { createRevision: _, modRevision: __, ...record } = node;

  test("come back as they were stored", () => {
    expect(decodeNode(encodeNode(record))).toEqual(record);
    expect(decodeNode(utf8("{}"))).toBeNull();
  });

  test.each([{ name: "a b" }, { id: "7" }, { address: "" }, { taggedAddresses: { a: "b c" } }, { meta: { a: 1 } }])(
    "with %j are refused with a reason",
    (parts) => {
      expect(nodeRecord({ ...record, ...parts })).toMatchObject(reason);
    },
  );
});
