import { describe, expect, test } from "vitest";
import { decodeBatch, encodeBatch } from "../../../src/store/batch-codec.ts";
import { batchOverheadBytes, commandBytes, decodeCommand, encodeCommand } from "../../../src/store/command-codec.ts";
import { SEMANTICS } from "../../../src/store/command.ts";
import type { Command, Outcome } from "../../../src/store/command.ts";
import { userKey, userKeyBytes } from "../../../src/store/key-space.ts";
import { decodeOutcome, encodeOutcome, refusals } from "../../../src/store/outcome-codec.ts";
import { logTime, requestId, revision } from "../../../src/support/brand.ts";
import type { ByteString } from "../../../src/support/brand.ts";
import { utf8 } from "../../../src/support/bytes.ts";
import { limits } from "../../../src/support/limits.ts";
import { compact, enqueue, expire, grant, put, queue, remove, renew, revoke, txn } from "./driver.ts";
import { nest, putStep, transaction } from "./transactions.ts";

const head = { id: requestId("i"), deadline: logTime(5) };
const bytes = (...values: number[]) => new Uint8Array(values);
const oddKey = userKey(bytes(0, 34, 92, 128, 255));
const condition = { type: "always" } as const;

const commands: readonly Command[] = [
  { ...head, operation: put("a", "value") },
  {
    ...head,
    fingerprint: "f",
    order: { session: "s", sequence: 3 },
    operation: put("a", "", { lease: "L\0ü", ttlMs: 5, keepIfEqual: true }),
  },
  {
    ...head,
    operation: { type: "put", key: oddKey, value: bytes(255, 0, 254), condition: { type: "absent" } },
  },
  { ...head, operation: put("a", 'a "short" one, \n and one of zeros') },
  { ...head, operation: put("a", "\0\0\0") },
  { ...head, operation: remove("é", { type: "present" }) },
  { ...head, operation: remove("a", { type: "unchanged-since", modRevision: revision(9) }) },
  { ...head, operation: expire("L", 4) },
  { ...head, operation: put("a", "", { tie: "L\0ü" }) },
  { ...head, guard: { queue: queue("q\u0001"), token: revision(7) }, operation: put("a", "1") },
  {
    ...head,
    fingerprint: "f",
    order: { session: "s", sequence: 3 },
    guard: { queue: queue("é"), token: revision(Number.MAX_SAFE_INTEGER) },
    operation: txn(transaction([], [putStep("a", "1"), nest(transaction([]))])),
  },
  { ...head, operation: grant("7", 9_000_000_000_000) },
  { ...head, operation: renew("L") },
  { ...head, operation: revoke("L") },
  { ...head, operation: compact(3) },
  { ...head, operation: enqueue("q", "L", { value: "who\0" }) },
];

