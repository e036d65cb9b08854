/** NTP's packet: the bytes of known packets, what real clients send, and whatever else may come. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  answerTo,
  decodePacket,
  encodePacket,
  judgeQuestion,
  kissCode,
  kissOfDeath,
  lettersId,
  noTimeYet,
  packetBytes,
  referenceIdOf,
  referenceIdText,
} from "../../../src/time/ntp-packet.ts";
import type { NtpPacket } from "../../../src/time/ntp-packet.ts";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
const padded = (start: string): Uint8Array => hex(start.replaceAll(" ", "").padEnd(packetBytes * 2, "0"));

const stamp = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const word = fc.integer({ min: 0, max: 0xffff_ffff });
const signed = fc.integer({ min: -128, max: 127 });
const packets: fc.Arbitrary<NtpPacket> = fc.record({
  leap: fc.integer({ min: 0, max: 3 }),
  version: fc.integer({ min: 0, max: 7 }),
  mode: fc.integer({ min: 0, max: 7 }),
  stratum: fc.integer({ min: 0, max: 255 }),
  poll: signed,
  precision: signed,
  rootDelay: word,
  rootDispersion: word,
  referenceId: word,
  reference: stamp,
  origin: stamp,
  receive: stamp,
  transmit: stamp,
});

describe("decodePacket", () => {
  it("reads ntpsec's example header", () => {
    const packet = decodePacket(padded("5C 10 01 FF"));
    expect(packet).toMatchObject({ leap: 1, version: 3, mode: 4, stratum: 16, poll: 1, precision: -1 });
  });

  it("finds every field at its place", () => {
    const bytes = hex(
      "24 02 06 E9  00 00 01 00  00 00 02 00  7F 00 00 01  01 02 03 04 05 06 07 08" +
        "11 12 13 14 15 16 17 18  21 22 23 24 25 26 27 28  FF FF FF FF FF FF FF FF",
    );
    const packet: NtpPacket = {
      leap: 0,
      version: 4,
      mode: 4,
      stratum: 2,
      poll: 6,
      precision: -23,
      rootDelay: 0x100,
      rootDispersion: 0x200,
      referenceId: 0x7f00_0001,
      reference: 0x0102_0304_0506_0708n,
      origin: 0x1112_1314_1516_1718n,
      receive: 0x2122_2324_2526_2728n,
      transmit: 2n ** 64n - 1n,
    };
    expect(decodePacket(bytes)).toEqual(packet);
    expect(encodePacket(packet)).toEqual(bytes);
  });

  it("never throws, and takes 48 bytes and whole words behind them only", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(decodePacket(bytes) === null).toBe(bytes.length < packetBytes || bytes.length % 4 !== 0);
        expect(judgeQuestion(bytes).type).toMatch(/^(question|refused)$/);
      }),
    );
  });

  it("reads from within a larger buffer", () => {
    const buffer = new Uint8Array(100).fill(0xaa);
    buffer.set(padded("23"), 20);
    expect(decodePacket(buffer.subarray(20, 68))).toEqual(decodePacket(padded("23")));
  });

  it("is the inverse of encodePacket", () => {
    fc.assert(
      fc.property(packets, (packet) => {
        expect(decodePacket(encodePacket(packet))).toEqual(packet);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ minLength: packetBytes, maxLength: packetBytes }), (bytes) => {
        const packet = decodePacket(bytes);
        expect(packet === null ? null : encodePacket(packet)).toEqual(bytes);
      }),
    );
  });
});

describe("judgeQuestion", () => {
  it.each([
    ["chronyd's, which hides its own clock", "23 00 06 20"],
    ["ntpdig's, whose leap says that it is not synchronised", "E3 00 00 00"],
    ["one of version 3", "1B"],
  ])("takes %s", (_, start) => {
    expect(judgeQuestion(padded(start)).type).toBe("question");
  });

  it("refuses every other mode and version", () => {
    for (let first = 0; first < 256; first += 1) {
      const judged = judgeQuestion(padded(first.toString(16).padStart(2, "0")));
      const [version, mode] = [(first >> 3) & 7, first & 7];
      const why = mode === 3 ? ([3, 4].includes(version) ? null : "version") : "mode";
      expect(judged).toMatchObject(why === null ? { type: "question" } : { type: "refused", why });
    }
  });

  it.each([0, 1, 47, 49, 50, 51])("refuses %d bytes", (length) => {
    expect(judgeQuestion(padded("23").slice(0, length))).toMatchObject(
      length < 48 ? { type: "refused", why: "length" } : { type: "question" },
    );
    expect(judgeQuestion(new Uint8Array(length).fill(0x23))).toEqual({ type: "refused", why: "length" });
  });
});

describe("an answer", () => {
  const question = decodePacket(encodePacket({ ...emptyQuestion(), poll: -6, transmit: 0xfedc_ba98_7654_3210n }));
  const clock = {
    leap: 0,
    stratum: 4,
    precision: -18,
    rootDelay: 1,
    rootDispersion: 2,
    referenceId: 3,
    reference: 4n,
    receive: 5n,
    transmit: 6n,
  };

  it("repeats the client's version, poll and stamp, bit by bit", () => {
    for (const version of [3, 4]) {
      const asked = { ...emptyQuestion(), ...question, version };
      expect(answerTo(asked, clock)).toEqual({ ...clock, version, mode: 4, poll: -6, origin: 0xfedc_ba98_7654_3210n });
    }
  });

  it("may be a kiss of death, which tells no time", () => {
    const asked = { ...emptyQuestion(), ...question };
    for (const code of ["RATE", "DENY", "INIT"] as const) {
      const kiss = kissOfDeath(asked, code);
      expect(kiss).toMatchObject({ leap: 3, stratum: 0, mode: 4, origin: asked.transmit });
      expect([kiss.receive, kiss.transmit]).toEqual([asked.transmit, asked.transmit]);
      expect(kissCode(kiss)).toBe(code);
    }
    expect(noTimeYet(asked)).toMatchObject({ leap: 3, stratum: 0, receive: 0n, transmit: 0n });
    expect(kissCode(answerTo(asked, clock))).toBeNull();
    expect(kissCode({ ...noTimeYet(asked), referenceId: 0xff00_0000 })).toBeNull();
  });
});

describe("a reference's id", () => {
  it("holds up to four letters", () => {
    expect(lettersId("RATE").toString(16)).toBe("52415445");
    expect(lettersId("GPS").toString(16)).toBe("47505300");
    expect(lettersId("").toString(16)).toBe("0");
  });

  it("is FNV-1a of a name", () => {
    // The algorithm's published vectors.
    expect(referenceIdText(referenceIdOf(""))).toBe("811c9dc5");
    expect(referenceIdText(referenceIdOf("a"))).toBe("e40c292c");
    expect(referenceIdText(referenceIdOf("foobar"))).toBe("bf9cf968");
  });
});

function emptyQuestion(): NtpPacket {
  const none = { leap: 0, stratum: 0, poll: 0, precision: 0, rootDelay: 0, rootDispersion: 0, referenceId: 0 };
  return { ...none, version: 4, mode: 3, reference: 0n, origin: 0n, receive: 0n, transmit: 0n };
}
