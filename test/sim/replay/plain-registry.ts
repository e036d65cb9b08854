/**
 * The registry, written down as plainly as possible: what a lookup answers, read anew from all the keys of one revision.
 * Takes keys apart by itself, and shares no code with the registry that it judges.
 */
import type { Entry } from "../../../src/store/command.ts";
import type { CheckDefinition, CheckStatus, InstanceRecord, Lookup } from "../../../src/registry/model.ts";
import type { Keys } from "./plain-keys.ts";

/** An instance, as far as answers are compared. */
export interface PlainInstance extends InstanceRecord {
  readonly service: string;
  readonly node: string;
  readonly instance: string;
  readonly status: CheckStatus;
  readonly suspect: boolean;
  /** What each of its own checks says. */
  readonly states: readonly PlainState[];
  readonly nodeStates: readonly PlainState[];
  readonly nodeAddress: string;
  readonly createRevision: number;
  readonly modRevision: number;
}

export interface PlainState {
  readonly check: string;
  readonly status: CheckStatus;
  readonly modRevision: number;
}

interface Said {
  readonly status: CheckStatus;
  readonly entry: Entry;
}

const decoder = new TextDecoder();
const valueOf = <Value>({ value }: Entry): Value => JSON.parse(decoder.decode(value)) as Value;

const worst = (statuses: readonly CheckStatus[]): CheckStatus =>
  statuses.includes("critical") ? "critical" : statuses.includes("warning") ? "warning" : "passing";

/** Where an instance is, and under which service. */
interface Stand {
  readonly service: string;
  readonly node: string;
  readonly instance: string;
  readonly entry: Entry;
}

export class PlainRegistry {
  readonly #keys: Keys;
  readonly #suspects: ReadonlySet<string>;
  /** In the order of their keys. */
  readonly stands: readonly Stand[];
  /** By service, node, instance and check. */
  readonly #said = new Map<string, Said>();

  constructor(keys: Keys, suspects: ReadonlySet<string>) {
    this.#keys = keys;
    this.#suspects = suspects;
    const stands: Stand[] = [];
    const own = [...keys.values()].filter(({ key }) => key.startsWith("s") && !key.startsWith("s!"));
    for (const entry of own.toSorted((a, b) => (a.key < b.key ? -1 : 1))) {
      const [service = "", node = "", instance = "", check] = entry.key.slice(1).split("\0");
      const place = { service, node: node.slice(1), instance, entry };
      if (node.startsWith("i")) stands.push(place);
      else this.#said.set(`${service} ${node.slice(1)} ${instance} ${check}`, { ...valueOf<Said>(entry), entry });
    }
    this.stands = stands;
  }

  /** All instances of a service, in the order of their names. */
  instances(service: string): readonly PlainInstance[] {
    return this.stands.filter((stand) => stand.service === service).map((stand) => this.#view(stand));
  }

  instance(node: string, instance: string): PlainInstance | null {
    const stand = this.#find(node, instance);
    return stand === undefined ? null : this.#view(stand);
  }

  #find(node: string, instance: string): Stand | undefined {
    return this.stands.find((one) => one.node === node.toLowerCase() && one.instance === instance);
  }

