/** Receipts: which bytes are signed, what is taken for one, and what a chain proves. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  chainedBytes,
  contradictionsIn,
  decodeReceipt,
  receiptJson,
  statementBytes,
} from "../../../src/time/receipt.ts";
import type { Receipt } from "../../../src/time/receipt.ts";

const receipt: Receipt = {
  kid: "k".repeat(43),
  nonce: "n-1",
  previous: "0".repeat(64),
  region: "apac-ne",
  dataCentre: "NRT",
  t2: 1_800_000_000_000,
  t3: 1_800_000_000_001,
  radiusMs: 28,
  signature: Buffer.alloc(64, 7).toString("base64"),
};
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

describe("what is signed", () => {
  it("is nine lines that any language can write", () => {
    expect(text(statementBytes(receipt))).toBe(
      `synod-time-receipt 1\nkid ${receipt.kid}\nnonce n-1\nprevious ${"0".repeat(64)}\nregion apac-ne\n` +
        "data-centre NRT\nt2 1800000000000\nt3 1800000000001\nradius 28\n",
    );
    expect(text(statementBytes({ ...receipt, previous: null, region: null }))).toContain("previous -\nregion -\n");
    expect(text(chainedBytes(receipt))).toBe(`${text(statementBytes(receipt))}signature ${receipt.signature}\n`);
  });

  it("differs for any two receipts that differ", () => {
    const receipts = fc.record({
      nonce: fc.stringMatching(/^[A-Za-z0-9_-]{1,8}$/),
      region: fc.option(fc.stringMatching(/^[a-z]{1,4}$/)),
      t2: fc.nat(20),
      t3: fc.nat(20),
      radiusMs: fc.nat(20),
    });
    fc.assert(
      fc.property(receipts, receipts, (a, b) => {
        const same = text(statementBytes({ ...receipt, ...a })) === text(statementBytes({ ...receipt, ...b }));
        expect(same).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });
});

describe("decodeReceipt", () => {
  it("reads what is sent", () => {
    expect(decodeReceipt(JSON.parse(JSON.stringify(receiptJson(receipt))))).toEqual(receipt);
    const first = { ...receipt, previous: null, region: null };
    expect(decodeReceipt({ ...receiptJson(first), more: 1 })).toEqual(first);
  });

  it.each([
    ["kid", "k"],
    ["kid", 1],
    ["nonce", ""],
    ["nonce", "a b"],
    ["nonce", "a\nt2 1"],
    ["nonce", "n".repeat(129)],
    ["previous", "-"],
    ["previous", "A".repeat(64)],
    ["previous", undefined],
    ["region", "-"],
    ["region", "a\n"],
    ["region", undefined],
    ["dataCentre", ""],
    ["t2", 1.5],
    ["t2", -1],
    ["t3", "1"],
    ["radius_ms", Number.NaN],
    ["signature", "AAAA"],
    ["signature", receipt.signature.slice(0, -1)],
  ])("refuses %s %j", (member, value) => {
    expect(decodeReceipt({ ...receiptJson(receipt), [member]: value })).toBeNull();
  });

  it("never throws", () => {
    fc.assert(fc.property(fc.anything(), (value) => void decodeReceipt(value)));
  });
});

describe("contradictionsIn", () => {
  const at = (t2: number, radiusMs = 10) => ({ t2, t3: t2, radiusMs });

  it("finds none where time went on, or may have", () => {
    expect(contradictionsIn([])).toEqual([]);
    expect(contradictionsIn([at(100), at(90), at(80), at(10_000)])).toEqual([]);
  });

  it("finds the two that cannot both be true, and by how much", () => {
    expect(contradictionsIn([at(100), at(79)])).toEqual([{ earlier: 0, later: 1, byMs: 1 }]);
    expect(contradictionsIn([at(100), at(500), at(110), at(105)])).toEqual([
      { earlier: 1, later: 2, byMs: 370 },
      { earlier: 1, later: 3, byMs: 375 },
    ]);
  });

  it("never accuses clocks that kept their word", () => {
    const step = fc.record({
      passed: fc.nat(1000),
      radius: fc.nat(50),
      wrong: fc.double({ min: -1, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        let truth = 1_800_000_000_000;
        const chain = steps.map(({ passed, radius, wrong }) => at((truth += passed) + radius * wrong, radius));
        expect(contradictionsIn(chain)).toEqual([]);
      }),
    );
  });

  it("always accuses one that is too late for the next", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(100)), fc.integer({ min: 21, max: 500 }), (between, ahead) => {
        const honest = between.map((more, i) => at(1000 + i + (more % 2)));
        const chain = [at(2000 + ahead), ...honest, at(2000)];
        expect(contradictionsIn(chain).at(-1)).toEqual({ earlier: 0, later: chain.length - 1, byMs: ahead - 20 });
      }),
    );
  });
});
