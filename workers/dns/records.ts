/**
 * What the registry knows, as DNS records: which of them answer a question, and what stands beside them. Pure: what was
 * found comes in, what to say goes out. Every record lives as long as a lookup's answer may be kept.
 */
import { byteString, utf8 } from "../../src/support/bytes.ts";
import type { ByteString } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import { addressLabel } from "../../src/registry/dns-names.ts";
import type { InstanceRecord, InstanceView, NodeView } from "../../src/registry/model.ts";
import { dnsCodes, dnsTypes } from "../../src/wire/dns-message.ts";
import type { DnsCode, DnsData, DnsQuestion, DnsRecord, DnsReply } from "../../src/wire/dns-message.ts";
import { nameOf } from "../../src/wire/dns-labels.ts";
import type { DnsName } from "../../src/wire/dns-labels.ts";
import { addressBytes } from "./addresses.ts";

const ttl = limits.lookupMaxAgeSeconds;
/** What a string of TXT can hold, in bytes. */
const stringBytes = 255;

/** The zone that a question is in, in the question's own letters. */
const zoneOf = ({ name }: DnsQuestion): DnsName => name.slice(-1);

const record = (name: DnsName, data: DnsData): DnsRecord => ({ name, ttl, data });

const asks = ({ type }: DnsQuestion, ...types: readonly (keyof typeof dnsTypes)[]): boolean =>
  type === dnsTypes.ANY || types.some((one) => dnsTypes[one] === type);

/** @param serial says nothing here: nobody may fetch the zone. */
function soaOf(question: DnsQuestion, serial: number): DnsRecord {
  const zone = zoneOf(question);
  const times = { refresh: 3600, retry: 600, expire: 86_400, minimum: ttl };
  const [primary, mailbox] = [
    ["ns", ...zone],
    ["hostmaster", ...zone],
  ];
  return record(zone, { type: "SOA", primary, mailbox, serial, ...times });
}

/** The zone's word on a name; with nothing to say, SOA tells for how long that holds (RFC 2308). */
function replyOf(
  question: DnsQuestion,
  serial: number,
  code: DnsCode,
  answers: readonly DnsRecord[] = [],
  additionals: readonly DnsRecord[] = [],
): DnsReply {
  const authorities = answers.length === 0 ? [soaOf(question, serial)] : [];
  return { code, authoritative: true, answers, authorities, additionals };
}

export const absent = (question: DnsQuestion, serial: number): DnsReply => replyOf(question, serial, dnsCodes.NXDOMAIN);

export const nothingHere = (question: DnsQuestion, serial: number): DnsReply =>
  replyOf(question, serial, dnsCodes.NOERROR);

export function apexReply(question: DnsQuestion, serial: number): DnsReply {
  const { name } = question;
  const answers = [
    ...(asks(question, "SOA") ? [soaOf(question, serial)] : []),
    ...(asks(question, "NS") ? [record(name, { type: "NS", name: ["ns", ...zoneOf(question)] })] : []),
  ];
  return replyOf(question, serial, dnsCodes.NOERROR, answers);
}

/** An address under its own name. */
export function addressReply(question: DnsQuestion, serial: number, address: Uint8Array): DnsReply {
  return replyOf(question, serial, dnsCodes.NOERROR, addressesOf(question, [addressRecord(question.name, address)]));
}

const addressRecord = (name: DnsName, address: Uint8Array): DnsRecord =>
  record(name, { type: address.length === 4 ? "A" : "AAAA", address });

const addressesOf = (question: DnsQuestion, records: readonly DnsRecord[]): readonly DnsRecord[] =>
  records.filter(({ data }) => (data.type === "A" ? asks(question, "A") : asks(question, "AAAA")));

/** As Consul says a node's meta: a name that begins with `rfc1035-` is only for order, and not said. */
export function nodeReply(question: DnsQuestion, serial: number, node: Pick<NodeView, "address" | "meta">): DnsReply {
  const { name } = question;
  const texts = Object.entries(node.meta).map(([key, value]) => (/^rfc1035-/i.test(key) ? value : `${key}=${value}`));
  const meta = texts.map((text) => textString(text)).filter((text) => text !== null);
  const answers = [
    ...placesOf(question, [node.address]),
    ...(asks(question, "TXT") ? meta.map((text) => record(name, { type: "TXT", strings: [text] })) : []),
  ];
  return replyOf(question, serial, dnsCodes.NOERROR, distinct(answers));
}

