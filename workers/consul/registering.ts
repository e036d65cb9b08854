/**
 * Changes to an instance and its checks, for the agent's and the catalog's endpoints. Consul keeps checks apart from their
 * services and the registry keeps them with them: so a change looks at what is registered, says what it makes of it, and is
 * carried out only if nobody came in between; else it looks again.
 */
import { assert } from "../../src/support/assert.ts";
import { limits } from "../../src/support/limits.ts";
import * as keys from "../../src/registry/keys.ts";
import { setState } from "../../src/registry/register.ts";
import type {
  CheckDefinition,
  CheckName,
  InstanceName,
  InstancePlace,
  InstanceRecord,
  InstanceView,
  NodeName,
} from "../../src/registry/model.ts";
import type { Operation } from "../../src/store/command.ts";
import type { KeyRange, TxnOperation } from "../../src/store/transaction.ts";
import { freshIdentity } from "../gateway/identity.ts";
import { Problem } from "../gateway/problems.ts";
import { read } from "../gateway/reads.ts";
import { registerAll } from "../gateway/registry.ts";
import type { Visit } from "../gateway/visit.ts";
import { writeAs } from "../gateway/writes.ts";
import { ConsulError } from "./errors.ts";
import type { NewCheck, NewService } from "./register-body.ts";

/** What is registered under an id now, whatever service it is of. */
export async function instanceNow(visit: Visit, node: NodeName, instance: InstanceName): Promise<InstanceView | null> {
  const { result } = await read(visit, { type: "linearizable" }, { type: "instance", node, instance }, "instance");
  return result.instance;
}

/** How checks that are sent meet those that are there. */
export interface Meeting {
  /** Those that are not sent are removed. */
  readonly replace: boolean;
  /** What is sent says how they are now, and not only as long as nobody has looked. */
  readonly set: boolean;
}

/** @throws {ConsulError} 409 when the id is another service's. */
export async function registerService(
  visit: Visit,
  { place, record, checks }: NewService,
  meeting: Meeting,
): Promise<void> {
  await change(visit, place, (existing) => {
    refuseElsewhere(place, existing);
    const kept = meeting.replace ? [] : (existing?.checks ?? []);
    return { place, record, checks: merged(kept, checks), sent: checks, set: meeting.set };
  });
}

export function refuseElsewhere({ service, instance }: InstancePlace, existing: InstanceView | null): void {
  if (existing === null || existing.service === service) return;
  throw new ConsulError(
    409,
    `Service ID ${JSON.stringify(instance)} is registered as ${JSON.stringify(existing.service)}: deregister it first`,
  );
}

/** @returns false when there is no such instance. */
export async function putCheck(
  visit: Visit,
  node: NodeName,
  instance: InstanceName,
  check: NewCheck,
): Promise<boolean> {
  return change(visit, { node, instance }, (existing) =>
    existing === null
      ? null
      : {
          place: existing,
          record: existing,
          checks: merged(existing.checks, [check]),
          sent: [check],
          set: check.said,
        },
  );
}

/** @returns false when the instance has no such check. */
export async function removeCheck(
  visit: Visit,
  node: NodeName,
  instance: InstanceName,
  check: CheckName,
): Promise<boolean> {
  return change(visit, { node, instance }, (existing) =>
    existing === null || !existing.checks.some((one) => one.check === check)
      ? null
      : {
          place: existing,
          record: existing,
          checks: existing.checks.filter((one) => one.check !== check),
          sent: [],
          set: false,
        },
  );
}

function merged(kept: readonly CheckDefinition[], sent: readonly NewCheck[]): readonly CheckDefinition[] {
  const own = new Map(sent.map(({ definition }) => [definition.check, definition]));
  const known = kept.map((one) => own.get(one.check) ?? one);
  const all = [...known, ...[...own.values()].filter((one) => !kept.some(({ check }) => check === one.check))];
  if (all.length <= limits.checksPerInstance) return all;
  throw new ConsulError(
    400,
    `an instance has at most ${limits.checksPerInstance} checks; ?replace-existing-checks removes those that are not sent`,
  );
}

