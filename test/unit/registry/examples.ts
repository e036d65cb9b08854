/** Instances, nodes and checks for tests, and a registry over a real store that is told what to do in a word or two. */
import { agentNode, checkName, instanceName, nodeName, serviceName } from "../../../src/registry/keys.ts";
import { everything, findInstances } from "../../../src/registry/lookup.ts";
import type {
  CheckDefinition,
  CheckName,
  CheckState,
  InstanceName,
  InstancePlace,
  InstanceRecord,
  InstanceView,
  Lookup,
  NodeName,
  NodeView,
  ServiceName,
} from "../../../src/registry/model.ts";
import { instanceRecord } from "../../../src/registry/records.ts";
import type { Input } from "../../../src/registry/records.ts";
import { register } from "../../../src/registry/register.ts";
import type { Operation, Outcome } from "../../../src/store/command.ts";
import { instant, regionName, revision } from "../../../src/support/brand.ts";
import { Driver } from "../store/driver.ts";

function named<T>(name: T | null): T {
  if (name === null) throw new Error("not a name");
  return name;
}

export const serviceOf = (text: string): ServiceName => named(serviceName(text));
export const instanceOf = (text: string): InstanceName => named(instanceName(text));
export const nodeOf = (text: string): NodeName => named(nodeName(text));
export const checkOf = (text: string): CheckName => named(checkName(text));

export const placeOf = (service: string, instance: string, node: NodeName = agentNode): InstancePlace => ({
  service: serviceOf(service),
  node,
  instance: instanceOf(instance),
});

const common = (check: string) => ({ check: checkOf(check), name: check, notes: "", deregisterAfterMs: null });
const active = { intervalMs: 10_000, timeoutMs: 5_000, successBeforePassing: 0, failuresBeforeCritical: 3 };

export const checks = [
  { kind: "ttl", ...common("beat"), ttlMs: 5_000 },
  {
    kind: "http",
    ...common("front"),
    ...active,
    url: "https://example.org/health",
    method: "GET",
    headers: { accept: "*/*", "x-b": "1" },
    body: "",
  },
  { kind: "tcp", ...common("port"), ...active, host: "example.org", port: 443 },
  { kind: "alias", ...common("other"), node: agentNode, instance: instanceOf("db-1") },
  { kind: "plain", ...common("by-hand") },
] as const satisfies readonly CheckDefinition[];

export const input: Input<InstanceRecord> = {
  address: "10.0.0.1",
  port: 8080,
  protocol: "tcp",
  tags: ["blue", "v2"],
  meta: { version: "2", empty: "" },
  weights: { passing: 10, warning: 1 },
  ttlMs: 10_000,
  region: "weur",
  checks: [],
  taggedAddresses: { lan: { address: "10.0.0.2", port: 81 } },
  enableTagOverride: false,
};

export function recordOf(parts: Partial<Input<InstanceRecord>> = {}): InstanceRecord {
  const made = instanceRecord({ ...input, ...parts });
  if ("type" in made) throw new Error(made.reason);
  return made;
}

export const service = serviceOf("web");
export const instance = instanceOf("web-1");
export const place: InstancePlace = { service, node: nodeOf("Host-1.example"), instance };
const revisions = { createRevision: revision(2), modRevision: revision(3) };

export const node: NodeView = {
  name: place.node,
  id: "40e4a748-2192-161a-0510-9bf59fe950b5",
  address: "10.0.0.1",
  taggedAddresses: { lan: "10.0.0.1" },
  meta: { rack: "1" },
  ...revisions,
};

export const view: InstanceView = {
  ...place,
  ...recordOf({ checks }),
  status: "warning",
  suspect: true,
  states: checks.map((definition) => ({ definition, status: "warning", output: "slow", ...revisions })),
  nodeStates: [{ definition: checks[4], status: "passing", output: "", ...revisions }],
  nodeAddress: "10.0.0.1",
  ...revisions,
};

export const lookup: Lookup = {
  ...everything(service),
  health: "healthy",
  tags: ["t"],
  notTags: ["u"],
  meta: { a: "b", constructor: "c" },
  regions: [regionName("wnam")],
  failover: [regionName("oc")],
  order: { type: "near", regions: [regionName("weur")], seed: 3 },
  limit: 7,
  after: { node: place.node, instance },
};

/** A registry over a store of its own. */
export class Registry {
  readonly driver = new Driver();

  do(...operations: readonly Operation[]): readonly Outcome[] {
    return this.driver.apply(...operations.map((operation) => this.driver.command(operation)));
  }

  register(
    of: InstancePlace,
    parts: Partial<Input<InstanceRecord>> = {},
    { initial = {}, indexed = false }: { initial?: Readonly<Record<string, CheckState>>; indexed?: boolean } = {},
  ): readonly Outcome[] {
    return this.do(...register({ place: of, record: recordOf(parts), initial, indexed }));
  }

  /** Lets time pass, and ends what is due. */
  pass(ms: number): void {
    this.driver.now += ms;
    for (const { id, renewal } of this.driver.store.dueLeases(instant(this.driver.now), 1000)) {
      this.do({ type: "expire", lease: id, renewal });
    }
  }

  find(of: string, parts: Partial<Lookup> = {}) {
    return findInstances(this.driver.store, { ...everything(serviceOf(of)), ...parts });
  }

  /** The names of what is found, in order. */
  names(of: string, parts: Partial<Lookup> = {}): readonly string[] {
    return this.find(of, parts).instances.map((one) => one.instance);
  }

  /** The statuses of what is found, by its names. */
  statuses(of: string): Readonly<Record<string, string>> {
    return Object.fromEntries(this.find(of).instances.map((one) => [one.instance, one.status]));
  }
}
