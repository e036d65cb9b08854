/**
 * DNS messages (RFC 1035, RFC 6891): what a question holds, and what an answer is made of. Own code, because the packages
 * there are want Node's buffers in the Worker, turn labels into text, and compress no names; `dns-packet` is the oracle of
 * the tests. Called by the DNS door and by `synod dns`. Takes any bytes, and throws for none.
 */
import type { ByteString } from "../support/brand.ts";
import { readName } from "./dns-labels.ts";
import type { DnsName } from "./dns-labels.ts";

/** The types that are asked for by name. Any other number may be asked for too. */
export const dnsTypes = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  NAPTR: 35,
  OPT: 41,
  DS: 43,
  DNSKEY: 48,
  SVCB: 64,
  HTTPS: 65,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
  CAA: 257,
} as const;

export const dnsClasses = { IN: 1, ANY: 255 } as const;

/** BADVERS is written half into the header, half into OPT. */
export const dnsCodes = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
} as const;
export type DnsCode = (typeof dnsCodes)[keyof typeof dnsCodes];

export const headerBytes = 12;
/** The most that a length of two bytes can say. */
export const messageBytes = 65_535;
/** What a UDP datagram may hold when the question does not say. */
export const plainUdpBytes = 512;
/** What is taken over UDP here: fits into what every path carries unfragmented (RFC 9715). */
export const ednsUdpBytes = 1232;

/** What an answer repeats of its question's header. */
export interface DnsHeader {
  readonly id: number;
  readonly opcode: number;
  readonly recursionDesired: boolean;
  readonly checkingDisabled: boolean;
}

export interface DnsQuestion {
  /** As it was asked, letter by letter: whoever asks may compare. */
  readonly name: DnsName;
  readonly type: number;
  readonly class: number;
}

/** What the question's sender can take (RFC 6891). */
export interface Edns {
  readonly udpBytes: number;
  readonly version: number;
  readonly dnssecOk: boolean;
}

export interface DnsQuery {
  readonly header: DnsHeader;
  readonly question: DnsQuestion;
  readonly edns: Edns | null;
}

/** A question that is refused before anybody thinks about it; what of it was understood goes back. */
export interface DnsRefusal {
  readonly header: DnsHeader;
  readonly question: DnsQuestion | null;
  readonly edns: Edns | null;
  readonly code: DnsCode;
}

export type DnsJudged =
  | { readonly type: "query"; readonly query: DnsQuery }
  | { readonly type: "refused"; readonly refusal: DnsRefusal }
  /** No header, or itself an answer: answering it could go on for ever. */
  | { readonly type: "none" };

export type DnsData =
  /** 4 bytes, or 16 of them. */
  | { readonly type: "A" | "AAAA"; readonly address: Uint8Array }
  | { readonly type: "CNAME" | "NS"; readonly name: DnsName }
  | {
      readonly type: "SRV";
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: DnsName;
    }
  /** Strings of at most 255 bytes. */
  | { readonly type: "TXT"; readonly strings: readonly ByteString[] }
  | {
      readonly type: "SOA";
      readonly primary: DnsName;
      readonly mailbox: DnsName;
      readonly serial: number;
      readonly refresh: number;
      readonly retry: number;
      readonly expire: number;
      readonly minimum: number;
    };

export interface DnsRecord {
  readonly name: DnsName;
  /** In seconds. */
  readonly ttl: number;
  readonly data: DnsData;
}

/** What is said beside a code (RFC 8914), to whoever speaks EDNS. */
export const dnsRemarks = { stale: 3, noReachableAuthority: 22 } as const;

/** All but what is repeated of the question. */
export interface DnsReply {
  readonly code: DnsCode;
  readonly authoritative: boolean;
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
  readonly remark?: keyof typeof dnsRemarks;
}

export const emptyReply = (code: DnsCode): DnsReply => ({
  code,
  authoritative: false,
  answers: [],
  authorities: [],
  additionals: [],
});

export const uint16 = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

export const uint32 = (bytes: Uint8Array, at: number): number => uint16(bytes, at) * 0x1_0000 + uint16(bytes, at + 2);