interface Intended {
  readonly place: InstancePlace;
  readonly record: InstanceRecord;
  readonly checks: readonly CheckDefinition[];
  /** Those of them that came with the request. */
  readonly sent: readonly NewCheck[];
  readonly set: boolean;
}

/** @param decide null: there is nothing to change. @returns whether there was. */
async function change(
  visit: Visit,
  { node, instance }: Pick<InstancePlace, "node" | "instance">,
  decide: (existing: InstanceView | null) => Intended | null,
): Promise<boolean> {
  for (let attempt = 0; attempt < limits.consulAttempts; attempt += 1) {
    const existing = await instanceNow(visit, node, instance);
    const intended = decide(existing);
    if (intended === null) return false;
    if (!(await written(visit, intended, existing))) continue;
    await settle(visit, intended, existing);
    return true;
  }
  throw new ConsulError(500, "too many others change this service at the same time: nothing was changed");
}

/** @returns false when somebody else has changed the instance meanwhile. */
async function written(visit: Visit, intended: Intended, existing: InstanceView | null): Promise<boolean> {
  const { place, sent, checks } = intended;
  const registration = {
    place: { service: place.service, node: place.node, instance: place.instance },
    record: recordOf(intended.record, checks),
    initial: Object.fromEntries(sent.map(({ definition, state }) => [definition.check, state])),
    indexed: true,
    condition:
      existing === null
        ? ({ type: "absent" } as const)
        : ({ type: "unchanged-since", modRevision: existing.modRevision } as const),
  };
  const [result] = await registerAll(visit, [registration]);
  assert(result !== undefined, "one registration has one result");
  if (result.type === "done") return true;
  if (result.problem.code === "precondition-failed") return false;
  throw result.problem;
}

const recordOf = (record: InstanceRecord, checks: readonly CheckDefinition[]): InstanceRecord => ({
  address: record.address,
  port: record.port,
  protocol: record.protocol,
  tags: record.tags,
  meta: record.meta,
  weights: record.weights,
  region: record.region,
  ttlMs: record.ttlMs,
  checks,
  taggedAddresses: record.taggedAddresses,
  enableTagOverride: record.enableTagOverride,
});

/** What the checks say that were there before, and what is left of those that are no more. */
async function settle(visit: Visit, intended: Intended, existing: InstanceView | null): Promise<void> {
  if (existing === null) return;
  const { place, record, checks, sent, set } = intended;
  for (const { definition, state } of set ? sent : []) {
    const before = existing.states.find((one) => one.definition.check === definition.check);
    const same = before?.status === state.status && before.output === state.output && definition.kind !== "ttl";
    if (before === undefined || same || definition.kind === "alias") continue;
    await carry(visit, setState(place, recordOf(record, checks), definition, state));
  }
  for (const { check } of existing.checks) {
    if (!checks.some((one) => one.check === check)) await carry(visit, forget(place, check));
  }
}

const carry = async (visit: Visit, operation: Operation): Promise<void> => {
  const type = operation.type === "txn" ? "txn" : "put";
  try {
    await writeAs(visit, { identity: freshIdentity(visit.random), guard: null, operation }, type);
  } catch (error) {
    // The instance has gone meanwhile, and took its checks along.
    if (!(error instanceof Problem) || error.code !== "lease-not-found") throw error;
  }
};

/** What a check said last, and where it was found, unless another instance's check goes by that name now. */
function forget(place: InstancePlace, check: CheckName): Operation {
  const remove = (range: KeyRange): TxnOperation => ({ type: "delete", range, previous: false });
  const state = remove({ key: keys.stateKey(place, check), end: null });
  const index: KeyRange = { key: keys.checkIndexKey(place.node, check), end: null };
  const value = keys.indexValue(place);
  return {
    type: "txn",
    transaction: {
      compares: [{ range: index, result: "equal", operand: { type: "value", value } }],
      success: [state, remove(index)],
      failure: [state],
    },
  };
}