describe("commands and batches", () => {
  test.each(commands)("%j comes back as it went", (command) => {
    expect(decodeCommand(encodeCommand(command))).toEqual(command);
  });

  test("a batch is its commands' texts joined, and comes back as it went", () => {
    const texts = commands.map(encodeCommand);
    const encoded = encodeBatch(logTime(7), texts);
    expect(decodeBatch(encoded)).toEqual({ semantics: SEMANTICS, stamp: 7, commands });
    expect(decodeBatch(encodeBatch(logTime(7), []))).toEqual({
      semantics: SEMANTICS,
      stamp: 7,
      commands: [],
    });
    const size = texts.reduce((sum, text) => sum + commandBytes(text) + 1, batchOverheadBytes);
    expect(utf8(encoded).length).toBeLessThanOrEqual(size);
  });

  test.each([
    ["no text", 255],
    ["zeros", 0],
    ["quotes", 34],
    ["letters", 97],
  ])("the largest value under the largest key fits a batch: %s", (_, byte) => {
    const key = userKey(new Uint8Array(limits.keyBytes).fill(0));
    const value = new Uint8Array(limits.valueBytes).fill(byte);
    const text = encodeCommand({ ...head, operation: { type: "put", key, value, condition } });
    expect(commandBytes(text) + batchOverheadBytes).toBeLessThan(limits.batchBytes);
    expect(decodeCommand(text)).toMatchObject({ operation: { value } });
  });

  test("[L4] newer semantics are told apart from nonsense, whatever follows them", () => {
    expect(decodeBatch(encodeBatch(logTime(7), ["?"], 2).replace("?", '{"new":1}'))).toEqual({
      type: "unknown-semantics",
      semantics: 2,
    });
    expect(decodeBatch('[99,"anything"]')).toEqual({ type: "unknown-semantics", semantics: 99 });
  });

  test.each([
    "",
    "nonsense",
    "{}",
    "[]",
    "[0,7,[]]",
    '["1",7,[]]',
    "[1,7]",
    "[1,7,[],0]",
    "[1,-7,[]]",
    "[1,7.5,[]]",
    "[1,9007199254740991,[]]",
    "[1,7,{}]",
    "[1,7,[1]]",
    "[1,7,[[]]]",
  ])("the batch %s is refused", (text) => {
    expect(decodeBatch(text)).toMatchObject({ type: "malformed" });
  });

  const largeKey = "k".repeat(limits.storedKeyBytes + 1);
  test.each([
    ['["i",5,0,0]', "too short"],
    ['["i",5,0,0,["e","L",1],["lq",1],0]', "too long"],
    ['["i",5,0,0,["e","L",1],0]', "guard is no pair"],
    ['["i",5,0,0,["e","L",1],null]', "null guard"],
    ['["i",5,0,0,["e","L",1],["lq",0]]', "token 0"],
    ['["i",5,0,0,["e","L",1],["",1]]', "guard without a queue"],
    ['["i",5,0,0,["e","L",1],["lq",1,1]]', "guard too long"],
    ['["i",5,0,0,["p","ka","t",-1,"",0]]', "tied to no name"],
    ['["i",5,0,0,["g","L"]]', "grant too short"],
    ['["i",5,0,0,["g","",1]]', "grant without a name"],
    ['["i",5,0,0,["g","L",0]]', "granted for no time"],
    ['["i",5,0,0,["g","L",9000000000001]]', "granted for too long"],
    ['["i",5,0,0,["n","L",1]]', "renew too long"],
    ['["i",5,0,0,["n",7]]', "renewed name is a number"],
    ['["i",5,0,0,["r",""]]', "revoke without a name"],
    ['["i",5,0,0,["c",0]]', "compact to 0"],
    ['["i",5,0,0,["c",1.5]]', "compact to a fraction"],
    ['["i",5,0,0,["c"]]', "compact to nothing"],
    ['["i",5,0,0,["q","lq","t",["L",0]]]', "enqueue for no time"],
    ['["i",5,0,0,["q","lq","t",0]]', "enqueue without a lease"],
    ['["i",5,0,0,["q","","t",["L",1]]]', "enqueue nowhere"],
    ['["i",5,0,0,["q","lq","x",["L",1]]]', "enqueue without a value"],
    [`["i",5,0,0,["q","${"l".repeat(limits.storedKeyBytes - 15)}","t",["L",1]]]`, "a queue whose places are no keys"],
    ['["i",5,0,0,["t",[[],[]]]]', "transaction too short"],
    ['["i",5,0,0,["t"]]', "no transaction"],
    ['["",5,0,0,["e","L",1]]', "no id"],
    ['["\\ud800",5,0,0,["e","L",1]]', "id is no text"],
    [`["${"i".repeat(257)}",5,0,0,["e","L",1]]`, "id too long"],
    ['["i","5",0,0,["e","L",1]]', "deadline is text"],
    ['["i",5,"",0,["e","L",1]]', "empty fingerprint"],
    ['["i",5,null,0,["e","L",1]]', "null fingerprint"],
    ['["i",5,0,["s",0],["e","L",1]]', "sequence 0"],
    ['["i",5,0,["s"],["e","L",1]]', "no sequence"],
    ['["i",5,0,0,["x"]]', "unknown operation"],
    ['["i",5,0,0,["e","L",0]]', "renewal 0"],
    ['["i",5,0,0,["e","",1]]', "no lease"],
    ['["i",5,0,0,["d","ka",-4]]', "unknown condition"],
    ['["i",5,0,0,["d","",-1]]', "empty key"],
    ['["i",5,0,0,["d","k\u0100",-1]]', "key is not bytes"],
    [`["i",5,0,0,["d","${largeKey}",-1]]`, "key too long"],
    ['["i",5,0,0,["p","ka","x",-1,0,0]]', "unknown packing"],
    ['["i",5,0,0,["p","ka","b!",-1,0,0]]', "not base64"],
    ['["i",5,0,0,["p","ka","t",-1,0,2]]', "keep 2"],
    ['["i",5,0,0,["p","ka","t",-1,["L",0],0]]', "ttl 0"],
    ['["i",5,0,0,["p","ka","t",-1,["L",9000000000001],0]]', "ttl too long"],
    ['["i",5,0,0,["p","ka","t",-1,["L"],0]]', "no ttl"],
    ['["i",5,0,0,["p","ka","t",-1,["L",1,0],0]]', "lease of three parts"],
    ['["i",5,0,0,["p","ka","t",-1,["L",1,0,0],0]]', "neither herd nor bounds"],
    ['["i",5,0,0,["p","ka","t",-1,["L",1,"",0],0]]', "herd without a name"],
    ['["i",5,0,0,["p","ka","t",-1,["L",1,7,0],0]]', "herd is a number"],
    ['["i",5,0,0,["p","ka","t",-1,["L",1,0,"k"],0]]', "bounds are no list"],
    ['["i",5,0,0,["p","ka","t",-1,["L",1,0,[]],0]]', "within nothing"],
    ['["i",5,0,0,["p","ka","t",-1,["L",1,0,[""]],0]]', "within everything"],
    [`["i",5,0,0,["p","ka","t",-1,["L",1,0,${JSON.stringify(Array(9).fill("k"))}],0]]`, "within too many"],
    ['["i",5,0,0,["p","ka","t",-1,["L",0,"H",0],0]]', "ttl 0 in a herd"],
    ['["i",5,0,0,["p","ka","t",-1,0,0,0]]', "needs 0"],
    ['["i",5,0,0,["p","ka","t",-1,0,0,["L"]]]', "needs too short"],
    ['["i",5,0,0,["p","ka","t",-1,0,0,["",1]]]', "needs no lease"],
    ['["i",5,0,0,["p","ka","t",-1,0,0,["L",2]]]', "needs, renew 2"],
    ['["i",5,0,0,["p","ka","t",-1,0,0,["L",1],0]]', "put too long"],
    ['["i",5,0,0,["e","L",1,[85,10]]]', "guard too short"],
    ['["i",5,0,0,["e","L",1,0]]', "guard 0"],
    ['["i",5,0,0,["e","L",1,[0,10,3]]]', "guard of 0 percent"],
    ['["i",5,0,0,["e","L",1,[101,10,3]]]', "guard of 101 percent"],
    ['["i",5,0,0,["e","L",1,[85,0,3]]]', "guard of nobody"],
    ['["i",5,0,0,["e","L",1,[85,10,101]]]', "held for too long"],
    ['["i",5,0,0,["e","L",1,[85,10,3],0]]', "expire too long"],
    ['["i",5,0,0,["n","L",[]]]', "renew within nothing"],
    ['["i",5,0,0,["n","L",["k"],0]]', "renew far too long"],
    ['["i",5,0,0,["r","L",["k"]]]', "revoke too long"],
    ['["i",5,0,0,["q","lq","t",["L",1,"H",0]]]', "a place in a herd"],
    ['["i",5,0,0,["p","ka","t",-1,0]]', "put too short"],
    [`["i",5,0,0,["p","ka","t${"x".repeat(limits.valueBytes + 1)}",-1,0,0]]`, "value too large"],
  ])("the command %.60s is refused: %s", (text) => {
    expect(decodeCommand(text)).toMatchObject({ type: "malformed" });
    expect(decodeBatch(`[1,7,[${text}]]`)).toMatchObject({ type: "malformed" });
  });

  test("too many commands are refused", () => {
    const texts = Array.from({ length: limits.batchCommands + 1 }, () =>
      encodeCommand({ ...head, operation: expire("L", 1) }),
    );
    expect(decodeBatch(encodeBatch(logTime(1), texts))).toMatchObject({ type: "malformed" });
    expect(decodeBatch(`[1,7,["${"x".repeat(limits.batchBytes)}"]]`)).toMatchObject({ type: "malformed" });
  });
});

