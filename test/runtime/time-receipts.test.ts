/** Signed time: what is signed, under which key, and what a chain of receipts proves. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { receiptHash, receiptKeys, verifyChain } from "../../src/client/receipts.ts";
import type { ReceiptKey } from "../../src/client/receipts.ts";
import { base64Of } from "../../src/support/bytes.ts";
import { decodeReceipt, receiptJson, statementBytes } from "../../src/time/receipt.ts";
import { timeKeyOf } from "../../workers/time/keys.ts";
import { expectProblem, get, jsonIn, put } from "./api.ts";

const keysHere = async (): Promise<readonly ReceiptKey[]> =>
  (await receiptKeys(await jsonIn(await get("/time/keys")))) ?? [];

/** Receipts of these regions, one after the other. */
async function chainOf(regions: readonly string[]): Promise<unknown[]> {
  const chain: unknown[] = [];
  for (const [at, region] of regions.entries()) {
    const before = decodeReceipt(chain.at(-1));
    const previous = before === null ? "" : `&previous=${await receiptHash(before)}`;
    const query = `nonce=n${at}${region === "" ? "" : `&region=${region}`}${previous}`;
    const { receipt } = await jsonIn(await get(`/time?${query}`));
    chain.push(receipt);
  }
  return chain;
}

describe("/time/keys", () => {
  it("is a JSON Web Key Set, and says that the key is of today only", async () => {
    const response = await get("/time/keys");
    expect(response.headers.get("cache-control")).toBe("no-store");
    const set = await jsonIn(response);
    expect(set).toMatchObject({ ephemeral: true, keys: [{ kty: "OKP", crv: "Ed25519", use: "sig" }] });
    expect(JSON.stringify(set)).not.toContain('"d"');
    expect(await receiptKeys(set)).toHaveLength(1);
    await expectProblem(await put("/time/keys", ""), 405, "method-not-allowed", "not-applied");
  });

  it.each([
    [undefined, "time-key-not-set"],
    ["", "time-key-not-set"],
    ["secret", "misconfigured"],
    ["AAAA", "misconfigured"],
  ])("says what is wrong with the key %j", async (secret, code) => {
    const key = timeKeyOf(secret === undefined ? {} : { SYNOD_TIME_KEY: secret });
    await expect(key).rejects.toMatchObject({ code });
  });

  it("takes the key that openssl makes, with the id of RFC 8037's example", async () => {
    const seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    const der = `302e020100300506032b657004220420${seed}`;
    const bytes = Uint8Array.from(der.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
    const { kid, x } = await timeKeyOf({ SYNOD_TIME_KEY: base64Of(bytes) });
    expect(x).toBe("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    expect(kid).toBe("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
  });
});

describe("a receipt", () => {
  it("signs nonce, stamps, place and radius", async () => {
    const answer = await jsonIn(await get("/time?region=weur&nonce=my-nonce&t1=5"));
    const { t2, t3, radius_ms, region, dataCentre } = answer;
    expect(answer).toMatchObject({ t1: "5", region: "weur", ephemeral: true });
    const stamped = { nonce: "my-nonce", previous: null, region, dataCentre, t2, t3, radius_ms };
    expect(answer["receipt"]).toMatchObject(stamped);
    expect(await verifyChain([answer["receipt"]], await keysHere())).toMatchObject({ type: "sound" });
    expect(await jsonIn(await get("/time"))).not.toHaveProperty("receipt");
  });

  it("is worth nothing with one member changed", async () => {
    const [receipt] = await chainOf(["weur"]);
    const keys = await keysHere();
    const changes = {
      nonce: "n",
      previous: "0".repeat(64),
      region: "enam",
      dataCentre: "X",
      t2: 1,
      t3: 1,
      radius_ms: 1,
    };
    for (const [member, value] of Object.entries(changes)) {
      const forged = { ...(receipt as object), [member]: value };
      expect(await verifyChain([forged], keys)).toEqual({ type: "broken", at: 0, why: "signature" });
    }
    expect(await verifyChain([receipt], [])).toEqual({ type: "broken", at: 0, why: "unknown-key" });
    expect(await verifyChain([{}], keys)).toEqual({ type: "broken", at: 0, why: "malformed" });
  });
});

describe("a chain", () => {
  it("of honest regions is sound and proves nothing against them", async () => {
    const chain = await chainOf(["wnam", "enam", "weur", "", "wnam"]);
    const verdict = await verifyChain(chain, await keysHere());
    expect(verdict).toMatchObject({ type: "sound", contradictions: [] });
  });

  it("breaks where one is taken out or two are exchanged", async () => {
    const [a, b, c] = await chainOf(["wnam", "enam", "weur"]);
    const keys = await keysHere();
    expect(await verifyChain([a, c], keys)).toEqual({ type: "broken", at: 1, why: "link" });
    expect(await verifyChain([b, c], keys)).toEqual({ type: "broken", at: 0, why: "link" });
    expect(await verifyChain([a, b, b], keys)).toEqual({ type: "broken", at: 2, why: "link" });
  });

  it("proves it when a clock breaks its word", async () => {
    const key = await timeKeyOf(env);
    const [first] = await chainOf(["wnam"]);
    const honest = decodeReceipt(first);
    if (honest === null) throw new Error("no receipt");
    // Signed by the very key, with a clock that is 100 ms behind.
    const t2 = honest.t2 - 100;
    const statement = { ...honest, nonce: "n1", previous: await receiptHash(honest), region: "weur", t2, t3: t2 };
    const late = { ...statement, signature: await key.sign(statementBytes(statement)) };
    const verdict = await verifyChain([first, receiptJson(late)], await keysHere());
    const byMs = honest.t3 - honest.radiusMs - (t2 + late.radiusMs);
    expect(verdict).toMatchObject({ type: "sound", contradictions: [{ earlier: 0, later: 1, byMs }] });
  });
});

describe("receiptKeys", () => {
  it.each([null, 1, {}, { keys: 1 }, { keys: [1] }, { keys: [{ kty: "OKP", crv: "Ed25519", x: "AA" }] }])(
    "refuses %j",
    async (value) => {
      expect(await receiptKeys(value)).toBeNull();
    },
  );

  it("refuses a key under another's id, and passes over keys of other kinds", async () => {
    const { keys } = (await jsonIn(await get("/time/keys"))) as { readonly keys: readonly object[] };
    expect(await receiptKeys({ keys: [{ ...keys[0], kid: "a" }] })).toBeNull();
    expect(await receiptKeys({ keys: [{ kty: "RSA" }, ...keys] })).toHaveLength(1);
  });
});
