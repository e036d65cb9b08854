/**
 * What Consul's clients send to register: services and checks, read leniently in their names and strictly in their values,
 * and checked as a whole before anything is written. Pure.
 */
import { regionName } from "../../src/support/brand.ts";
import type { RegionName } from "../../src/support/brand.ts";
import { limits } from "../../src/support/limits.ts";
import { isIpv4, isIpv6 } from "../../src/registry/addresses.ts";
import { checkDefinition, checkState, checkStatuses } from "../../src/registry/checks.ts";
import {
  agentNode,
  checkName,
  instanceName,
  nodeName,
  ownCheck,
  sameNode,
  serviceName,
} from "../../src/registry/keys.ts";
import { instanceRecord } from "../../src/registry/records.ts";
import { isRejected } from "../../src/registry/shapes.ts";
import type {
  CheckDefinition,
  CheckName,
  CheckState,
  CheckStatus,
  InstanceName,
  InstancePlace,
  InstanceRecord,
  NodeName,
} from "../../src/registry/model.ts";
import { millisecondsOf } from "./durations.ts";
import { ConsulError } from "./errors.ts";
import type { Members } from "./json.ts";
import { aliveCheck } from "./shapes.ts";

const bad = (text: string): ConsulError => new ConsulError(400, text);

/** A check, and what it says where it said nothing before. */
export interface NewCheck {
  readonly definition: CheckDefinition;
  readonly state: CheckState;
  /** The status was in the request, and not made up. */
  readonly said: boolean;
}

export interface NewService {
  readonly place: InstancePlace;
  /** Without checks. */
  readonly record: InstanceRecord;
  readonly checks: readonly NewCheck[];
}

/** Where a registration comes from. */
export interface Surroundings {
  readonly node: NodeName;
  /** The nearest region, unless the service says another one of `regions`. */
  readonly region: RegionName;
  readonly regions: readonly string[];
  /** Stands in for an address that is not said; "" for the node's own. */
  readonly address: string;
}

// --- services ---

/** What Consul's mesh adds to a service. Empty ones are what some clients send for none. */
const mesh = ["Proxy", "Connect"] as const;

function refuseMesh(from: Members): void {
  const kind = from.text("Kind") ?? "";
  if (kind !== "") throw bad(`Invalid service Kind ${JSON.stringify(kind.slice(0, 80))}: Synod has no service mesh`);
  for (const name of mesh) {
    const entries = from.entries(name) ?? [];
    const meant = entries.filter(([, value]) => isMeant(value)).map(([member]) => member);
    if (meant.length > 0) throw bad(`Invalid ${name}.${meant[0]?.slice(0, 80)}: Synod has no service mesh (Connect)`);
  }
  const socket = from.text("SocketPath") ?? "";
  if (socket !== "") throw bad("SocketPath: Synod knows addresses and ports only");
}

const isMeant = (value: unknown): boolean => {
  if (value === null || value === false || value === "") return false;
  return typeof value !== "object" || Object.values(value).some(isMeant);
};

function refuseDivisions(from: Members): void {
  for (const name of ["Namespace", "Partition", "PeerName"]) {
    const value = from.text(name) ?? "";
    if (value !== "" && value !== "default") throw bad(`${name}: a Consul Enterprise feature that Synod does not have`);
  }
}

/**
 * @param nameMember what the service's name is called: `Name` to an agent, `Service` to the catalog.
 * @throws {ConsulError} 400, by what is wrong first.
 */
export function serviceOf(from: Members, nameMember: "Name" | "Service", around: Surroundings): NewService {
  const name = from.text(nameMember) ?? "";
  if (name === "") throw bad("Missing service name");
  const service = serviceName(name);
  if (service === null) {
    const rule = "1 to 63 letters, digits, _ and inner hyphens";
    throw bad(`Invalid service name ${JSON.stringify(name.slice(0, 80))}: ${rule}, so that DNS can name it`);
  }
  const id = from.text("ID") ?? "";
  const instance = instanceName(id === "" ? name : id);
  if (instance === null)
    throw bad(`Invalid service ID ${JSON.stringify(id.slice(0, 80))}: 1 to 128 of A-Z a-z 0-9 . _ : @ -`);
  refuseMesh(from);
  refuseDivisions(from);
  const record = recordOf(from, around);
  const single = from.object("Check");
  const sent = [...(single === undefined ? [] : [single]), ...(from.objects("Checks") ?? [])];
  const owner = { instance, name: `Service '${service}' check` };
  const checks = sent.map((one, at) => {
    const check = checkOf(one, { ...owner, id: ownCheck(instance, at + 1, sent.length), node: around.node });
    one.end();
    return check;
  });
  refuseTwice(checks);
  from.ignore("CreateIndex", "ModifyIndex", "Datacenter", "ContentHash", "Token");
  from.end();
  return { place: { service, node: around.node, instance }, record, checks };
}

