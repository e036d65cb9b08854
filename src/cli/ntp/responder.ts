/**
 * What an NTP server says to a datagram: pure, so that it can be tried with anything. The clock, the time of arrival and
 * who asks come in; bytes or silence go out.
 */
import { answerTo, encodePacket, judgeQuestion, kissOfDeath, noTimeYet } from "../../time/ntp-packet.ts";
import type { NtpPacket } from "../../time/ntp-packet.ts";
import { fromUnixMs, shortFromSeconds } from "../../time/timestamps.ts";

/** A clock, as it stands at one instant. */
export interface ClockReading {
  readonly unixMs: number;
  readonly leap: number;
  /** The upstream's. */
  readonly stratum: number;
  /** To the upstream's reference and back. */
  readonly rootDelayMs: number;
  /** All other doubt, aged to this instant. */
  readonly rootDispersionMs: number;
  readonly referenceId: number;
  /** When the clock was last steered. */
  readonly steeredUnixMs: number;
}

/** @returns null while the time is not known. */
export type ReadClock = () => ClockReading | null;

/** Questions that one address may ask at once, and in a second: more than any polite client, `minpoll -2` included. */
const burst = 32;
const perSecond = 8;
/** Addresses that are remembered. The one that asked first goes first. */
const mostAddresses = 4096;
/** 2^-18 s = 4 microseconds: what reading this clock and calling the network costs, not how right it is. */
const precision = -18;
const noReference = 0n;

interface Asker {
  left: number;
  at: number;
  /** A kiss is sent once in a second: whoever does not listen must not be answered one for one. */
  kissedAt: number;
}

export class Responder {
  readonly #read: ReadClock;
  readonly #askers = new Map<string, Asker>();
  /** Since the start. */
  readonly counts = { answered: 0, refused: 0, limited: 0, unsynchronised: 0 };

  constructor(read: ReadClock) {
    this.#read = read;
  }

  /**
   * @param arrived the clock when the datagram came; null while the time is not known.
   * @param base a monotonic time in ms, for counting.
   * @returns the bytes to send back, or null for silence.
   */
  answer(
    bytes: Uint8Array,
    address: string,
    arrived: ClockReading | null,
    base: number,
  ): Uint8Array<ArrayBuffer> | null {
    const judged = judgeQuestion(bytes);
    if (judged.type === "refused") {
      this.counts.refused += 1;
      return null;
    }
    const { packet } = judged;
    const asker = this.#askerOf(address, base);
    if (asker.left < 1) {
      this.counts.limited += 1;
      if (base - asker.kissedAt < 1000) return null;
      asker.kissedAt = base;
      return encodePacket(kissOfDeath(packet, "RATE"));
    }
    asker.left -= 1;
    const leaving = this.#read();
    if (arrived === null || leaving === null) {
      this.counts.unsynchronised += 1;
      return encodePacket(noTimeYet(packet));
    }
    this.counts.answered += 1;
    return encodePacket(timed(packet, arrived, leaving));
  }

  #askerOf(address: string, base: number): Asker {
    const known = this.#askers.get(address);
    const asker = known ?? { left: burst, at: base, kissedAt: -Infinity };
    asker.left = Math.min(burst, asker.left + ((base - asker.at) / 1000) * perSecond);
    asker.at = base;
    if (known === undefined) {
      this.#askers.set(address, asker);
      const [oldest] = this.#askers.keys();
      if (this.#askers.size > mostAddresses && oldest !== undefined) this.#askers.delete(oldest);
    }
    return asker;
  }
}

function timed(question: NtpPacket, arrived: ClockReading, leaving: ClockReading): NtpPacket {
  const { leap, stratum, rootDelayMs, rootDispersionMs, referenceId, steeredUnixMs } = leaving;
  return answerTo(question, {
    leap,
    // One step further from the source than the upstream.
    stratum: Math.min(15, stratum + 1),
    precision,
    rootDelay: shortFromSeconds(rootDelayMs / 1000),
    rootDispersion: shortFromSeconds(rootDispersionMs / 1000),
    referenceId,
    reference: steeredUnixMs <= leaving.unixMs ? fromUnixMs(steeredUnixMs) : noReference,
    receive: fromUnixMs(arrived.unixMs),
    // The clock never goes back, but two readings of it may be equal.
    transmit: fromUnixMs(Math.max(arrived.unixMs, leaving.unixMs)),
  });
}
