/**
 * Registering, renewing and removing, as store operations. Called by the doors. Registering the same again only renews:
 * no new revision. There is no other way for an instance to go than being removed or its lease ending (SPEC E1).
 */
import type { ByteString, LeaseId } from "../support/brand.ts";
import { limits } from "../support/limits.ts";
import type { Operation } from "../store/command.ts";
import type { KeyRange, Transaction, TxnOperation } from "../store/transaction.ts";
import * as keys from "./keys.ts";
import type {
  CheckDefinition,
  CheckName,
  CheckState,
  InstancePlace,
  InstanceRecord,
  NodeCheck,
  NodeName,
  NodeRecord,
  Registration,
} from "./model.ts";
import { encodeInstance, encodeNode, encodeNodeCheck, encodeState } from "./records.ts";

type Put = Extract<Operation, { readonly type: "put" }>;

/** What lives until it is removed has a lease too, for all that is of it goes with that. */
const forEverMs = limits.leaseSecondsMax * 1000;

/** How long an instance lives without a sign of life, in ms. */
function lifeMs({ ttlMs, checks }: Pick<InstanceRecord, "ttlMs" | "checks">): number {
  if (ttlMs !== null) return ttlMs;
  const ends = checks.map((one) =>
    one.kind === "ttl" && one.deregisterAfterMs !== null ? one.ttlMs + one.deregisterAfterMs : forEverMs,
  );
  return Math.min(forEverMs, ...ends);
}

/** Only what can end takes part in the guard against mass expiry: who lives for ever would hide the rest. */
function leaseOf(place: InstancePlace, record: InstanceRecord): NonNullable<Put["lease"]> {
  const ttlMs = lifeMs(record);
  const herd = ttlMs === forEverMs ? {} : { herd: record.region };
  return { id: keys.instanceLease(place), ttlMs, ...herd, within: keys.within(place.service) };
}

/**
 * The first operation is the instance itself, and what came of it is what came of the registration. The others are its
 * checks: refused with it where it is registered elsewhere, and left as they are where they have spoken before.
 */
export function register(registration: Registration): readonly Operation[] {
  const { place, record, condition = { type: "always" } } = registration;
  const lease = leaseOf(place, record);
  const own: Put = {
    type: "put",
    key: keys.instanceKey(place),
    value: encodeInstance(record),
    condition,
    lease,
    keepIfEqual: true,
  };
  return [
    own,
    ...record.checks.flatMap((check) => firstState(registration, check, lease)),
    ...record.checks.flatMap((check) => indexOf(registration, check, lease)),
  ];
}

const critical: CheckState = { status: "critical", output: "" };

function firstState(
  { place, record, initial }: Registration,
  check: CheckDefinition,
  lease: NonNullable<Put["lease"]>,
): readonly Operation[] {
  const state = initial[check.check] ?? critical;
  // An alias has no state of its own, and an active check that nobody ran yet says just this.
  if (check.kind === "alias" || (check.kind !== "ttl" && state.status === "critical" && state.output === "")) return [];
  const put = { type: "put", key: keys.stateKey(place, check.check), value: encodeState(state) } as const;
  const tied =
    check.kind === "ttl" && state.status !== "critical" ? aliveFor(place, record, check, false) : of(place, lease);
  return [{ ...put, condition: { type: "absent" }, ...tied }];
}

function indexOf(
  { place, indexed }: Registration,
  { check }: CheckDefinition,
  lease: NonNullable<Put["lease"]>,
): readonly Operation[] {
  if (!indexed || keys.isOwnCheck(place.instance, check)) return [];
  const key = keys.checkIndexKey(place.node, check);
  const value = keys.indexValue(place);
  return [{ type: "put", key, value, condition: { type: "always" }, ...of(place, lease), keepIfEqual: true }];
}

/** Comes and goes with its instance: refused where that is not there. */
const of = (place: InstancePlace, lease: NonNullable<Put["lease"]>): Pick<Put, "lease" | "needs"> => ({
  lease,
  needs: { lease: keys.instanceLease(place), renew: false },
});

/** A state that ends by itself, as long as its instance is there. */
function aliveFor(
  place: InstancePlace,
  { region }: InstanceRecord,
  { check, ttlMs }: Extract<CheckDefinition, { readonly kind: "ttl" }>,
  renew: boolean,
): Pick<Put, "lease" | "needs"> {
  return {
    lease: { id: keys.checkLease(place, check), ttlMs, herd: `${region}/checks` },
    needs: { lease: keys.instanceLease(place), renew, within: keys.within(place.service) },
  };
}

/** Lives on for as long as it was registered. Refused when it is not registered, or under another service. */
export const renew = (place: InstancePlace): Operation => ({
  type: "renew",
  lease: keys.instanceLease(place),
  within: keys.within(place.service),
});

const exists = (key: ByteString): Transaction["compares"] => [
  { range: { key, end: null }, result: "greater", operand: { type: "version", number: 0 } },
];

const remove = (range: KeyRange): TxnOperation => ({ type: "delete", range, previous: false });

