/** What the bridge says to a datagram: its clock's word, or a kiss, or nothing. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Responder } from "../../../src/cli/ntp/responder.ts";
import type { ClockReading } from "../../../src/cli/ntp/responder.ts";
import { decodePacket, encodePacket, kissCode } from "../../../src/time/ntp-packet.ts";
import type { NtpPacket } from "../../../src/time/ntp-packet.ts";
import { secondsFromShort, toUnixMs } from "../../../src/time/timestamps.ts";

const start = 1_800_000_000_000;
const reading = (unixMs: number, change: Partial<ClockReading> = {}): ClockReading => ({
  unixMs,
  leap: 0,
  stratum: 3,
  rootDelayMs: 10,
  rootDispersionMs: 28,
  referenceId: 0x01020304,
  steeredUnixMs: start - 5_000,
  ...change,
});
const question = (change: Partial<NtpPacket> = {}): Uint8Array<ArrayBuffer> =>
  encodePacket({
    leap: 3,
    version: 4,
    mode: 3,
    stratum: 0,
    poll: 6,
    precision: 32,
    rootDelay: 0,
    rootDispersion: 0,
    referenceId: 0,
    reference: 0n,
    origin: 0n,
    receive: 0n,
    transmit: 0x1234_5678_9abc_def0n,
    ...change,
  });
const decoded = (bytes: Uint8Array | null): NtpPacket | null => (bytes === null ? null : decodePacket(bytes));

describe("Responder", () => {
  it("stamps arrival and leaving from the clock, one stratum further away", () => {
    const responder = new Responder(() => reading(start + 1.25));
    const packet = decoded(responder.answer(question(), "a", reading(start + 1), 0));
    expect(packet).toMatchObject({ leap: 0, version: 4, mode: 4, stratum: 4, poll: 6, referenceId: 0x01020304 });
    expect(packet?.origin).toBe(0x1234_5678_9abc_def0n);
    expect(toUnixMs(packet?.receive ?? 0n, start)).toBeCloseTo(start + 1, 3);
    expect(toUnixMs(packet?.transmit ?? 0n, start)).toBeCloseTo(start + 1.25, 3);
    expect(toUnixMs(packet?.reference ?? 0n, start)).toBe(start - 5_000);
    // Rounded up, never down.
    expect(secondsFromShort(packet?.rootDelay ?? 0)).toBeGreaterThanOrEqual(0.01);
    expect(secondsFromShort(packet?.rootDispersion ?? 0)).toBeGreaterThanOrEqual(0.028);
    expect(responder.counts).toMatchObject({ answered: 1 });
  });

  it("never lets a packet's time run backwards, nor its stratum beyond 15", () => {
    const responder = new Responder(() => reading(start, { stratum: 15, steeredUnixMs: start + 1 }));
    const packet = decoded(responder.answer(question(), "a", reading(start + 1), 0));
    expect(packet).toMatchObject({ stratum: 15, reference: 0n });
    expect(packet?.transmit).toBe(packet?.receive);
  });

  it("says leap 3 while the time is not known, on either end", () => {
    const unknown = new Responder(() => null);
    const nothing = { leap: 3, stratum: 0, receive: 0n, transmit: 0n };
    expect(decoded(unknown.answer(question(), "a", null, 0))).toMatchObject(nothing);
    expect(decoded(unknown.answer(question(), "a", reading(start), 0))).toMatchObject(nothing);
    const known = new Responder(() => reading(start));
    expect(decoded(known.answer(question(), "a", null, 0))).toMatchObject(nothing);
  });

  it("answers a question that has more behind it, in 48 bytes", () => {
    const responder = new Responder(() => reading(start));
    const longer = new Uint8Array(68);
    longer.set(question());
    expect(responder.answer(longer, "a", reading(start), 0)).toHaveLength(48);
    expect(responder.answer(longer.slice(0, 67), "a", reading(start), 0)).toBeNull();
  });

  it("kisses a flood once in a second, each address for itself, and forgives", () => {
    const responder = new Responder(() => reading(start));
    const ask = (address: string, base: number): string => {
      const packet = decoded(responder.answer(question(), address, reading(start), base));
      return packet === null ? "silence" : (kissCode(packet) ?? "time");
    };
    const said = Array.from({ length: 40 }, () => ask("a", 0));
    expect(said.slice(0, 32).every((one) => one === "time")).toBe(true);
    expect(said.slice(32)).toEqual(["RATE", ...Array.from({ length: 7 }, () => "silence")]);
    expect(ask("b", 0)).toBe("time");
    expect(ask("a", 100)).toBe("silence");
    expect(ask("a", 130)).toBe("time");
    expect(Array.from({ length: 9 }, () => ask("a", 1130)).at(-1)).toBe("RATE");
  });

  it("holds out against many addresses", () => {
    const responder = new Responder(() => reading(start));
    for (let i = 0; i < 10_000; i += 1) responder.answer(question(), `address ${i}`, reading(start), i);
    expect(responder.counts.answered).toBe(10_000);
  });

  it("answers whatever comes with 48 bytes of mode 4, or with silence", () => {
    const responder = new Responder(() => reading(start));
    let base = 0;
    const datagrams = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      fc.uint8Array({ minLength: 48, maxLength: 48 }),
      fc.uint8Array({ minLength: 47, maxLength: 47 }).map((rest) => Uint8Array.of(0x23, ...rest)),
    );
    fc.assert(
      fc.property(datagrams, (bytes) => {
        base += 1_000;
        const answer = responder.answer(bytes, "a", reading(start), base);
        const first = bytes[0] ?? 0;
        const asked =
          bytes.length >= 48 && bytes.length % 4 === 0 && (first & 7) === 3 && [3, 4].includes((first >> 3) & 7);
        expect(answer === null).toBe(!asked);
        if (answer === null) return;
        expect(answer).toHaveLength(48);
        expect((answer[0] ?? 0) & 7).toBe(4);
        expect(answer.slice(24, 32)).toEqual(bytes.slice(40, 48));
      }),
    );
  });
});