/**
 * A and AAAA; or one CNAME, where there are only host names: a name can have no second one, and nothing beside it (RFC 1034,
 * section 3.6.2), so it is left out where all is asked for.
 */
function placesOf(question: DnsQuestion, addresses: readonly string[]): readonly DnsRecord[] {
  const numbers = addresses.map(addressBytes).filter((bytes) => bytes !== null);
  if (numbers.length > 0)
    return addressesOf(
      question,
      numbers.map((bytes) => addressRecord(question.name, bytes)),
    );
  const [host] = addresses.map(hostOf).filter((name) => name !== null);
  const wanted = question.type !== dnsTypes.ANY && asks(question, "A", "AAAA", "CNAME");
  return host === undefined || !wanted ? [] : [record(question.name, { type: "CNAME", name: host })];
}

const hostOf = (address: string): DnsName | null => (address === "" ? null : nameOf(address));

/** What has no address of its own is where its node is. */
const placeOf = ({ address, nodeAddress }: InstanceView): string => (address === "" ? nodeAddress : address);

/** @param found healthy ones, nearest first. @param regions nearest first: the lower its priority, the nearer an instance. */
export function serviceReply(
  question: DnsQuestion,
  serial: number,
  found: readonly InstanceView[],
  regions: readonly string[],
): DnsReply {
  if (found.length === 0) return absent(question, serial);
  const { name } = question;
  const targets = asks(question, "SRV")
    ? found.map((one) => targetOf(question, one)).filter((one) => one !== null)
    : [];
  const services = targets.map(({ instance, target }) =>
    record(name, {
      type: "SRV",
      priority: priorityOf(instance, regions),
      weight: instance.status === "warning" ? instance.weights.warning : instance.weights.passing,
      port: instance.port,
      target,
    }),
  );
  const texts = asks(question, "TXT")
    ? found.map((instance) => record(name, { type: "TXT", strings: stringsOf(instance) }))
    : [];
  const answers = distinct([...placesOf(question, found.map(placeOf)), ...services, ...texts]);
  const beside = targets.flatMap(({ target, address }) => (address === null ? [] : [addressRecord(target, address)]));
  return replyOf(question, serial, dnsCodes.NOERROR, answers, distinct(beside));
}

interface Target {
  readonly instance: InstanceView;
  readonly target: DnsName;
  /** Null for a host's name, which others answer for. */
  readonly address: Uint8Array | null;
}

function targetOf(question: DnsQuestion, instance: InstanceView): Target | null {
  const place = placeOf(instance);
  const address = addressBytes(place);
  if (address !== null) return { instance, target: [addressLabel(address), "addr", ...zoneOf(question)], address };
  const target = hostOf(place);
  return target === null ? null : { instance, target, address };
}

function priorityOf({ region }: InstanceRecord, regions: readonly string[]): number {
  const place = regions.indexOf(region);
  return 1 + (place < 0 ? regions.length : place);
}

function stringsOf({ instance, region, tags, meta }: InstanceView): readonly ByteString[] {
  return [
    `instance=${instance}`,
    `region=${region}`,
    ...tags.map((tag) => `tag=${tag}`),
    ...Object.entries(meta).map(([key, value]) => `meta.${key}=${value}`),
  ]
    .map(textString)
    .filter((text) => text !== null);
}

/** @returns null when it is too long for a string of TXT: half of it would say something else. */
function textString(text: string): ByteString | null {
  const bytes = utf8(text);
  return bytes.length <= stringBytes ? byteString(bytes) : null;
}

/** A set has each record once (RFC 2181, section 5). */
function distinct(records: readonly DnsRecord[]): readonly DnsRecord[] {
  const seen = new Set<string>();
  return records.filter(({ name, data }) => {
    const key = JSON.stringify([name, data]);
    const first = !seen.has(key);
    seen.add(key);
    return first;
  });
}