const one = (key: ByteString): KeyRange => ({ key, end: null });

/** @param named those of its checks that are indexed, as far as is known: where they are found goes with them. */
export function deregister(
  place: InstancePlace,
  named: readonly CheckName[],
  onlyIf: Transaction["compares"] = [],
): Operation {
  const key = keys.instanceKey(place);
  const success = [
    remove(one(key)),
    remove(keys.statesRange(place)),
    ...named.map((check) => removeIf(keys.checkIndexKey(place.node, check), keys.indexValue(place))),
  ];
  return { type: "txn", transaction: { compares: [...exists(key), ...onlyIf], success, failure: [] } };
}

/** A name that another instance's check has taken meanwhile stays that one's. */
const removeIf = (key: ByteString, value: Uint8Array): TxnOperation => ({
  type: "txn",
  transaction: {
    compares: [{ range: one(key), result: "equal", operand: { type: "value", value } }],
    success: [remove(one(key))],
    failure: [],
  },
});

/** Tied to its instance and to nothing else: as long as that is there. An equal one changes nothing. */
function putTied(instance: ByteString, key: ByteString, state: CheckState, lease: LeaseId): Operation {
  const value = encodeState(state);
  const put: TxnOperation = { type: "put", key, value, lease, previous: false };
  const unlessEqual: TxnOperation = {
    type: "txn",
    transaction: {
      compares: [
        { range: one(key), result: "equal", operand: { type: "value", value } },
        { range: one(key), result: "equal", operand: { type: "lease", lease } },
      ],
      success: [],
      failure: [put],
    },
  };
  return { type: "txn", transaction: { compares: exists(instance), success: [unlessEqual], failure: [] } };
}

/**
 * What a check says now. Refused, or not carried out by its transaction, when the instance is not there. A sign of life
 * also keeps an instance that goes some time after its check has fallen silent.
 */
export function setState(
  place: InstancePlace,
  record: InstanceRecord,
  check: CheckDefinition,
  state: CheckState,
): Operation {
  const key = keys.stateKey(place, check.check);
  if (check.kind !== "ttl" || state.status === "critical") {
    return putTied(keys.instanceKey(place), key, state, keys.instanceLease(place));
  }
  return {
    type: "put",
    key,
    value: encodeState(state),
    condition: { type: "always" },
    ...aliveFor(place, record, check, record.ttlMs === null && check.deregisterAfterMs !== null),
    keepIfEqual: true,
  };
}

/** @param reason null: in service again. */
export function setMaintenance(place: InstancePlace, reason: string | null): Operation {
  const key = keys.stateKey(place, keys.maintenanceCheck(place.instance));
  if (reason === null) return { type: "delete", key, condition: { type: "always" } };
  const state: CheckState = { status: "critical", output: reason };
  return putTied(keys.instanceKey(place), key, state, keys.instanceLease(place));
}

// --- nodes ---

const always = { type: "always" } as const;

export const putNode = (record: NodeRecord): Operation => ({
  type: "put",
  key: keys.nodeKey(record.name),
  value: encodeNode(record),
  condition: always,
  keepIfEqual: true,
});

/** The node and its checks; its instances are removed by themselves. */
export const removeNode = (node: NodeName): Operation => ({
  type: "txn",
  transaction: {
    compares: [],
    success: [one(keys.nodeKey(node)), keys.nodeChecksRange(node), keys.nodeStatesRange(node)].map(remove),
    failure: [],
  },
});

/** A node's own check and what it says. */
export function putNodeCheck(node: NodeName, { definition, state }: NodeCheck): readonly Operation[] {
  const key = keys.nodeCheckKey(node, definition.check);
  // What a check with a ttl says is kept apart from it.
  const kept = definition.kind === "ttl" ? critical : state;
  const value = encodeNodeCheck({ definition, state: kept });
  const put: Operation = { type: "put", key, value, condition: always, keepIfEqual: true };
  return definition.kind === "ttl" ? [put, setNodeState(node, definition, state)] : [put];
}

export function setNodeState(node: NodeName, definition: CheckDefinition, state: CheckState): Operation {
  if (definition.kind !== "ttl") {
    const value = encodeNodeCheck({ definition, state });
    const key = keys.nodeCheckKey(node, definition.check);
    return { type: "put", key, value, condition: { type: "present" }, keepIfEqual: true };
  }
  const key = keys.nodeStateKey(node, definition.check);
  const put = { type: "put", key, value: encodeState(state), condition: always, keepIfEqual: true } as const;
  if (state.status === "critical") return put;
  return { ...put, lease: { id: keys.nodeCheckLease(node, definition.check), ttlMs: definition.ttlMs } };
}

export const removeNodeCheck = (node: NodeName, check: CheckName): Operation => ({
  type: "txn",
  transaction: {
    compares: exists(keys.nodeCheckKey(node, check)),
    success: [keys.nodeCheckKey(node, check), keys.nodeStateKey(node, check)].map((key) => remove(one(key))),
    failure: [],
  },
});