  #view(stand: Stand): PlainInstance {
    const { service, node, instance, entry } = stand;
    const record = valueOf<InstanceRecord>(entry);
    const states = this.#statesOf(stand, record.checks);
    const nodeStates = this.#nodeStates(node);
    const said = [...this.#said].filter(([name]) => name.startsWith(`${service} ${node} ${instance} `));
    const leases = [entry, ...said.map(([, one]) => one.entry)].map(({ lease }) => lease ?? "");
    const known = this.#keys.get(`s!n${node}` as Entry["key"]);
    const host = known === undefined ? null : valueOf<{ readonly name: string; readonly address: string }>(known);
    return {
      ...record,
      service,
      node: host?.name ?? node,
      instance,
      status: worst([...states, ...nodeStates].map(({ status }) => status)),
      suspect: leases.some((lease) => this.#suspects.has(lease)),
      states,
      nodeStates,
      nodeAddress: host?.address ?? (node === "synod" ? "127.0.0.1" : ""),
      createRevision: entry.createRevision,
      modRevision: entry.modRevision,
    };
  }

  /** What was never said, or has run out, is critical; what stands for somebody else says what he says. */
  #statesOf(
    { service, node, instance, entry }: Stand,
    checks: readonly CheckDefinition[],
    withAliases = true,
  ): readonly PlainState[] {
    const own = checks
      .filter(({ kind }) => withAliases || kind !== "alias")
      .map((definition): PlainState => {
        const { check } = definition;
        const said = this.#said.get(`${service} ${node} ${instance} ${check}`);
        const { modRevision } = said?.entry ?? entry;
        if (definition.kind === "alias") return { check, status: this.#statusOfTarget(definition), modRevision };
        return { check, status: said?.status ?? "critical", modRevision };
      });
    const check = `_service_maintenance:${instance}`;
    const held = this.#said.get(`${service} ${node} ${instance} ${check}`);
    if (held === undefined) return own;
    return [...own, { check, status: held.status, modRevision: held.entry.modRevision }];
  }

  #statusOfTarget({ node, instance }: Extract<CheckDefinition, { readonly kind: "alias" }>): CheckStatus {
    if (instance === null) {
      const known = node === "synod" || this.#keys.has(`s!n${node.toLowerCase()}` as Entry["key"]);
      return known ? worst(this.#nodeStates(node.toLowerCase()).map(({ status }) => status)) : "critical";
    }
    const target = this.#find(node, instance);
    if (target === undefined) return "critical";
    const { checks } = valueOf<InstanceRecord>(target.entry);
    return worst(this.#statesOf(target, checks, false).map(({ status }) => status));
  }

  #nodeStates(node: string): readonly PlainState[] {
    const prefix = `s!c${node}\0`;
    return [...this.#keys.values()]
      .filter(({ key }) => key.startsWith(prefix))
      .map((entry) => {
        const { state } = valueOf<{ readonly state: { readonly status: CheckStatus } }>(entry);
        return { check: entry.key.slice(prefix.length), status: state.status, modRevision: entry.modRevision };
      });
  }
}

/** Those of a service's instances that are asked for, before they are put in an order or cut. */
export function chosenBy(lookup: Lookup, all: readonly PlainInstance[]): readonly PlainInstance[] {
  const lower = (texts: readonly string[]): readonly string[] => texts.map((text) => text.toLowerCase());
  const found = all.filter(({ status, tags, meta, region }) => {
    if (status === "critical" && lookup.health !== "any") return false;
    if (status === "warning" && lookup.health === "passing") return false;
    const has = new Set(lower(tags));
    return (
      lower(lookup.tags).every((tag) => has.has(tag)) &&
      lower(lookup.notTags).every((tag) => !has.has(tag)) &&
      Object.entries(lookup.meta).every(([name, text]) => meta[name] === text) &&
      (lookup.regions.length === 0 || lookup.regions.includes(region))
    );
  });
  if (lookup.failover.length === 0) return found;
  for (const preferred of lookup.failover) {
    const there = found.filter(({ region }) => region === preferred);
    if (there.length > 0) return there;
  }
  return [];
}

/** The order that the lookup asks for; null where it is drawn. */
export function orderedBy({ order }: Lookup, chosen: readonly PlainInstance[]): readonly PlainInstance[] | null {
  if (order.type === "name") return chosen;
  if (order.type === "weighted" || (order.type === "near" && order.seed !== undefined)) return null;
  if (order.type === "round-robin")
    return chosen.map((_, i) => chosen[(i + order.seed) % chosen.length] as PlainInstance);
  const near = order.regions.flatMap((region) => chosen.filter((one) => one.region === region));
  return [...near, ...chosen.filter(({ region }) => !order.regions.includes(region))];
}