export function refuseTwice(checks: readonly NewCheck[]): void {
  const names = new Set<string>();
  for (const { definition } of checks) {
    if (names.has(definition.check)) throw bad(`the check ${JSON.stringify(definition.check)} stands twice`);
    names.add(definition.check);
  }
  if (checks.length > limits.checksPerInstance) throw bad(`at most ${limits.checksPerInstance} checks`);
}

function recordOf(from: Members, around: Surroundings): InstanceRecord {
  const address = from.text("Address") ?? "";
  const weights = from.object("Weights");
  const [passing, warning] = [weights?.whole("Passing") ?? 1, weights?.whole("Warning") ?? 1];
  weights?.end();
  const record = instanceRecord({
    address: address === "" ? around.address : address,
    port: from.whole("Port") ?? 0,
    protocol: "tcp",
    tags: from.texts("Tags") ?? [],
    meta: from.textMap("Meta") ?? {},
    weights: { passing, warning },
    region: regionOf(from, around),
    ttlMs: null,
    checks: [],
    taggedAddresses: taggedAddresses(from),
    enableTagOverride: from.flag("EnableTagOverride") ?? false,
  });
  if (isRejected(record)) throw bad(`Invalid service: ${record.reason}`);
  return record;
}

/** `Locality.Region`, as newer clients may say it. */
function regionOf(from: Members, { region, regions }: Surroundings): RegionName {
  const locality = from.object("Locality");
  const named = locality?.text("Region") ?? "";
  locality?.ignore("Zone");
  locality?.end();
  if (named === "") return region;
  if (regions.includes(named)) return regionName(named);
  throw bad(
    `Invalid Locality.Region ${JSON.stringify(named.slice(0, 80))}: the regions here are ${regions.join(", ")}`,
  );
}

/** Those that stand for the address itself are made up again when they are shown. */
function taggedAddresses(from: Members): InstanceRecord["taggedAddresses"] {
  const tagged = from.object("TaggedAddresses");
  const names = (from.entries("TaggedAddresses") ?? []).map(([name]) => name);
  const pairs = names.map((name) => {
    const one = tagged?.object(name);
    const pair = [name, { address: one?.text("Address") ?? "", port: one?.whole("Port") ?? 0 }] as const;
    one?.end();
    return pair;
  });
  return Object.fromEntries(pairs);
}

/** The address that a request came from, as far as anybody can tell. */
export function callerOf(headers: Headers): string {
  const from = headers.get("cf-connecting-ip") ?? "";
  return isIpv4(from) || isIpv6(from) ? from : "127.0.0.1";
}

// --- checks ---

/** Whose check it is, and what it is called unless it says so itself. */
export interface CheckOwner {
  readonly node: NodeName;
  /** Null for the node itself. */
  readonly instance: InstanceName | null;
  readonly id: CheckName | null;
  readonly name: string;
}

/** Kinds of checks that would have to run on the machine itself, or speak what nothing here speaks. */
const foreign = [
  "Args",
  "ScriptArgs",
  "Script",
  "DockerContainerID",
  "Shell",
  "GRPC",
  "UDP",
  "OSService",
  "H2PING",
] as const;
const ofForeign = ["GRPCUseTLS", "H2PingUseTLS", "TLSSkipVerify", "DisableRedirects"] as const;

/**
 * A check as agents take it. Its members that are not of the check itself are left for the caller, who calls `end`.
 * @throws {ConsulError} 400, by what is wrong first.
 */
