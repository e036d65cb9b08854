/** Answers one DNS question from the registry: finds what its name means, reads it at the nearest replica, and says so. */
import { regionName } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import { integerBetween } from "../../src/support/random.ts";
import { dnsPlaceOf } from "../../src/registry/dns-names.ts";
import type { DnsPlace } from "../../src/registry/dns-names.ts";
import type { Consistency } from "../../src/replica/messages.ts";
import { dnsClasses, dnsCodes, dnsTypes, emptyReply } from "../../src/wire/dns-message.ts";
import type { DnsQuestion, DnsReply } from "../../src/wire/dns-message.ts";
import { locationHints } from "../config.ts";
import { Problem } from "../gateway/problems.ts";
import { read } from "../gateway/reads.ts";
import { lookUp } from "../gateway/registry.ts";
import { confirmSoon, isStale } from "../gateway/staleness.ts";
import type { Visit } from "../gateway/visit.ts";
import { absent, addressReply, apexReply, nodeReply, nothingHere, serviceReply } from "./records.ts";

export interface DnsAnswer {
  readonly reply: DnsReply;
  /** Where it was read, and how fresh. */
  readonly headers: Readonly<Record<string, string>>;
  /** For people: why it could not be answered. */
  readonly comment: string | null;
}

/** Names go on being answered where no majority can be reached. */
const consistency: Consistency = { type: "local", maxAgeMs: null };

const answered = (reply: DnsReply, headers: DnsAnswer["headers"] = {}): DnsAnswer => ({
  reply,
  headers,
  comment: null,
});

export async function answerDns(visit: Visit, question: DnsQuestion): Promise<DnsAnswer> {
  const { regions, datacenter } = visit.config;
  const known = { regions: [...new Set([...regions, ...locationHints])], datacentre: datacenter };
  const place = dnsPlaceOf(question.name, known);
  if (place.type === "elsewhere" || !isAnswerable(question)) return answered(emptyReply(dnsCodes.REFUSED));
  const serial = Math.floor(visit.now() / 1000) % 2 ** 32;
  try {
    return await found(visit, question, place, serial);
  } catch (error) {
    // Anything else is a bug, and shown as one.
    if (!(error instanceof Problem)) throw error;
    const reply = { ...emptyReply(dnsCodes.SERVFAIL), remark: "noReachableAuthority" } as const;
    return { reply, headers: {}, comment: `${error.code}: ${error.message}` };
  }
}

/** Nobody may fetch the zones, and there is but the Internet's class. */
const isAnswerable = ({ type, class: of }: DnsQuestion): boolean =>
  (of === dnsClasses.IN || of === dnsClasses.ANY) && type !== dnsTypes.AXFR && type !== dnsTypes.IXFR;

async function found(
  visit: Visit,
  question: DnsQuestion,
  place: Exclude<DnsPlace, { readonly type: "elsewhere" }>,
  serial: number,
): Promise<DnsAnswer> {
  switch (place.type) {
    case "apex":
      return answered(apexReply(question, serial));
    case "between":
      return answered(nothingHere(question, serial));
    case "nothing":
      return answered(absent(question, serial));
    case "address":
      return answered(addressReply(question, serial, place.address));
    case "node": {
      const { result, headers } = await read(visit, consistency, { type: "node", node: place.node }, "node");
      const { node } = result;
      return fresh(visit, node === null ? absent(question, serial) : nodeReply(question, serial, node), headers);
    }
    case "service": {
      const { result, headers } = await instancesOf(visit, place);
      const instances = result.instances
        .filter(({ protocol }) => place.protocol === null || protocol === place.protocol)
        .slice(0, limits.dnsInstances);
      return fresh(visit, serviceReply(question, serial, instances, visit.regions), headers);
    }
  }
}

async function instancesOf(visit: Visit, { service, tag, protocol, region }: Extract<DnsPlace, { type: "service" }>) {
  const seed = integerBetween(visit.random, 0, 2 ** 32 - 1);
  return lookUp(visit, consistency, {
    service,
    health: "healthy",
    tags: tag === null ? [] : [tag],
    notTags: [],
    meta: {},
    regions: region === null ? [] : [region],
    failover: [],
    order: { type: "near", regions: visit.regions.map(regionName), seed },
    // Those of the other protocol are taken out here.
    limit: protocol === null ? limits.dnsInstances : limits.instancesPerLookup,
    after: null,
  });
}

/** What may be old is said to be. */
function fresh(visit: Visit, reply: DnsReply, headers: DnsAnswer["headers"]): DnsAnswer {
  if (!isStale(consistency, { headers })) return answered(reply, headers);
  confirmSoon(visit);
  return answered({ ...reply, remark: "stale" }, { ...headers, "synod-stale": "true" });
}
