/**
 * The time as NTP's own 48 bytes. A server's stamps must not run backwards within one packet, and readers of it know no
 * ticks: so both stamps are moved to the middle of their tick, and the half that this may be wrong is in the dispersion.
 */
import {
  answerTo,
  encodePacket,
  judgeQuestion,
  kissOfDeath,
  noTimeYet,
  packetBytes,
} from "../../src/time/ntp-packet.ts";
import type { NtpPacket } from "../../src/time/ntp-packet.ts";
import { fromUnixMs, shortFromSeconds, unknownTimestamp } from "../../src/time/timestamps.ts";
import { precision, rootDispersionMs, stratum, tickMs } from "../gateway/clock-error.ts";
import { Problem } from "../gateway/problems.ts";
import { referenceOf } from "./answer.ts";
import type { Reading } from "./reading.ts";

export const packetType = "application/ntp";

const refusals = {
  length: `a packet has ${packetBytes} bytes, without extensions or signature`,
  mode: "only a client's question (mode 3) is answered",
  version: "only versions 3 and 4 are spoken",
};

/** @throws {Problem} when it is not a client's question. */
export function questionIn(bytes: Uint8Array): NtpPacket {
  const judged = judgeQuestion(bytes);
  const why = judged.type === "refused" ? judged.why : bytes.length === packetBytes ? null : "length";
  if (judged.type === "refused" || why !== null) throw new Problem("invalid-body", refusals[why ?? "length"]);
  return judged.packet;
}

export function packetAnswer(question: NtpPacket, read: Reading): Uint8Array<ArrayBuffer> {
  const clock = {
    leap: 0,
    stratum,
    precision,
    rootDelay: 0,
    rootDispersion: shortFromSeconds((rootDispersionMs + tickMs / 2) / 1000),
    referenceId: referenceOf(read),
    // The platform does not tell when it set its clock.
    reference: unknownTimestamp,
    receive: fromUnixMs(read.t2 + tickMs / 2),
    transmit: fromUnixMs(Math.max(read.t2, read.t3) + tickMs / 2),
  };
  return encodePacket(answerTo(question, clock));
}

/** What a problem is called in NTP, or null where it has no word for it. */
export function packetRefusal(question: NtpPacket, { code }: Problem): Uint8Array<ArrayBuffer> | null {
  if (code === "rate-limited") return encodePacket(kissOfDeath(question, "RATE"));
  if (code === "clock-unsynchronised" || code === "clock-unreachable") return encodePacket(noTimeYet(question));
  return null;
}
