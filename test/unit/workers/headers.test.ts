/** Conditions, identities and cursors: what clients say about a request besides its body. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { revision } from "../../../src/support/brand.ts";
import { byteString, utf8 } from "../../../src/support/bytes.ts";
import { seededRandom } from "../../../src/support/random.ts";
import { isKnown, knownTags, refuseConditions, writeCondition } from "../../../workers/gateway/conditions.ts";
import { decodeCursor, encodeCursor } from "../../../workers/gateway/cursors.ts";
import { identityOf } from "../../../workers/gateway/identity.ts";
import { Problem } from "../../../workers/gateway/problems.ts";
import { codeOf } from "./problem.ts";

const headers = (given: Readonly<Record<string, string>>): Headers => new Headers(given);

describe("the condition of a write", () => {
  it.each([
    [{}, { type: "always" }],
    [{ "if-match": "*" }, { type: "present" }],
    [{ "if-match": '"7"' }, { type: "unchanged-since", modRevision: 7 }],
    [{ "if-match": ' "0" ' }, { type: "unchanged-since", modRevision: 0 }],
    [{ "if-none-match": "*" }, { type: "absent" }],
  ])("%j", (given, condition) => {
    expect(writeCondition(headers(given))).toEqual(condition);
  });

  it.each([
    { "if-match": "7" },
    { "if-match": 'W/"7"' },
    { "if-match": '"7", "8"' },
    { "if-match": '"07"' },
    { "if-match": '"-1"' },
    { "if-match": '"x"' },
    { "if-match": '""' },
    { "if-match": "" },
    { "if-match": '"99999999999999999"' },
    { "if-none-match": '"7"' },
    { "if-match": "*", "if-none-match": "*" },
  ])("refuses %j", (given) => {
    expect(codeOf(() => writeCondition(headers(given)))).toBe("invalid-precondition");
  });

  it("is refused where none is known", () => {
    expect(codeOf(() => refuseConditions(headers({ "if-match": "*" })))).toBe("invalid-precondition");
    expect(codeOf(() => refuseConditions(headers({})))).toBe("none");
  });
});

describe("the condition of a read", () => {
  it("compares weakly, in lists too", () => {
    expect(isKnown(knownTags(headers({})), '"7"')).toBe(false);
    expect(isKnown(knownTags(headers({ "if-none-match": "*" })), '"7"')).toBe(true);
    expect(isKnown(knownTags(headers({ "if-none-match": 'W/"7"' })), '"7"')).toBe(true);
    expect(isKnown(knownTags(headers({ "if-none-match": '"6" , "7"' })), '"7"')).toBe(true);
    expect(isKnown(knownTags(headers({ "if-none-match": '"7"' })), 'W/"7"')).toBe(true);
    expect(isKnown(knownTags(headers({ "if-none-match": '"8"' })), '"7"')).toBe(false);
  });

  it.each([
    { "if-none-match": "7" },
    { "if-none-match": '"7' },
    { "if-none-match": "" },
    { "if-match": '"7"' },
    {
      "if-none-match": `"${"7".repeat(1024)}"`,
    },
  ])("refuses %j", (given) => {
    expect(codeOf(() => knownTags(headers(given)))).toBe("invalid-precondition");
  });
});

describe("the identity of a write", () => {
  const asked = { method: "PUT", path: "/kv/ka", condition: "always", body: utf8("x") };
  const identify = async (given: Readonly<Record<string, string>>, what = asked) =>
    identityOf(headers(given), seededRandom(1), what);

  it("is random without a key, and has no fingerprint", async () => {
    const identity = await identify({});
    expect(identity.id).toMatch(/^random\/[0-9a-z]{26}$/);
    expect(identity.fingerprint).toBeUndefined();
  });

  it("[X1] is the client's key, with a fingerprint of all that was asked", async () => {
    const key = { "idempotency-key": "k1" };
    const first = await identify(key);
    expect(first.id).toBe("key/k1");
    expect(await identify(key)).toEqual(first);
    const others = await Promise.all([
      identify(key, { ...asked, method: "DELETE" }),
      identify(key, { ...asked, path: "/kv/kb" }),
      identify(key, { ...asked, condition: "absent" }),
      identify(key, { ...asked, body: utf8("y") }),
    ]);
    const fingerprints = [first, ...others].map(({ fingerprint }) => fingerprint);
    expect(new Set(fingerprints).size).toBe(5);
  });

  it("[X3] carries the client's order", async () => {
    const { order } = await identify({ "synod-session": "s", "synod-sequence": "12" });
    expect(order).toEqual({ session: "s", sequence: 12 });
  });

  it.each([
    { "idempotency-key": "" },
    { "idempotency-key": "a b" },
    { "idempotency-key": "é" },
    { "idempotency-key": "k".repeat(129) },
    { "synod-session": "s" },
    { "synod-sequence": "1" },
    { "synod-session": "s".repeat(129), "synod-sequence": "1" },
    { "synod-session": "s", "synod-sequence": "0" },
    { "synod-session": "s", "synod-sequence": "1.5" },
    { "synod-session": "s", "synod-sequence": "-1" },
    { "synod-session": "s", "synod-sequence": "9007199254740991" },
  ])("refuses %j", async (given) => {
    await expect(identify(given)).rejects.toSatisfy(
      (error) => error instanceof Problem && error.code === "invalid-header",
    );
  });
});

describe("cursors", () => {
  it("come back as they were, and need no escaping", () => {
    fc.assert(
      fc.property(fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 1025 }), (at, bytes) => {
        const cursor = { revision: revision(at), after: byteString(bytes) };
        const text = encodeCursor(cursor);
        expect(text).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(decodeCursor(text)).toEqual(cursor);
      }),
    );
  });

  it.each([
    "",
    "x",
    "!!!!",
    "MTo=",
    "MTo",
    "OmtleQ",
    "LTE6a2V5",
    "MDE6a2V5",
    "é",
    "MTpr\n",
    "a+b/",
    btoa("99999999999999999:k"),
  ])("refuses %j", (text) => {
    expect(codeOf(() => decodeCursor(text))).toBe("invalid-cursor");
  });
});
