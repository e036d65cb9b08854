/**
 * Sends a DNS answer on without taking it apart: with another question's id and letters, older by some seconds, cut to
 * what a datagram may hold. Called by `synod dns`. Pure.
 */
import { dnsTypes, headerBytes, uint16, uint32 } from "./dns-message.ts";
import type { AnswerPlaces, DnsHeader, RecordPlace } from "./dns-message.ts";
import type { DnsName } from "./dns-labels.ts";

const isRecord = ({ type }: RecordPlace): boolean => type !== dnsTypes.OPT;

const allOf = ({ answers, authorities, additionals }: AnswerPlaces): readonly RecordPlace[] => [
  ...answers,
  ...authorities,
  ...additionals,
];

/** How long all of it holds, in seconds; 0 when there is nothing that says so. */
export function lifetimeOf(bytes: Uint8Array, places: AnswerPlaces): number {
  const ttls = allOf(places)
    .filter(isRecord)
    .map(({ ttlAt }) => uint32(bytes, ttlAt))
    // The highest bit means nothing, and so the ttl neither (RFC 2181, section 8).
    .map((ttl) => (ttl > 0x7fff_ffff ? 0 : ttl));
  return ttls.length === 0 ? 0 : Math.min(...ttls);
}

/** The code of an answer, without the half that OPT may hold. */
export const codeOf = (bytes: Uint8Array): number => uint16(bytes, 2) & 15;

/**
 * The answer as it is now, for this question.
 * @param name as it was asked this time: the same name, in whatever letters.
 */
export function refreshed(
  bytes: Uint8Array,
  places: AnswerPlaces,
  { id, recursionDesired }: DnsHeader,
  name: DnsName,
  ageSeconds: number,
): Uint8Array<ArrayBuffer> {
  const fresh = Uint8Array.from(bytes);
  put16(fresh, 0, id);
  put16(fresh, 2, (uint16(bytes, 2) & ~0x0100) | (recursionDesired ? 0x0100 : 0));
  let at = headerBytes;
  for (const label of name) {
    at += 1;
    for (let i = 0; i < label.length; i += 1) fresh[at + i] = label.charCodeAt(i);
    at += label.length;
  }
  for (const { ttlAt } of allOf(places).filter(isRecord)) {
    const left = Math.max(0, uint32(bytes, ttlAt) - ageSeconds);
    put16(fresh, ttlAt, Math.floor(left / 0x1_0000));
    put16(fresh, ttlAt + 2, left % 0x1_0000);
  }
  return fresh;
}

/**
 * What fits into so many bytes: whole records, the ones nobody asked for first to go. Whoever gets less than was answered
 * is told so (TC), and comes again over TCP; the additional section may be incomplete at any time (RFC 2181, section 9).
 */
export function cut(bytes: Uint8Array<ArrayBuffer>, places: AnswerPlaces, atMost: number): Uint8Array<ArrayBuffer> {
  if (bytes.length <= atMost) return bytes;
  const opt = places.additionals.find((record) => !isRecord(record));
  const room = atMost - (opt === undefined ? 0 : opt.end - opt.start);
  const fits = ({ end }: RecordPlace): boolean => end <= room;
  const [answers, authorities] = [places.answers.filter(fits), places.authorities.filter(fits)];
  // OPT stands last as this house writes it, but need not: what follows it goes, too.
  const kept = places.additionals.filter((record) => fits(record) && record.start < (opt?.start ?? Infinity));
  const additionals = kept.filter(isRecord);
  const end = [...answers, ...authorities, ...additionals].at(-1)?.end ?? places.questionEnd;
  const tail = opt === undefined ? new Uint8Array(0) : bytes.subarray(opt.start, opt.end);
  const less = new Uint8Array(end + tail.length);
  less.set(bytes.subarray(0, end));
  less.set(tail, end);
  put16(less, 6, answers.length);
  put16(less, 8, authorities.length);
  put16(less, 10, additionals.length + (opt === undefined ? 0 : 1));
  const missing = answers.length < places.answers.length || authorities.length < places.authorities.length;
  if (missing) put16(less, 2, uint16(less, 2) | 0x0200);
  return less;
}

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value & 0xff;
}
