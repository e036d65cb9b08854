/**
 * The 48 bytes of NTP, versions 3 and 4 (RFC 5905, section 7.3): read, written, and answered as a server answers. Called by
 * the gateway's door for `application/ntp` and by the bridge. Pure; whatever the bytes are, reading them never throws.
 * Stamps and durations stay as they stand in the packet: `timestamps.ts` says what they mean.
 */

export const packetBytes = 48;

export interface NtpPacket {
  /** 0 none, 1 the day's last minute has 61 seconds, 2 it has 59, 3 not synchronised. */
  readonly leap: number;
  readonly version: number;
  readonly mode: number;
  /** 0 for "unspecified", and in a kiss of death; 16, not synchronised, is sent as 0. */
  readonly stratum: number;
  /** log2 of seconds, signed. */
  readonly poll: number;
  /** log2 of seconds, signed. */
  readonly precision: number;
  /** Seconds in units of 2^-16. */
  readonly rootDelay: number;
  readonly rootDispersion: number;
  /** 32 bits: four letters at strata 0 and 1, a hash of the reference elsewhere. */
  readonly referenceId: number;
  /** 64-bit stamps: when the server's clock was last set, ... */
  readonly reference: bigint;
  /** ... what the client sent as `transmit`, untouched, ... */
  readonly origin: bigint;
  /** ... when the question came, and when the answer left. */
  readonly receive: bigint;
  readonly transmit: bigint;
}

/** Modes of RFC 5905 that are spoken here. */
const clientMode = 3;
const serverMode = 4;
const notSynchronised = 3;

export function encodePacket(packet: NtpPacket): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(packetBytes);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, ((packet.leap & 3) << 6) | ((packet.version & 7) << 3) | (packet.mode & 7));
  view.setUint8(1, packet.stratum);
  view.setInt8(2, packet.poll);
  view.setInt8(3, packet.precision);
  view.setUint32(4, packet.rootDelay);
  view.setUint32(8, packet.rootDispersion);
  view.setUint32(12, packet.referenceId);
  view.setBigUint64(16, packet.reference);
  view.setBigUint64(24, packet.origin);
  view.setBigUint64(32, packet.receive);
  view.setBigUint64(40, packet.transmit);
  return bytes;
}

/**
 * What follows the header, extension fields or a signature, is not looked at.
 * @returns null unless there is a whole header, and behind it whole words of four bytes.
 */
export function decodePacket(bytes: Uint8Array): NtpPacket | null {
  if (bytes.length < packetBytes || bytes.length % 4 !== 0) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = view.getUint8(0);
  return {
    leap: first >> 6,
    version: (first >> 3) & 7,
    mode: first & 7,
    stratum: view.getUint8(1),
    poll: view.getInt8(2),
    precision: view.getInt8(3),
    rootDelay: view.getUint32(4),
    rootDispersion: view.getUint32(8),
    referenceId: view.getUint32(12),
    reference: view.getBigUint64(16),
    origin: view.getBigUint64(24),
    receive: view.getBigUint64(32),
    transmit: view.getBigUint64(40),
  };
}

export type Judged =
  | { readonly type: "question"; readonly packet: NtpPacket }
  | { readonly type: "refused"; readonly why: "length" | "version" | "mode" };

/**
 * Is this a client's question? Everything else gets no answer: modes 6 and 7 are what amplified attacks were made of, and
 * a server that answers answers (mode 4) can be set against another one. Leap 3 is no fault: clients not yet synchronised
 * say so.
 */
export function judgeQuestion(bytes: Uint8Array): Judged {
  const packet = decodePacket(bytes);
  if (packet === null) return { type: "refused", why: "length" };
  if (packet.mode !== clientMode) return { type: "refused", why: "mode" };
  if (packet.version !== 3 && packet.version !== 4) return { type: "refused", why: "version" };
  return { type: "question", packet };
}

/** What a server says of its clock, in the units of the packet. */
export type ServerClock = Pick<
  NtpPacket,
  | "leap"
  | "stratum"
  | "precision"
  | "rootDelay"
  | "rootDispersion"
  | "referenceId"
  | "reference"
  | "receive"
  | "transmit"
>;

/** `fast_xmit` of RFC 5905: the client's version and poll, its `transmit` as `origin`. */
export const answerTo = (question: NtpPacket, clock: ServerClock): NtpPacket => ({
  ...clock,
  version: question.version,
  mode: serverMode,
  poll: question.poll,
  origin: question.transmit,
});

const silent = { rootDelay: 0, rootDispersion: 0, precision: 0, stratum: 0, leap: notSynchronised };

/** "Kiss of death": no time, but four letters that tell the client what to do. RATE: ask less often. DENY: go away. */
export function kissOfDeath(question: NtpPacket, code: "RATE" | "DENY" | "INIT"): NtpPacket {
  // Stamps in it may not be used; as ntpd does, they repeat the client's own, so that they tell nothing either.
  const stamps = { reference: 0n, receive: question.transmit, transmit: question.transmit };
  return answerTo(question, { ...silent, ...stamps, referenceId: lettersId(code) });
}

/** Leap 3, stratum 0 (which is how 16 is sent), no stamps: the server has no time to give. */
export const noTimeYet = (question: NtpPacket): NtpPacket => ({
  ...kissOfDeath(question, "INIT"),
  receive: 0n,
  transmit: 0n,
});

/** @returns the four letters of a kiss of death, or null if the packet is none. */
export function kissCode(packet: NtpPacket): string | null {
  const letters = [24, 16, 8, 0].map((shift) => (packet.referenceId >>> shift) & 0xff);
  const readable = letters.every((code) => code >= 0x20 && code < 0x7f);
  return packet.stratum === 0 && readable ? String.fromCharCode(...letters).trimEnd() : null;
}

/** Up to four ASCII letters as a reference's id, as strata 0 and 1 use it. */
export const lettersId = (letters: string): number =>
  [0, 1, 2, 3].reduce((id, at) => id * 256 + (at < letters.length ? letters.charCodeAt(at) & 0xff : 0), 0);

/**
 * The id of a reference that has no address, for strata above 1: a hash of its name (FNV-1a), as RFC 5905 takes one of IPv6
 * addresses. It names the reference so that loops are seen; two that collide would only be taken for one.
 */
export function referenceIdOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at += 1) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193) >>> 0;
  return hash;
}

/** As JSON and people see it. */
export const referenceIdText = (id: number): string => id.toString(16).padStart(8, "0");
