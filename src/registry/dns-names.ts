/**
 * What a DNS name asks of the registry. Names are labels, each a byte string, without the dots; letters of either case are
 * the same. Consul's names under both zones, so that either can be configured. Called by the DNS door. Pure.
 */
import { bytesOf, textOf } from "../support/bytes.ts";
import type { ByteString, RegionName } from "../support/brand.ts";
import { nodeName, serviceName } from "./keys.ts";
import type { InstanceRecord, NodeName, ServiceName } from "./model.ts";

export type DnsPlace =
  /** In no zone of ours. */
  | { readonly type: "elsewhere" }
  /** A zone itself. */
  | { readonly type: "apex" }
  /** Nothing but a part of longer names: it exists, and holds nothing (RFC 8020). */
  | { readonly type: "between" }
  /** No name that could be here. */
  | { readonly type: "nothing" }
  | {
      readonly type: "service";
      readonly service: ServiceName;
      readonly tag: string | null;
      readonly protocol: InstanceRecord["protocol"] | null;
      /** Only there; null: everywhere. */
      readonly region: RegionName | null;
    }
  | { readonly type: "node"; readonly node: NodeName }
  | { readonly type: "address"; readonly address: Uint8Array };

/** What may stand between `service` and the zone. */
export interface DnsRegions {
  readonly regions: readonly string[];
  /** Consul's word for the whole deployment. */
  readonly datacentre: string;
}

const zones: readonly string[] = ["synod", "consul"];
const kinds: readonly string[] = ["service", "node", "addr"];

const fold = (label: string): string => label.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

export function dnsPlaceOf(name: readonly string[], known: DnsRegions): DnsPlace {
  const labels = name.map(fold);
  const zone = labels.pop();
  if (zone === undefined || !zones.includes(zone)) return { type: "elsewhere" };
  if (labels.length === 0) return { type: "apex" };
  // The last label that is a kind counts: a node may be called "service".
  const where = kinds.includes(labels.at(-1) ?? "") ? null : (labels.pop() ?? null);
  if (where !== null && where !== known.datacentre && !known.regions.includes(where)) return { type: "nothing" };
  const kind = labels.pop();
  const inner = name.slice(0, labels.length);
  if (kind === undefined) return { type: "between" };
  if (!kinds.includes(kind)) return { type: "nothing" };
  if (inner.length === 0) return { type: "between" };
  if (kind === "addr") return addressIn(inner);
  if (kind === "node") return nodeIn(inner);
  const region = where === null || where === known.datacentre ? null : (where as RegionName);
  return serviceIn(inner, region);
}

function serviceIn(labels: readonly string[], region: RegionName | null): DnsPlace {
  const last = labels.at(-1) ?? "";
  const [first = ""] = labels;
  // RFC 2782, as Consul reads it: what is no protocol is a tag. Asked alone, `_tcp` is only on the way to such a name.
  if (last.startsWith("_")) {
    if (labels.length === 1) return { type: "between" };
    if (labels.length !== 2 || !first.startsWith("_")) return { type: "nothing" };
    const word = fold(last.slice(1));
    if (word === "tcp" || word === "udp") return serviceOf(first.slice(1), null, word, region);
    return serviceOf(first.slice(1), last.slice(1), null, region);
  }
  return serviceOf(last, labels.length === 1 ? null : labels.slice(0, -1).join("."), null, region);
}

function serviceOf(
  name: string,
  tagBytes: string | null,
  protocol: InstanceRecord["protocol"] | null,
  region: RegionName | null,
): DnsPlace {
  const service = serviceName(name);
  const tag = tagBytes === null ? null : textOf(bytesOf(tagBytes));
  if (service === null || tag === "" || (tag === null && tagBytes !== null)) return { type: "nothing" };
  return { type: "service", service, tag, protocol, region };
}

function nodeIn(labels: readonly string[]): DnsPlace {
  const node = nodeName(labels.join("."));
  return node === null ? { type: "nothing" } : { type: "node", node };
}

function addressIn(labels: readonly string[]): DnsPlace {
  const [digits = ""] = labels;
  if (labels.length !== 1 || !/^([0-9a-f]{8}|[0-9a-f]{32})$/i.test(digits)) return { type: "nothing" };
  const bytes = digits.match(/../g) ?? [];
  return { type: "address", address: Uint8Array.from(bytes, (pair) => Number.parseInt(pair, 16)) };
}

/** What an address is called under `addr`: the name says it all, nobody has to be asked. */
export const addressLabel = (address: Uint8Array): ByteString =>
  Array.from(address, (byte) => byte.toString(16).padStart(2, "0")).join("") as ByteString;