describe("outcomes", () => {
  const outcomes: readonly Outcome[] = [
    { type: "put", revision: revision(3), version: 2, createRevision: revision(1), renewedOnly: true },
    { type: "put", revision: revision(3), version: 2, createRevision: revision(1), renewedOnly: false },
    { type: "deleted", existed: true, revision: revision(3) },
    { type: "deleted", existed: false, revision: revision(0) },
    { type: "expired", deletedKeys: 7, revision: revision(3) },
    { type: "suspected", heldUntil: 9, revision: revision(3) },
    { type: "condition-failed", modRevision: null },
    { type: "condition-failed", modRevision: revision(3) },
    { type: "past-deadline" },
    { type: "deadline-too-far" },
    { type: "out-of-order", expected: 4 },
    { type: "id-reused" },
    { type: "txn", revision: revision(3), succeeded: true, responses: null },
    { type: "txn", revision: revision(3), succeeded: false, responses: [] },
    { type: "txn", revision: revision(3), succeeded: true, responses: [{ type: "put", previous: null }] },
    { type: "granted", ttlMs: 5, revision: revision(3) },
    { type: "renewed", ttlMs: 9_000_000_000_000, revision: revision(3) },
    { type: "revoked", deletedKeys: 0, revision: revision(3) },
    { type: "compacted", revision: revision(3) },
    { type: "enqueued", key: oddKey, token: revision(3), created: true, revision: revision(4) },
    { type: "enqueued", key: oddKey, token: revision(3), created: false, revision: revision(4) },
    ...refusals.map((why): Outcome => ({
      type: "refused",
      why,
      revision: revision(3),
      compactedRevision: revision(2),
    })),
  ];
  test.each(outcomes)("%j comes back as it went", (outcome) => {
    expect(decodeOutcome(encodeOutcome(outcome))).toEqual(outcome);
  });

  test.each([
    "",
    "{}",
    "[]",
    '["p",1,1,1]',
    '["p",1,1,1,2]',
    '["p",-1,1,1,0]',
    '["d",2,1]',
    '["e",1]',
    '["s",9]',
    '["s",-9,3]',
    '["s",9,"3"]',
    '["c"]',
    '["c","1"]',
    '["late",1]',
    '["t",3,1]',
    '["t",3,2,null]',
    '["t",3,1,0]',
    '["t",3,1,[[]]]',
    '["t",-1,1,[]]',
    '["g",0,3]',
    '["g",5]',
    '["n",5,-3]',
    '["r",1]',
    '["x"]',
    '["x",1,1]',
    '["q","",3,1,4]',
    '["q","lq",3,2,4]',
    '["q","lq",3,1]',
    '["no","because",3,2]',
    '["no","busy",3]',
    '["no","busy",3,-1]',
    '["no","toString",3,2]',
    '["o"]',
    '["?"]',
  ])("the outcome %s is refused", (text) => {
    expect(decodeOutcome(text)).toBeNull();
  });
});

test("a client's key lies in its own space and comes back from it", () => {
  expect(userKeyBytes(userKey(bytes(0, 255)))).toEqual(bytes(0, 255));
  expect(userKeyBytes("sweb" as ByteString)).toBeNull();
});