export function checkOf(from: Members, owner: CheckOwner): NewCheck {
  for (const name of foreign) {
    const value = from.value(name);
    if (value === undefined || value === "" || (Array.isArray(value) && value.length === 0)) continue;
    throw bad(`Invalid check: Synod runs no checks of the kind ${name}: TTL, HTTP, TCP and alias checks are there`);
  }
  for (const name of ofForeign) {
    if (from.flag(name) !== true) continue;
    const why = name === "TLSSkipVerify" ? "certificates are always verified" : "not supported";
    throw bad(`Invalid check: ${name}: ${why}`);
  }
  refuseDivisions(from);
  from.ignore("OutputMaxSize", "TLSServerName", "Token", "ExposedPort", "ProxyGRPC", "ProxyHTTP");
  const { status, said } = statusOf(from);
  const output = from.text("Output") ?? "";
  const definition = checkDefinition({ ...commonOf(from, owner), ...kindOf(from, owner) });
  if (isRejected(definition)) throw bad(`Invalid check: ${definition.reason}`);
  return { definition, state: stateOf(status, output), said };
}

export function stateOf(status: CheckStatus, output: string): CheckState {
  const state = checkState({ status, output: shortened(output) });
  if (isRejected(state)) throw bad(state.reason);
  return state;
}

/** As Consul keeps what a check says within bounds. */
export function shortened(output: string): string {
  if (output.length <= limits.checkOutputCharacters) return output;
  const kept = output.slice(0, limits.checkOutputCharacters - 64).toWellFormed();
  return `Captured ${kept.length} of ${output.length} characters\n...\n${kept}`;
}

function statusOf(from: Members): { readonly status: CheckStatus; readonly said: boolean } {
  const text = from.text("Status") ?? "";
  const status = text === "" ? "critical" : checkStatuses.find((one) => one === text);
  if (status === undefined) throw bad("Status for checks must 'passing', 'warning', 'critical'");
  return { status, said: text !== "" };
}

function commonOf(from: Members, { node, id, name }: CheckOwner) {
  const own = from.text("CheckID") ?? from.text("ID") ?? "";
  const called = from.text("Name") ?? "";
  const check = own === "" ? (id ?? called) : own;
  if (checkName(check) === null) {
    throw bad(`Invalid check ID ${JSON.stringify(check.slice(0, 80))}: 1 to 192 of A-Z a-z 0-9 . _ : @ -`);
  }
  if (check.startsWith("_"))
    throw bad(`Invalid check ID ${JSON.stringify(check.slice(0, 80))}: reserved for maintenance`);
  if (check === aliveCheck && sameNode(node, agentNode))
    throw bad(`Invalid check ID ${JSON.stringify(check)}: reserved`);
  const after = from.duration("DeregisterCriticalServiceAfter") ?? 0n;
  if (after < 0n) throw bad("Invalid check: DeregisterCriticalServiceAfter must not be negative");
  return {
    check,
    name: called === "" ? name : called,
    notes: from.text("Notes") ?? "",
    deregisterAfterMs: after === 0n ? null : millisecondsOf(after),
  };
}

function kindOf(from: Members, { node }: CheckOwner): object {
  const [ttl, interval] = [from.duration("TTL") ?? 0n, from.duration("Interval") ?? 0n];
  const [http, tcp] = [from.text("HTTP") ?? "", from.text("TCP") ?? ""];
  const [aliasNode, aliasService] = [from.text("AliasNode") ?? "", from.text("AliasService") ?? ""];
  const isAlias = aliasNode !== "" || aliasService !== "";
  const isActive = http !== "" || tcp !== "";
  if (http !== "" && tcp !== "") throw bad("Invalid check: HTTP and TCP cannot both be specified");
  if (interval > 0n && ttl > 0n) throw bad("Invalid check: Interval and TTL cannot both be specified");
  if (isActive && interval <= 0n) throw bad("Invalid check: Interval must be > 0 for Script, HTTP, or TCP checks");
  if (isAlias && (isActive || interval > 0n)) throw bad("Invalid check: Interval cannot be set for Alias checks");
  if (isAlias && ttl !== 0n) throw bad("Invalid check: TTL must be not be set for Alias checks");
  if (!isAlias && !isActive && ttl <= 0n) throw bad("Invalid check: TTL must be > 0 for TTL checks");
  const active = isActive ? activeOf(from, interval) : notActive(from);
  if (http !== "") return { kind: "http", ...active, ...httpOf(from, http) };
  refuseOthers(from, ["Method", "Header", "Body"], "HTTP checks");
  if (tcp !== "") return { kind: "tcp", ...active, ...addressOf(tcp) };
  if (!isAlias) return { kind: "ttl", ttlMs: millisecondsOf(ttl) };
  const alias = aliasNode === "" ? node : nodeName(aliasNode);
  if (alias === null) throw bad(`Invalid AliasNode ${JSON.stringify(aliasNode.slice(0, 80))}`);
  return { kind: "alias", node: alias, instance: aliasService === "" ? null : aliasService };
}

