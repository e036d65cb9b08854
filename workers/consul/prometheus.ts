/**
 * `/v1/sd/prometheus`: targets as Prometheus' `http_sd_configs` asks for them, one group for each instance that is healthy.
 * Not an endpoint of Consul's: it answers what Prometheus' own client of Consul would have found out. An instance that is
 * warning is a target; with `?passing` it is not.
 */
import { serviceName } from "../../src/registry/keys.ts";
import type { InstanceView } from "../../src/registry/model.ts";
import { isIpv6 } from "../../src/registry/addresses.ts";
import type { Call, Doors } from "./call.ts";
import { ConsulError } from "./errors.ts";
import { allInstances, instancesOf, nodeOf, passingIn, tagsIn } from "./finding.ts";
import type { FoundInstances } from "./finding.ts";
import { consistencyIn } from "./reading.ts";

export const prometheusDoors: Doors = { "sd/prometheus": { GET: targets } };

const known = [
  "service",
  "tag",
  "passing",
  "stale",
  "consistent",
  "max_stale",
  "token",
  "dc",
  "ns",
  "partition",
  "pretty",
];

async function targets(call: Call): Promise<Response> {
  const strange = [...call.query.keys()].find((name) => !known.includes(name));
  if (strange !== undefined) {
    throw new ConsulError(400, `unknown parameter ${JSON.stringify(strange.slice(0, 80))}: ${known.join(", ")}`);
  }
  const services = servicesIn(call);
  const wanted = { health: passingIn(call) ? "passing" : "healthy", tags: tagsIn(call) } as const;
  const { visit } = call;
  const { first } = consistencyIn(call);
  const found =
    services.length === 0
      ? (await allInstances(visit, first, wanted)).found
      : await Promise.all(services.map(async (name) => instancesOf(visit, first, name, wanted)));
  return call.json(found.flatMap((one) => groupsOf(one, visit.namespace)));
}

const mostServices = 64;

function servicesIn(call: Call) {
  const texts = [...new Set(call.query.getAll("service").filter((text) => text !== ""))];
  if (texts.length > mostServices) throw new ConsulError(400, `at most ${mostServices} services by their names`);
  return texts.map((text) => {
    const name = serviceName(text);
    if (name === null) throw new ConsulError(400, `Invalid service name ${JSON.stringify(text.slice(0, 80))}`);
    return name;
  });
}

function groupsOf(found: FoundInstances, namespace: string): readonly object[] {
  return found.instances.map((instance) => {
    const address =
      instance.address === "" ? (nodeOf(found, instance)?.address ?? instance.nodeAddress) : instance.address;
    const host = isIpv6(address) ? `[${address}]` : address;
    const target = instance.port === 0 ? host : `${host}:${instance.port}`;
    return { targets: [target], labels: labelsOf(instance, address, namespace) };
  });
}

/** Prometheus' rule for a label's name. */
const labelPart = (text: string): string => text.replaceAll(/[^A-Za-z0-9_]/g, "_");

function labelsOf(instance: InstanceView, address: string, namespace: string): Readonly<Record<string, string>> {
  const { tags, meta } = instance;
  return {
    __meta_synod_namespace: namespace,
    __meta_synod_service: instance.service,
    __meta_synod_instance: instance.instance,
    __meta_synod_node: instance.node,
    __meta_synod_region: instance.region,
    __meta_synod_address: address,
    __meta_synod_port: String(instance.port),
    __meta_synod_protocol: instance.protocol,
    __meta_synod_status: instance.status,
    __meta_synod_suspect: String(instance.suspect),
    // With a comma at both ends, so that `,v1,` matches wherever it stands.
    __meta_synod_tags: tags.length === 0 ? "" : `,${tags.join(",")},`,
    ...Object.fromEntries(tags.map((tag) => [`__meta_synod_tag_present_${labelPart(tag)}`, "true"])),
    ...Object.fromEntries(Object.entries(meta).map(([name, text]) => [`__meta_synod_meta_${labelPart(name)}`, text])),
  };
}
