/**
 * Writes DNS messages: answers for the DNS door, questions for `synod dns`. Names that stood before are pointers back to
 * where they stood; what no longer fits is left out, record by record, and said to be (TC).
 */
import { assert } from "../support/assert.ts";
import { dnsClasses, dnsCodes, dnsRemarks, dnsTypes, ednsUdpBytes, emptyReply, messageBytes } from "./dns-message.ts";
import type { DnsData, DnsHeader, DnsQuery, DnsQuestion, DnsRecord, DnsReply, Edns } from "./dns-message.ts";
import { nameBytes, wireLength } from "./dns-labels.ts";
import type { DnsName } from "./dns-labels.ts";

type Asked = Pick<DnsQuery, "header" | "edns"> & { readonly question: DnsQuestion | null };

/** OPT, and the option for remarks (RFC 8914). */
const optBytes = 11;
const remarkBytes = 6;
const remarkOption = 15;
/** Pointers have 14 bits. */
const furthestPointer = 0x3fff;

const flag = { response: 0x8000, authoritative: 0x0400, truncated: 0x0200, recursion: 0x0100, unchecked: 0x0010 };

/** @param atMost the bytes of the message. */
export function encodeReply(
  { header, question, edns }: Asked,
  reply: DnsReply,
  atMost = messageBytes,
): Uint8Array<ArrayBuffer> {
  const writer = new Writer(atMost - (edns === null ? 0 : optBytes + (reply.remark === undefined ? 0 : remarkBytes)));
  const counts = { answers: 0, authorities: 0, additionals: 0 };
  writer.skip(12);
  if (question !== null) writer.question(question);
  let full = false;
  for (const section of ["answers", "authorities", "additionals"] as const) {
    for (const record of reply[section]) {
      full ||= !writer.record(record);
      if (full) break;
      counts[section] += 1;
    }
  }
  const truncated = counts.answers < reply.answers.length || counts.authorities < reply.authorities.length;
  if (edns !== null) writer.opt(edns, reply);
  writer.header(
    header,
    flag.response |
      (reply.authoritative ? flag.authoritative : 0) |
      // What is missing in the additional section can be asked for (RFC 2181, section 9).
      (truncated ? flag.truncated : 0) |
      (reply.code & 15),
    [question === null ? 0 : 1, counts.answers, counts.authorities, counts.additionals + (edns === null ? 0 : 1)],
  );
  return writer.bytes();
}

export function encodeQuery({ header, question, edns }: DnsQuery): Uint8Array<ArrayBuffer> {
  const writer = new Writer(messageBytes);
  writer.skip(12);
  writer.question(question);
  if (edns !== null) writer.opt(edns, emptyReply(dnsCodes.NOERROR));
  writer.header(header, 0, [1, 0, 0, edns === null ? 0 : 1]);
  return writer.bytes();
}

class Writer {
  #bytes = new Uint8Array(1024);
  #length = 0;
  readonly #atMost: number;
  /** Where each name, and each tail of one, stands. */
  readonly #places = new Map<string, number>();

  constructor(atMost: number) {
    this.#atMost = atMost;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  skip(count: number): void {
    this.#length += count;
  }

  header(
    { id, opcode, recursionDesired, checkingDisabled }: DnsHeader,
    flags: number,
    counts: readonly number[],
  ): void {
    const end = this.#length;
    this.#length = 0;
    this.#uint16(id);
    this.#uint16(
      flags | (opcode << 11) | (recursionDesired ? flag.recursion : 0) | (checkingDisabled ? flag.unchecked : 0),
    );
    for (const count of counts) this.#uint16(count);
    this.#length = end;
  }

  question({ name, type, class: of }: DnsQuestion): void {
    this.#name(name, true);
    this.#uint16(type);
    this.#uint16(of);
  }

  /** @returns false, and nothing is written, when it does not fit. */
  record({ name, ttl, data }: DnsRecord): boolean {
    const start = this.#length;
    this.#name(name, true);
    this.#uint16(dnsTypes[data.type]);
    this.#uint16(dnsClasses.IN);
    this.#uint32(ttl);
    const lengthAt = this.#length;
    this.skip(2);
    this.#data(data);
    const end = this.#length;
    if (end > this.#atMost) {
      this.#length = start;
      for (const [tail, place] of this.#places) if (place >= start) this.#places.delete(tail);
      return false;
    }
    this.#length = lengthAt;
    this.#uint16(end - lengthAt - 2);
    this.#length = end;
    return true;
  }

  opt({ dnssecOk }: Edns, { code, remark }: DnsReply): void {
    this.#uint8(0);
    this.#uint16(dnsTypes.OPT);
    this.#uint16(ednsUdpBytes);
    this.#uint8(code >> 4);
    // The only version there is.
    this.#uint8(0);
    this.#uint16(dnssecOk ? 0x8000 : 0);
    this.#uint16(remark === undefined ? 0 : remarkBytes);
    if (remark === undefined) return;
    this.#uint16(remarkOption);
    this.#uint16(2);
    this.#uint16(dnsRemarks[remark]);
  }

  #data(data: DnsData): void {
    switch (data.type) {
      case "A":
      case "AAAA":
        assert(data.address.length === (data.type === "A" ? 4 : 16), "an address has the length of its type");
        for (const byte of data.address) this.#uint8(byte);
        return;
      case "CNAME":
      case "NS":
        return this.#name(data.name, true);
      case "SRV":
        this.#uint16(data.priority);
        this.#uint16(data.weight);
        this.#uint16(data.port);
        // Written out (RFC 2782): not every resolver looks for pointers here.
        return this.#name(data.target, false);
      case "TXT":
        // There is at least one string.
        for (const text of data.strings.length === 0 ? [""] : data.strings) this.#string(text);
        return;
      case "SOA":
        this.#name(data.primary, true);
        this.#name(data.mailbox, true);
        for (const number of [data.serial, data.refresh, data.retry, data.expire, data.minimum]) this.#uint32(number);
        return;
    }
  }

  #name(name: DnsName, mayPoint: boolean): void {
    assert(wireLength(name) <= nameBytes, "a name fits into a message");
    for (let i = 0; i < name.length; i += 1) {
      // Letters of another case are another text: the tail comes out as it went in. No label is longer than its length says.
      const tail = name
        .slice(i)
        .map((label) => String.fromCharCode(label.length) + label)
        .join("");
      const place = this.#places.get(tail);
      if (place !== undefined && mayPoint) return this.#uint16(0xc000 | place);
      if (place === undefined && this.#length <= furthestPointer) this.#places.set(tail, this.#length);
      this.#string(name[i] ?? "");
    }
    this.#uint8(0);
  }

  #string(text: string): void {
    assert(text.length <= 255, "a string's length fits into a byte");
    this.#uint8(text.length);
    for (let i = 0; i < text.length; i += 1) this.#uint8(text.charCodeAt(i));
  }

  #uint32(value: number): void {
    this.#uint16(Math.floor(value / 0x1_0000));
    this.#uint16(value % 0x1_0000);
  }

  #uint16(value: number): void {
    this.#uint8(value >> 8);
    this.#uint8(value);
  }

  #uint8(value: number): void {
    // After a skip the length may be beyond the end, where a write would be lost in silence.
    if (this.#length >= this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#length);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes[this.#length] = value;
    this.#length += 1;
  }
}