function refuseOthers(from: Members, names: readonly string[], of: string): void {
  for (const name of names) {
    const value = from.value(name);
    const empty =
      value === undefined || value === "" || (typeof value === "object" && Object.keys(value ?? {}).length === 0);
    if (!empty) throw bad(`Invalid check: ${name} is for ${of}`);
  }
}

const second = 1_000_000_000n;
/** What Consul waits for an answer unless told otherwise. */
const defaultTimeout = 10n * second;

function activeOf(from: Members, asked: bigint) {
  // As Consul does, with a warning in its log.
  const interval = asked < second ? second : asked;
  const timeout = from.duration("Timeout") ?? 0n;
  if (timeout < 0n) throw bad("Invalid check: Timeout must not be negative");
  const within = timeout === 0n ? defaultTimeout : timeout;
  const critical = from.whole("FailuresBeforeCritical") ?? 0;
  const warning = from.whole("FailuresBeforeWarning") ?? critical;
  if (warning !== critical && warning !== 0) {
    throw bad("Invalid check: FailuresBeforeWarning other than FailuresBeforeCritical is not supported");
  }
  return {
    intervalMs: millisecondsOf(interval),
    timeoutMs: millisecondsOf(within < interval ? within : interval),
    successBeforePassing: from.whole("SuccessBeforePassing") ?? 0,
    failuresBeforeCritical: critical,
  };
}

/** Clients send zeros for what they leave out. */
function notActive(from: Members): object {
  for (const name of ["SuccessBeforePassing", "FailuresBeforeWarning", "FailuresBeforeCritical"]) {
    if ((from.whole(name) ?? 0) !== 0) throw bad(`Invalid check: ${name} is for HTTP and TCP checks`);
  }
  if ((from.duration("Timeout") ?? 0n) !== 0n) throw bad("Invalid check: Timeout is for HTTP and TCP checks");
  return {};
}

function httpOf(from: Members, url: string) {
  const headers = (from.entries("Header") ?? []).map(([name, values]) => {
    if (Array.isArray(values) && values.every((value) => typeof value === "string")) {
      return [name, values.join(", ")] as const;
    }
    throw bad(`Invalid check: Header.${name.slice(0, 80)} must be a list of strings`);
  });
  const method = from.text("Method") ?? "";
  return {
    url,
    method: method === "" ? "GET" : method.toUpperCase(),
    headers: Object.fromEntries(headers),
    body: from.text("Body") ?? "",
  };
}

function addressOf(text: string) {
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*)):([0-9]{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) throw bad(`Invalid check: TCP must be host:port, not ${JSON.stringify(text.slice(0, 80))}`);
  return { host, port: Number(port) };
}

// --- checks of the catalog ---

/**
 * A check as the catalog takes it: set by whoever registers it, and by registering it again.
 * @returns also which instance it is of, by `ServiceID`; null for the node's own.
 */
export function catalogCheckOf(
  from: Members,
  node: NodeName,
): { readonly instance: InstanceName | null; readonly check: NewCheck } {
  const own = from.text("ServiceID") ?? "";
  const instance = own === "" ? null : instanceName(own);
  if (own !== "" && instance === null) throw bad(`Invalid ServiceID ${JSON.stringify(own.slice(0, 80))}`);
  const of = from.text("Node") ?? "";
  if (of !== "" && of.toLowerCase() !== node.toLowerCase()) {
    throw bad(`check node ${JSON.stringify(of.slice(0, 80))} does not match node ${JSON.stringify(node)}`);
  }
  refuseDivisions(from);
  const { status } = statusOf(from);
  const common = commonOf(from, { node, instance, id: null, name: "" });
  const definition = checkDefinition({ kind: "plain", ...common });
  if (isRejected(definition)) throw bad(`Invalid check: ${definition.reason}`);
  const state = stateOf(status, from.text("Output") ?? "");
  // What Consul's monitors for other nodes would run: here nobody runs it.
  from.ignore("ServiceName", "ServiceTags", "Type", "Definition", "Interval", "Timeout", "ExposedPort");
  from.ignore("CreateIndex", "ModifyIndex");
  from.end();
  return { instance, check: { definition, state, said: true } };
}