export function judgeQuery(bytes: Uint8Array): DnsJudged {
  const flags = uint16(bytes, 2);
  if (bytes.length < headerBytes || (flags & 0x8000) !== 0) return { type: "none" };
  const header: DnsHeader = {
    id: uint16(bytes, 0),
    opcode: (flags >> 11) & 15,
    recursionDesired: (flags & 0x0100) !== 0,
    checkingDisabled: (flags & 0x0010) !== 0,
  };
  const refused = (code: DnsCode, question: DnsQuestion | null = null, edns: Edns | null = null): DnsJudged => ({
    type: "refused",
    refusal: { header, question, edns, code },
  });
  // One question (RFC 9619). Other opcodes are refused whatever they put behind the header, which may be understood or not.
  const asked = uint16(bytes, 4) === 1 ? readQuestion(bytes) : null;
  const edns = asked === null ? "malformed" : readEdns(bytes, asked.end);
  const understood = edns === "malformed" ? null : edns;
  if (header.opcode !== 0) return refused(dnsCodes.NOTIMP, asked?.question, understood);
  if (asked === null) return refused(dnsCodes.FORMERR);
  const { question } = asked;
  if (edns === "malformed" || question.type === dnsTypes.OPT) return refused(dnsCodes.FORMERR, question, understood);
  if (edns !== null && edns.version > 0) return refused(dnsCodes.BADVERS, question, edns);
  return { type: "query", query: { header, question, edns } };
}

/** @returns null when it is malformed. A pointer has nothing to point back to here. */
function readQuestion(bytes: Uint8Array): { readonly question: DnsQuestion; readonly end: number } | null {
  const found = readName(bytes, headerBytes);
  if (found === null || found.end + 4 > bytes.length) return null;
  const { name, end } = found;
  return { question: { name, type: uint16(bytes, end), class: uint16(bytes, end + 2) }, end: end + 4 };
}

/** Goes over all that follows the question, which must end where the message does. */
function readEdns(bytes: Uint8Array, start: number): Edns | null | "malformed" {
  const before = uint16(bytes, 6) + uint16(bytes, 8);
  const records = readRecords(bytes, start, before + uint16(bytes, 10));
  if (records === null || (records.at(-1)?.end ?? start) !== bytes.length) return "malformed";
  const [edns = null, ...more] = records.filter(({ type }) => type === dnsTypes.OPT);
  if (edns === null) return null;
  // The root's name is one byte of zero.
  if (more.length > 0 || bytes[edns.start] !== 0 || records.indexOf(edns) < before) return "malformed";
  return {
    udpBytes: uint16(bytes, edns.ttlAt - 2),
    version: bytes[edns.ttlAt + 1] ?? 0,
    dnssecOk: ((bytes[edns.ttlAt + 2] ?? 0) & 0x80) !== 0,
  };
}

/** Where a record lies in its message. */
export interface RecordPlace {
  readonly start: number;
  readonly type: number;
  readonly ttlAt: number;
  readonly end: number;
}

/** @returns null when there are fewer than so many, or one of them is malformed. */
function readRecords(bytes: Uint8Array, start: number, count: number): readonly RecordPlace[] | null {
  const records: RecordPlace[] = [];
  for (let at = start; records.length < count;) {
    const fixed = readName(bytes, at)?.end;
    if (fixed === undefined || fixed + 10 > bytes.length) return null;
    const end = fixed + 10 + uint16(bytes, fixed + 8);
    if (end > bytes.length) return null;
    records.push({ start: at, type: uint16(bytes, fixed), ttlAt: fixed + 4, end });
    at = end;
  }
  return records;
}

/** What lies where in an answer, as far as it must be known to send it on. */
export interface AnswerPlaces {
  readonly question: DnsQuestion;
  readonly questionEnd: number;
  readonly answers: readonly RecordPlace[];
  readonly authorities: readonly RecordPlace[];
  readonly additionals: readonly RecordPlace[];
}

/** @returns null unless it is an answer to one question, well formed to its end. */
export function placesIn(bytes: Uint8Array): AnswerPlaces | null {
  if (bytes.length < headerBytes || (uint16(bytes, 2) & 0x8000) === 0 || uint16(bytes, 4) !== 1) return null;
  const asked = readQuestion(bytes);
  if (asked === null) return null;
  const [first, second, third] = [uint16(bytes, 6), uint16(bytes, 8), uint16(bytes, 10)];
  const records = readRecords(bytes, asked.end, first + second + third);
  if (records === null || (records.at(-1)?.end ?? asked.end) !== bytes.length) return null;
  return {
    question: asked.question,
    questionEnd: asked.end,
    answers: records.slice(0, first),
    authorities: records.slice(first, first + second),
    additionals: records.slice(first + second),
  };
}
